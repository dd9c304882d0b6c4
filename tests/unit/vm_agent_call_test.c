/* Speaking with the agent of a machine that does not play along. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "vmmode/host/agent_call.h"
#include "vmmode/host/vm_row.h"

#include <cmocka.h>

static char directory[] = "/tmp/berth-agent-call-XXXXXX";
static int state_dir;

static int begin(void **state)
{
        (void)state;
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        assert_non_null(mkdtemp(directory));
        state_dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return state_dir < 0;
}

static int end(void **state)
{
        (void)state;
        replace_fd(&state_dir, -EBADF);
        return remove_tree_at(AT_FDCWD, directory);
}

/* Fills the queue of connections that a machine which hangs does not take. */
static size_t fill_queue(int fds[], size_t most)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t n = 0;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/" VSOCK_SOCKET, directory);
        for (; n < most; n++) {
                fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (connect(fds[n], (struct sockaddr *)&address, sizeof(address)) < 0) {
                        assert_int_equal(errno, EAGAIN);
                        close(fds[n]);
                        return n;
                }
        }
        return n;
}

static void a_machine_that_takes_no_connection_is_not_waited_for_without_end(void **state)
{
        _cleanup_close_ int listener = agent_socket_make(state_dir);
        int64_t before = now_ms();
        int waiting[256];
        size_t n;

        (void)state;
        assert_true(listener >= 0);
        n = fill_queue(waiting, ELEMENTS(waiting));
        assert_in_range(n, 1, ELEMENTS(waiting) - 1);
        alarm(30);
        assert_int_equal(agent_connect(state_dir, now_ms() + 200), -ETIMEDOUT);
        alarm(0);
        assert_in_range(now_ms() - before, 200, 20000);
        assert_string_equal(error_message(), "the virtual machine does not answer");
        while (n)
                close(waiting[--n]);
}

static void without_a_machine_nobody_is_reached(void **state)
{
        (void)state;
        assert_int_equal(agent_connect(state_dir, now_ms() + 200), -ECONNREFUSED);
        assert_non_null(strstr(error_message(), "reach the agent"));
}

/* What a guest says of its out-of-memory kills, as it is told. */
static int kills_of(int64_t said, uint64_t *kills)
{
        int pair[2], r;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(message_send_text(pair[1], MESSAGE_OOM, said, NULL, now_ms() + 1000), 0);
        r = vm_isolation.read_oom(pair[0], kills);
        close(pair[0]);
        close(pair[1]);
        return r;
}

static void a_guest_cannot_have_events_told_without_end(void **state)
{
        uint64_t kills = 0;

        (void)state;
        assert_int_equal(kills_of(3, &kills), 0);
        assert_int_equal(kills, 3);
        assert_int_equal(kills_of(INT32_MAX, &kills), 0);
        assert_in_range(kills, 1, 10000);
        assert_int_equal(kills_of(INT64_MAX, &kills), 0);
        assert_in_range(kills, 1, 10000);
        assert_int_equal(kills_of(-1, &kills), -EBADMSG);
}

/* Answers the one request that comes that all is done. */
static void __attribute__((noreturn)) play_agent(int listener)
{
        int64_t deadline = now_ms() + 20000;
        struct message_builder hello;
        struct message request;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        char byte = 0;

        while (byte != '\n' && read(fd, &byte, 1) == 1)
                continue;
        message_begin(&hello, MESSAGE_HELLO);
        message_put_number(&hello, PART_VERSION, PROTOCOL_VERSION);
        if (write(fd, "OK\n", 3) != 3 || message_send(fd, &hello, deadline) < 0 ||
            message_receive(fd, MESSAGE_MAX, &request, deadline) < 0 || request.kind != MESSAGE_SIGNAL ||
            message_send_text(fd, MESSAGE_DONE, 0, NULL, deadline) < 0)
                _exit(1);
        _exit(0);
}

static void a_guest_that_only_says_so_does_not_survive_a_kill(void **state)
{
        _cleanup_close_ int listener = agent_socket_make(state_dir);
        struct isolation_target target = {.id = "liar", .dir = state_dir, .cgroup = -EBADF, .own_pid_namespace = true};
        int status;
        pid_t agent;

        (void)state;
        assert_true(listener >= 0);
        assert_int_equal(fcntl(listener, F_SETFL, 0), 0);
        target.pid = fork();
        if (target.pid == 0)
                for (;;)
                        pause();
        target.pidfd = sys_pidfd_open(target.pid, 0);
        assert_true(target.pidfd >= 0);
        agent = fork();
        if (agent == 0)
                play_agent(listener);
        assert_int_equal(vm_isolation.signal(&target, SIGKILL, false), 0);
        assert_int_equal(waitpid(agent, &status, 0), agent);
        assert_int_equal(status, 0);
        status = wait_fd(target.pidfd, POLLIN, 1000);
        (void)kill(target.pid, SIGKILL);
        assert_int_equal(waitpid(target.pid, NULL, 0), target.pid);
        close(target.pidfd);
        assert_true(status >= 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                CASE(a_machine_that_takes_no_connection_is_not_waited_for_without_end),
                CASE(without_a_machine_nobody_is_reached),
                CASE(a_guest_cannot_have_events_told_without_end),
                CASE(a_guest_that_only_says_so_does_not_survive_a_kill),
        };

        return cmocka_run_group_tests_name("vm_agent_call", tests, NULL, NULL);
}
