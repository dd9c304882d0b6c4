/* Groups in a temporary directory: plain files stand for those of the kernel, which shows what is asked of them. */
#include "tests/unit/cgroup_tree_support.h"

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
        assert_int_equal(cgroup_path_for(host, "/./a/.//b/.", "id", path, sizeof(path)), 0);
        assert_string_equal(path, "/a/b");
}

static void a_path_that_leaves_its_place_is_refused(void **state)
{
        static const char *const bad[] = {"/..", "../x", "/a/../../b", "a/..", "/.", "./", "/", "///", "/a\nb"};
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
        };

        return cmocka_run_group_tests_name("groups and their files", tests, NULL, NULL);
}
