#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/update.h"

#include <cmocka.h>

static void only_what_was_named_is_set(void **state)
{
        struct update_options options = {.pids_limit = {true, 0}};
        struct oci_resources resources = {0}, untouched = {0};

        (void)state;
        update_overlay(&options, &resources);
        assert_true(resources.pids_limit.set);
        assert_int_equal(resources.pids_limit.value, 0);
        resources.pids_limit = (struct optional_i64){0};
        assert_memory_equal(&resources, &untouched, sizeof(resources));
}

static void options_win_over_the_file(void **state)
{
        struct update_options options = {.memory = {true, 64}, .cpuset_cpus = "1"};
        struct oci_resources resources = {
                .memory = {.limit = {true, 32}, .reservation = {true, 16}},
                .cpu = {.cpus = "0", .mems = "0"},
        };

        (void)state;
        update_overlay(&options, &resources);
        assert_int_equal(resources.memory.limit.value, 64);
        assert_int_equal(resources.memory.reservation.value, 16);
        assert_string_equal(resources.cpu.cpus, "1");
        assert_string_equal(resources.cpu.mems, "0");
}

static void lifting_the_memory_limit_lifts_that_of_swap(void **state)
{
        struct update_options options = {.memory = {true, -1}};
        struct oci_resources resources = {0};

        (void)state;
        update_overlay(&options, &resources);
        assert_true(resources.memory.swap.set);
        assert_int_equal(resources.memory.swap.value, -1);
        resources = (struct oci_resources){.memory.swap = {true, 0}};
        update_overlay(&options, &resources);
        assert_int_equal(resources.memory.swap.value, -1);
        options.memory_swap.set = true;
        options.memory_swap.value = 4096;
        update_overlay(&options, &resources);
        assert_int_equal(resources.memory.swap.value, 4096);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_was_named_is_set),
                cmocka_unit_test(options_win_over_the_file),
                cmocka_unit_test(lifting_the_memory_limit_lifts_that_of_swap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
