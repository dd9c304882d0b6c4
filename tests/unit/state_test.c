#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "runtime/life/messages.h"
#include "runtime/life/record.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

struct place {
        char path[64];
        struct runtime runtime;
        char warnings[1024];
};

static struct place place;

static void keep_warning(enum log_level level, const char *message)
{
        size_t used = strlen(place.warnings);

        (void)level;
        snprintf(place.warnings + used, sizeof(place.warnings) - used, "%s\n", message);
}

static int set_up(void **state)
{
        (void)state;
        memset(&place, 0, sizeof(place));
        strcpy(place.path, "/tmp/berth-state-XXXXXX");
        if (!mkdtemp(place.path))
                return -1;
        place.runtime = (struct runtime){.root = place.path, .root_fd = -EBADF};
        log_set_sink(keep_warning, LOG_LEVEL_WARNING);
        return runtime_open_root(&place.runtime, true);
}

static int tear_down(void **state)
{
        (void)state;
        log_set_sink(NULL, LOG_LEVEL_ERROR);
        cleanup_close(&place.runtime.root_fd);
        return remove_tree_at(AT_FDCWD, place.path);
}

/* <root>/<id>/record.json for a process (0: none yet). Returns the directory. */
static int make_entry(const char *id, pid_t pid)
{
        struct record record = {
                .id = id,
                .bundle = "/b",
                .rootfs = "/b/rootfs",
                .oci_version = "1.0.2",
                .created = "2026-11-21T02:45:01.000000001Z",
                .isolation = ISOLATION_PROCESS,
                .sandbox = id,
                .cgroup_manager = CGROUP_MANAGER_DISABLED,
        };
        int dir_fd;

        assert_int_equal(mkdirat(place.runtime.root_fd, id, 0700), 0);
        dir_fd = openat(place.runtime.root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir_fd >= 0);
        if (pid)
                assert_int_equal(process_identify(pid, &record.init), 0);
        assert_int_equal(record_write(dir_fd, &record), 0);
        return dir_fd;
}

static enum container_status status_of(const char *id)
{
        _cleanup_(container_release) struct container container = {.dir_fd = -EBADF};

        assert_int_equal(container_load(&place.runtime, id, &container), 0);
        return container.status;
}

static void touch(int dir_fd, const char *name)
{
        int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void a_live_process_is_running_and_an_ended_one_stopped(void **state)
{
        pid_t pid = fork();

        (void)state;
        if (pid == 0) {
                pause();
                _exit(0);
        }
        close(make_entry("web", pid));
        assert_int_equal(status_of("web"), STATUS_RUNNING);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(status_of("web"), STATUS_STOPPED);
}

static void a_parked_init_is_created_until_it_is_released(void **state)
{
        _cleanup_close_ int dir_fd = make_entry("web", getpid());
        char before[16];

        (void)state;
        prctl(PR_GET_NAME, before);
        prctl(PR_SET_NAME, "berth-init");
        assert_int_equal(status_of("web"), STATUS_RUNNING);
        touch(dir_fd, START_SOCKET);
        assert_int_equal(status_of("web"), STATUS_CREATED);
        prctl(PR_SET_NAME, "nginx");
        assert_int_equal(status_of("web"), STATUS_RUNNING);
        prctl(PR_SET_NAME, before);
}

static void what_create_still_works_on_is_creating(void **state)
{
        _cleanup_close_ int dir_fd = make_entry("web", 0);
        _cleanup_close_ int lock = openat(dir_fd, RECORD_LOCK, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

        (void)state;
        assert_int_equal(flock(lock, LOCK_EX), 0);
        assert_int_equal(status_of("web"), STATUS_CREATING);
        assert_int_equal(flock(lock, LOCK_UN), 0);
        assert_int_equal(status_of("web"), STATUS_STOPPED);
}

static void a_missing_container_is_told_in_the_words_that_engines_look_for(void **state)
{
        struct container container;
        struct runtime nowhere = {.root = "/nonexistent/berth", .root_fd = -EBADF};

        (void)state;
        assert_int_equal(container_load(&place.runtime, "web", &container), -ENOENT);
        assert_string_equal(error_message(), MESSAGE_NOT_EXIST);
        assert_int_equal(runtime_open_root(&nowhere, false), 0);
        assert_int_equal(container_load(&nowhere, "web", &container), -ENOENT);
        assert_string_equal(error_message(), MESSAGE_NOT_EXIST);
        assert_int_equal(container_each(&nowhere, NULL, NULL), 0);
}

static void an_id_is_a_plain_name(void **state)
{
        static const char *const good[] = {"a", "web-1", "_x", "+x", "-x", "a.b..c", "A_+-.9"};
        static const char *const bad[] = {"", ".", "..", ".a", "a/b", "../a", "a b", "a\n", "\xc3\xa4", "a:b", "a\\b"};
        struct container container;
        char text[1026];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++)
                assert_int_equal(container_id_check(good[i]), 0);
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                assert_int_equal(container_id_check(bad[i]), -EINVAL);
                assert_int_equal(container_load(&place.runtime, bad[i], &container), -EINVAL);
                assert_non_null(strstr(error_message(), MESSAGE_INVALID_ID));
        }
        memset(text, 'a', sizeof(text));
        text[256] = '\0';
        assert_int_equal(container_id_check(text), -EINVAL);
        text[255] = '\0';
        assert_int_equal(container_id_check(text), 0);
}

static void the_root_directory_holds_no_state(void **state)
{
        static const char *const paths[] = {"/", "//", "/.", "/./", "/.."};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                struct runtime runtime = {.root = paths[i], .root_fd = -EBADF};

                assert_int_equal(runtime_open_root(&runtime, true), -EINVAL);
                assert_int_equal(runtime.root_fd, -EBADF);
        }
}

static void the_state_directory_is_made_for_its_owner_alone(void **state)
{
        char path[128];
        struct runtime runtime = {.root = path, .root_fd = -EBADF, .root_sticky = true};
        struct stat st;

        (void)state;
        snprintf(path, sizeof(path), "%s/.a/b", place.path);
        assert_int_equal(runtime_open_root(&runtime, true), 0);
        assert_int_equal(fstat(runtime.root_fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 01700);
        cleanup_close(&runtime.root_fd);
}

static int collect(const struct container *container, void *data)
{
        strcat(data, container->record->id);
        strcat(data, " ");
        return 0;
}

static int stop_at_once(const struct container *container, void *data)
{
        (void)container;
        ++*(int *)data;
        return 7;
}

static void a_broken_entry_is_skipped_with_a_warning(void **state)
{
        _cleanup_close_ int broken = -EBADF;
        char ids[128] = "";
        int calls = 0;

        (void)state;
        close(make_entry("web", 0));
        close(make_entry("db", 0));
        broken = make_entry("bad", 0);
        assert_int_equal(replace_file_at(broken, RECORD_FILE, "{\"version\":9}", 13, 0600), 0);
        assert_int_equal(mkdirat(place.runtime.root_fd, ".cache", 0700), 0);
        touch(place.runtime.root_fd, "file");
        assert_int_equal(container_each(&place.runtime, collect, ids), 0);
        assert_string_equal(ids, "db web ");
        assert_non_null(strstr(place.warnings, "/bad: container bad: record.json: version: unknown version 9"));
        assert_null(strstr(place.warnings, ".cache"));
        assert_int_equal(container_each(&place.runtime, stop_at_once, &calls), 7);
        assert_int_equal(calls, 1);
}

static void a_record_that_was_put_under_another_name_is_refused(void **state)
{
        struct container container;

        (void)state;
        close(make_entry("web", 0));
        assert_int_equal(renameat(place.runtime.root_fd, "web", place.runtime.root_fd, "db"), 0);
        assert_int_equal(container_load(&place.runtime, "db", &container), -EINVAL);
        assert_int_equal(symlinkat("db", place.runtime.root_fd, "web"), 0);
        assert_true(container_load(&place.runtime, "web", &container) < 0);
}

static void state_has_the_members_that_go_runc_decodes(void **state)
{
        struct oci_pair pair = {"key", "value \"x\""};
        struct record record = {
                .id = "web",
                .bundle = "/b",
                .rootfs = "/b/rootfs",
                .oci_version = "1.0.2-dev",
                .created = "2026-11-21T02:45:01.000000001Z",
                .init.pid = 42,
                .annotations = {1, &pair},
        };
        struct container container = {&record, -EBADF, STATUS_PAUSED};
        char *json;

        (void)state;
        assert_int_equal(container_state_json(&container, &json), 0);
        assert_string_equal(json, "{\n"
                                  "  \"ociVersion\": \"1.0.2-dev\",\n"
                                  "  \"id\": \"web\",\n"
                                  "  \"pid\": 42,\n"
                                  "  \"status\": \"paused\",\n"
                                  "  \"bundle\": \"/b\",\n"
                                  "  \"rootfs\": \"/b/rootfs\",\n"
                                  "  \"created\": \"2026-11-21T02:45:01.000000001Z\",\n"
                                  "  \"owner\": \"root\",\n"
                                  "  \"annotations\": {\n"
                                  "    \"key\": \"value \\\"x\\\"\"\n"
                                  "  }\n"
                                  "}\n");
        free(json);
        container.status = STATUS_STOPPED;
        record.annotations.n = 0;
        assert_int_equal(container_state_json(&container, &json), 0);
        assert_non_null(strstr(json, "\"pid\": 0,"));
        assert_non_null(strstr(json, "\"status\": \"stopped\""));
        assert_null(strstr(json, "annotations"));
        free(json);
}

#define PLACED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                PLACED(a_live_process_is_running_and_an_ended_one_stopped),
                PLACED(a_parked_init_is_created_until_it_is_released),
                PLACED(what_create_still_works_on_is_creating),
                PLACED(a_missing_container_is_told_in_the_words_that_engines_look_for),
                PLACED(an_id_is_a_plain_name),
                PLACED(the_root_directory_holds_no_state),
                PLACED(the_state_directory_is_made_for_its_owner_alone),
                PLACED(a_broken_entry_is_skipped_with_a_warning),
                PLACED(a_record_that_was_put_under_another_name_is_refused),
                cmocka_unit_test(state_has_the_members_that_go_runc_decodes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
