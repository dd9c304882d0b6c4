/* The rows of top: rates from two looks, and their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/ctl/top.h"
#include "cli/ctl/usage_output.h"
#include "runtime/life/statistics_json.h"

#include <cmocka.h>

#define SECOND 1000000000

static void rates_are_per_second(void **state)
{
        const struct top_row before = {.pid = 7, .at_ns = SECOND, .usage = {.cpu_ns = SECOND, .read = 100, .sent = 5}};
        struct top_row row = {
                .pid = 7,
                .at_ns = 3 * (int64_t)SECOND,
                .usage = {.cpu_ns = 4 * (uint64_t)SECOND, .read = 300, .written = 10, .sent = 1},
        };

        (void)state;
        top_count_rates(&before, &row);
        assert_true(row.has_rates);
        assert_float_equal(row.cpu, 150, 1e-9);
        assert_float_equal(row.read, 100, 1e-9);
        assert_float_equal(row.written, 5, 1e-9);
        /* A counter that fell (an interface was replaced) is no rate. */
        assert_float_equal(row.sent, 0, 1e-9);
}

static void another_run_has_no_rates(void **state)
{
        const struct top_row before = {.pid = 7, .at_ns = SECOND};
        struct top_row other = {.pid = 8, .at_ns = 2 * (int64_t)SECOND}, ended = {.at_ns = 2 * (int64_t)SECOND};
        struct top_row same_moment = {.pid = 7, .at_ns = SECOND};

        (void)state;
        top_count_rates(&before, &other);
        top_count_rates(&before, &ended);
        top_count_rates(&before, &same_moment);
        assert_false(other.has_rates || ended.has_rates || same_moment.has_rates);
}

static void expect_order(struct top_look *look, enum top_key key, bool reverse, const char *names)
{
        char found[16] = "";

        top_sort(look, key, reverse);
        for (size_t i = 0; i < look->n; i++)
                strcat(found, look->v[i].name);
        assert_string_equal(found, names);
}

static void each_key_has_its_order(void **state)
{
        struct top_row rows[] = {
                {.name = "b", .state = CTL_RUNNING, .cpu = 1, .usage = {.memory = 30, .pids = 2}, .read = 5},
                {.name = "a", .state = CTL_PAUSED, .cpu = 1, .usage = {.memory = 10, .pids = 9}, .sent = 4},
                {.name = "c", .state = CTL_RUNNING, .cpu = 9, .usage = {.memory = 20, .pids = 1}, .written = 9},
        };
        struct top_look look = {.v = rows, .n = ELEMENTS(rows)};

        (void)state;
        expect_order(&look, TOP_CPU, false, "cab");
        expect_order(&look, TOP_MEMORY, false, "bca");
        expect_order(&look, TOP_MEMORY, true, "acb");
        expect_order(&look, TOP_PIDS, false, "abc");
        expect_order(&look, TOP_IO, false, "cba");
        expect_order(&look, TOP_NET, false, "abc");
        expect_order(&look, TOP_NAME, false, "abc");
        expect_order(&look, TOP_NAME, true, "cba");
        expect_order(&look, TOP_STATE, false, "abc");
}

static void sizes_are_short(void **state)
{
        static const struct {
                double bytes;
                const char *text;
        } sizes[] = {{0, "0"},
                     {512, "512"},
                     {1023, "1023"},
                     {1024, "1.0K"},
                     {10240, "10K"},
                     {1048575, "1.0M"},
                     {12.0 * 1048576, "12M"},
                     {1.5 * 1073741824, "1.5G"},
                     {9.97 * 1024, "10K"},
                     {5000e12, "4547T"}};
        char text[16];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(sizes); i++)
                assert_string_equal(size_short(sizes[i].bytes, text, sizeof(text)), sizes[i].text);
}

static void usage_is_the_sum_of_disks_and_interfaces(void **state)
{
        struct io_counter io[] = {{.read_bytes = 1, .write_bytes = 10}, {.read_bytes = 2, .write_bytes = 20}};
        struct network_counter network[] = {{.name = "eth0", .rx_bytes = 3, .tx_bytes = 30},
                                            {.name = "eth1", .rx_bytes = 4, .tx_bytes = 40}};
        const struct container_usage all = {
                .cgroup = {.cpu = {.set = true, .total = 77},
                           .memory = {.set = true, .usage = 5, .limit = UINT64_MAX},
                           .pids = {.set = true, .current = 6, .limit = 0},
                           .io = {.set = true, .n = 2, .v = io}},
                .network = {.n = 2, .v = network},
        };
        const struct container_usage none = {0};
        struct usage usage;

        (void)state;
        usage_take(&all, &usage);
        assert_int_equal(usage.cpu_ns, 77);
        assert_true(usage.has_memory && usage.has_pids);
        assert_true(usage.memory_limit == USAGE_UNLIMITED && usage.pids_limit == USAGE_UNLIMITED);
        assert_int_equal(usage.read, 3);
        assert_int_equal(usage.written, 30);
        assert_int_equal(usage.received, 7);
        assert_int_equal(usage.sent, 70);
        usage_take(&none, &usage);
        assert_false(usage.has_memory || usage.has_pids || usage.has_swap);
}

static void keep_line(FILE *out, const char *key, const char *value)
{
        fprintf(out, "%s=%s;", key, value);
}

static void usage_is_told_beside_each_limit(void **state)
{
        const struct usage usage = {.cpu_ns = 1500000000,
                                    .memory = 12 << 20,
                                    .memory_limit = 64 << 20,
                                    .swap_limit = 0,
                                    .pids = 3,
                                    .pids_limit = 500,
                                    .read = 1 << 20,
                                    .has_memory = true,
                                    .has_swap = true,
                                    .has_pids = true};
        struct settings settings = {.cpus = {true, 1500}, .io_read = {true, 50 << 20}, .rate_out = "100mbit"};
        char text[512] = "";
        FILE *out = fmemopen(text, sizeof(text), "w");

        (void)state;
        usage_lines(&usage, &settings, keep_line, out);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, "cpu used=1.50 s / 1.500 CPUs;memory used=12.0 MiB / 64.0 MiB;swap used=0 B / 0 B;"
                                  "pids used=3 / 500;read=1.0 MiB / 50m a second;written=0 B / -;received=0 B / -;"
                                  "sent=0 B / 100mbit;");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(usage_is_told_beside_each_limit),
                cmocka_unit_test(rates_are_per_second),
                cmocka_unit_test(another_run_has_no_rates),
                cmocka_unit_test(each_key_has_its_order),
                cmocka_unit_test(sizes_are_short),
                cmocka_unit_test(usage_is_the_sum_of_disks_and_interfaces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
