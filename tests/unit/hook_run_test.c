/* What a hook gets, and what its end means. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/core/hook_run.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define STATE "{\"id\":\"web\",\"status\":\"creating\"}"

static char last_debug[4096];

static void keep_debug(enum log_level level, const char *message)
{
        if (level == LOG_LEVEL_DEBUG)
                snprintf(last_debug, sizeof(last_debug), "%s", message);
}

static int run_shell(const char *script, int64_t timeout)
{
        const char *args[] = {"sh", "-c", script}, *env[] = {"ONLY=this"};
        struct oci_hook hook = {
                .path = "/bin/sh",
                .args = {ELEMENTS(args), args},
                .env = {ELEMENTS(env), env},
                .timeout = {.set = timeout > 0, .value = timeout},
        };

        error_clear();
        last_debug[0] = '\0';
        return hook_run("createRuntime", 2, &hook, STATE, -EBADF, -EBADF);
}

static void assert_message(const char *part)
{
        if (!strstr(error_message(), part))
                fail_msg("\"%s\" is not in \"%s\"", part, error_message());
}

static void a_hook_reads_the_state_on_its_standard_input(void **state)
{
        (void)state;
        assert_int_equal(run_shell("test \"$(cat)\" = '" STATE "'", 0), 0);
}

static void a_hook_that_reads_nothing_of_a_large_state_does_no_harm(void **state)
{
        const char *args[] = {"true"};
        struct oci_hook hook = {.path = "/bin/true", .args = {1, args}};
        size_t size = 4 << 20;
        char *large = malloc(size);

        (void)state;
        memset(large, 'x', size - 1);
        large[size - 1] = '\0';
        assert_int_equal(hook_run("poststop", 0, &hook, large, -EBADF, -EBADF), 0);
        free(large);
}

static void the_environment_is_exactly_the_hooks(void **state)
{
        const char *args[] = {"env"}, *env[] = {"ONLY=this"};
        struct oci_hook hook = {.path = "/usr/bin/env", .args = {1, args}, .env = {1, env}};

        (void)state;
        last_debug[0] = '\0';
        assert_int_equal(hook_run("prestart", 0, &hook, STATE, -EBADF, -EBADF), 0);
        assert_non_null(strstr(last_debug, "output: ONLY=this"));
        assert_string_equal(strstr(last_debug, "ONLY=this"), "ONLY=this");
}

static void without_args_the_path_is_the_only_argument(void **state)
{
        struct oci_hook hook = {.path = "/bin/sh"};

        (void)state;
        /* The state is the script then; it fails, and sh calls itself by its argument 0. */
        assert_int_equal(hook_run("prestart", 0, &hook, "echo $0 $#; exit 5", -EBADF, -EBADF), -EIO);
        assert_message("exit status 5");
        assert_non_null(strstr(last_debug, "/bin/sh 0"));
}

static void a_failing_hook_is_named_with_its_status_and_the_end_of_its_errors(void **state)
{
        (void)state;
        assert_int_equal(run_shell("echo first >&2; echo no such device >&2; exit 3", 0), -EIO);
        assert_string_equal(error_message(),
                            "error running hook hooks.createRuntime[2] /bin/sh: exit status 3: first no such device");
}

static void of_many_errors_the_end_is_kept(void **state)
{
        (void)state;
        assert_int_equal(run_shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1", 0),
                         -EIO);
        assert_message("line 2999");
        assert_null(strstr(error_message(), "line 500 "));
        assert_true(strlen(error_message()) < HOOK_STDERR_KEPT + 100);
}

static void a_signal_is_named(void **state)
{
        (void)state;
        assert_int_equal(run_shell("kill -TERM $$", 0), -EIO);
        assert_message("killed by signal 15 (terminated)");
}

static void a_missing_hook_is_an_error_that_names_it(void **state)
{
        struct oci_hook hook = {.path = "/no/such/hook"};

        (void)state;
        assert_int_equal(hook_run("poststart", 1, &hook, STATE, -EBADF, -EBADF), -ENOENT);
        assert_message("hooks.poststart[1] /no/such/hook: ");
        assert_message("No such file or directory");
}

static void a_hook_that_takes_too_long_is_killed_with_its_children(void **state)
{
        char directory[] = "/tmp/berth-hook-XXXXXX", fifo[64], script[128];
        int64_t started = now_ms();
        int reader;

        (void)state;
        assert_non_null(mkdtemp(directory));
        snprintf(fifo, sizeof(fifo), "%s/alive", directory);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        snprintf(script, sizeof(script), "(echo up; exec sleep 1000) > %s & wait", fifo);
        assert_int_equal(run_shell(script, 1), -ETIMEDOUT);
        assert_message("timed out after 1 second");
        assert_true(now_ms() - started < 5000);
        /* The child said that it was there, and its end of the pipe is closed: it is dead. */
        assert_int_equal(read(reader, script, 3), 3);
        assert_true(wait_fd(reader, POLLIN, 5000) & POLLHUP);
        close(reader);
        unlink(fifo);
        rmdir(directory);
}

static void a_flood_of_output_does_not_stop_the_clock(void **state)
{
        (void)state;
        assert_int_equal(run_shell("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", 1), -ETIMEDOUT);
        assert_message("timed out");
}

static void a_process_that_a_hook_leaves_behind_does_not_hold_us_up(void **state)
{
        int64_t started = now_ms();

        (void)state;
        assert_int_equal(run_shell("sleep 20 & exit 0", 15), 0);
        assert_true(now_ms() - started < 5000);
}

static void a_hook_gets_no_descriptor_but_its_three(void **state)
{
        int leak = fcntl(STDIN_FILENO, F_DUPFD, 200);

        (void)state;
        assert_true(leak >= 0);
        /* The fourth name is the directory's own descriptor, the shell's. */
        assert_int_equal(
                run_shell("for f in /proc/self/fd/*; do case ${f##*/} in [0-9]|1[0-9]) ;; *) exit 9;; esac; done; "
                          "test ! -e /proc/$$/fd/200",
                          0),
                0);
        close(leak);
}

static void ignored_signals_and_the_mask_are_not_passed_on(void **state)
{
        sigset_t all, before;
        void (*handler)(int) = signal(SIGPIPE, SIG_IGN);

        (void)state;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        assert_int_equal(
                run_shell("grep -q '^SigIgn:.0*$' /proc/self/status && grep -q '^SigBlk:.0*$' /proc/self/status", 0),
                0);
        sigprocmask(SIG_SETMASK, &before, NULL);
        signal(SIGPIPE, handler);
}

static void the_status_arrives_where_children_are_ignored(void **state)
{
        void (*handler)(int) = signal(SIGCHLD, SIG_IGN);

        (void)state;
        assert_int_equal(run_shell("exit 4", 0), -EIO);
        assert_message("exit status 4");
        assert_ptr_equal(signal(SIGCHLD, handler), SIG_IGN);
}

static void a_caller_without_standard_descriptors_can_run_hooks(void **state)
{
        int saved[3];
        int r;

        (void)state;
        for (int fd = 0; fd < 3; fd++) {
                saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
                close(fd);
        }
        r = run_shell("test \"$(cat)\" = '" STATE "' && echo out && echo err >&2 && exit 6", 0);
        for (int fd = 0; fd < 3; fd++) {
                dup2(saved[fd], fd);
                close(saved[fd]);
        }
        assert_int_equal(r, -EIO);
        assert_message("exit status 6: err");
        assert_non_null(strstr(last_debug, "output: out"));
}

static void a_hook_has_a_session_of_its_own(void **state)
{
        (void)state;
        assert_int_equal(run_shell("set -- $(cat /proc/$$/stat); test $6 = $$ && test $5 = $$", 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_hook_reads_the_state_on_its_standard_input),
                cmocka_unit_test(a_hook_that_reads_nothing_of_a_large_state_does_no_harm),
                cmocka_unit_test(the_environment_is_exactly_the_hooks),
                cmocka_unit_test(without_args_the_path_is_the_only_argument),
                cmocka_unit_test(a_failing_hook_is_named_with_its_status_and_the_end_of_its_errors),
                cmocka_unit_test(of_many_errors_the_end_is_kept),
                cmocka_unit_test(a_signal_is_named),
                cmocka_unit_test(a_missing_hook_is_an_error_that_names_it),
                cmocka_unit_test(a_hook_that_takes_too_long_is_killed_with_its_children),
                cmocka_unit_test(a_flood_of_output_does_not_stop_the_clock),
                cmocka_unit_test(a_process_that_a_hook_leaves_behind_does_not_hold_us_up),
                cmocka_unit_test(a_hook_gets_no_descriptor_but_its_three),
                cmocka_unit_test(ignored_signals_and_the_mask_are_not_passed_on),
                cmocka_unit_test(the_status_arrives_where_children_are_ignored),
                cmocka_unit_test(a_caller_without_standard_descriptors_can_run_hooks),
                cmocka_unit_test(a_hook_has_a_session_of_its_own),
        };

        log_set_sink(keep_debug, LOG_LEVEL_DEBUG);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
