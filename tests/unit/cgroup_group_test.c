/* What is done with a group that is there: processes, freezer, events, writes. */
#include "tests/unit/cgroup_tree_support.h"

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
