#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/values.h"

static void durations_are_those_of_go_and_whole_seconds(void **state)
{
        static const struct {
                const char *text;
                int64_t milliseconds;
        } good[] = {{"5s", 5000},
                    {"500ms", 500},
                    {"1m30s", 90000},
                    {"1.5h", 5400000},
                    {"1h1m1s", 3661000},
                    {".5s", 500},
                    {"1us", 1},
                    {"1500\xc2\xb5s", 2},
                    {"0", 0},
                    {"0s", 0},
                    {"1ns", 1},
                    {"2.0001s", 2001},
                    {"5", 5000},
                    {"2147483", 2147483000}};
        static const char *const bad[] = {"",    "s",  "-5s", "+5s",   " 5s", "5 s",
                                          "5s ", "5x", ".s",  "1..5s", "5s5", "5.5"};
        int64_t milliseconds;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                assert_int_equal(parse_duration(good[i].text, &milliseconds), 0);
                assert_int_equal(milliseconds, good[i].milliseconds);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(parse_duration(bad[i], &milliseconds), -EINVAL);
}

static void a_duration_that_no_timer_holds_is_refused(void **state)
{
        int64_t milliseconds;

        (void)state;
        assert_int_equal(parse_duration("2147483647ms", &milliseconds), 0);
        assert_int_equal(milliseconds, INT32_MAX);
        assert_int_equal(parse_duration("2147483648ms", &milliseconds), -ERANGE);
        assert_int_equal(parse_duration("99999999999999999999999999h", &milliseconds), -ERANGE);
        assert_int_equal(parse_duration("2147484", &milliseconds), -ERANGE);
        assert_int_equal(parse_duration("99999999999999999999999999", &milliseconds), -ERANGE);
        assert_int_equal(parse_duration("500h500h", &milliseconds), -ERANGE);
}

static void a_user_is_one_or_two_strict_numbers(void **state)
{
        static const char *const bad[] = {"",    "1:",         ":1",           ":",     "01",
                                          "+1",  "1:01",       "root",         "1:2:3", "1 ",
                                          " 1",  "4294967295", "1:4294967295", "-1",    "00000000000000001:1",
                                          "1:+1"};
        uint32_t uid, gid;
        bool gid_set;

        (void)state;
        assert_int_equal(parse_user("1000", &uid, &gid_set, &gid), 0);
        assert_int_equal(uid, 1000);
        assert_false(gid_set);
        assert_int_equal(parse_user("4294967294:0", &uid, &gid_set, &gid), 0);
        assert_int_equal(uid, 4294967294U);
        assert_true(gid_set);
        assert_int_equal(gid, 0);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(parse_user(bad[i], &uid, &gid_set, &gid), -EINVAL);
}

static void a_bool_is_a_word_in_any_case(void **state)
{
        bool value;

        (void)state;
        assert_int_equal(parse_bool("TRUE", &value), 0);
        assert_true(value);
        assert_int_equal(parse_bool("f", &value), 0);
        assert_false(value);
        assert_int_equal(parse_bool("", &value), -EINVAL);
        assert_int_equal(parse_bool("2", &value), -EINVAL);
}

static void a_capability_is_known_by_its_name_in_any_case(void **state)
{
        unsigned bit;

        (void)state;
        assert_int_equal(parse_capability("CAP_NET_ADMIN", &bit), 0);
        assert_int_equal(bit, 12);
        assert_int_equal(parse_capability("chown", &bit), 0);
        assert_int_equal(bit, 0);
        assert_int_equal(parse_capability("CAP_", &bit), -EINVAL);
        assert_int_equal(parse_capability("CAP_FLY", &bit), -EINVAL);
        assert_int_equal(parse_capability("", &bit), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(durations_are_those_of_go_and_whole_seconds),
                cmocka_unit_test(a_duration_that_no_timer_holds_is_refused),
                cmocka_unit_test(a_user_is_one_or_two_strict_numbers),
                cmocka_unit_test(a_bool_is_a_word_in_any_case),
                cmocka_unit_test(a_capability_is_known_by_its_name_in_any_case),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
