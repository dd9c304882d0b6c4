/* Capabilities, limits and labels: the decisions, and what needs no privilege. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "oci/vocabulary.h"
#include "runtime/core/capabilities.h"
#include "runtime/core/lsm_facts.h"
#include "runtime/core/oom.h"
#include "runtime/core/procfs_self.h"
#include "runtime/core/rlimits.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* ---- capabilities ---- */

static void the_names_are_those_of_the_vocabulary(void **state)
{
        char buffer[16];

        (void)state;
        assert_true(capability_words.n > 40);
        for (size_t i = 0; i < capability_words.n; i++)
                assert_string_equal(capability_name((unsigned)capability_words.v[i].value, buffer),
                                    capability_words.v[i].name);
        assert_string_equal(capability_name(63, buffer), "CAP_63");
        for (size_t i = 0; i < rlimit_words.n; i++)
                assert_string_equal(rlimit_name((int)rlimit_words.v[i].value), rlimit_words.v[i].name);
        assert_string_equal(rlimit_name(99), "RLIMIT_?");
        assert_string_equal(rlimit_name(-1), "RLIMIT_?");
}

static void what_the_runtime_holds_can_be_granted(void **state)
{
        struct oci_capabilities held = {.bounding = 0xff, .permitted = 0xff};
        struct oci_capabilities wanted = {
                .bounding = 0x0f, .permitted = 0x07, .effective = 0x03, .inheritable = 0x03, .ambient = 0x01};
        struct oci_capabilities before = wanted;

        (void)state;
        assert_int_equal(capabilities_reduce(&wanted, &held), 0);
        assert_memory_equal(&wanted, &before, sizeof(wanted));
}

static void what_it_does_not_hold_is_left_out_of_every_set(void **state)
{
        struct oci_capabilities held = {.bounding = BIT(CAP_CHOWN), .permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL)};
        struct oci_capabilities wanted = {
                .bounding = BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN),
                .permitted = BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN) | BIT(CAP_KILL),
                .effective = BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN),
                .inheritable = BIT(CAP_CHOWN) | BIT(CAP_KILL),
                .ambient = BIT(CAP_CHOWN) | BIT(CAP_KILL),
        };

        (void)state;
        assert_int_equal(capabilities_reduce(&wanted, &held), BIT(CAP_SYS_ADMIN) | BIT(CAP_KILL));
        assert_int_equal(wanted.bounding, BIT(CAP_CHOWN));
        assert_int_equal(wanted.permitted, BIT(CAP_CHOWN) | BIT(CAP_KILL));
        assert_int_equal(wanted.effective, BIT(CAP_CHOWN));
        assert_int_equal(wanted.inheritable, BIT(CAP_CHOWN)); /* CAP_KILL is not in the bounding set */
        assert_int_equal(wanted.ambient, BIT(CAP_CHOWN));
}

static void ambient_needs_permitted_and_inheritable(void **state)
{
        struct oci_capabilities held = {.bounding = 7, .permitted = 7};
        struct oci_capabilities wanted = {.bounding = 7, .permitted = 3, .inheritable = 5, .ambient = 7};

        (void)state;
        assert_int_equal(capabilities_reduce(&wanted, &held), 6);
        assert_int_equal(wanted.ambient, 1);
}

static void nothing_becomes_inheritable_that_was_not_asked_for(void **state)
{
        struct oci_capabilities held = {.bounding = ~UINT64_C(0), .permitted = ~UINT64_C(0), .inheritable = 0xff};
        struct oci_capabilities wanted = {.bounding = 0xff, .permitted = 0xff, .effective = 0xff};

        (void)state;
        assert_int_equal(capabilities_reduce(&wanted, &held), 0);
        assert_int_equal(wanted.inheritable, 0);
        assert_int_equal(wanted.ambient, 0);
}

/* The end of a child that drops everything, which any user may. */
static int drop_everything(void)
{
        struct oci_capabilities none = {.set = true}, left;

        if (capabilities_read(&left, UINT64_MAX) < 0)
                return 1;
        /* Without CAP_SETPCAP the bounding set stays: then it is asked for. */
        none.bounding = left.effective & BIT(CAP_SETPCAP) ? 0 : left.bounding;
        if (capabilities_prepare(&none) < 0 || capabilities_apply(&none) < 0 ||
            capabilities_read(&left, UINT64_MAX) < 0)
                return 2;
        return left.permitted || left.effective || left.inheritable || left.ambient || left.bounding != none.bounding;
}

static void dropping_everything_leaves_nothing(void **state)
{
        pid_t child = fork();
        int status;

        (void)state;
        if (child == 0)
                _exit(drop_everything());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

/* ---- limits ---- */

static void a_limit_that_makes_no_sense_is_named_with_its_values(void **state)
{
        struct oci_rlimit limit = {RLIMIT_NOFILE, 20, 10};

        (void)state;
        assert_int_equal(rlimits_apply(&limit, 1), -EINVAL);
        assert_non_null(strstr(error_message(), "RLIMIT_NOFILE to 20:10"));
}

static void unlimited_is_written_as_a_word(void **state)
{
        struct oci_rlimit limit = {RLIMIT_NOFILE, UINT64_MAX, UINT64_MAX};

        (void)state;
        /* Nobody may have this one: fs.nr_open bounds it. */
        assert_int_equal(rlimits_apply(&limit, 1), -EPERM);
        assert_non_null(strstr(error_message(), "unlimited:unlimited"));
        assert_non_null(strstr(error_message(), "nr_open"));
}

/* ---- procfs ---- */

static void a_directory_that_is_no_procfs_is_refused(void **state)
{
        int fake = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

        (void)state;
        assert_int_equal(procfs_open_self(fake, "status", O_RDONLY), -ENOTTY);
        assert_true(oom_score_adjust(fake, 0) < 0);
        assert_non_null(strstr(error_message(), "process.oomScoreAdj 0"));
        close(fake);
}

static void only_files_of_the_own_thread_are_opened(void **state)
{
        int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = procfs_open_self(proc, "status", O_RDONLY);

        (void)state;
        assert_true(fd >= 0);
        close(fd);
        assert_true(procfs_open_self(proc, "../../../../etc/passwd", O_RDONLY) < 0);
        assert_int_equal(procfs_open_self(proc, "exe", O_RDONLY), -ELOOP);
        assert_int_equal(procfs_open_self(proc, "no-such-file", O_RDONLY), -ENOENT);
        close(proc);
}

static void the_present_score_may_always_be_set(void **state)
{
        int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char text[16];

        (void)state;
        assert_true(read_small_file_at(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof(text)) > 0);
        assert_int_equal(oom_score_adjust(proc, atoi(text)), 0);
        close(proc);
}

/* ---- labels ---- */

struct sys {
        char directory[32];
        int fd;
};

static int make_sys(void **state)
{
        struct sys *sys = calloc(1, sizeof(*sys));

        strcpy(sys->directory, "/tmp/berth-sys-XXXXXX");
        if (!mkdtemp(sys->directory))
                return -1;
        sys->fd = open(sys->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        *state = sys;
        return 0;
}

static int remove_sys(void **state)
{
        struct sys *sys = *state;

        close(sys->fd);
        remove_tree_at(AT_FDCWD, sys->directory);
        free(sys);
        return 0;
}

static void a_label_without_its_module_is_refused(void **state)
{
        const struct sys *sys = *state;
        struct lsm_facts facts = lsm_read_facts(sys->fd);

        assert_false(facts.apparmor || facts.selinux);
        assert_int_equal(lsm_check(&facts, "docker-default", NULL), -EINVAL);
        assert_string_equal(error_message(),
                            "process.apparmorProfile docker-default: AppArmor is not enabled on this host");
        assert_int_equal(lsm_check(&facts, NULL, "a:b:c:d"), -EINVAL);
        assert_string_equal(error_message(), "process.selinuxLabel a:b:c:d: SELinux is not enabled on this host");
        assert_int_equal(lsm_check(&facts, NULL, NULL), 0);
        assert_int_equal(lsm_check(&facts, "", ""), 0);
}

static void put_file(int root, const char *path, const char *text)
{
        char name[64];
        _cleanup_close_ int parent = in_root_parent(root, path, name, sizeof(name));
        _cleanup_close_ int fd = in_root_open(parent, ".", O_RDONLY | O_DIRECTORY);

        assert_int_equal(replace_file_at(fd, name, text, strlen(text), 0644), 0);
}

static void the_modules_of_the_host_are_found(void **state)
{
        const struct sys *sys = *state;
        struct lsm_facts facts;

        put_file(sys->fd, "module/apparmor/parameters/enabled", "N\n");
        assert_false(lsm_read_facts(sys->fd).apparmor);
        put_file(sys->fd, "module/apparmor/parameters/enabled", "Y\n");
        put_file(sys->fd, "fs/selinux/class/process/index", "2");
        facts = lsm_read_facts(sys->fd);
        assert_true(facts.apparmor && facts.selinux);
        assert_int_equal(lsm_check(&facts, "docker-default", "a:b:c:d"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_names_are_those_of_the_vocabulary),
                cmocka_unit_test(what_the_runtime_holds_can_be_granted),
                cmocka_unit_test(what_it_does_not_hold_is_left_out_of_every_set),
                cmocka_unit_test(ambient_needs_permitted_and_inheritable),
                cmocka_unit_test(nothing_becomes_inheritable_that_was_not_asked_for),
                cmocka_unit_test(dropping_everything_leaves_nothing),
                cmocka_unit_test(a_limit_that_makes_no_sense_is_named_with_its_values),
                cmocka_unit_test(unlimited_is_written_as_a_word),
                cmocka_unit_test(a_directory_that_is_no_procfs_is_refused),
                cmocka_unit_test(only_files_of_the_own_thread_are_opened),
                cmocka_unit_test(the_present_score_may_always_be_set),
                cmocka_unit_test_setup_teardown(a_label_without_its_module_is_refused, make_sys, remove_sys),
                cmocka_unit_test_setup_teardown(the_modules_of_the_host_are_found, make_sys, remove_sys),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
