/* The jail, where the kernel or somebody above refuses a part of it. Every attempt is made in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "vmmode/vmm/jail.h"

#include <cmocka.h>

#define JAILED 7
#define FAILED 8
#define OPENED 9

/* The kernel without them. */
static void take_away(bool namespaces, bool landlock)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        if (!filter || (namespaces && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SYS_unshare, 0) < 0) ||
            (landlock && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0) < 0) ||
            seccomp_load(filter) < 0)
                _exit(99);
        seccomp_release(filter);
}

static int attempt(bool without_namespaces, bool without_landlock, bool filters_suffice, char *message, size_t room)
{
        int pipes[2], status, left = 0;
        ssize_t n;
        pid_t child;

        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
                take_away(without_namespaces, without_landlock);
                if (vmm_jail_leave_namespaces(&left) < 0 || vmm_jail_enter(left, filters_suffice) < 0) {
                        (void)!write(pipes[1], error_message(), strlen(error_message()));
                        _exit(FAILED);
                }
                _exit(open("/proc/self/status", O_RDONLY) < 0 ? JAILED : OPENED);
        }
        close(pipes[1]);
        n = read(pipes[0], message, room - 1);
        message[n < 0 ? 0 : n] = '\0';
        close(pipes[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static bool has_landlock(void)
{
        return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) >= 1;
}

static void in_the_jail_no_file_can_be_opened(void **state)
{
        char message[512];

        (void)state;
        assert_int_equal(attempt(false, false, false, message, sizeof(message)), JAILED);
}

static void an_empty_root_is_enough(void **state)
{
        char message[512];

        (void)state;
        assert_int_equal(attempt(false, true, false, message, sizeof(message)), JAILED);
}

static void landlock_is_enough(void **state)
{
        char message[512];

        (void)state;
        if (!has_landlock())
                skip();
        assert_int_equal(attempt(true, false, false, message, sizeof(message)), JAILED);
}

static void with_neither_there_is_no_machine_and_both_reasons_are_told(void **state)
{
        char message[512];

        (void)state;
        assert_int_equal(attempt(true, true, false, message, sizeof(message)), FAILED);
        assert_non_null(strstr(message, "namespaces (Operation not permitted)"));
        assert_non_null(strstr(message, "Landlock (Function not implemented)"));
        assert_non_null(strstr(message, "jail = filters"));
}

static void unless_the_filters_are_said_to_suffice(void **state)
{
        char message[512];

        (void)state;
        assert_int_equal(attempt(true, true, true, message, sizeof(message)), OPENED);
        assert_int_equal(attempt(false, false, true, message, sizeof(message)), JAILED);
}

static void *stay(void *data)
{
        for (;;)
                (void)pause();
        return data;
}

/* Who is not root goes into a user namespace, which nobody can who has a second thread. */
static void a_thread_that_was_started_between_the_halves_keeps_nobody_from_an_empty_root(void **state)
{
        int status, left = -1;
        pid_t child = fork();

        (void)state;
        if (child == 0) {
                pthread_t thread;
                struct stat st;

                if ((geteuid() == 0 && setuid(65534) < 0) || vmm_jail_leave_namespaces(&left) < 0)
                        _exit(FAILED);
                if (left < 0) /* this machine has none for ordinary users */
                        _exit(JAILED);
                if (pthread_create(&thread, NULL, stay, NULL) != 0 || vmm_jail_enter(left, false) < 0)
                        _exit(FAILED);
                _exit(stat("/proc", &st) < 0 && errno == ENOENT ? JAILED : OPENED);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), JAILED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(in_the_jail_no_file_can_be_opened),
                cmocka_unit_test(an_empty_root_is_enough),
                cmocka_unit_test(landlock_is_enough),
                cmocka_unit_test(with_neither_there_is_no_machine_and_both_reasons_are_told),
                cmocka_unit_test(unless_the_filters_are_said_to_suffice),
                cmocka_unit_test(a_thread_that_was_started_between_the_halves_keeps_nobody_from_an_empty_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
