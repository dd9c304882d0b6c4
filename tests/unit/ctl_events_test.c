/* The record of events: whole lines, bounded, over crashes and beside other writers; and what the keeper finds in
 * memory.events. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/ctl/event_log.h"
#include "runtime/keeper/keeper.h"

#include <cmocka.h>

struct place {
        char path[64];
        struct ctl ctl;
};

static int make_place(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        strcpy(place->path, "/tmp/events-XXXXXX");
        assert_non_null(mkdtemp(place->path));
        place->ctl.directory = place->path;
        place->ctl.containers_fd = -EBADF;
        place->ctl.directory_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(place->ctl.directory_fd >= 0);
        *state = place;
        return 0;
}

static int remove_place(void **state)
{
        struct place *place = *state;

        (void)unlinkat(place->ctl.directory_fd, EVENT_LOG, 0);
        (void)unlinkat(place->ctl.directory_fd, EVENT_LOG_OLD, 0);
        close(place->ctl.directory_fd);
        assert_int_equal(rmdir(place->path), 0);
        free(place);
        return 0;
}

static void record(const struct place *place, const char *name)
{
        event_record(&place->ctl, name, EVENT_STOPPED, (struct event_details){.status = 137, .signal = 9});
}

/* What a visitor sees: how many whole lines, and the last. */
struct seen {
        size_t n;
        char last[512];
};

static int see(const char *line, size_t size, void *data)
{
        struct seen *seen = data;

        assert_int_equal(strlen(line), size);
        if (line[0] == '{' && line[size - 1] == '}')
                seen->n++;
        snprintf(seen->last, sizeof(seen->last), "%s", line);
        return 0;
}

static struct seen look(const struct place *place)
{
        _cleanup_event_reader_ struct event_reader reader = EVENT_READER_NONE;
        struct seen seen = {0};

        assert_int_equal(event_read(&place->ctl, &reader, see, &seen), 0);
        return seen;
}

static off_t size_of(const struct place *place, const char *name)
{
        struct stat st;

        return fstatat(place->ctl.directory_fd, name, &st, 0) == 0 ? st.st_size : -1;
}

static void what_is_written_is_read_in_its_order(void **state)
{
        struct seen seen;

        assert_int_equal(look(*state).n, 0);
        record(*state, "web");
        record(*state, "db");
        seen = look(*state);
        assert_int_equal(seen.n, 2);
        assert_non_null(
                strstr(seen.last, "\"container\":\"db\",\"event\":\"stopped\",\"status\":137,\"signal\":\"KILL\"}"));
}

static void a_line_that_a_crash_cut_off_costs_no_other(void **state)
{
        const struct place *place = *state;
        _cleanup_close_ int fd = -EBADF;

        record(place, "before");
        fd = openat(place->ctl.directory_fd, EVENT_LOG, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write_all(fd, "{\"time\":\"20", 11), 0);
        assert_int_equal(look(place).n, 1);
        record(place, "after");
        assert_int_equal(look(place).n, 2);
        assert_non_null(strstr(look(place).last, "after"));
}

static void two_files_are_kept_and_both_are_bounded(void **state)
{
        const struct place *place = *state;
        char long_name[600];
        size_t n;

        memset(long_name, 'x', sizeof(long_name) - 1);
        long_name[sizeof(long_name) - 1] = '\0';
        for (int i = 0; i < 5000; i++)
                record(place, long_name);
        assert_in_range(size_of(place, EVENT_LOG), 1, EVENT_LOG_MOST);
        assert_in_range(size_of(place, EVENT_LOG_OLD), EVENT_LOG_MOST - 1024, EVENT_LOG_MOST);
        n = look(place).n;
        assert_in_range(n, EVENT_LOG_MOST / 1024, 4999);
        record(place, "last");
        assert_int_equal(look(place).n, n + 1);
}

static void writers_at_once_lose_nothing(void **state)
{
        const struct place *place = *state;
        int status;

        for (int i = 0; i < 4; i++)
                if (fork() == 0) {
                        for (int j = 0; j < 250; j++)
                                record(place, "web");
                        _exit(0);
                }
        while (wait(&status) > 0)
                assert_int_equal(status, 0);
        assert_int_equal(look(place).n, 1000);
}

static int stop_at_last(const char *line, size_t size, void *data)
{
        (void)see(line, size, data);
        return strstr(line, "\"last\"") ? 1 : 0;
}

/* Over a rotation, and only what came after event_read. */
static void a_follower_sees_everything_once(void **state)
{
        struct place *place = *state;
        _cleanup_event_reader_ struct event_reader reader = EVENT_READER_NONE;
        struct seen seen = {0};
        pid_t writer;
        int status;

        record(place, "before");
        assert_int_equal(event_watch(&place->ctl, &reader), 0);
        assert_int_equal(event_read(&place->ctl, &reader, NULL, NULL), 0);
        writer = fork();
        if (writer == 0) {
                char name[600];

                memset(name, 'x', sizeof(name) - 1);
                name[sizeof(name) - 1] = '\0';
                for (int i = 0; i < 2500; i++)
                        record(place, name);
                record(place, "last");
                _exit(0);
        }
        alarm(60); /* one that waits for ever fails */
        assert_int_equal(event_follow(&reader, STDOUT_FILENO, stop_at_last, &seen), 1);
        alarm(0);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_int_equal(status, 0);
        assert_int_equal(seen.n, 2501);
}

static void a_follower_ends_with_its_listener(void **state)
{
        struct place *place = *state;
        _cleanup_event_reader_ struct event_reader reader = EVENT_READER_NONE;
        int pair[2];

        assert_int_equal(pipe(pair), 0);
        close(pair[0]);
        assert_int_equal(event_watch(&place->ctl, &reader), 0);
        alarm(60);
        assert_int_equal(event_follow(&reader, pair[1], see, NULL), 0);
        alarm(0);
        close(pair[1]);
}

static void the_keeper_finds_kills(void **state)
{
        uint64_t kills = 77;

        (void)state;
        assert_true(keeper_find_kills("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n", &kills));
        assert_int_equal(kills, 2);
        assert_false(keeper_find_kills("low 0\nhigh 0\nmax 12\noom 3\n", &kills));
        assert_false(keeper_find_kills("low 0\noom_kill x\n", &kills));
        assert_false(keeper_find_kills("", &kills));
}

static void the_keeper_tells_each_kill_once(void **state)
{
        static const char *const texts[] = {"oom 0\noom_kill 1\n", "oom 0\noom_kill 1\n", "oom 0\noom_kill 4\n"};
        struct keeper keeper = {.memory = memfd_create("memory.events", MFD_CLOEXEC)};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                assert_int_equal(pwrite(keeper.memory, texts[i], strlen(texts[i]), 0), strlen(texts[i]));
                keeper_count_kills(&keeper);
        }
        assert_int_equal(keeper.untold, 4);
        close(keeper.memory);
        /* The group has gone: nothing more is waited for. */
        keeper_count_kills(&keeper);
        assert_int_equal(keeper.memory, -1);
        assert_int_equal(keeper.untold, 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_written_is_read_in_its_order, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_line_that_a_crash_cut_off_costs_no_other, make_place, remove_place),
                cmocka_unit_test_setup_teardown(two_files_are_kept_and_both_are_bounded, make_place, remove_place),
                cmocka_unit_test_setup_teardown(writers_at_once_lose_nothing, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_follower_sees_everything_once, make_place, remove_place),
                cmocka_unit_test_setup_teardown(a_follower_ends_with_its_listener, make_place, remove_place),
                cmocka_unit_test(the_keeper_finds_kills),
                cmocka_unit_test(the_keeper_tells_each_kill_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
