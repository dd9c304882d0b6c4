/* Limits and annotations as properties of units, and the form in which they travel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/systemd_properties.h"
#include "cgroups/systemd_variant.h"

#include <cmocka.h>

static struct arena arena;
static struct systemd_properties properties;

static int set_up(void **state)
{
        (void)state;
        properties = (struct systemd_properties){0};
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        arena_free(&arena);
        return 0;
}

/* "SIGNATURE VALUE VALUE..." or "none". */
static const char *shown(const struct systemd_property *property)
{
        static char text[1024];
        size_t used;

        if (!property)
                return "none";
        used = (size_t)snprintf(text, sizeof(text), "%s", property->signature);
        for (size_t i = 0; i < property->n && used < sizeof(text); i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", property->v[i]);
        return text;
}

#define assert_property(name, text) assert_string_equal(shown(systemd_property_find(&properties, name)), text)

/* ---- limits ---- */

struct line {
        const char *file, *value;
};

static void translate(size_t n, const struct line *lines)
{
        struct cgroup_writes writes = {.n = n, .v = arena_array(&arena, n, sizeof(*writes.v))};

        assert_non_null(writes.v);
        for (size_t i = 0; i < n; i++) {
                writes.v[i].file = lines[i].file;
                writes.v[i].value = lines[i].value;
        }
        assert_int_equal(systemd_properties_from_writes(&writes, &arena, &properties), 0);
}

#define TRANSLATE(...)                                                                                                 \
        do {                                                                                                           \
                const struct line lines_[] = {__VA_ARGS__};                                                            \
                translate(ELEMENTS(lines_), lines_);                                                                   \
        } while (0)

static void memory_and_processes_are_numbers_or_infinity(void **state)
{
        (void)state;
        TRANSLATE({"memory.max", "524288"}, {"memory.low", "4096"}, {"memory.high", "1G"}, {"memory.min", "0"},
                  {"memory.swap.max", "max"}, {"pids.max", "12"});
        assert_property("MemoryMax", "t 524288");
        assert_property("MemoryLow", "t 4096");
        assert_property("MemoryHigh", "t 1073741824");
        assert_property("MemoryMin", "t 0");
        assert_property("MemorySwapMax", "t 18446744073709551615");
        assert_property("TasksMax", "t 12");
}

static void a_quota_is_time_in_a_second_rounded_up_to_a_percent(void **state)
{
        (void)state;
        TRANSLATE({"cpu.max", "20000 50000"});
        assert_property("CPUQuotaPerSecUSec", "t 400000");
        assert_property("CPUQuotaPeriodUSec", "t 50000");
        TRANSLATE({"cpu.max", "12345"});
        assert_property("CPUQuotaPerSecUSec", "t 130000");
        assert_property("CPUQuotaPeriodUSec", "t 100000");
        TRANSLATE({"cpu.max", "1000 999999"});
        assert_property("CPUQuotaPerSecUSec", "t 10000");
        TRANSLATE({"cpu.max", "max 20000"});
        assert_property("CPUQuotaPerSecUSec", "t 18446744073709551615");
        assert_property("CPUQuotaPeriodUSec", "t 20000");
        /* Far beyond what the kernel takes: it will say so itself. */
        TRANSLATE({"cpu.max", "9223372036854775807 1000"});
        assert_property("CPUQuotaPerSecUSec", "t 18446744073709551615");
}

static void an_idle_group_is_one_of_weight_0(void **state)
{
        (void)state;
        TRANSLATE({"cpu.weight", "50"});
        assert_property("CPUWeight", "t 50");
        TRANSLATE({"cpu.idle", "1"});
        assert_property("CPUWeight", "t 0");
        TRANSLATE({"cpu.idle", "0"});
        assert_property("CPUWeight", "t 18446744073709551615");
        TRANSLATE({"cpu.idle", "0"}, {"cpu.weight", "70"});
        assert_property("CPUWeight", "t 70");
}

static void lists_are_a_bit_for_each(void **state)
{
        (void)state;
        TRANSLATE({"cpuset.cpus", "0-3,9,71"}, {"cpuset.mems", "0"});
        assert_property("AllowedCPUs", "ay 15 2 0 0 0 0 0 0 128");
        assert_property("AllowedMemoryNodes", "ay 1");
        TRANSLATE({"cpuset.cpus", "\n"});
        assert_property("AllowedCPUs", "ay");
}

static void weights_and_limits_of_devices_are_pairs(void **state)
{
        (void)state;
        TRANSLATE({"io.bfq.weight", "500"}, {"io.weight", "default 4950"}, {"io.bfq.weight", "8:0 10"},
                  {"io.weight", "8:0 1"}, {"io.weight", "8:16 77"}, {"io.weight", "8:0 5"},
                  {"io.max", "8:0 rbps=1000 wiops=max"}, {"io.max", "8:16 rbps=2000 riops=7"},
                  {"io.latency", "8:0 target=75000"});
        assert_property("IOWeight", "t 4950");
        assert_property("IODeviceWeight", "a(st) /dev/block/8:0 5 /dev/block/8:16 77");
        assert_property("IOReadBandwidthMax", "a(st) /dev/block/8:0 1000 /dev/block/8:16 2000");
        assert_property("IOWriteIOPSMax", "a(st) /dev/block/8:0 18446744073709551615");
        assert_property("IOReadIOPSMax", "a(st) /dev/block/8:16 7");
        assert_property("IOWriteBandwidthMax", "none");
        assert_property("IODeviceLatencyTargetUSec", "a(st) /dev/block/8:0 75000");
}

static void what_systemd_cannot_express_is_left_out(void **state)
{
        (void)state;
        TRANSLATE({"hugetlb.2MB.max", "4194304"}, {"rdma.max", "mlx5 hca_handle=2"}, {"memory.oom.group", "1"},
                  {"memory.max", "lots"}, {"cpuset.cpus", "0-8:2/4"}, {"cpu.max", "x"}, {"cpu.weight", "0"},
                  {"io.max", "nonsense"}, {"io.weight", "8:0 heavy"}, {"cpu.max.burst", "5"}, {"pids.max", "-1"});
        assert_int_equal(properties.n, 0);
}

/* ---- annotations ---- */

static int annotate(const char *name, const char *value)
{
        struct oci_pair pair = {.value = value};
        const struct oci_pairs pairs = {1, &pair};

        pair.key = arena_printf(&arena, "org.systemd.property.%s", name);
        return systemd_properties_from_annotations(&pairs, &arena, &properties);
}

static void values_have_the_type_that_their_text_says(void **state)
{
        (void)state;
        assert_int_equal(annotate("KillSignal", "15"), 0);
        assert_property("KillSignal", "i 15");
        assert_int_equal(annotate("TimeoutStopUSec", " uint64 10000000 "), 0);
        assert_property("TimeoutStopUSec", "t 10000000");
        assert_int_equal(annotate("SendSIGHUP", "true"), 0);
        assert_property("SendSIGHUP", "b true");
        assert_int_equal(annotate("CollectMode", "'inactive-or-failed'"), 0);
        assert_property("CollectMode", "s inactive-or-failed");
        assert_int_equal(annotate("After", "['crio.service', \"a\\\"\\tb\"]"), 0);
        assert_property("After", "as crio.service a\"\tb");
        assert_int_equal(annotate("Numbers", "[1, -2,0x10]"), 0);
        assert_property("Numbers", "ai 1 -2 16");
        assert_int_equal(annotate("Bytes", "[byte 255, 0]"), 0);
        assert_property("Bytes", "ay 255 0");
        assert_int_equal(annotate("Wants", "@as []"), 0);
        assert_property("Wants", "as");
        assert_int_equal(annotate("Nice", "int64 -5"), 0);
        assert_property("Nice", "x -5");
        assert_int_equal(annotate("Share", "1.5"), 0);
        assert_property("Share", "d 1.5");
        assert_int_equal(annotate("Limit", "@t 7"), 0);
        assert_property("Limit", "t 7");
}

static void seconds_become_microseconds(void **state)
{
        (void)state;
        assert_int_equal(annotate("TimeoutStopSec", "5"), 0);
        assert_property("TimeoutStopUSec", "t 5000000");
        assert_int_equal(annotate("RuntimeMaxSec", "1.5"), 0);
        assert_property("RuntimeMaxUSec", "t 1500000");
        assert_int_equal(annotate("JobTimeoutSec", "uint64 18446744073709551615"), -EINVAL);
        assert_int_equal(annotate("JobTimeoutSec", "-1"), -EINVAL);
        assert_int_equal(annotate("JobTimeoutSec", "'5s'"), -EINVAL);
        assert_int_equal(annotate("JobTimeoutSec", "[5]"), -EINVAL);
        assert_property("JobTimeoutUSec", "none");
        /* No small letter in front: a property of its own. */
        assert_int_equal(annotate("LimitRTUSec", "uint64 5"), 0);
        assert_property("LimitRTUSec", "t 5");
}

static void what_is_no_value_is_refused_with_the_annotations_name(void **state)
{
        static const char *const bad[] = {
                "",        "yes",      "'open",     "[1",       "[1,",        "[1,]",       "[1 2]",      "[]",
                "1 2",     "uint32",   "uint32 -1", "byte 256", "2147483648", "uint64 x",   "'a' 'b'",    "[1, 'a']",
                "(1, 2)",  "{'a': 1}", "@a{sv} {}", "@x",       "@as 'a'",    "@t [1]",     "'\\q'",      "01",
                "1x",      "--1",      "0x",        "inf",      "nan",        "uint32 1.5", "true false", "[[1]]",
                "boolean", "b'x'",     "<1>",       "string 5", "uint32 'a'", "1e999",      "'a\\",       "@",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                int r = annotate("KillSignal", bad[i]);

                if (r != -EINVAL)
                        print_error("accepted: %s\n", bad[i]);
                assert_int_equal(r, -EINVAL);
                assert_non_null(strstr(error_message(), "org.systemd.property.KillSignal"));
                assert_int_equal(properties.n, 0);
        }
}

static void names_are_letters_and_not_berths_own(void **state)
{
        static const char *const bad[] = {"",     "ab",    "Kill Signal", "Kill.Signal", "X1Y",
                                          "PIDs", "Slice", "Delegate",    "Description", "PIDFDs"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(annotate(bad[i], "1"), -EINVAL);
        assert_int_equal(properties.n, 0);
}

static void a_limit_and_an_annotation_for_it_are_a_contradiction(void **state)
{
        (void)state;
        TRANSLATE({"memory.max", "524288"});
        assert_int_equal(annotate("MemoryMax", "uint64 1"), -EINVAL);
        assert_property("MemoryMax", "t 524288");
        assert_int_equal(annotate("TimeoutStopUSec", "uint64 1"), 0);
        assert_int_equal(annotate("TimeoutStopSec", "1"), -EINVAL);
}

static void other_annotations_are_none_of_our_business(void **state)
{
        struct oci_pair pairs[] = {{"org.systemd.properties.X", "y"}, {"systemd.property.X", ""}, {"a", "b"}};

        (void)state;
        assert_int_equal(systemd_properties_from_annotations(&(struct oci_pairs){3, pairs}, &arena, &properties), 0);
        assert_int_equal(properties.n, 0);
}

/* ---- the scope ---- */

static void an_annotation_may_change_what_is_only_a_default(void **state)
{
        (void)state;
        assert_int_equal(annotate("DefaultDependencies", "true"), 0);
        assert_int_equal(systemd_properties_of_scope("berth container x", "a.slice", 4711, &arena, &properties), 0);
        assert_property("Description", "s berth container x");
        assert_property("Slice", "s a.slice");
        assert_property("Delegate", "b true");
        assert_property("PIDs", "au 4711");
        assert_property("DefaultDependencies", "b true");
        assert_property("CollectMode", "s inactive-or-failed");
}

/* ---- between two programs ---- */

static void what_was_encoded_is_what_is_decoded(void **state)
{
        _cleanup_free_ char *data = NULL;
        struct systemd_properties again = {0};
        size_t size;

        (void)state;
        TRANSLATE({"io.max", "8:0 rbps=1000"}, {"cpuset.cpus", "\n"}, {"memory.max", "5"});
        assert_int_equal(annotate("After", "['a b', '']"), 0);
        assert_int_equal(systemd_properties_encode(&properties, &data, &size), 0);
        assert_int_equal(systemd_properties_decode(data, size, &arena, &again), 0);
        assert_int_equal(again.n, properties.n);
        for (size_t i = 0; i < again.n; i++) {
                char *first = strdup(shown(&properties.v[i]));

                assert_string_equal(again.v[i].name, properties.v[i].name);
                assert_string_equal(shown(&again.v[i]), first);
                free(first);
        }
}

static void what_encode_does_not_write_is_refused(void **state)
{
#define TEXT(text)                                                                                                     \
        {                                                                                                              \
                text, sizeof(text)                                                                                     \
        }
        static const struct {
                const char *data;
                size_t size;
        } bad[] = {
                {"X", 1},
                TEXT("X"),
                TEXT("X\0t"),
                TEXT("X\0t\0001"),
                TEXT("X\0t\0002\0001\0002"),
                TEXT("X\0t\0000"),
                TEXT("X\0t\00001\0001"),
                TEXT("X\0t\0001\000-1"),
                TEXT("X\0t\0001\0x"),
                TEXT("X\0v\0001\0x"),
                TEXT("X\0(st)\0002\0x\0001"),
                TEXT("X\0a(st)\0001\0x"),
                TEXT("X\0a(st)\0002\0x\0y"),
                TEXT("X\0a\0000"),
                TEXT("X\0\0000"),
                TEXT("X Y\0s\0001\0x"),
                TEXT("\0s\0001\0x"),
                TEXT("X\0b\0001\0yes"),
                TEXT("X\0as\00065537\0x"),
                TEXT("X\0s\0001\0x\0X\0s\0001\0x"),
                {"X\0s\0001\0x", 7},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct systemd_properties again = {0};
                int r = systemd_properties_decode(bad[i].data, bad[i].size, &arena, &again);

                if (r >= 0)
                        print_error("accepted: number %zu\n", i);
                assert_int_equal(r, -EINVAL);
        }
        assert_int_equal(systemd_properties_decode("", 0, &arena, &properties), 0);
        assert_int_equal(properties.n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(memory_and_processes_are_numbers_or_infinity),
                TEST(a_quota_is_time_in_a_second_rounded_up_to_a_percent),
                TEST(an_idle_group_is_one_of_weight_0),
                TEST(lists_are_a_bit_for_each),
                TEST(weights_and_limits_of_devices_are_pairs),
                TEST(what_systemd_cannot_express_is_left_out),
                TEST(values_have_the_type_that_their_text_says),
                TEST(seconds_become_microseconds),
                TEST(what_is_no_value_is_refused_with_the_annotations_name),
                TEST(names_are_letters_and_not_berths_own),
                TEST(a_limit_and_an_annotation_for_it_are_a_contradiction),
                TEST(other_annotations_are_none_of_our_business),
                TEST(an_annotation_may_change_what_is_only_a_default),
                TEST(what_was_encoded_is_what_is_decoded),
                TEST(what_encode_does_not_write_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
