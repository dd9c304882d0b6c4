/* linux.resources as file writes: conversions, refusals, orders, and the way back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/undo.h"
#include "cgroups/writes.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define I64(x) ((struct optional_i64){.set = true, .value = (x)})
#define U64(x) ((struct optional_u64){.set = true, .value = (x)})

static struct arena arena;
static struct cgroup_writes writes;

static int release(void **state)
{
        (void)state;
        arena_free(&arena);
        return 0;
}

/* "file=value file=value", in order; optional writes carry a '?', fall-backs a '|'. */
static const char *planned(const struct oci_resources *resources)
{
        const char *text = "";

        assert_int_equal(cgroup_plan_writes(resources, &arena, &writes), 0);
        for (size_t i = 0; i < writes.n; i++) {
                const struct cgroup_write *w = &writes.v[i];

                text = arena_printf(&arena, "%s%s%s%s=%s", text, i ? "; " : "",
                                    w->may_be_missing  ? "?"
                                    : w->unless_before ? "|"
                                                       : "",
                                    w->file, w->value);
        }
        return text;
}

static void refused(const struct oci_resources *resources, int err, const char *message)
{
        assert_int_equal(cgroup_plan_writes(resources, &arena, &writes), -err);
        assert_string_equal(error_message(), message);
}

/* ---- memory ---- */

static void nothing_asked_is_nothing_written(void **state)
{
        struct oci_resources r = {0};

        (void)state;
        assert_string_equal(planned(&r), "");
        assert_int_equal(writes.controllers, 0);
        r.memory.limit = I64(0);
        r.memory.swap = I64(0);
        r.memory.reservation = I64(0);
        r.cpu.shares = U64(0);
        r.cpu.quota = I64(0);
        r.cpu.period = U64(0);
        r.cpu.cpus = "";
        r.cpu.mems = "";
        r.cpu.realtime_runtime = I64(0);
        r.cpu.realtime_period = U64(0);
        r.block_io.weight = U64(0);
        r.block_io.leaf_weight = U64(500);
        r.memory.swappiness = U64(60);
        r.memory.kernel = I64(1 << 20);
        r.memory.kernel_tcp = I64(1 << 20);
        r.network_class_id = U64(1048577);
        assert_string_equal(planned(&r), "");
}

static void swap_is_written_without_the_memory(void **state)
{
        struct oci_resources r = {.memory = {.limit = I64(1000), .swap = I64(1500), .reservation = I64(500)}};

        (void)state;
        assert_string_equal(planned(&r), "memory.low=500; memory.swap.max=500; memory.max=1000");
        assert_int_equal(writes.controllers, CGROUP_MEMORY);
        assert_string_equal(writes.v[1].field, "linux.resources.memory.swap");
        r.memory.swap = I64(1000);
        r.memory.reservation = I64(-1);
        assert_string_equal(planned(&r), "memory.low=max; ?memory.swap.max=0; memory.max=1000");
}

static void no_limit_of_memory_lifts_swap_too(void **state)
{
        struct oci_resources r = {.memory = {.limit = I64(-1)}};

        (void)state;
        assert_string_equal(planned(&r), "?memory.swap.max=max; memory.max=max");
        r.memory.swap = I64(4096);
        assert_string_equal(planned(&r), "memory.swap.max=4096; memory.max=max");
        r.memory = (struct oci_memory){.swap = I64(-1)};
        assert_string_equal(planned(&r), "?memory.swap.max=max");
}

static void contradictions_of_memory_are_refused(void **state)
{
        struct oci_resources r = {.memory = {.limit = I64(1000), .swap = I64(999)}};

        (void)state;
        refused(&r, EINVAL,
                "linux.resources.memory.swap: 999 is memory plus swap and below linux.resources.memory.limit 1000");
        r.memory.limit.set = false;
        refused(&r, EINVAL,
                "linux.resources.memory.swap: 999 is memory plus swap and needs linux.resources.memory.limit");
        r.memory = (struct oci_memory){.limit = I64(-2)};
        refused(&r, EINVAL, "linux.resources.memory.limit: -2 is no limit (-1 is none)");
        r.memory = (struct oci_memory){.limit = I64(10), .swap = I64(-7)};
        refused(&r, EINVAL, "linux.resources.memory.swap: -7 is no limit (-1 is none)");
        r.memory = (struct oci_memory){.reservation = I64(-3)};
        refused(&r, EINVAL, "linux.resources.memory.reservation: -3 is no limit (-1 is none)");
}

/* ---- cpu ---- */

static void shares_follow_the_curve(void **state)
{
        /* log2 and pow of the C library */
        static const uint64_t pairs[][2] = {
                {0, 1},        {1, 1},          {2, 1},          {3, 2},
                {10, 4},       {100, 17},       {512, 59},       {1000, 99},
                {1024, 100},   {2048, 174},     {4096, 303},     {8192, 532},
                {65536, 3023}, {262143, 10000}, {262144, 10000}, {UINT64_MAX, 10000},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++)
                if (cgroup_cpu_weight(pairs[i][0]) != pairs[i][1])
                        fail_msg("shares %lu: weight %lu, expected %lu", pairs[i][0], cgroup_cpu_weight(pairs[i][0]),
                                 pairs[i][1]);
        for (uint64_t shares = 3; shares <= 262144; shares++)
                assert_true(cgroup_cpu_weight(shares) >= cgroup_cpu_weight(shares - 1));
}

static void quota_and_period_are_one_line(void **state)
{
        struct oci_resources r = {.cpu = {.quota = I64(50000), .period = U64(200000), .burst = U64(50000)}};

        (void)state;
        assert_string_equal(planned(&r), "cpu.max=50000 200000; cpu.max.burst=50000");
        assert_int_equal(writes.controllers, CGROUP_CPU);
        r.cpu = (struct oci_cpu){.quota = I64(50000)};
        assert_string_equal(planned(&r), "cpu.max=50000");
        r.cpu = (struct oci_cpu){.quota = I64(-1), .period = U64(200000)};
        assert_string_equal(planned(&r), "cpu.max=max 200000");
        r.cpu = (struct oci_cpu){.quota = I64(-1)};
        assert_string_equal(planned(&r), "cpu.max=max");
        r.cpu = (struct oci_cpu){.period = U64(200000)};
        assert_string_equal(planned(&r), "cpu.max=max 200000");
        assert_string_equal(writes.v[0].field, "linux.resources.cpu.period");
        r.cpu = (struct oci_cpu){.burst = U64(0)};
        assert_string_equal(planned(&r), "cpu.max.burst=0");
}

static void an_idle_group_has_no_weight(void **state)
{
        struct oci_resources r = {.cpu = {.shares = U64(2048), .idle = I64(1)}};

        (void)state;
        assert_string_equal(planned(&r), "cpu.idle=1");
        r.cpu.idle = I64(0);
        assert_string_equal(planned(&r), "cpu.idle=0; cpu.weight=174");
        r.cpu.idle = I64(2);
        refused(&r, EINVAL, "linux.resources.cpu.idle: expected 0 or 1, got 2");
}

static void impossible_cpu_limits_are_refused(void **state)
{
        struct oci_resources r = {.cpu = {.quota = I64(50000), .burst = U64(50001)}};

        (void)state;
        refused(&r, EINVAL, "linux.resources.cpu.burst: 50001 us is above linux.resources.cpu.quota 50000 us");
        r.cpu = (struct oci_cpu){.quota = I64(999)};
        refused(&r, EINVAL, "linux.resources.cpu.quota: 999 us is below the kernel's least, 1000 us");
        r.cpu = (struct oci_cpu){.quota = I64(-2)};
        refused(&r, EINVAL, "linux.resources.cpu.quota: -2 is no limit (-1 is none)");
        r.cpu = (struct oci_cpu){.period = U64(1000001)};
        refused(&r, EINVAL, "linux.resources.cpu.period: 1000001 us is not between 1000 and 1000000 us");
        r.cpu = (struct oci_cpu){.realtime_runtime = I64(950000)};
        refused(&r, EOPNOTSUPP, "linux.resources.cpu.realtimeRuntime: cgroup v2 has no limit for realtime CPU time");
        r.cpu = (struct oci_cpu){.realtime_period = U64(1000000)};
        refused(&r, EOPNOTSUPP, "linux.resources.cpu.realtimePeriod: cgroup v2 has no limit for realtime CPU time");
}

/* ---- pids, io, hugetlb, rdma ---- */

static void zero_processes_is_a_limit(void **state)
{
        struct oci_resources r = {.pids_limit = I64(0)};

        (void)state;
        assert_string_equal(planned(&r), "pids.max=0");
        r.pids_limit = I64(-1);
        assert_string_equal(planned(&r), "pids.max=max");
        r.pids_limit = I64(1);
        assert_string_equal(planned(&r), "pids.max=1");
        r.pids_limit = I64(-2);
        refused(&r, EINVAL, "linux.resources.pids.limit: -2 is no limit (-1 is none)");
}

static void weights_go_to_both_schedulers(void **state)
{
        struct oci_weight_device devices[] = {{.major = 8, .minor = 16, .weight = U64(1000)},
                                              {.major = 8, .minor = 32, .leaf_weight = U64(300)}};
        struct oci_resources r = {.block_io = {.weight = U64(10), .weight_device = {2, devices}}};

        (void)state;
        assert_string_equal(planned(&r), "?io.bfq.weight=10; |io.weight=default 1; ?io.bfq.weight=8:16 1000; "
                                         "|io.weight=8:16 10000");
        assert_string_equal(writes.v[3].field, "linux.resources.blockIO.weightDevice[0].weight");
        assert_int_equal(writes.controllers, CGROUP_IO);
        assert_int_equal(cgroup_io_weight(500), 4950);
        assert_int_equal(cgroup_io_weight(100), 910);
        r.block_io.weight = U64(9);
        refused(&r, EINVAL, "linux.resources.blockIO.weight: 9 is not between 10 and 1000");
        r.block_io.weight = U64(0);
        devices[0].weight = U64(1001);
        refused(&r, EINVAL, "linux.resources.blockIO.weightDevice[0].weight: 1001 is not between 10 and 1000");
}

static void throttles_of_a_device_are_one_line(void **state)
{
        struct oci_throttle_device read_bps[] = {{8, 0, 1000}, {8, 16, 2000}, {8, 0, 1500}};
        struct oci_throttle_device write_bps[] = {{8, 0, 3000}}, read_iops[] = {{8, 0, 0}};
        struct oci_throttle_device write_iops[] = {{7, 1, 40}, {8, 16, 50}};
        struct oci_resources r = {.block_io = {.read_bps = {3, read_bps},
                                               .write_bps = {1, write_bps},
                                               .read_iops = {1, read_iops},
                                               .write_iops = {2, write_iops}}};

        (void)state;
        assert_string_equal(planned(&r), "io.max=8:0 rbps=1500 wbps=3000 riops=max; "
                                         "io.max=8:16 rbps=2000 wiops=50; io.max=7:1 wiops=40");
        assert_string_equal(writes.v[2].field, "linux.resources.blockIO.throttleWriteIOPSDevice[0]");
}

static void huge_pages_are_limited_when_reserved_and_when_used(void **state)
{
        struct oci_hugepage_limit limits[] = {{"2MB", 4194304}, {"1GB", 0}};
        struct oci_resources r = {.hugepage_limits = {2, limits}};

        (void)state;
        assert_string_equal(planned(&r), "?hugetlb.2MB.rsvd.max=4194304; hugetlb.2MB.max=4194304; "
                                         "?hugetlb.1GB.rsvd.max=0; hugetlb.1GB.max=0");
        assert_int_equal(writes.controllers, CGROUP_HUGETLB);
}

static void rdma_handles_and_objects_are_one_line(void **state)
{
        struct oci_rdma rdmas[] = {
                {"mlx5_0", U64(3), U64(10000)}, {.device = "mlx5_1", .hca_objects = U64(7)}, {.device = "mlx5_2"}};
        struct oci_resources r = {.rdma = {3, rdmas}};

        (void)state;
        assert_string_equal(planned(&r), "rdma.max=mlx5_0 hca_handle=3 hca_object=10000; rdma.max=mlx5_1 hca_object=7");
}

/* ---- unified ---- */

static void unified_comes_last_and_line_by_line(void **state)
{
        struct oci_pair pairs[] = {{"io.max", "8:0 rbps=1\n8:16 rbps=2\n"},
                                   {"memory.max", "77"},
                                   {"cgroup.max.depth", "3"},
                                   {"cpuset.cpus", ""},
                                   {"brandnew.knob", "1"}};
        struct oci_resources r = {.memory = {.limit = I64(5)}, .pids_limit = I64(9), .unified = {5, pairs}};

        (void)state;
        assert_string_equal(planned(&r), "memory.max=5; pids.max=9; io.max=8:0 rbps=1; io.max=8:16 rbps=2; "
                                         "memory.max=77; cgroup.max.depth=3; cpuset.cpus=\n; brandnew.knob=1");
        assert_int_equal(writes.controllers, CGROUP_MEMORY | CGROUP_PIDS | CGROUP_IO | CGROUP_CPUSET);
        assert_int_equal(writes.v[5].controller, 0);
        assert_string_equal(writes.v[4].field, "linux.resources.unified[\"memory.max\"]");
}

static void unified_names_only_files_of_the_group(void **state)
{
        static const char *const names[] = {"", ".", "..", "../memory.max", "sub/memory.max", "/etc/passwd"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                struct oci_pair pair = {names[i], "1"};
                struct oci_resources r = {.unified = {1, &pair}};

                assert_int_equal(cgroup_plan_writes(&r, &arena, &writes), -EINVAL);
                assert_non_null(strstr(error_message(), "this is no name of a cgroup file"));
        }
}

static void cpusets_come_first(void **state)
{
        struct oci_resources r = {.cpu = {.cpus = "0-1", .mems = "0", .shares = U64(1024)},
                                  .memory = {.limit = I64(1)}};

        (void)state;
        assert_string_equal(planned(&r), "cpuset.cpus=0-1; cpuset.mems=0; memory.max=1; cpu.weight=100");
}

/* ---- controllers ---- */

static void a_missing_controller_is_named_with_its_field_and_reason(void **state)
{
        struct cgroup_host host = {.mount_point = "/sys/fs/cgroup/unified", .hybrid = true, .controllers = CGROUP_CPU};
        struct oci_resources r = {.cpu = {.shares = U64(1024)}, .pids_limit = I64(3)};

        (void)state;
        assert_string_equal(planned(&r), "cpu.weight=100; pids.max=3");
        assert_int_equal(cgroup_check_controllers(&host, &writes), -EOPNOTSUPP);
        assert_string_equal(error_message(),
                            "linux.resources.pids.limit needs the pids controller on cgroup v2: hybrid "
                            "host, the controller is on cgroup v1");
        host.hybrid = false;
        assert_int_equal(cgroup_check_controllers(&host, &writes), -EOPNOTSUPP);
        assert_string_equal(error_message(), "linux.resources.pids.limit needs the pids controller: not in "
                                             "/sys/fs/cgroup/unified/cgroup.controllers (is it enabled in the parent's "
                                             "cgroup.subtree_control?)");
        host.controllers |= CGROUP_PIDS;
        assert_int_equal(cgroup_check_controllers(&host, &writes), 0);
}

/* ---- changes of a live group ---- */

/* The files in the order of the writes; before: what each of them holds. */
static const char *ordered(const struct oci_resources *resources, const char *const *before)
{
        char *copies[8];
        size_t order[8];
        const char *text = "";

        assert_int_equal(cgroup_plan_writes(resources, &arena, &writes), 0);
        assert_true(writes.n <= ELEMENTS(order));
        for (size_t i = 0; i < writes.n; i++)
                copies[i] = before[i] ? arena_strdup(&arena, before[i]) : NULL;
        cgroup_order_writes(&writes, copies, order);
        for (size_t i = 0; i < writes.n; i++)
                text = arena_printf(&arena, "%s%s%s", text, i ? " " : "", writes.v[order[i]].file);
        return text;
}

static void a_burst_is_never_above_the_quota(void **state)
{
        struct oci_resources r = {.cpu = {.quota = I64(20000), .burst = U64(10000)}};

        (void)state;
        assert_string_equal(ordered(&r, (const char *[]){"50000 100000", "40000"}), "cpu.max.burst cpu.max");
        assert_string_equal(ordered(&r, (const char *[]){"50000 100000", "5000"}), "cpu.max cpu.max.burst");
        assert_string_equal(ordered(&r, (const char *[]){"5000 100000", "5000"}), "cpu.max cpu.max.burst");
        assert_string_equal(ordered(&r, (const char *[]){"50000 100000", NULL}), "cpu.max cpu.max.burst");
}

static void swap_grows_before_and_shrinks_after_memory(void **state)
{
        struct oci_resources r = {.memory = {.limit = I64(1000), .swap = I64(1500)}};

        (void)state;
        assert_string_equal(ordered(&r, (const char *[]){"100", "2000"}), "memory.swap.max memory.max");
        assert_string_equal(ordered(&r, (const char *[]){"max", "2000"}), "memory.max memory.swap.max");
        assert_string_equal(ordered(&r, (const char *[]){"501", "max"}), "memory.max memory.swap.max");
}

static void a_file_takes_back_what_it_held(void **state)
{
        static const struct {
                const char *file, *written, *before, *expected;
        } cases[] = {
                {"memory.max", "1000", "max", "max"},
                {"cpu.max", "50000", "max 100000", "max 100000"},
                {"cpuset.cpus", "0-1", "", "\n"},
                {"cpu.weight", "174", "0", NULL},
                {"cpu.weight", "174", "100", "100"},
                {"io.max", "8:0 rbps=5", "8:0 rbps=max wbps=7 riops=max wiops=max",
                 "8:0 rbps=max wbps=7 riops=max wiops=max"},
                {"io.max", "8:0 rbps=5", "8:16 rbps=1 wbps=max riops=max wiops=max",
                 "8:0 rbps=max wbps=max riops=max wiops=max"},
                {"io.max", "8:1 rbps=5", "8:16 rbps=1\n8:1 rbps=9", "8:1 rbps=9"},
                {"io.weight", "default 200", "default 100\n8:16 300", "default 100"},
                {"io.weight", "8:0 200", "default 100\n8:16 300", "8:0 default"},
                {"io.bfq.weight", "200", "default 100\n8:16 300", "default 100"},
                {"io.bfq.weight", "200", "100", "100"},
                {"rdma.max", "mlx5_0 hca_handle=2", "mlx5_0 hca_handle=max hca_object=9",
                 "mlx5_0 hca_handle=max hca_object=9"},
                {"memory.stat", "x", "anon 1\nfile 2", NULL},
        };
        char text[128];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                bool undone = cgroup_undo_text(cases[i].file, cases[i].written, cases[i].before, text, sizeof(text));

                assert_int_equal(undone, cases[i].expected != NULL);
                if (undone)
                        assert_string_equal(text, cases[i].expected);
        }
        assert_false(cgroup_undo_text("memory.max", "1", "123456", text, 6));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(nothing_asked_is_nothing_written, release),
                cmocka_unit_test_teardown(swap_is_written_without_the_memory, release),
                cmocka_unit_test_teardown(no_limit_of_memory_lifts_swap_too, release),
                cmocka_unit_test_teardown(contradictions_of_memory_are_refused, release),
                cmocka_unit_test_teardown(shares_follow_the_curve, release),
                cmocka_unit_test_teardown(quota_and_period_are_one_line, release),
                cmocka_unit_test_teardown(an_idle_group_has_no_weight, release),
                cmocka_unit_test_teardown(impossible_cpu_limits_are_refused, release),
                cmocka_unit_test_teardown(zero_processes_is_a_limit, release),
                cmocka_unit_test_teardown(weights_go_to_both_schedulers, release),
                cmocka_unit_test_teardown(throttles_of_a_device_are_one_line, release),
                cmocka_unit_test_teardown(huge_pages_are_limited_when_reserved_and_when_used, release),
                cmocka_unit_test_teardown(rdma_handles_and_objects_are_one_line, release),
                cmocka_unit_test_teardown(unified_comes_last_and_line_by_line, release),
                cmocka_unit_test_teardown(unified_names_only_files_of_the_group, release),
                cmocka_unit_test_teardown(cpusets_come_first, release),
                cmocka_unit_test_teardown(a_missing_controller_is_named_with_its_field_and_reason, release),
                cmocka_unit_test_teardown(a_burst_is_never_above_the_quota, release),
                cmocka_unit_test_teardown(swap_grows_before_and_shrinks_after_memory, release),
                cmocka_unit_test_teardown(a_file_takes_back_what_it_held, release),
        };

        return cmocka_run_group_tests_name("resources as cgroup writes", tests, NULL, NULL);
}
