/* Groups of resctrl in a directory that looks like the file system. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
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
#include "base/path.h"
#include "runtime/core/resctrl.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

static char root[64];

static void put(const char *path, const char *text)
{
        char full[256];
        FILE *file;

        snprintf(full, sizeof(full), "%s/%s", root, path);
        file = fopen(full, "we");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void make_directory(const char *path)
{
        char full[256];

        snprintf(full, sizeof(full), "%s/%s", root, path);
        assert_int_equal(mkdir(full, 0755), 0);
}

/* What mkdir makes the kernel put into a group, as far as it is needed here. */
static void make_group(const char *name, const char *schemata)
{
        char path[256];

        make_directory(name);
        snprintf(path, sizeof(path), "%s/schemata", name);
        put(path, schemata);
        snprintf(path, sizeof(path), "%s/tasks", name);
        put(path, "");
        snprintf(path, sizeof(path), "%s/mon_groups", name);
        make_directory(path);
}

static void assert_file(const char *path, const char *text)
{
        char full[256], got[256];

        snprintf(full, sizeof(full), "%s/%s", root, path);
        assert_true(read_small_file_at(AT_FDCWD, full, got, sizeof(got)) >= 0);
        assert_string_equal(got, text);
}

static int exists(const char *path)
{
        char full[256];

        snprintf(full, sizeof(full), "%s/%s", root, path);
        return access(full, F_OK) == 0;
}

static int make_root(void **state)
{
        (void)state;
        strcpy(root, "/tmp/berth-resctrl-XXXXXX");
        if (!mkdtemp(root))
                return -1;
        put("schemata", "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n");
        put("tasks", "");
        make_directory("mon_groups");
        return 0;
}

static int remove_root(void **state)
{
        (void)state;
        return remove_tree_at(AT_FDCWD, root);
}

static int join(const struct oci_intel_rdt *rdt, struct resctrl_group *group)
{
        error_clear();
        return resctrl_join(root, "web", rdt, 4711, group);
}

static void a_host_without_resctrl_is_told_so(void **state)
{
        char *path = NULL, list[128];

        (void)state;
        snprintf(list, sizeof(list), "%s/mountinfo", root);
        put("mountinfo", "22 1 0:20 / /proc rw,relatime shared:5 - proc proc rw\n");
        assert_int_equal(resctrl_find(list, &path), -ENOENT);
        assert_non_null(strstr(error_message(), "no resctrl file system is mounted"));
}

static void the_mount_is_found_wherever_it_is(void **state)
{
        char *path = NULL, list[128];

        (void)state;
        snprintf(list, sizeof(list), "%s/mountinfo", root);
        put("mountinfo", "22 1 0:20 / /resctrl rw,relatime shared:5 - proc proc rw\n"
                         "23 1 0:21 / /mnt/a\\040b rw,relatime shared:6 master:2 - resctrl resctrl rw,mba_MBps\n");
        assert_int_equal(resctrl_find(list, &path), 0);
        assert_string_equal(path, "/mnt/a b");
        free(path);
}

static void a_set_up_class_is_joined_and_stays(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .clos_id = "gold"};
        struct resctrl_group group;

        (void)state;
        make_group("gold", "L3:0=f;1=f\n");
        assert_int_equal(join(&rdt, &group), 0);
        assert_file("gold/tasks", "4711");
        assert_file("gold/schemata", "L3:0=f;1=f");
        assert_false(group.created || group.remove);
        assert_null(resctrl_group_owned(&group));
        resctrl_group_free(&group);
}

static void a_class_that_was_to_be_set_up_and_is_not_is_an_error(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .clos_id = "gold"};
        struct resctrl_group group;

        (void)state;
        assert_int_equal(join(&rdt, &group), -ENOENT);
        assert_non_null(strstr(error_message(), "gold"));
        assert_false(exists("gold"));
}

static void a_class_that_exists_must_have_the_schemata_asked_for(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .clos_id = "gold", .l3_cache_schema = "L3:0=0f;1=f"};
        struct resctrl_group group;

        (void)state;
        make_group("gold", "    MB:0= 20;1= 70\n    L3:0=00f;1=00f\n");
        assert_int_equal(join(&rdt, &group), 0);
        resctrl_group_free(&group);
        rdt.mem_bw_schema = "MB:0=20;1=70";
        put("gold/schemata", "    MB:0= 20;1= 70\n    L3:0=00f;1=00f\n");
        assert_int_equal(join(&rdt, &group), 0);
        resctrl_group_free(&group);
        put("gold/schemata", "    MB:0= 20;1= 70\n    L3:0=00f;1=00f\n");
        rdt.mem_bw_schema = "MB:0=20;1=80";
        assert_int_equal(join(&rdt, &group), -EINVAL);
        assert_non_null(strstr(error_message(), "MB:0=20;1=80"));
        rdt.mem_bw_schema = NULL;
        rdt.l3_cache_schema = "L3:0=f;2=f";
        assert_int_equal(join(&rdt, &group), -EINVAL);
        assert_file("gold/schemata", "    MB:0= 20;1= 70\n    L3:0=00f;1=00f");
}

static void a_class_of_the_containers_own_goes_with_it(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .l3_cache_schema = "L3:0=3"};
        struct resctrl_group group;

        (void)state;
        /* In the real file system the files come with the directory; here the first write fails, and what was made must
         * be gone again. */
        assert_int_equal(join(&rdt, &group), -ENOENT);
        assert_non_null(strstr(error_message(), "L3:0=3"));
        assert_false(exists("web"));
        assert_null(group.path);
}

static void the_list_of_schemata_is_written_last(void **state)
{
        const char *lines[] = {"L2:0=f", "MB:0=50"};
        struct oci_intel_rdt rdt = {.set = true, .schemata = {ELEMENTS(lines), lines}, .l3_cache_schema = "L3:0=3"};
        struct resctrl_group group;

        (void)state;
        /* A group of the container's name that somebody else made: it is used and not removed. */
        make_group("web", "");
        assert_int_equal(join(&rdt, &group), 0);
        /* Each line is a write of its own; a plain file keeps the last over the start of the others. */
        assert_file("web/schemata", "MB:0=50");
        assert_file("web/tasks", "4711");
        assert_false(group.created || group.remove);
        resctrl_group_free(&group);
}

static void the_root_class_can_be_named(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .clos_id = "/"};
        struct resctrl_group group;

        (void)state;
        assert_int_equal(join(&rdt, &group), 0);
        assert_file("tasks", "4711");
        assert_null(resctrl_group_owned(&group));
        resctrl_group_free(&group);
        rdt.l3_cache_schema = "L3:0=1";
        assert_int_equal(join(&rdt, &group), -EINVAL);
}

static void a_monitoring_group_is_made_for_the_container_and_goes_with_it(void **state)
{
        struct oci_intel_rdt rdt = {.set = true, .clos_id = "gold", .enable_monitoring = true};
        struct resctrl_group group;
        char path[128];

        (void)state;
        make_group("gold", "L3:0=f\n");
        /* The fake has no "tasks" in a new directory: what was made is undone, the class stays. */
        assert_int_equal(join(&rdt, &group), -ENOENT);
        assert_false(exists("gold/mon_groups/web"));
        assert_true(exists("gold"));
        make_directory("gold/mon_groups/web");
        put("gold/mon_groups/web/tasks", "");
        assert_int_equal(join(&rdt, &group), 0);
        assert_file("gold/mon_groups/web/tasks", "4711");
        snprintf(path, sizeof(path), "%s/gold/mon_groups/web", root);
        assert_string_equal(group.monitoring, path);
        resctrl_group_free(&group);
}

static void a_name_that_leaves_the_file_system_is_refused(void **state)
{
        static const char *const bad[] = {"..", ".", "", "a/b", "../etc"};
        struct resctrl_group group;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct oci_intel_rdt rdt = {.set = true, .clos_id = bad[i], .l3_cache_schema = "L3:0=1"};

                assert_int_equal(join(&rdt, &group), -EINVAL);
                assert_non_null(strstr(error_message(), "closID"));
        }
}

static void a_schema_with_a_line_break_is_refused(void **state)
{
        (void)state;
        assert_int_equal(resctrl_update(root, "L3:0=1\nMB:0=10", NULL), -EINVAL);
        assert_file("schemata", "    MB:0=100;1=100\n    L3:0=7ff;1=7ff");
}

static void removing_what_is_gone_is_success(void **state)
{
        char path[128];

        (void)state;
        snprintf(path, sizeof(path), "%s/web", root);
        assert_int_equal(resctrl_remove(path), 0);
        make_directory("web");
        assert_int_equal(resctrl_remove(path), 0);
        assert_false(exists("web"));
}

#define IN_A_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_A_ROOT(a_host_without_resctrl_is_told_so),
                IN_A_ROOT(the_mount_is_found_wherever_it_is),
                IN_A_ROOT(a_set_up_class_is_joined_and_stays),
                IN_A_ROOT(a_class_that_was_to_be_set_up_and_is_not_is_an_error),
                IN_A_ROOT(a_class_that_exists_must_have_the_schemata_asked_for),
                IN_A_ROOT(a_class_of_the_containers_own_goes_with_it),
                IN_A_ROOT(the_list_of_schemata_is_written_last),
                IN_A_ROOT(the_root_class_can_be_named),
                IN_A_ROOT(a_monitoring_group_is_made_for_the_container_and_goes_with_it),
                IN_A_ROOT(a_name_that_leaves_the_file_system_is_refused),
                IN_A_ROOT(a_schema_with_a_line_break_is_refused),
                IN_A_ROOT(removing_what_is_gone_is_success),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
