#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "runtime/life/owner.h"
#include "runtime/life/proc_stat.h"
#include "runtime/life/record.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

#define REST "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 777 20 21\n"

static void a_name_may_hold_anything(void **state)
{
        static const char *const names[] = {"sh", "a b", ") R 1 2", "((x))", "a\nb", "", "0) Z 1 1 1"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                struct proc_stat stat;
                char text[256];

                snprintf(text, sizeof(text), "42 (%s) S " REST, names[i]);
                assert_int_equal(proc_stat_parse(text, &stat), 0);
                assert_string_equal(stat.comm, names[i]);
                assert_int_equal(stat.state, 'S');
                assert_int_equal(stat.start_time, 777);
                assert_int_equal(stat.threads, 3);
        }
}

static void a_damaged_stat_line_is_refused(void **state)
{
        static const char *const bad[] = {"",
                                          "42",
                                          "42 (sh",
                                          "42 sh) S " REST,
                                          "42 (sh) S",
                                          "42 (sh) S 1 2 3\n",
                                          ")(",
                                          "42 (sh)S 1",
                                          "42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 -7 20\n"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct proc_stat stat;

                assert_int_equal(proc_stat_parse(bad[i], &stat), -EINVAL);
        }
}

static void this_process_is_alive_under_its_name(void **state)
{
        struct process_identity identity;
        char comm[16];

        (void)state;
        prctl(PR_SET_NAME, "a) b (c");
        assert_int_equal(process_identify(getpid(), &identity), 0);
        assert_int_equal(process_is_alive(&identity, comm), 1);
        assert_string_equal(comm, "a) b (c");
}

static void a_pid_that_was_given_to_somebody_else_is_not_alive(void **state)
{
        struct process_identity identity, other;

        (void)state;
        assert_int_equal(process_identify(getpid(), &identity), 0);
        other = identity;
        other.start_time++;
        assert_int_equal(process_is_alive(&other, NULL), 0);
        other = identity;
        other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
        assert_int_equal(process_is_alive(&other, NULL), 0);
        other = identity;
        other.pid = 0;
        assert_int_equal(process_is_alive(&other, NULL), 0);
}

static void a_zombie_is_not_alive(void **state)
{
        struct process_identity identity;
        siginfo_t info;
        pid_t pid = fork();

        (void)state;
        if (pid == 0) {
                pause();
                _exit(0);
        }
        assert_int_equal(process_identify(pid, &identity), 0);
        assert_int_equal(process_is_alive(&identity, NULL), 1);
        kill(pid, SIGKILL);
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
        assert_int_equal(process_is_alive(&identity, NULL), 0);
        waitpid(pid, NULL, 0);
        assert_int_equal(process_is_alive(&identity, NULL), 0);
}

static void an_owner_is_found_in_passwd_by_the_whole_uid(void **state)
{
        static const char passwd[] = "root:x:0:0::/root:/bin/sh\n"
                                     "broken line\n"
                                     "short:x:1\n"
                                     "odd:x:007:7::/:\n"
                                     ":x:9:9::/:\n"
                                     "web:x:10:10::/:\n"
                                     "other:x:1:1::/:";
        char name[16];

        (void)state;
        assert_int_equal(owner_find(passwd, 10, name, sizeof(name)), 0);
        assert_string_equal(name, "web");
        assert_int_equal(owner_find(passwd, 1, name, sizeof(name)), 0);
        assert_string_equal(name, "other");
        assert_int_equal(owner_find(passwd, 7, name, sizeof(name)), -ENOENT);
        assert_int_equal(owner_find(passwd, 9, name, sizeof(name)), -ENOENT);
        assert_int_equal(owner_find(passwd, 10, name, 3), -ENOENT);
        owner_name(4294000001U, name, sizeof(name));
        assert_string_equal(name, "#4294000001");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_may_hold_anything),
                cmocka_unit_test(a_damaged_stat_line_is_refused),
                cmocka_unit_test(this_process_is_alive_under_its_name),
                cmocka_unit_test(a_pid_that_was_given_to_somebody_else_is_not_alive),
                cmocka_unit_test(a_zombie_is_not_alive),
                cmocka_unit_test(an_owner_is_found_in_passwd_by_the_whole_uid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
