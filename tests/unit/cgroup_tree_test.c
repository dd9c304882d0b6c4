/* Groups in a temporary directory: plain files stand for those of the kernel, which shows what is asked of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/events.h"
#include "cgroups/host.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define EMPTY "populated 0\nfrozen 0\n"

struct fixture {
        char directory[64];
        struct cgroup_host host;
};

static int make_tree(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        snprintf(f->directory, sizeof(f->directory), "/tmp/berth-cgroup-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        f->host.root_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->host.root_fd >= 0);
        snprintf(f->host.mount_point, sizeof(f->host.mount_point), "/cg");
        snprintf(f->host.own_path, sizeof(f->host.own_path), "/system.slice/engine");
        f->host.controllers = CGROUP_CPU | CGROUP_MEMORY;
        *state = f;
        return 0;
}

static int remove_tree(void **state)
{
        struct fixture *f = *state;

        close(f->host.root_fd);
        assert_int_equal(remove_tree_at(AT_FDCWD, f->directory), 0);
        free(f);
        return 0;
}

static void put(const struct fixture *f, const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(f->host.root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void holds(const struct fixture *f, const char *path, const char *expected)
{
        char text[256];

        assert_true(read_small_file_at(f->host.root_fd, path, text, sizeof(text)) >= 0);
        assert_string_equal(text, expected);
}

static void make_directory(const struct fixture *f, const char *path)
{
        assert_int_equal(mkdirat(f->host.root_fd, path, 0755), 0);
}

static int open_directory(const struct fixture *f, const char *path)
{
        int fd = openat(f->host.root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static bool exists(const struct fixture *f, const char *path)
{
        return faccessat(f->host.root_fd, path, F_OK, 0) == 0;
}

/* ---- host and path ---- */

static void the_own_group_is_read_from_proc(void **state)
{
        struct cgroup_host *host = &((struct fixture *)*state)->host;

        assert_int_equal(cgroup_host_read_membership(host, "0::/user.slice/a:b\n"), 0);
        assert_string_equal(host->own_path, "/user.slice/a:b");
        assert_false(host->hybrid);
        assert_int_equal(cgroup_host_read_membership(host, "4:memory:/x\n1:name=systemd:/y\n0::/z\n"), 0);
        assert_string_equal(host->own_path, "/z");
        assert_true(host->hybrid);
        assert_int_equal(cgroup_host_read_membership(host, "1:name=systemd:/y\n0::/z (deleted)\n"), 0);
        assert_string_equal(host->own_path, "/z");
        assert_false(host->hybrid);
        assert_int_equal(cgroup_host_read_membership(host, "0::/../../x\n"), 0);
        assert_string_equal(host->own_path, "/");
}

static void controllers_are_read_and_written_as_words(void **state)
{
        char text[128];

        (void)state;
        assert_int_equal(cgroup_controllers_parse("cpuset cpu io memory hugetlb pids rdma misc dmem\n"), 0xff);
        assert_int_equal(cgroup_controllers_parse("cpusets mem pi"), 0);
        cgroup_controllers_to_enable(CGROUP_MEMORY | CGROUP_CPU, text, sizeof(text));
        assert_string_equal(text, "+cpu +memory");
        assert_int_equal(cgroup_controller_of_file("cpuset.cpus"), CGROUP_CPUSET);
        assert_int_equal(cgroup_controller_of_file("cgroup.freeze"), 0);
        assert_int_equal(cgroup_controller_of_file("memory"), 0);
}

static void a_path_is_absolute_or_beside_the_own_group(void **state)
{
        struct cgroup_host *host = &((struct fixture *)*state)->host;
        char path[4096];

        assert_int_equal(cgroup_path_for(host, "/pods//web/", "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/pods/web");
        assert_int_equal(cgroup_path_for(host, "pods/web", "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/system.slice/pods/web");
        assert_int_equal(cgroup_path_for(host, NULL, "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/system.slice/id");
        assert_int_equal(cgroup_path_for(host, "", "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/system.slice/id");
        snprintf(host->own_path, sizeof(host->own_path), "/");
        assert_int_equal(cgroup_path_for(host, NULL, "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/id");
        assert_int_equal(cgroup_path_for(host, "/a/..b/...", "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/a/..b/...");
}

static void a_path_that_leaves_its_place_is_refused(void **state)
{
        static const char *const bad[] = {"/..", "../x", "/a/../../b", "a/..", "/./a", "a/.", "/", "///", "/a\nb"};
        struct cgroup_host *host = &((struct fixture *)*state)->host;
        char path[4096], small[8], name[300];

        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(cgroup_path_for(host, bad[i], "id", path, sizeof(path)), -EINVAL);
        assert_int_equal(cgroup_path_for(host, "/a/../b", "id", path, sizeof(path)), -EINVAL);
        assert_string_equal(error_message(), "linux.cgroupsPath: \"/a/../b\": the component \"..\" is not allowed");
        assert_int_equal(cgroup_path_for(host, "/12345678", "id", small, sizeof(small)), -ENAMETOOLONG);
        memset(name, 'x', sizeof(name));
        name[0] = '/';
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(cgroup_path_for(host, name, "id", path, sizeof(path)), -ENAMETOOLONG);
}

/* ---- create and remove ---- */

static void a_group_is_made_with_its_parents_and_removed_with_those_it_made(void **state)
{
        struct fixture *f = *state;
        int depth;

        f->host.controllers = 0;
        make_directory(f, "there");
        depth = cgroup_existing_depth(&f->host, "/there/a/b");
        assert_int_equal(depth, 1);
        {
                _cleanup_close_ int fd = cgroup_create(&f->host, "/there/a/b", 0);

                assert_true(fd >= 0);
                assert_int_equal(cgroup_existing_depth(&f->host, "/there/a/b"), 3);
        }
        assert_int_equal(cgroup_remove(&f->host, "/there/a/b", depth, now_ms()), 0);
        assert_false(exists(f, "there/a"));
        assert_true(exists(f, "there"));
        assert_int_equal(cgroup_remove(&f->host, "/there/a/b", depth, now_ms()), 0);
        assert_int_equal(cgroup_existing_depth(&f->host, "/elsewhere/b"), 0);
}

static void a_parent_in_use_stays(void **state)
{
        struct fixture *f = *state;

        make_directory(f, "a");
        make_directory(f, "a/b");
        make_directory(f, "a/other");
        assert_int_equal(cgroup_remove(&f->host, "/a/b", 0, now_ms()), 0);
        assert_false(exists(f, "a/b"));
        assert_true(exists(f, "a/other"));
}

static void the_root_is_never_removed(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(cgroup_remove(&f->host, "/", 0, now_ms()), -EINVAL);
        assert_true(exists(f, "."));
}

static void sub_groups_go_first_however_deep(void **state)
{
        struct fixture *f = *state;

        make_directory(f, "a");
        make_directory(f, "a/b");
        make_directory(f, "a/b/c");
        make_directory(f, "a/b/d");
        make_directory(f, "a/b/c/e");
        make_directory(f, "a/f");
        assert_int_equal(cgroup_remove(&f->host, "/a", 0, now_ms()), 0);
        assert_false(exists(f, "a"));
}

static void a_group_with_processes_is_not_removed_after_the_deadline(void **state)
{
        struct fixture *f = *state;
        char expected[256];

        make_directory(f, "a");
        make_directory(f, "a/b");
        put(f, "a/cgroup.events", "populated 1\nfrozen 0\n");
        put(f, "a/cgroup.procs", "");
        put(f, "a/b/cgroup.procs", "1\n");
        assert_int_equal(cgroup_remove(&f->host, "/a", 0, now_ms() + 5), -ETIMEDOUT);
        snprintf(expected, sizeof(expected), "remove cgroup /cg/a: 1 process is left in the cgroup: 1 (state ");
        assert_memory_equal(error_message(), expected, strlen(expected));
        assert_true(exists(f, "a/b"));
}

static void an_existing_group_must_be_empty_and_not_frozen(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "a");
        put(f, "a/cgroup.events", "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_create(&f->host, "/a", 0), -EBUSY);
        assert_string_equal(error_message(), "container's cgroup is not empty: /a holds processes");
        put(f, "a/cgroup.events", "populated 0\nfrozen 1\n");
        assert_int_equal(cgroup_create(&f->host, "/a", 0), -EBUSY);
        assert_string_equal(error_message(), "container's cgroup unexpectedly frozen: /a");
        put(f, "a/cgroup.events", EMPTY);
        f->host.controllers = 0;
        fd = cgroup_create(&f->host, "/a", 0);
        assert_true(fd >= 0);
}

static void controllers_are_enabled_only_where_they_lack(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "p");
        make_directory(f, "p/leaf");
        put(f, "cgroup.subtree_control", "cpu memory\n");
        put(f, "p/cgroup.subtree_control", "cpu\n");
        put(f, "p/leaf/cgroup.events", EMPTY);
        put(f, "p/leaf/cgroup.controllers", "cpu\n");
        fd = cgroup_create(&f->host, "/p/leaf", CGROUP_CPU | CGROUP_MEMORY);
        assert_true(fd >= 0);
        holds(f, "cgroup.subtree_control", "cpu memory");
        holds(f, "p/cgroup.subtree_control", "+memory"); /* a plain file keeps the words themselves */
}

static void controllers_that_are_there_are_not_looked_for_above(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "leaf"); /* no subtree_control anywhere: reading one would fail */
        put(f, "leaf/cgroup.events", EMPTY);
        put(f, "leaf/cgroup.controllers", "cpu memory pids\n");
        fd = cgroup_create(&f->host, "/leaf", CGROUP_CPU | CGROUP_MEMORY);
        assert_true(fd >= 0);
}

static void a_controller_that_the_tree_lacks_is_named(void **state)
{
        struct fixture *f = *state;

        make_directory(f, "leaf");
        put(f, "leaf/cgroup.events", EMPTY);
        put(f, "leaf/cgroup.controllers", "cpu\n");
        assert_int_equal(cgroup_create(&f->host, "/leaf", CGROUP_CPU | CGROUP_PIDS), -EOPNOTSUPP);
        assert_string_equal(error_message(), "the pids controller is not in /cg/cgroup.controllers");
        f->host.hybrid = true;
        assert_int_equal(cgroup_create(&f->host, "/leaf", CGROUP_PIDS), -EOPNOTSUPP);
        assert_string_equal(error_message(), "the pids controller is not in /cg/cgroup.controllers: hybrid host, the "
                                             "controller is on cgroup v1");
}

static void controllers_that_no_limit_needs_are_enabled_too(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "p");
        make_directory(f, "p/leaf");
        put(f, "cgroup.subtree_control", "cpu\n");
        put(f, "p/cgroup.subtree_control", "\n");
        put(f, "p/leaf/cgroup.events", EMPTY);
        put(f, "p/leaf/cgroup.controllers", "\n");
        fd = cgroup_create(&f->host, "/p/leaf", 0);
        assert_true(fd >= 0);
        holds(f, "cgroup.subtree_control", "+memory");
        holds(f, "p/cgroup.subtree_control", "+cpu +memory");
}

static void a_level_that_hands_on_less_is_no_error_where_no_limit_needs_more(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        f->host.controllers = CGROUP_CPU | CGROUP_PIDS;
        make_directory(f, "p");
        make_directory(f, "p/leaf");
        put(f, "cgroup.subtree_control", "cpu pids\n");
        put(f, "p/cgroup.subtree_control", "\n");
        put(f, "p/cgroup.procs", "1\n");
        put(f, "p/leaf/cgroup.events", EMPTY);
        put(f, "p/leaf/cgroup.controllers", "\n");
        fd = cgroup_create(&f->host, "/p/leaf", 0);
        assert_true(fd >= 0);
        holds(f, "p/cgroup.subtree_control", "");
}

static void threaded_controllers_are_not_enabled_beside_processes(void **state)
{
        struct fixture *f = *state;

        f->host.controllers = CGROUP_PIDS;
        make_directory(f, "p");
        make_directory(f, "p/leaf");
        put(f, "cgroup.subtree_control", "pids\n");
        put(f, "p/cgroup.subtree_control", "\n");
        put(f, "p/cgroup.procs", "1\n");
        put(f, "p/leaf/cgroup.events", EMPTY);
        put(f, "p/leaf/cgroup.controllers", "\n");
        assert_int_equal(cgroup_create(&f->host, "/p/leaf", CGROUP_PIDS), -EBUSY);
        assert_string_equal(error_message(), "enable \"+pids\" in /cg/p/cgroup.subtree_control: the group holds "
                                             "processes itself, and cgroup v2 lets a group have either processes or "
                                             "controllers for its sub-groups (no internal processes)");
        holds(f, "p/cgroup.subtree_control", "");
}

/* ---- processes, freezer, events ---- */

static void processes_are_those_of_all_levels(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ pid_t *pids = NULL;
        size_t n;

        make_directory(f, "a");
        make_directory(f, "a/b");
        make_directory(f, "a/b/empty");
        /* 0: a process that this pid namespace does not show; nobody may ever signal it. */
        put(f, "a/cgroup.procs", "10\n0\n11\n");
        put(f, "a/b/cgroup.procs", "12\n");
        fd = open_directory(f, "a");
        assert_int_equal(cgroup_processes(fd, &pids, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(pids[0], 10);
        assert_int_equal(pids[1], 11);
        assert_int_equal(pids[2], 12);
}

static void a_removed_group_has_no_processes_and_needs_no_signal(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ pid_t *pids = NULL;
        uint64_t kills = 7;
        size_t n = 7;

        make_directory(f, "a");
        fd = open_directory(f, "a");
        assert_int_equal(unlinkat(f->host.root_fd, "a", AT_REMOVEDIR), 0);
        assert_int_equal(cgroup_processes(fd, &pids, &n), 0);
        assert_int_equal(n, 0);
        assert_int_equal(cgroup_kill(fd), 0);
        assert_int_equal(cgroup_signal(fd, SIGTERM), 0);
        assert_int_equal(cgroup_wait_empty(fd, now_ms()), 0);
        assert_int_equal(cgroup_oom_kills(fd, &kills), 0);
        assert_int_equal(kills, 0);
        assert_int_equal(cgroup_is_frozen(fd), -ENOENT);
}

static void kill_is_one_write(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "a");
        put(f, "a/cgroup.kill", "");
        fd = open_directory(f, "a");
        assert_int_equal(cgroup_kill(fd), 0);
        holds(f, "a/cgroup.kill", "1");
        put(f, "a/cgroup.kill", "");
        assert_int_equal(cgroup_signal(fd, SIGKILL), 0);
        holds(f, "a/cgroup.kill", "1");
}

static void a_freeze_that_does_not_come_is_taken_back(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "a");
        put(f, "a/cgroup.freeze", "0");
        put(f, "a/cgroup.events", "populated 1\nfrozen 0\n");
        fd = open_directory(f, "a");
        assert_int_equal(cgroup_is_frozen(fd), 0);
        assert_int_equal(cgroup_freeze(fd, true, now_ms() + 5), -ETIMEDOUT);
        holds(f, "a/cgroup.freeze", "0");
        put(f, "a/cgroup.events", "populated 1\nfrozen 1\n");
        assert_int_equal(cgroup_freeze(fd, true, now_ms()), 0);
        assert_int_equal(cgroup_is_frozen(fd), 1);
        assert_int_equal(cgroup_freeze(fd, false, now_ms() + 5), -ETIMEDOUT);
        holds(f, "a/cgroup.freeze", "0");
}

static void a_signal_leaves_the_freezer_as_it_was(void **state)
{
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;

        make_directory(f, "a");
        put(f, "a/cgroup.freeze", "0");
        put(f, "a/cgroup.events", "populated 1\nfrozen 1\n");
        put(f, "a/cgroup.procs", "");
        fd = open_directory(f, "a");
        assert_int_equal(cgroup_signal(fd, SIGTERM), 0);
        holds(f, "a/cgroup.freeze", "0");
        put(f, "a/cgroup.freeze", "1");
        assert_int_equal(cgroup_signal(fd, SIGTERM), 0);
        holds(f, "a/cgroup.freeze", "1");
}

/* ---- writes ---- */

static void writes_reach_their_files(void **state)
{
        struct fixture *f = *state;
        struct cgroup_write v[] = {
                {.file = "memory.swap.max", .value = "0", .field = "swap", .may_be_missing = true},
                {.file = "io.bfq.weight", .value = "100", .field = "weight", .may_be_missing = true},
                {.file = "io.weight", .value = "default 910", .field = "weight", .unless_before = true},
                {.file = "pids.max", .value = "1", .field = "pids"},
        };
        struct cgroup_writes writes = {.n = ELEMENTS(v), .v = v};

        put(f, "io.weight", "");
        put(f, "pids.max", "");
        assert_int_equal(cgroup_apply_writes(f->host.root_fd, &writes, false), 0);
        holds(f, "io.weight", "default 910");
        holds(f, "pids.max", "1");
        assert_false(exists(f, "memory.swap.max"));
}

static void one_of_two_files_for_a_field_must_exist(void **state)
{
        struct fixture *f = *state;
        struct cgroup_write v[] = {
                {.file = "io.bfq.weight",
                 .value = "100",
                 .field = "linux.resources.blockIO.weight",
                 .controller = CGROUP_IO,
                 .may_be_missing = true},
                {.file = "io.weight",
                 .value = "default 910",
                 .field = "linux.resources.blockIO.weight",
                 .controller = CGROUP_IO,
                 .unless_before = true},
        };
        struct cgroup_writes writes = {.n = ELEMENTS(v), .v = v};

        assert_int_equal(cgroup_apply_writes(f->host.root_fd, &writes, false), -ENOENT);
        assert_string_equal(error_message(),
                            "linux.resources.blockIO.weight: the cgroup has no file io.weight: the io "
                            "controller is not enabled for it, or the kernel does not have this limit");
        put(f, "io.bfq.weight", "");
        assert_int_equal(cgroup_apply_writes(f->host.root_fd, &writes, false), 0);
        holds(f, "io.bfq.weight", "100");
}

static void a_failed_change_puts_everything_back(void **state)
{
        struct fixture *f = *state;
        struct cgroup_write v[] = {
                {.file = "memory.max", .value = "50", .field = "limit"},
                {.file = "io.max", .value = "8:0 rbps=7", .field = "throttle"},
                {.file = "pids.max", .value = "5", .field = "pids"},
                {.file = "cpu.weight", .value = "100", .field = "shares"},
        };
        struct cgroup_writes writes = {.n = ELEMENTS(v), .v = v};

        put(f, "memory.max", "max\n");
        put(f, "io.max", "8:0 rbps=max wbps=3 riops=max wiops=max\n");
        put(f, "pids.max", "77\n");
        assert_int_equal(cgroup_apply_writes(f->host.root_fd, &writes, true), -ENOENT);
        assert_string_equal(error_message(), "shares: the cgroup has no file cpu.weight");
        holds(f, "memory.max", "max");
        holds(f, "io.max", "8:0 rbps=max wbps=3 riops=max wiops=max");
        holds(f, "pids.max", "77");
}

static void a_value_in_force_is_not_written_again(void **state)
{
        struct fixture *f = *state;
        struct cgroup_write v[] = {
                {.file = "memory.max", .value = "50", .field = "limit"},
                {.file = "pids.max", .value = "6", .field = "pids"},
        };
        struct cgroup_writes writes = {.n = ELEMENTS(v), .v = v};
        struct timespec before[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        struct stat st;

        put(f, "memory.max", "50\n");
        put(f, "pids.max", "5\n");
        assert_int_equal(utimensat(f->host.root_fd, "memory.max", before, 0), 0);
        assert_int_equal(cgroup_apply_writes(f->host.root_fd, &writes, true), 0);
        holds(f, "pids.max", "6");
        assert_int_equal(fstatat(f->host.root_fd, "memory.max", &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1);
}

static void memory_below_its_use_is_refused_when_asked(void **state)
{
        struct fixture *f = *state;
        struct oci_memory memory = {.limit = {true, 4095}};

        put(f, "memory.current", "4096\n");
        assert_int_equal(cgroup_check_memory(f->host.root_fd, &memory), 0);
        memory.check_before_update = (struct optional_bool){true, true};
        assert_int_equal(cgroup_check_memory(f->host.root_fd, &memory), -EBUSY);
        assert_string_equal(error_message(),
                            "linux.resources.memory.limit: 4095 bytes is below the present use of 4096 "
                            "bytes (checkBeforeUpdate)");
        memory.limit.value = 4096;
        assert_int_equal(cgroup_check_memory(f->host.root_fd, &memory), 0);
        memory.limit.value = -1;
        memory.swap = (struct optional_i64){true, 100};
        assert_int_equal(cgroup_check_memory(f->host.root_fd, &memory), -EBUSY);
        memory.swap.value = -1;
        assert_int_equal(cgroup_check_memory(f->host.root_fd, &memory), 0);
}

static void oom_kills_are_counted(void **state)
{
        struct fixture *f = *state;
        uint64_t kills = 9;

        put(f, "memory.events", "low 0\nhigh 0\nmax 31\noom 2\noom_kill 3\noom_group_kill 1\n");
        assert_int_equal(cgroup_oom_kills(f->host.root_fd, &kills), 0);
        assert_int_equal(kills, 3);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TREE_TEST(the_own_group_is_read_from_proc),
                TREE_TEST(controllers_are_read_and_written_as_words),
                TREE_TEST(a_path_is_absolute_or_beside_the_own_group),
                TREE_TEST(a_path_that_leaves_its_place_is_refused),
                TREE_TEST(a_group_is_made_with_its_parents_and_removed_with_those_it_made),
                TREE_TEST(a_parent_in_use_stays),
                TREE_TEST(the_root_is_never_removed),
                TREE_TEST(sub_groups_go_first_however_deep),
                TREE_TEST(a_group_with_processes_is_not_removed_after_the_deadline),
                TREE_TEST(an_existing_group_must_be_empty_and_not_frozen),
                TREE_TEST(controllers_are_enabled_only_where_they_lack),
                TREE_TEST(controllers_that_are_there_are_not_looked_for_above),
                TREE_TEST(controllers_that_no_limit_needs_are_enabled_too),
                TREE_TEST(a_level_that_hands_on_less_is_no_error_where_no_limit_needs_more),
                TREE_TEST(threaded_controllers_are_not_enabled_beside_processes),
                TREE_TEST(a_controller_that_the_tree_lacks_is_named),
                TREE_TEST(processes_are_those_of_all_levels),
                TREE_TEST(a_removed_group_has_no_processes_and_needs_no_signal),
                TREE_TEST(kill_is_one_write),
                TREE_TEST(a_freeze_that_does_not_come_is_taken_back),
                TREE_TEST(a_signal_leaves_the_freezer_as_it_was),
                TREE_TEST(writes_reach_their_files),
                TREE_TEST(one_of_two_files_for_a_field_must_exist),
                TREE_TEST(a_failed_change_puts_everything_back),
                TREE_TEST(a_value_in_force_is_not_written_again),
                TREE_TEST(memory_below_its_use_is_refused_when_asked),
                TREE_TEST(oom_kills_are_counted),
        };

        return cmocka_run_group_tests_name("groups and their files", tests, NULL, NULL);
}
