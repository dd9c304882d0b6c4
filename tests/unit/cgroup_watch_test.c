/* What a watch tells of a group that lives, and of one that systemd has removed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgroups/events.h"

#include <cmocka.h>

#define ALIVE "populated 1\nfrozen 0\n"

/* A file that holds the text, for reading again and again. */
static int file_with(const char *text)
{
        int fd = memfd_create("events", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

static void change(int fd, const char *text)
{
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
}

/* A kernel's file that is open and whose object is gone: reading it is ENOENT. */
static int removed_file(void)
{
        int object = file_with(""), fd;
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", object);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        close(object);
        return fd;
}

static void remove_group(struct cgroup_watch *watch)
{
        close(watch->events_fd);
        close(watch->memory_fd);
        watch->events_fd = removed_file();
        watch->memory_fd = removed_file();
}

static struct cgroup_watch watch_of(const char *kills, const char *kills_above)
{
        return (struct cgroup_watch){
                .fd = -1,
                .events_fd = file_with(ALIVE),
                .memory_fd = file_with(kills),
                .above_fd = kills_above ? file_with(kills_above) : -1,
                .oom_kills = 1,
                .kills_above = 5,
        };
}

static void reads(struct cgroup_watch *watch, uint64_t kills, bool ended)
{
        struct cgroup_change seen;

        assert_int_equal(cgroup_watch_read(watch, &seen), 0);
        assert_int_equal(seen.oom_kills, kills);
        assert_int_equal(seen.ended, ended);
}

static void each_kill_is_told_once(void **state)
{
        struct cgroup_watch watch = watch_of("oom 3\noom_kill 3\n", NULL);

        (void)state;
        reads(&watch, 2, false);
        reads(&watch, 0, false);
        change(watch.memory_fd, "oom 4\noom_kill 4\n");
        reads(&watch, 1, false);
        change(watch.events_fd, "populated 0\nfrozen 0\n");
        reads(&watch, 0, true);
        cgroup_watch_close(&watch);
}

static void the_last_kill_of_a_removed_group_is_told_by_the_group_above(void **state)
{
        struct cgroup_watch watch = watch_of("oom_kill 1\n", "oom_kill 5\n");

        (void)state;
        reads(&watch, 0, false);
        change(watch.above_fd, "oom_kill 7\n");
        remove_group(&watch);
        reads(&watch, 2, true);
        reads(&watch, 0, true);
        cgroup_watch_close(&watch);
}

static void kills_elsewhere_and_those_told_before_are_not_told_at_the_end(void **state)
{
        struct cgroup_watch watch = watch_of("oom_kill 1\n", "oom_kill 6\n");

        (void)state;
        reads(&watch, 0, false); /* a neighbour's */
        change(watch.memory_fd, "oom_kill 2\n");
        change(watch.above_fd, "oom_kill 7\n");
        reads(&watch, 1, false);
        remove_group(&watch);
        reads(&watch, 0, true);
        cgroup_watch_close(&watch);
}

static void a_removed_group_below_the_root_ends_without_kills(void **state)
{
        struct cgroup_watch watch = watch_of("oom_kill 1\n", NULL);

        (void)state;
        remove_group(&watch);
        reads(&watch, 0, true);
        cgroup_watch_close(&watch);
}

static void a_group_that_goes_with_the_one_above_ends_without_kills(void **state)
{
        struct cgroup_watch watch = watch_of("oom_kill 1\n", "oom_kill 5\n");

        (void)state;
        remove_group(&watch);
        close(watch.above_fd);
        watch.above_fd = removed_file();
        reads(&watch, 0, true);
        cgroup_watch_close(&watch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_kill_is_told_once),
                cmocka_unit_test(the_last_kill_of_a_removed_group_is_told_by_the_group_above),
                cmocka_unit_test(kills_elsewhere_and_those_told_before_are_not_told_at_the_end),
                cmocka_unit_test(a_removed_group_below_the_root_ends_without_kills),
                cmocka_unit_test(a_group_that_goes_with_the_one_above_ends_without_kills),
        };

        return cmocka_run_group_tests_name("the watch over a group", tests, NULL, NULL);
}
