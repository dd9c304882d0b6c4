/* berth-proxy as the host's side of an exec: what it promises to engines, and what a guest cannot do to it. */
#include "proxy_support.h"

static void an_exec_passes_bytes_both_ways_and_ends_with_the_programs_status(void **state)
{
        struct stage stage;
        char bytes[64];

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        assert_int_equal(write(stage.in, "to the guest", 12), 12);
        stage_await(stage.streams[0], POLLIN);
        assert_int_equal(read(stage.streams[0], bytes, sizeof(bytes)), 12);
        assert_memory_equal(bytes, "to the guest", 12);
        replace_fd(&stage.in, -EBADF);
        stage_await(stage.streams[0], POLLIN);
        assert_int_equal(read(stage.streams[0], bytes, sizeof(bytes)), 0);

        assert_int_equal(write(stage.streams[1], "output", 6), 6);
        assert_int_equal(write(stage.streams[2], "error", 5), 5);
        stage_say(&stage, MESSAGE_EXIT, 42, NULL);
        replace_fd(&stage.streams[1], -EBADF);
        replace_fd(&stage.streams[2], -EBADF);
        stage_await(stage.out, POLLIN);
        assert_int_equal(read(stage.out, bytes, sizeof(bytes)), 6);
        stage_await(stage.errors, POLLIN);
        assert_int_equal(read(stage.errors, bytes, sizeof(bytes)), 5);
        assert_int_equal(stage_end(&stage), 42);
}

/* The engine reads slowly, and the program has long ended. */
static void no_byte_of_a_program_that_ended_is_lost(void **state)
{
        enum { SIZE = 1 << 20 };
        struct stage stage;
        char *bytes = malloc(SIZE);
        size_t got = 0;
        pid_t writer;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        for (size_t i = 0; i < SIZE; i++)
                bytes[i] = stage_launch_byte(i);
        writer = fork();
        if (writer == 0)
                _exit(write_all(stage.streams[1], bytes, SIZE) == 0 ? 0 : 1);
        stage_say(&stage, MESSAGE_EXIT, 0, NULL);
        replace_fd(&stage.streams[1], -EBADF);
        replace_fd(&stage.streams[2], -EBADF);
        while (got < SIZE) {
                char piece[1000];
                ssize_t n;

                stage_await(stage.out, POLLIN);
                n = read(stage.out, piece, sizeof(piece));
                assert_true(n > 0);
                assert_memory_equal(piece, bytes + got, n);
                got += (size_t)n;
        }
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        assert_int_equal(stage_end(&stage), 0);
        free(bytes);
}

static void a_reader_that_goes_away_is_felt_by_the_program(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        replace_fd(&stage.out, -EBADF);
        /* The agent's next write fails, and so will the program's. */
        stage_await(stage.streams[1], POLLRDHUP | POLLHUP);
        assert_int_equal(send(stage.streams[1], "x", 1, MSG_NOSIGNAL), -1);
        assert_int_equal(errno, EPIPE);
        stage_say(&stage, MESSAGE_EXIT, 128 + SIGPIPE, NULL);
        replace_fd(&stage.streams[2], -EBADF);
        assert_int_equal(stage_end(&stage), 128 + SIGPIPE);
}

static void a_program_that_closes_its_stdin_is_felt_by_the_writer(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        replace_fd(&stage.streams[0], -EBADF);
        stage_await(stage.in, POLLERR);
        stage_say(&stage, MESSAGE_EXIT, 0, NULL);
        replace_fd(&stage.streams[1], -EBADF);
        replace_fd(&stage.streams[2], -EBADF);
        assert_int_equal(stage_end(&stage), 0);
}

static void signals_are_forwarded(void **state)
{
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        for (size_t i = 0; i < ELEMENTS(signals); i++) {
                assert_int_equal(kill(stage.pid, signals[i]), 0);
                assert_int_equal(stage_expect_number(&stage, MESSAGE_SIGNAL), signals[i]);
        }
        stage_say(&stage, MESSAGE_EXIT, 128 + SIGTERM, NULL);
        replace_fd(&stage.streams[1], -EBADF);
        replace_fd(&stage.streams[2], -EBADF);
        assert_int_equal(stage_end(&stage), 128 + SIGTERM);
}

static void before_the_start_a_signal_ends_it(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        assert_int_equal(kill(stage.pid, SIGTERM), 0);
        assert_int_equal(stage_end(&stage), 128 + SIGTERM);
}

static void expect_window(struct stage *stage, int64_t rows, int64_t columns)
{
        struct message message;
        int64_t number;

        stage_expect(stage, MESSAGE_WINDOW, &message);
        assert_true(message_number(&message, PART_ROWS, &number));
        assert_int_equal(number, rows);
        assert_true(message_number(&message, PART_COLUMNS, &number));
        assert_int_equal(number, columns);
        message_free(&message);
}

static void a_terminal_is_raw_has_a_size_and_hangs_up(void **state)
{
        struct winsize size = {.ws_row = 33, .ws_col = 77};
        struct channel_message message;
        struct stage stage;
        char bytes[64];
        int master;

        (void)state;
        stage_exec(&stage, "terminal=on");
        stage_hear(&stage, CHANNEL_CONSOLE, &message, &master);
        assert_true(master >= 0);
        assert_int_equal(strncmp(message.text, "/dev/pts/", 9), 0);
        stage_bring_up(&stage, 1);
        /* ^C, a line end, and no echo: the guest's terminal does all that. */
        assert_int_equal(write(master, "a\x03\r", 3), 3);
        stage_await(stage.streams[0], POLLIN);
        assert_int_equal(read(stage.streams[0], bytes, sizeof(bytes)), 3);
        assert_memory_equal(bytes, "a\x03\r", 3);
        assert_int_equal(write(stage.streams[0], "b\n", 2), 2);
        stage_await(master, POLLIN);
        assert_int_equal(read(master, bytes, sizeof(bytes)), 2);
        assert_memory_equal(bytes, "b\n", 2);
        assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
        expect_window(&stage, 33, 77);
        close(master);
        stage_await(stage.streams[0], POLLIN);
        assert_int_equal(read(stage.streams[0], bytes, sizeof(bytes)), 0);
        stage_say(&stage, MESSAGE_EXIT, 128 + SIGHUP, NULL);
        assert_int_equal(stage_end(&stage), 128 + SIGHUP);
}

static void what_is_no_pipe_to_anybody_is_not_connected(void **state)
{
        const char *const argv[] = {"berth-proxy", "exec", "agent=4", "launch=5", NULL};
        struct stage stage;
        int pair[2], stdio[3];

        (void)state;
        stage_set(&stage);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        stage.channel = pair[0];
        stage_pipes(&stage, stdio);
        close(stdio[0]);
        stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
        {
                int fds[] = {pair[1], stage_socket(&stage), stage_launch_file()};

                stage_execute(&stage, stage_program("berth-proxy"), argv, stdio, fds, ELEMENTS(fds), 0);
        }
        stage_bring_up(&stage, 2);
        assert_int_equal(stage.streams[0], -EBADF);
        stage_say(&stage, MESSAGE_EXIT, 0, NULL);
        replace_fd(&stage.streams[1], -EBADF);
        replace_fd(&stage.streams[2], -EBADF);
        assert_int_equal(stage_end(&stage), 0);
}

/* ---- what goes wrong ---- */

/* The error that berth gets, and the end with status 1. */
static void expect_failure(struct stage *stage, int number, const char *words)
{
        struct channel_message message;

        stage_hear(stage, CHANNEL_ERROR, &message, NULL);
        if (!strstr(message.text, words))
                fail_msg("\"%s\" does not say \"%s\"", message.text, words);
        assert_int_equal(message.number, number);
        assert_int_equal(stage_end(stage), 1);
}

static void the_agents_error_is_the_error_and_its_bytes_are_printable(void **state)
{
        struct channel_message message;
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        stage_say(&stage, MESSAGE_LOG, 1, "a line\033[2J of the guest");
        stage_hear(&stage, CHANNEL_LOG, &message, NULL);
        assert_string_equal(message.text, "a line?[2J of the guest");
        stage_say(&stage, MESSAGE_ERROR, ENOENT, "exec: \"/no\033\n\": no such file");
        expect_failure(&stage, ENOENT, "exec: \"/no? \": no such file");
}

static void an_impossible_errno_is_an_io_error(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        stage_say(&stage, MESSAGE_ERROR, INT64_MIN, NULL);
        expect_failure(&stage, EIO, "no reason");
}

static void an_agent_that_listens_late_is_waited_for(void **state)
{
        struct stage stage;
        unsigned port;

        (void)state;
        stage_exec(&stage, NULL);
        for (int i = 0; i < 5; i++)
                (void)stage_accept(&stage, &port, NULL);
        stage_bring_up(&stage, 3);
        stage_say(&stage, MESSAGE_EXIT, 3, NULL);
        for (int i = 0; i < 3; i++)
                replace_fd(&stage.streams[i], -EBADF);
        assert_int_equal(stage_end(&stage), 3);
}

static void an_agent_that_never_answers_is_an_error_with_the_time(void **state)
{
        struct stage stage;
        unsigned port;
        int mute;

        (void)state;
        stage_exec(&stage, "deadline=1");
        mute = stage_accept(&stage, &port, "");
        expect_failure(&stage, ETIMEDOUT, "did not answer within 1 seconds");
        close(mute);
        stage_exec(&stage, "deadline=1");
        stage.session = stage_accept(&stage, &port, "OK\n");
        expect_failure(&stage, ETIMEDOUT, "did not answer within 1 seconds");
}

static void a_machine_that_is_gone_is_an_error_at_once(void **state)
{
        const char *const argv[] = {"berth-proxy", "exec", "agent=4", "launch=5", NULL};
        struct stage stage;
        int pair[2], stdio[3];

        (void)state;
        stage_set(&stage);
        replace_fd(&stage.listener, -EBADF);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        stage.channel = pair[0];
        stage_pipes(&stage, stdio);
        {
                int fds[] = {pair[1], stage_socket(&stage), stage_launch_file()};

                stage_execute(&stage, stage_program("berth-proxy"), argv, stdio, fds, ELEMENTS(fds), 0);
        }
        expect_failure(&stage, ECONNREFUSED, "reach the virtual machine");
}

static void another_version_of_the_agent_is_refused(void **state)
{
        struct stage stage;
        unsigned port;

        (void)state;
        stage_exec(&stage, NULL);
        stage.session = stage_accept(&stage, &port, "OK\n");
        stage_hello(&stage, PROTOCOL_VERSION + 1);
        expect_failure(&stage, EPROTO, "version 2");
}

/* Up to the word to go on, which berth has said before anything else. */
static void be_let_go_in_advance(struct stage *stage)
{
        stage_exec(stage, NULL);
        assert_int_equal(channel_send(stage->channel, CHANNEL_CONTINUE, 0, NULL, -EBADF), 0);
        stage_take_launch(stage);
        stage_take_streams(stage, 3);
        assert_int_equal(stage_expect_number(stage, MESSAGE_CONTINUE), 0);
}

static void a_small_launch_is_sent_before_the_agents_first_word(void **state)
{
        struct stage stage;

        (void)state;
        stage_launch_size = 1000;
        stage_exec(&stage, NULL);
        stage_take_session(&stage);
        stage_read_launch(&stage);
        stage_hello(&stage, PROTOCOL_VERSION + 1);
        expect_failure(&stage, EPROTO, "version");
        stage_launch_size = LAUNCH_BYTES;
}

static void a_guest_that_is_let_go_in_advance_need_not_ask(void **state)
{
        static const bool asks[] = {false, true};
        struct channel_message message;
        struct stage stage;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(asks); i++) {
                be_let_go_in_advance(&stage);
                if (asks[i])
                        stage_say(&stage, MESSAGE_POINT, POINT_READY, NULL);
                stage_say(&stage, MESSAGE_EXECUTED, 0, NULL);
                stage_hear_point(&stage, POINT_READY);
                stage_hear(&stage, CHANNEL_END, &message, NULL);
                stage_say(&stage, MESSAGE_EXIT, 7, NULL);
                for (int stream = 0; stream < 3; stream++)
                        replace_fd(&stage.streams[stream], -EBADF);
                assert_int_equal(stage_end(&stage), 7);
        }
}

static void its_error_is_still_the_error(void **state)
{
        struct stage stage;

        (void)state;
        be_let_go_in_advance(&stage);
        stage_say(&stage, MESSAGE_ERROR, ENOENT, "process.args[0]: no such file");
        expect_failure(&stage, ENOENT, "process.args[0]: no such file");
}

static void garbage_before_the_start_is_an_error(void **state)
{
        static const char garbage[64] = "HTTP/1.1 200 OK\r\n\r\n";
        struct stage stage;
        unsigned port;

        (void)state;
        stage_exec(&stage, NULL);
        stage.session = stage_accept(&stage, &port, "OK\n");
        assert_int_equal(write(stage.session, garbage, sizeof(garbage)), sizeof(garbage));
        expect_failure(&stage, EBADMSG, "listen to the guest's agent");

        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        stage_say(&stage, MESSAGE_EXIT, 0, NULL);
        expect_failure(&stage, EBADMSG, "unexpected message");

        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        stage_say(&stage, MESSAGE_EXECUTED, 0, NULL);
        expect_failure(&stage, EBADMSG, "unexpected message");

        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        stage_say(&stage, MESSAGE_STREAMS, -1, NULL);
        expect_failure(&stage, EBADMSG, "no port");
}

static void an_agent_that_speaks_without_end_is_an_error(void **state)
{
        struct channel_message message;
        struct stage stage;
        pid_t speaker;

        (void)state;
        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        speaker = fork();
        if (speaker == 0) {
                while (message_send_text(stage.session, MESSAGE_LOG, 2, "again", now_ms() + PATIENCE_MS) == 0)
                        continue;
                _exit(0);
        }
        do {
                assert_int_equal(channel_receive(stage.channel, &message, NULL, 0, PATIENCE_MS), 0);
        } while (message.kind == CHANNEL_LOG);
        assert_int_equal(message.kind, CHANNEL_ERROR);
        assert_non_null(strstr(message.text, "without end"));
        assert_int_equal(stage_end(&stage), 1);
        assert_int_equal(waitpid(speaker, NULL, 0), speaker);
}

static void so_is_one_that_does_it_while_the_program_runs(void **state)
{
        struct stage stage;
        pid_t speaker;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        speaker = fork();
        if (speaker == 0) {
                while (message_send_text(stage.session, MESSAGE_LOG, 2, "again", now_ms() + PATIENCE_MS) == 0)
                        continue;
                _exit(0);
        }
        for (int i = 0; i < 3; i++)
                replace_fd(&stage.streams[i], -EBADF);
        assert_int_equal(stage_end(&stage), 255);
        assert_int_equal(waitpid(speaker, NULL, 0), speaker);
}

static void garbage_while_the_program_runs_ends_it(void **state)
{
        struct stage stage;
        char bytes[16];

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        assert_int_equal(write(stage.streams[1], "last", 4), 4);
        assert_int_equal(write(stage.session, "garbage garbage garbage garbage!", 32), 32);
        /* A stream that never ends does not keep it. */
        assert_int_equal(stage_end(&stage), 255);

        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        assert_int_equal(write(stage.streams[1], "last", 4), 4);
        stage_say(&stage, MESSAGE_EXIT, 4711, NULL);
        stage_await(stage.out, POLLIN);
        assert_int_equal(read(stage.out, bytes, sizeof(bytes)), 4);
        assert_int_equal(stage_end(&stage), 255);
}

static void an_exec_whose_machine_goes_away_was_killed(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        replace_fd(&stage.session, -EBADF);
        for (int i = 0; i < 3; i++)
                replace_fd(&stage.streams[i], -EBADF);
        assert_int_equal(stage_end(&stage), 128 + SIGKILL);
}

static void berths_end_before_the_start_is_its_end(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_take_launch(&stage);
        replace_fd(&stage.channel, -EBADF);
        assert_int_equal(stage_end(&stage), 1);
}

/* ---- the jail ---- */

static unsigned long long status_field(pid_t pid, const char *name)
{
        char path[64], line[256];
        unsigned long long value = ~0ULL;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (strncmp(line, name, strlen(name)) == 0)
                        value = strtoull(line + strlen(name), NULL, strcmp(name, "Seccomp:") == 0 ? 10 : 16);
        fclose(file);
        return value;
}

static void a_machine_in_which_somebody_lives_is_listened_to_without_capabilities(void **state)
{
        struct stage stage;
        unsigned port;

        (void)state;
        stage_exec(&stage, NULL);
        stage.session = stage_accept(&stage, &port, "OK\n");
        assert_int_equal(status_field(stage.pid, "CapPrm:"), 0);
        assert_int_equal(status_field(stage.pid, "CapEff:"), 0);
        assert_int_equal(status_field(stage.pid, "NoNewPrivs:"), 1);
        stage_hello(&stage, PROTOCOL_VERSION + 1);
        expect_failure(&stage, EPROTO, "version 2");
}

static void while_the_program_runs_it_has_no_capabilities_and_a_seccomp_filter(void **state)
{
        struct stage stage;

        (void)state;
        stage_exec(&stage, NULL);
        stage_bring_up(&stage, 3);
        assert_int_equal(status_field(stage.pid, "CapPrm:"), 0);
        assert_int_equal(status_field(stage.pid, "CapEff:"), 0);
        assert_int_equal(status_field(stage.pid, "NoNewPrivs:"), 1);
        assert_int_equal(status_field(stage.pid, "Seccomp:"), 2);
        stage_say(&stage, MESSAGE_EXIT, 0, NULL);
        for (int i = 0; i < 3; i++)
                replace_fd(&stage.streams[i], -EBADF);
        assert_int_equal(stage_end(&stage), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_exec_passes_bytes_both_ways_and_ends_with_the_programs_status),
                cmocka_unit_test(no_byte_of_a_program_that_ended_is_lost),
                cmocka_unit_test(a_reader_that_goes_away_is_felt_by_the_program),
                cmocka_unit_test(a_program_that_closes_its_stdin_is_felt_by_the_writer),
                cmocka_unit_test(signals_are_forwarded),
                cmocka_unit_test(a_small_launch_is_sent_before_the_agents_first_word),
                cmocka_unit_test(a_guest_that_is_let_go_in_advance_need_not_ask),
                cmocka_unit_test(its_error_is_still_the_error),
                cmocka_unit_test(before_the_start_a_signal_ends_it),
                cmocka_unit_test(a_terminal_is_raw_has_a_size_and_hangs_up),
                cmocka_unit_test(what_is_no_pipe_to_anybody_is_not_connected),
                cmocka_unit_test(the_agents_error_is_the_error_and_its_bytes_are_printable),
                cmocka_unit_test(an_impossible_errno_is_an_io_error),
                cmocka_unit_test(an_agent_that_listens_late_is_waited_for),
                cmocka_unit_test(an_agent_that_never_answers_is_an_error_with_the_time),
                cmocka_unit_test(a_machine_that_is_gone_is_an_error_at_once),
                cmocka_unit_test(another_version_of_the_agent_is_refused),
                cmocka_unit_test(garbage_before_the_start_is_an_error),
                cmocka_unit_test(an_agent_that_speaks_without_end_is_an_error),
                cmocka_unit_test(so_is_one_that_does_it_while_the_program_runs),
                cmocka_unit_test(garbage_while_the_program_runs_ends_it),
                cmocka_unit_test(an_exec_whose_machine_goes_away_was_killed),
                cmocka_unit_test(berths_end_before_the_start_is_its_end),
                cmocka_unit_test(a_machine_in_which_somebody_lives_is_listened_to_without_capabilities),
                cmocka_unit_test(while_the_program_runs_it_has_no_capabilities_and_a_seccomp_filter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
