/* The names of scopes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "cgroups/systemd_names.h"

#include <cmocka.h>

static int set_up(void **state)
{
        static struct arena arena;

        *state = &arena;
        return 0;
}

static int tear_down(void **state)
{
        arena_free(*state);
        return 0;
}

static void the_three_parts_are_slice_prefix_and_name(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for("machine.slice:libpod:abc", "id", false, *state, &names), 0);
        assert_string_equal(names.slice, "machine.slice");
        assert_string_equal(names.unit, "libpod-abc.scope");
        assert_string_equal(names.path, "/machine.slice/libpod-abc.scope");
}

static void without_a_path_the_id_is_the_name(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for(NULL, "web", false, *state, &names), 0);
        assert_string_equal(names.path, "/system.slice/berth-web.scope");
        assert_int_equal(systemd_names_for("", "web", true, *state, &names), 0);
        assert_string_equal(names.path, "/user.slice/berth-web.scope");
}

static void an_empty_slice_is_the_default_and_an_empty_prefix_is_none(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for("::web", "id", false, *state, &names), 0);
        assert_string_equal(names.path, "/system.slice/web.scope");
        assert_int_equal(systemd_names_for(":crio:web", "id", true, *state, &names), 0);
        assert_string_equal(names.path, "/user.slice/crio-web.scope");
}

static void every_dash_of_a_slice_is_a_level(void **state)
{
        assert_string_equal(systemd_slice_path("-.slice", *state), "");
        assert_string_equal(systemd_slice_path("a.slice", *state), "/a.slice");
        assert_string_equal(systemd_slice_path("a-b-c.slice", *state), "/a.slice/a-b.slice/a-b-c.slice");
        assert_string_equal(systemd_slice_path("kubepods-besteffort-pod1_2.slice", *state),
                            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice");
}

static void the_root_slice_is_the_root(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for("-.slice:a:b", "id", false, *state, &names), 0);
        assert_string_equal(names.path, "/a-b.scope");
}

static void what_the_kernel_could_take_for_its_own_file_gets_an_underscore(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for("_a.slice::cpu.x", "id", false, *state, &names), 0);
        assert_string_equal(names.unit, "cpu.x.scope");
        assert_string_equal(names.path, "/__a.slice/_cpu.x.scope");
        assert_int_equal(systemd_names_for("memory.slice::.x", "id", false, *state, &names), 0);
        assert_string_equal(names.path, "/_memory.slice/_.x.scope");
        /* systemd does not know this controller. */
        assert_int_equal(systemd_names_for("a.slice::hugetlb.x", "id", false, *state, &names), 0);
        assert_string_equal(names.path, "/a.slice/hugetlb.x.scope");
}

static void refuses(void **state, const char *path, const char *id, const char *why)
{
        struct systemd_names names;

        assert_int_not_equal(systemd_names_for(path, id, false, *state, &names), 0);
        assert_non_null(strstr(error_message(), "linux.cgroupsPath"));
        if (!strstr(error_message(), why))
                print_error("%s: %s\n", path, error_message());
        assert_non_null(strstr(error_message(), why));
}

static void anything_but_three_parts_is_refused(void **state)
{
        static const char *const bad[] = {"/system.slice/a", "a", "a:b", "a:b:c:d", "system.slice:a/b:c", "/a:b:c"};

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                refuses(state, bad[i], "id", "slice:prefix:name");
}

static void what_systemd_would_refuse_is_refused(void **state)
{
        char long_name[300];

        refuses(state, "system:a:b", "id", "\"system\"");
        refuses(state, "a--b.slice:a:b", "id", "slice");
        refuses(state, "-a.slice:a:b", "id", "slice");
        refuses(state, "a-.slice:a:b", "id", "slice");
        refuses(state, ".slice:a:b", "id", "slice");
        refuses(state, "a@b.slice:a:b", "id", "slice");
        refuses(state, "a b.slice:a:b", "id", "name of a systemd unit");
        refuses(state, "system.slice:a:", "id", "name is missing");
        refuses(state, "system.slice:a:b.slice", "id", "cannot be a slice");
        refuses(state, "system.slice:a:b c", "id", "name of a systemd unit");
        refuses(state, "system.slice:a:\xc3\xa4", "id", "name of a systemd unit");
        refuses(state, "system.slice::@b", "id", "\"@\"");
        refuses(state, "system.slice:a:b@", "id", "\"@\"");
        refuses(state, NULL, "a+b", "a+b");
        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        refuses(state, NULL, long_name, "255");
}

static void units_of_a_template_are_units(void **state)
{
        struct systemd_names names;

        assert_int_equal(systemd_names_for("system.slice:a:b@c", "id", false, *state, &names), 0);
        assert_string_equal(names.unit, "a-b@c.scope");
}

static void a_subgroup_is_one_component_that_is_no_file(void **state)
{
        static const char *const bad[] = {"a/b", "..", ".", "/", "cgroup.procs", "memory.max", "hugetlb.x", "a\nb"};

        (void)state;
        assert_int_equal(systemd_check_subgroup(NULL), 0);
        assert_int_equal(systemd_check_subgroup(""), 0);
        assert_int_equal(systemd_check_subgroup("container"), 0);
        assert_int_equal(systemd_check_subgroup("memory"), 0);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(systemd_check_subgroup(bad[i]), -EINVAL);
                assert_non_null(strstr(error_message(), "run.oci.systemd.subgroup"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_three_parts_are_slice_prefix_and_name),
                cmocka_unit_test(without_a_path_the_id_is_the_name),
                cmocka_unit_test(an_empty_slice_is_the_default_and_an_empty_prefix_is_none),
                cmocka_unit_test(every_dash_of_a_slice_is_a_level),
                cmocka_unit_test(the_root_slice_is_the_root),
                cmocka_unit_test(what_the_kernel_could_take_for_its_own_file_gets_an_underscore),
                cmocka_unit_test(anything_but_three_parts_is_refused),
                cmocka_unit_test(what_systemd_would_refuse_is_refused),
                cmocka_unit_test(units_of_a_template_are_units),
                cmocka_unit_test(a_subgroup_is_one_component_that_is_no_file),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
