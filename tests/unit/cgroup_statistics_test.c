/* Statistics from files as Linux 6.x writes them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
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
#include "base/path.h"
#include "cgroups/statistics.h"
#include "cgroups/statistics_parse.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

static const struct {
        const char *file, *text;
} group_files[] = {
        {"cgroup.procs", "4711\n"},
        {"cpu.stat", "usage_usec 3823456\nuser_usec 2100001\nsystem_usec 1723455\nnice_usec 0\n"
                     "core_sched.force_idle_usec 0\nnr_periods 57\nnr_throttled 11\nthrottled_usec 482910\n"
                     "nr_bursts 0\nburst_usec 0\n"},
        {"cpu.pressure", "some avg10=1.53 avg60=0.87 avg300=0.27 total=157657\n"
                         "full avg10=1.50 avg60=0.07 avg300=12.00 total=157543\n"},
        {"memory.current", "13959168\n"},
        {"memory.peak", "15511552\n"},
        {"memory.max", "33554432\n"},
        {"memory.events", "low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n"},
        {"memory.stat", "anon 1490944\nfile 8249344\nkernel 2875392\nkernel_stack 98304\npagetables 364544\n"
                        "sec_pagetables 0\npercpu 720\nsock 0\nvmalloc 12288\nshmem 0\nzswap 0\nzswapped 0\n"
                        "file_mapped 5406720\nfile_dirty 0\nfile_writeback 0\nswapcached 0\nanon_thp 0\n"
                        "inactive_anon 1404928\nactive_anon 57344\nworkingset_refault_file 0\npgfault 4029\n"
                        "thp_collapse_alloc 0\n"},
        {"memory.swap.current", "4096\n"},
        {"memory.swap.peak", "8192\n"},
        {"memory.swap.max", "max\n"},
        {"memory.swap.events", "high 0\nmax 4\nfail 5\n"},
        {"memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.01 total=99\n"
                            "full avg10=0.00 avg60=0.00 avg300=0.00 total=98\n"},
        {"pids.current", "5\n"},
        {"pids.max", "1024\n"},
        {"io.stat", "8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021\n"
                    "7:1 \n"
                    "254:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=77 cost.wait=8\n"},
        {"io.pressure", "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459\n"
                        "full avg10=0.23 avg60=0.16 avg300=1.08 total=57822218\n"},
        {"hugetlb.2MB.current", "2097152\n"},
        {"hugetlb.2MB.max", "4194304\n"},
        {"hugetlb.2MB.events", "max 3\n"},
        {"hugetlb.2MB.events.local", "max 99\n"},
        {"hugetlb.2MB.rsvd.current", "99\n"},
        {"hugetlb.2MB.rsvd.max", "9223372036854771712\n"},
        {"cpuset.cpus.effective", "0-3\n"},
        {"cpuset.mems.effective", "0\n"},
};

struct fixture {
        char directory[64];
        int fd;
        struct arena arena;
        struct cgroup_statistics statistics;
};

static void put(const struct fixture *f, const char *file, const char *text)
{
        _cleanup_close_ int fd = openat(f->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int make_group(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        snprintf(f->directory, sizeof(f->directory), "/tmp/berth-statistics-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        f->fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        for (size_t i = 0; i < ELEMENTS(group_files); i++)
                put(f, group_files[i].file, group_files[i].text);
        *state = f;
        return 0;
}

static int remove_group(void **state)
{
        struct fixture *f = *state;

        close(f->fd);
        arena_free(&f->arena);
        assert_int_equal(remove_tree_at(AT_FDCWD, f->directory), 0);
        free(f);
        return 0;
}

static const struct cgroup_statistics *statistics_of(struct fixture *f)
{
        assert_int_equal(cgroup_read_statistics(f->fd, false, &f->arena, &f->statistics), 0);
        return &f->statistics;
}

static void cpu_time_is_in_nanoseconds(void **state)
{
        const struct cgroup_statistics *s = statistics_of(*state);

        assert_true(s->cpu.set);
        assert_int_equal(s->cpu.total, 3823456000);
        assert_int_equal(s->cpu.user, 2100001000);
        assert_int_equal(s->cpu.kernel, 1723455000);
        assert_int_equal(s->cpu.periods, 57);
        assert_int_equal(s->cpu.throttled_periods, 11);
        assert_int_equal(s->cpu.throttled_time, 482910000);
}

static void brief_ones_are_what_a_table_shows(void **state)
{
        struct fixture *f = *state;
        const struct cgroup_statistics all = *statistics_of(f), *s = &f->statistics;

        assert_int_equal(cgroup_read_statistics(f->fd, true, &f->arena, &f->statistics), 0);
        assert_int_equal(s->cpu.total, all.cpu.total);
        assert_true(s->memory.set && s->memory.usage && s->memory.limit);
        assert_int_equal(s->memory.usage, all.memory.usage);
        assert_int_equal(s->memory.limit, all.memory.limit);
        assert_true(s->pids.current);
        assert_int_equal(s->pids.current, all.pids.current);
        assert_int_equal(s->pids.limit, all.pids.limit);
        assert_true(s->io.n);
        assert_int_equal(s->io.n, all.io.n);
        assert_int_equal(s->io.v[0].read_bytes, all.io.v[0].read_bytes);
        assert_false(s->cpu.pressure.set || s->memory.pressure.set || s->io.pressure.set || s->cpuset.set);
        assert_int_equal(s->n_hugetlb, 0);
}

static void pressure_is_percent_and_microseconds(void **state)
{
        const struct cgroup_statistics *s = statistics_of(*state);

        assert_true(s->cpu.pressure.set && s->memory.pressure.set && s->io.pressure.set);
        assert_true(s->cpu.pressure.some.avg10 == 1.53);
        assert_true(s->cpu.pressure.some.avg60 == 0.87);
        assert_true(s->cpu.pressure.some.avg300 == 0.27);
        assert_int_equal(s->cpu.pressure.some.total, 157657);
        assert_true(s->cpu.pressure.full.avg60 == 0.07);
        assert_true(s->cpu.pressure.full.avg300 == 12);
        assert_int_equal(s->memory.pressure.some.total, 99);
        assert_int_equal(s->io.pressure.full.total, 57822218);
}

static void memory_and_swap_are_counted_apart(void **state)
{
        const struct cgroup_statistics *s = statistics_of(*state);

        assert_true(s->memory.set);
        assert_int_equal(s->memory.usage, 13959168);
        assert_int_equal(s->memory.max_usage, 15511552);
        assert_int_equal(s->memory.limit, 33554432);
        assert_int_equal(s->memory.fail_count, 17);
        assert_int_equal(s->memory.oom_kills, 1);
        assert_int_equal(s->memory.swap_usage, 4096);
        assert_int_equal(s->memory.swap_max_usage, 8192);
        assert_true(s->memory.swap_limit == UINT64_MAX);
        assert_int_equal(s->memory.swap_fail_count, 4);
        assert_int_equal(s->memory.cache, 8249344);
        assert_int_equal(s->memory.n_raw, 22);
        assert_string_equal(s->memory.raw[0].name, "anon");
        assert_int_equal(s->memory.raw[0].value, 1490944);
        assert_string_equal(s->memory.raw[21].name, "thp_collapse_alloc");
}

static void processes_without_a_limit_show_zero(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(statistics_of(f)->pids.current, 5);
        assert_int_equal(f->statistics.pids.limit, 1024);
        put(f, "pids.max", "max\n");
        assert_int_equal(statistics_of(f)->pids.limit, 0);
}

static void io_is_counted_by_device(void **state)
{
        const struct cgroup_statistics *s = statistics_of(*state);
        const struct io_counter *last;

        assert_true(s->io.set);
        assert_int_equal(s->io.n, 3);
        assert_int_equal(s->io.v[0].major, 8);
        assert_int_equal(s->io.v[0].minor, 0);
        assert_int_equal(s->io.v[0].read_bytes, 90430464);
        assert_int_equal(s->io.v[0].write_bytes, 299008000);
        assert_int_equal(s->io.v[0].read_ops, 8950);
        assert_int_equal(s->io.v[0].write_ops, 1252);
        assert_int_equal(s->io.v[0].discard_bytes, 50331648);
        assert_int_equal(s->io.v[0].discard_ops, 3021);
        assert_int_equal(s->io.v[1].major, 7);
        assert_int_equal(s->io.v[1].read_bytes, 0);
        last = &s->io.v[2];
        assert_int_equal(last->major, 254);
        assert_int_equal(last->minor, 16);
        assert_int_equal(last->discard_ops, 6);
}

static void huge_pages_are_those_in_use(void **state)
{
        struct fixture *f = *state;
        const struct cgroup_statistics *s = statistics_of(f);

        assert_int_equal(s->n_hugetlb, 1);
        assert_string_equal(s->hugetlb[0].page_size, "2MB");
        assert_int_equal(s->hugetlb[0].usage, 2097152);
        assert_int_equal(s->hugetlb[0].max, 4194304);
        assert_int_equal(s->hugetlb[0].fail_count, 3);
        put(f, "hugetlb.2MB.max", "9223372036854771712\n"); /* what a kernel shows that never got a limit */
        assert_true(statistics_of(f)->hugetlb[0].max == UINT64_MAX);
        put(f, "hugetlb.2MB.max", "max\n");
        assert_true(statistics_of(f)->hugetlb[0].max == UINT64_MAX);
}

static void cpusets_are_the_effective_ones(void **state)
{
        const struct cgroup_statistics *s = statistics_of(*state);

        assert_true(s->cpuset.set);
        assert_string_equal(s->cpuset.cpus, "0-3");
        assert_string_equal(s->cpuset.mems, "0");
}

static void a_controller_that_is_absent_is_marked_absent(void **state)
{
        struct fixture *f = *state;
        const struct cgroup_statistics *s;

        for (size_t i = 0; i < ELEMENTS(group_files); i++)
                if (strncmp(group_files[i].file, "cgroup.", 7) != 0 && strcmp(group_files[i].file, "cpu.stat") != 0)
                        assert_int_equal(unlinkat(f->fd, group_files[i].file, 0), 0);
        s = statistics_of(f);
        assert_true(s->cpu.set);
        assert_false(s->cpu.pressure.set || s->memory.set || s->pids.set || s->io.set || s->cpuset.set);
        assert_int_equal(s->n_hugetlb, 0);
        assert_int_equal(s->memory.n_raw, 0);
}

static void a_group_that_went_away_is_no_statistics(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(unlinkat(f->fd, "cgroup.procs", 0), 0);
        assert_int_equal(cgroup_read_statistics(f->fd, false, &f->arena, &f->statistics), -ENOENT);
        assert_string_equal(error_message(), "read cgroup statistics: the cgroup is gone");
}

static void lines_that_are_not_understood_are_skipped(void **state)
{
        struct fixture *f = *state;
        struct pressure pressure;

        assert_int_equal(cgroup_parse_memory_stat("anon\nfile x\n\nshmem 7\n99999999999999999999 1\nbig "
                                                  "99999999999999999999\nlast 8",
                                                  &f->arena, &f->statistics),
                         0);
        assert_int_equal(f->statistics.memory.n_raw, 3);
        assert_string_equal(f->statistics.memory.raw[0].name, "shmem");
        assert_string_equal(f->statistics.memory.raw[2].name, "last");
        assert_int_equal(
                cgroup_parse_io_stat("x:y rbytes=1\n8 rbytes=1\n8:1 rbytes= wbytes=3\n", &f->arena, &f->statistics), 0);
        assert_int_equal(f->statistics.io.n, 1);
        assert_int_equal(f->statistics.io.v[0].read_bytes, 0);
        assert_int_equal(f->statistics.io.v[0].write_bytes, 3);
        assert_false(cgroup_parse_pressure("", &pressure));
        assert_false(cgroup_parse_pressure("some avg10=1.00 avg60=2.00\n", &pressure));
        assert_false(cgroup_parse_pressure("some avg10=. avg60=2.00 avg300=0.00 total=1\n", &pressure));
        assert_true(cgroup_parse_pressure("some avg10=1.00 avg60=2.00 avg300=0.00 total=1", &pressure));
}

#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, make_group, remove_group)

int main(void)
{
        const struct CMUnitTest tests[] = {
                GROUP_TEST(cpu_time_is_in_nanoseconds),
                GROUP_TEST(brief_ones_are_what_a_table_shows),
                GROUP_TEST(pressure_is_percent_and_microseconds),
                GROUP_TEST(memory_and_swap_are_counted_apart),
                GROUP_TEST(processes_without_a_limit_show_zero),
                GROUP_TEST(io_is_counted_by_device),
                GROUP_TEST(huge_pages_are_those_in_use),
                GROUP_TEST(cpusets_are_the_effective_ones),
                GROUP_TEST(a_controller_that_is_absent_is_marked_absent),
                GROUP_TEST(a_group_that_went_away_is_no_statistics),
                GROUP_TEST(lines_that_are_not_understood_are_skipped),
        };

        return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
