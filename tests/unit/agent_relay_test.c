/* A relay: every byte once, in order, and each side's end told to the other. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "vmmode/agent/relay.h"

#include <cmocka.h>

/* A pipe into the relay and a socket behind it: what an output of a process is. */
struct way {
        int writer, reader;
        struct relay relay;
};

static struct way make_way(void)
{
        struct way way;
        int pipes[2], sockets[2];

        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(fcntl(sockets[0], F_SETFL, O_NONBLOCK), 0);
        way = (struct way){.writer = pipes[1], .reader = sockets[1]};
        way.relay = (struct relay){.from = pipes[0], .to = sockets[0], .to_socket = true};
        return way;
}

static void end_way(struct way *way)
{
        cleanup_close(&way->writer);
        cleanup_close(&way->reader);
        relay_end(&way->relay);
}

#define _cleanup_way_ _cleanup_(end_way)

/* One turn of the loop that its owner runs. -1: nothing happened. */
static int turn(struct relay *relay)
{
        struct pollfd fds[2];

        relay_poll(relay, fds);
        if (poll(fds, 2, 0) == 0)
                return -1;
        return (int)relay_move(relay, fds);
}

static void expect_bytes(int fd, const char *text)
{
        char bytes[64] = "";
        ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

        assert_int_equal(n, (ssize_t)strlen(text));
        assert_string_equal(bytes, text);
}

static void bytes_pass_and_the_end_behind_them(void **state)
{
        _cleanup_way_ struct way way = make_way();

        (void)state;
        assert_int_equal(turn(&way.relay), -1);
        assert_int_equal(write_all(way.writer, "words", 5), 0);
        assert_int_equal(turn(&way.relay), RELAY_GOES_ON);
        expect_bytes(way.reader, "words");
        assert_int_equal(write_all(way.writer, "last", 4), 0);
        replace_fd(&way.writer, -EBADF);
        while (turn(&way.relay) == RELAY_GOES_ON)
                ;
        assert_false(relay_is_open(&way.relay));
        expect_bytes(way.reader, "last");
        expect_bytes(way.reader, "");
        assert_int_equal(turn(&way.relay), -1);
}

static void nothing_is_read_while_nothing_is_taken(void **state)
{
        _cleanup_way_ struct way way = make_way();
        _cleanup_free_ char *much = calloc(1, (size_t)1 << 20);
        size_t sent = 0, came = 0;

        (void)state;
        assert_int_equal(fcntl(way.writer, F_SETFL, O_NONBLOCK), 0);
        for (ssize_t n = 0; n >= 0 || turn(&way.relay) == RELAY_GOES_ON;) {
                n = write(way.writer, much, (size_t)1 << 20);
                sent += n > 0 ? (size_t)n : 0;
        }
        assert_true(sent < (size_t)1 << 20);
        /* It waits for the reader, and does not turn round and round. */
        assert_int_equal(turn(&way.relay), -1);
        for (;;) {
                ssize_t n = recv(way.reader, much, (size_t)1 << 20, MSG_DONTWAIT);

                came += n > 0 ? (size_t)n : 0;
                if (n <= 0 && turn(&way.relay) == -1)
                        break;
        }
        assert_int_equal(came, sent);
}

static void who_takes_no_more_ends_the_source(void **state)
{
        _cleanup_way_ struct way way = make_way();

        (void)state;
        replace_fd(&way.reader, -EBADF);
        assert_int_equal(turn(&way.relay), RELAY_TARGET_ENDED);
        assert_int_equal(write(way.writer, "x", 1), -1);
        assert_int_equal(errno, EPIPE);
}

static void without_a_target_everything_is_dropped(void **state)
{
        _cleanup_way_ struct way way = make_way();
        _cleanup_free_ char *much = calloc(1, 50000);

        (void)state;
        replace_fd(&way.relay.to, -EBADF);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(write_all(way.writer, much, 50000), 0);
                while (turn(&way.relay) == RELAY_GOES_ON)
                        ;
                assert_true(relay_is_open(&way.relay));
        }
        relays_drain(&way.relay, 1, 0);
        assert_false(relay_is_open(&way.relay));
}

static void what_is_there_at_the_end_is_drained_and_no_more(void **state)
{
        _cleanup_way_ struct way way = make_way();
        int64_t before = now_ms();

        (void)state;
        assert_int_equal(write_all(way.writer, "here", 4), 0);
        /* The writing end stays open: somebody may go on writing for ever. */
        relays_drain(&way.relay, 1, 0);
        assert_true(now_ms() - before < 5000);
        expect_bytes(way.reader, "here");
        expect_bytes(way.reader, "");
}

static void more_than_a_buffer_is_drained(void **state)
{
        _cleanup_way_ struct way way = make_way();
        size_t size = 3 * RELAY_BUFFER / 2, came = 0;
        _cleanup_free_ char *much = calloc(1, size);
        ssize_t n;

        (void)state;
        assert_int_equal(write_all(way.writer, much, size), 0);
        relays_drain(&way.relay, 1, 0);
        while ((n = recv(way.reader, much, size, MSG_DONTWAIT)) > 0)
                came += (size_t)n;
        assert_int_equal(came, size);
}

/* Everything between writer and reader is full. */
static size_t fill_way(struct way *way)
{
        _cleanup_free_ char *much = calloc(1, 4096);
        size_t sent = 0;

        assert_int_equal(fcntl(way->writer, F_SETFL, O_NONBLOCK), 0);
        for (;;) {
                ssize_t n = write(way->writer, much, 4096);

                sent += n > 0 ? (size_t)n : 0;
                if (n < 0 && turn(&way->relay) != RELAY_GOES_ON)
                        return sent;
        }
}

/* Who wants the end of the second before he looks at the first. Returns the process that reads. */
static pid_t read_backwards(const struct way ways[2], const size_t sizes[2])
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        for (int i = 1; i >= 0; i--) {
                size_t came = 0;
                char bytes[4096];
                ssize_t n;

                (void)poll(NULL, 0, 100);
                while ((n = read(ways[i].reader, bytes, sizeof(bytes))) > 0)
                        came += (size_t)n;
                if (n < 0 || came != sizes[i])
                        _exit(1);
        }
        _exit(0);
}

static void a_drain_loses_nothing_to_a_reader_who_takes_his_time(void **state)
{
        struct way ways[2] = {make_way(), make_way()};
        struct relay relays[2];
        size_t sizes[2];
        int status;
        pid_t pid;

        (void)state;
        for (int i = 0; i < 2; i++)
                sizes[i] = fill_way(&ways[i]);
        pid = read_backwards(ways, sizes);
        for (int i = 0; i < 2; i++) {
                relays[i] = ways[i].relay;
                ways[i].relay = (struct relay)RELAY_NONE;
        }
        alarm(60);
        relays_drain(relays, 2, 0);
        alarm(0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        for (int i = 0; i < 2; i++) {
                assert_false(relay_is_open(&relays[i]));
                end_way(&ways[i]);
        }
}

static void a_drain_ends_with_the_reader(void **state)
{
        _cleanup_way_ struct way way = make_way();

        (void)state;
        (void)fill_way(&way);
        replace_fd(&way.reader, -EBADF);
        alarm(60);
        relays_drain(&way.relay, 1, 0);
        alarm(0);
        assert_false(relay_is_open(&way.relay));
}

static void a_terminal_is_given_time_and_not_more(void **state)
{
        _cleanup_way_ struct way way = make_way();
        int64_t before = now_ms();

        (void)state;
        assert_int_equal(write_all(way.writer, "late", 4), 0);
        relays_drain(&way.relay, 1, 100);
        assert_in_range(now_ms() - before, 100, 5000);
        expect_bytes(way.reader, "late");
}

static int ignore_broken_pipes(void **state)
{
        (void)state;
        return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_and_the_end_behind_them),
                cmocka_unit_test(nothing_is_read_while_nothing_is_taken),
                cmocka_unit_test(who_takes_no_more_ends_the_source),
                cmocka_unit_test(without_a_target_everything_is_dropped),
                cmocka_unit_test(what_is_there_at_the_end_is_drained_and_no_more),
                cmocka_unit_test(more_than_a_buffer_is_drained),
                cmocka_unit_test(a_drain_loses_nothing_to_a_reader_who_takes_his_time),
                cmocka_unit_test(a_drain_ends_with_the_reader),
                cmocka_unit_test(a_terminal_is_given_time_and_not_more),
        };

        return cmocka_run_group_tests_name("agent_relay", tests, ignore_broken_pipes, NULL);
}
