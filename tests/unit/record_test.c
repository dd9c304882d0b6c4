#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "runtime/life/record.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

#define BOOT_ID "01234567-89ab-cdef-0123-456789abcdef"

struct place {
        char path[64];
        int fd;
};

static int set_up(void **state)
{
        static struct place place;

        strcpy(place.path, "/tmp/berth-record-XXXXXX");
        if (!mkdtemp(place.path))
                return -1;
        place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = &place;
        return place.fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
        struct place *place = *state;

        close(place->fd);
        return remove_tree_at(AT_FDCWD, place->path);
}

static struct record example(void)
{
        static struct oci_pair pairs[] = {{"a", "1"}, {"org.example", "line\nbreak \"quoted\""}};

        return (struct record){
                .id = "web",
                .bundle = "/srv/web",
                .rootfs = "/srv/web/rootfs",
                .oci_version = "1.2.0",
                .created = "2026-11-21T02:45:01.000000001Z",
                .isolation = ISOLATION_PROCESS,
                .sandbox = "web",
                .init = {4711, UINT64_MAX, BOOT_ID},
                .owner = 1000,
                .namespaces = 1U << OCI_NS_PID | 1U << OCI_NS_USER | 1U << OCI_NS_TIME,
                .new_namespaces = 1U << OCI_NS_PID,
                .root_below = UINT64_MAX,
                .cgroup_manager = CGROUP_MANAGER_CGROUPFS,
                .cgroup = "/berth/web",
                .cgroup_existing_depth = 1,
                .subgroup = "inner",
                .systemd_unit = ".berth-web.scope",
                .systemd_user = true,
                .annotations = {2, pairs},
        };
}

static void what_was_written_is_what_is_read(void **state)
{
        struct place *place = *state;
        struct record record = example(), *again;

        assert_int_equal(record_write(place->fd, &record), 0);
        assert_int_equal(record_read(place->fd, &again), 0);
        assert_string_equal(again->id, "web");
        assert_string_equal(again->bundle, "/srv/web");
        assert_string_equal(again->rootfs, "/srv/web/rootfs");
        assert_string_equal(again->oci_version, "1.2.0");
        assert_string_equal(again->created, record.created);
        assert_int_equal(again->isolation, ISOLATION_PROCESS);
        assert_string_equal(again->sandbox, "web");
        assert_int_equal(again->init.pid, 4711);
        assert_true(again->init.start_time == UINT64_MAX);
        assert_string_equal(again->init.boot_id, BOOT_ID);
        assert_int_equal(again->owner, 1000);
        assert_int_equal(again->namespaces, record.namespaces);
        assert_int_equal(again->new_namespaces, record.new_namespaces);
        assert_int_equal(again->cgroup_manager, CGROUP_MANAGER_CGROUPFS);
        assert_string_equal(again->cgroup, "/berth/web");
        assert_int_equal(again->cgroup_existing_depth, 1);
        assert_string_equal(again->subgroup, "inner");
        assert_string_equal(again->systemd_unit, ".berth-web.scope");
        assert_true(again->systemd_user);
        assert_true(again->root_below == UINT64_MAX);
        assert_null(again->resctrl);
        assert_int_equal(again->annotations.n, 2);
        assert_string_equal(again->annotations.v[1].key, "org.example");
        assert_string_equal(again->annotations.v[1].value, "line\nbreak \"quoted\"");
        record_free(again);
}

static void a_record_may_come_before_the_process_and_the_cgroup(void **state)
{
        struct place *place = *state;
        struct record record = example(), *again;

        record.init = (struct process_identity){0};
        record.cgroup = NULL;
        assert_int_equal(record_write(place->fd, &record), 0);
        assert_int_equal(record_read(place->fd, &again), 0);
        assert_int_equal(again->init.pid, 0);
        assert_null(again->cgroup);
        record_free(again);
}

static void only_the_owner_may_read_it(void **state)
{
        struct place *place = *state;
        struct record record = example();
        struct stat st;

        assert_int_equal(record_write(place->fd, &record), 0);
        assert_int_equal(fstatat(place->fd, RECORD_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_path_that_json_cannot_hold_is_refused(void **state)
{
        struct place *place = *state;
        struct record record = example();

        record.bundle = "/srv/\xff";
        assert_int_equal(record_write(place->fd, &record), -EINVAL);
        assert_int_equal(faccessat(place->fd, RECORD_FILE, F_OK, 0), -1);
}

static void a_missing_record_is_told_from_a_damaged_one(void **state)
{
        struct place *place = *state;
        struct record *record;

        assert_int_equal(record_read(place->fd, &record), -ENOENT);
        assert_int_equal(replace_file_at(place->fd, RECORD_FILE, "{", 1, 0600), 0);
        assert_int_equal(record_read(place->fd, &record), -EINVAL);
        assert_non_null(strstr(error_message(), "record.json: "));
}

/* A valid text with one member replaced. */
static const char good[] =
        "{\"version\":1,\"id\":\"web\",\"ociVersion\":\"1.0.0\",\"bundle\":\"/b\",\"rootfs\":\"/b/"
        "r\",\"created\":\"c\","
        "\"isolation\":\"process\",\"sandbox\":\"web\",\"init\":{\"pid\":7,\"startTime\":9,\"bootId\":\"" BOOT_ID
        "\"},\"owner\":0,\"namespaces\":[\"pid\"],\"newNamespaces\":[],\"cgroupManager\":"
        "\"disabled\",\"cgroup\":\"/x\",\"cgroupExistingDepth\":0}";

static void damaged_members_are_refused_and_named(void **state)
{
        static const struct {
                const char *from, *to, *named;
        } damages[] = {
                {"\"version\":1", "\"version\":2", "version: unknown version 2"},
                {"\"version\":1,", "", "version: "},
                {"\"id\":\"web\"", "\"id\":\"../web\"", "id: "},
                {"\"id\":\"web\",", "", "id: "},
                {"\"bundle\":\"/b\"", "\"bundle\":\"b\"", "bundle: "},
                {"\"isolation\":\"process\"", "\"isolation\":\"none\"", "isolation: "},
                {"\"sandbox\":\"web\"", "\"sandbox\":\"a/b\"", "sandbox: "},
                {"\"pid\":7", "\"pid\":0", "init.pid: "},
                {"\"pid\":7", "\"pid\":4294967296", "init.pid: "},
                {"\"startTime\":9", "\"startTime\":-9", "init.startTime: "},
                {BOOT_ID, "short", "init.bootId: "},
                {BOOT_ID, "/1234567-89ab-cdef-0123-456789abcdef", "init.bootId: "},
                {"[\"pid\"]", "[\"pidd\"]", "namespaces[0]: "},
                {"\"cgroup\":\"/x\"", "\"cgroup\":\"/x/../../y\"", "cgroup: "},
                {"\"cgroup\":\"/x\"", "\"cgroup\":\"/..\"", "cgroup: "},
                {"\"cgroup\":\"/x\"", "\"cgroup\":\"x\"", "cgroup: "},
                {"Depth\":0", "Depth\":-1", "cgroupExistingDepth: "},
                {"Depth\":0", "Depth\":0,\"subgroup\":\"..\"", "subgroup: "},
                {"Depth\":0", "Depth\":0,\"subgroup\":\"a/b\"", "subgroup: "},
                {"Depth\":0", "Depth\":0,\"systemdUnit\":\"/a.scope\"", "systemdUnit: "},
                {"Depth\":0", "Depth\":0,\"systemdUser\":1", "systemdUser: "},
                {"\"owner\":0", "\"owner\":4294967295", "owner: "},
        };
        struct record *record;

        (void)state;
        assert_int_equal(record_parse(good, strlen(good), &record), 0);
        record_free(record);
        for (size_t i = 0; i < ELEMENTS(damages); i++) {
                const char *at = strstr(good, damages[i].from);
                char text[1024];
                int r;

                assert_non_null(at);
                snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, damages[i].to,
                         at + strlen(damages[i].from));
                r = record_parse(text, strlen(text), &record);
                assert_int_equal(r, -EINVAL);
                if (strncmp(error_message(), damages[i].named, strlen(damages[i].named)) != 0)
                        fail_msg("%s: %s", damages[i].to, error_message());
        }
}

static void no_string_is_longer_than_a_path(void **state)
{
        struct place *place = *state;
        struct record record = example(), *again;
        char path[5000];

        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[4999] = '\0';
        record.bundle = path;
        assert_int_equal(record_write(place->fd, &record), 0);
        assert_int_equal(record_read(place->fd, &again), -EINVAL);
        assert_non_null(strstr(error_message(), "bundle: longer than"));
}

static bool skims(const struct record *record, struct record_gist *gist)
{
        static char *text;
        bool skimmed;

        free(text);
        assert_int_equal(record_format(record, &text), 0);
        skimmed = record_skim(text, strlen(text), "web", gist);
        return skimmed;
}

static void skimming_finds_what_was_written(void **state)
{
        struct record record = example();
        struct record_gist gist;

        (void)state;
        assert_true(skims(&record, &gist));
        assert_int_equal(gist.init.pid, 4711);
        assert_true(gist.init.start_time == UINT64_MAX);
        assert_string_equal(gist.init.boot_id, BOOT_ID);
        assert_string_equal(gist.created, record.created);
        assert_string_equal(gist.cgroup, "/berth/web");
        assert_true(gist.ends_with_init);
        record.cgroup = NULL;
        assert_true(skims(&record, &gist));
        assert_null(gist.cgroup);
        assert_false(gist.ends_with_init);
}

static void only_a_group_of_its_own_ends_with_the_init(void **state)
{
        struct record others[3] = {example(), example(), example()};
        struct record_gist gist;

        (void)state;
        others[0].cgroup_existing_depth = 2;
        others[1].new_namespaces = 1U << OCI_NS_USER;
        others[2].isolation = ISOLATION_VM;
        for (size_t i = 0; i < ELEMENTS(others); i++) {
                assert_true(skims(&others[i], &gist));
                assert_false(gist.ends_with_init);
        }
}

static void what_is_not_plain_is_left_to_the_parser(void **state)
{
        struct record others[4] = {example(), example(), example(), example()};
        struct record record = example();
        struct record_gist gist;
        char *text;

        (void)state;
        others[0].init = (struct process_identity){0};
        others[1].bundle = "/srv/\"web\"";
        others[2].id = "other";
        others[3].cgroup = "/berth/../web";
        for (size_t i = 0; i < ELEMENTS(others); i++)
                assert_false(skims(&others[i], &gist));
        for (size_t cut = 1;; cut++) {
                assert_int_equal(record_format(&record, &text), 0);
                if (cut > strlen(text))
                        break;
                text[strlen(text) - cut] = '\0';
                assert_false(record_skim(text, strlen(text), "web", &gist));
                free(text);
        }
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_was_written_is_what_is_read, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_record_may_come_before_the_process_and_the_cgroup, set_up, tear_down),
                cmocka_unit_test_setup_teardown(only_the_owner_may_read_it, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_path_that_json_cannot_hold_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_missing_record_is_told_from_a_damaged_one, set_up, tear_down),
                cmocka_unit_test(damaged_members_are_refused_and_named),
                cmocka_unit_test_setup_teardown(no_string_is_longer_than_a_path, set_up, tear_down),
                cmocka_unit_test(skimming_finds_what_was_written),
                cmocka_unit_test(only_a_group_of_its_own_ends_with_the_init),
                cmocka_unit_test(what_is_not_plain_is_left_to_the_parser),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
