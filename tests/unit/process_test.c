/* Helper programs and their ends. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"

#include <cmocka.h>

static int shell(const char *script, int timeout_ms, char *output, size_t size)
{
        const char *const args[] = {"sh", "-c", script, NULL};

        return process_run("sh", args, timeout_ms, output, size);
}

static void expect_no_child_left(void)
{
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void the_status_and_the_output_are_the_programs(void **state)
{
        char output[64];

        (void)state;
        assert_int_equal(shell("echo out; echo err >&2; exit 3", 10000, output, sizeof(output)), 3);
        assert_string_equal(output, "out\nerr");
        assert_int_equal(shell("true", 10000, output, sizeof(output)), 0);
        assert_string_equal(output, "");
        expect_no_child_left();
}

static void a_program_that_was_killed_is_128_and_the_signal(void **state)
{
        char output[64];

        (void)state;
        assert_int_equal(shell("kill -9 $$", 10000, output, sizeof(output)), 128 + SIGKILL);
        expect_no_child_left();
}

static void output_beyond_the_buffer_is_thrown_away_and_read_all_the_same(void **state)
{
        char output[8];

        (void)state;
        assert_int_equal(shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 7", 20000,
                               output, sizeof(output)),
                         7);
        assert_string_equal(output, "0123456");
        expect_no_child_left();
}

static void a_missing_program_is_enoent(void **state)
{
        const char *const args[] = {"no-such-program-of-berth", NULL};
        char output[64];

        (void)state;
        assert_int_equal(process_run(args[0], args, 10000, output, sizeof(output)), -ENOENT);
        assert_non_null(strstr(error_message(), "No such file or directory"));
        expect_no_child_left();
}

static void a_program_that_takes_too_long_is_killed(void **state)
{
        int64_t begin = now_ms();
        char output[64];

        (void)state;
        assert_int_equal(shell("exec sleep 60", 100, output, sizeof(output)), -ETIMEDOUT);
        assert_true(now_ms() - begin < 30000);
        expect_no_child_left();
}

static void one_that_closes_its_output_and_goes_on_is_killed_too(void **state)
{
        char output[64];

        (void)state;
        assert_int_equal(shell("exec sleep 60 >&- 2>&-", 100, output, sizeof(output)), -ETIMEDOUT);
        expect_no_child_left();
}

static void blocked_signals_are_not_inherited(void **state)
{
        sigset_t set, before;
        char output[64];

        (void)state;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, &before);
        assert_int_equal(shell("kill $$; sleep 60", 20000, output, sizeof(output)), 128 + SIGTERM);
        sigprocmask(SIG_SETMASK, &before, NULL);
}

static void a_child_is_reaped_once_by_its_pidfd(void **state)
{
        _cleanup_close_ int pidfd = -EBADF;
        int status = -1;
        pid_t pid = fork();

        (void)state;
        if (pid == 0)
                _exit(9);
        pidfd = sys_pidfd_open(pid, 0);
        assert_int_equal(process_reap(pidfd, 10000, &status), 0);
        assert_int_equal(status, 9);
        assert_int_equal(process_reap(pidfd, 10000, &status), -ECHILD);
        expect_no_child_left();
}

static void waiting_for_a_child_that_lives_ends_at_the_deadline(void **state)
{
        _cleanup_close_ int pidfd = -EBADF;
        int status = -1;
        pid_t pid = fork();

        (void)state;
        if (pid == 0)
                for (;;)
                        pause();
        pidfd = sys_pidfd_open(pid, 0);
        assert_int_equal(process_reap(pidfd, 50, &status), -ETIMEDOUT);
        assert_int_equal(sys_pidfd_send_signal(pidfd, SIGKILL), 0);
        assert_int_equal(process_reap(pidfd, 10000, &status), 0);
        assert_int_equal(status, 128 + SIGKILL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_status_and_the_output_are_the_programs),
                cmocka_unit_test(a_program_that_was_killed_is_128_and_the_signal),
                cmocka_unit_test(output_beyond_the_buffer_is_thrown_away_and_read_all_the_same),
                cmocka_unit_test(a_missing_program_is_enoent),
                cmocka_unit_test(a_program_that_takes_too_long_is_killed),
                cmocka_unit_test(one_that_closes_its_output_and_goes_on_is_killed_too),
                cmocka_unit_test(blocked_signals_are_not_inherited),
                cmocka_unit_test(a_child_is_reaped_once_by_its_pidfd),
                cmocka_unit_test(waiting_for_a_child_that_lives_ends_at_the_deadline),
        };

        /* A directory that one may not search would make a missing program EACCES. */
        setenv("PATH", "/usr/bin:/bin", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
