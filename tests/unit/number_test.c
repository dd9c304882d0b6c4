/* The one number parser: what it takes and, above all, what it refuses (CVE-2026-30892). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/number.h"

#include <cmocka.h>

/* What no parser of numbers takes. */
static const char *const no_numbers[] = {
        "",    " ",   "+1",  "01",  "00",   "007",   " 1",
        "1 ",  "\t1", "1\n", "1\r", "0x10", "0b1",   "1e3",
        "1.",  "1.0", ".5",  "1,0", "1_0",  "1k",    "1:",
        ":1",  "x",   "nan", "inf", "--1",  "- 1",   "-",
        "1-",  "0x",  "1 2", "1/2", "\x01", "1\xff", "\xd9\xa1" /* an Arabic digit one */,
        "-01", "-+1", "+-1",
};

static void what_is_no_number_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTS(no_numbers); i++) {
                uint64_t u = 77;
                int64_t s = 77;
                uint32_t w = 77;

                if (parse_u64(no_numbers[i], UINT64_MAX, &u) != -EINVAL || u != 77)
                        fail_msg("parse_u64 of '%s'", no_numbers[i]);
                if (parse_i64(no_numbers[i], INT64_MIN, INT64_MAX, &s) != -EINVAL || s != 77)
                        fail_msg("parse_i64 of '%s'", no_numbers[i]);
                if (parse_u32(no_numbers[i], &w) != -EINVAL || parse_id(no_numbers[i], &w) != -EINVAL || w != 77)
                        fail_msg("parse_u32 or parse_id of '%s'", no_numbers[i]);
        }
}

static void numbers_up_to_the_limit_are_taken(void **state)
{
        uint64_t u;
        int64_t s;

        (void)state;
        assert_int_equal(parse_u64("0", 0, &u), 0);
        assert_int_equal(u, 0);
        assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(parse_u64("10", 10, &u), 0);
        assert_int_equal(u, 10);
        assert_int_equal(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &s), 0);
        assert_true(s == INT64_MIN);
        assert_int_equal(parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, &s), 0);
        assert_true(s == INT64_MAX);
        assert_int_equal(parse_i64("-5", -5, 5, &s), 0);
        assert_int_equal(s, -5);
}

static void numbers_out_of_range_are_refused_and_change_nothing(void **state)
{
        static const char *const too_large[] = {"18446744073709551616", "18446744073709551620", "99999999999999999999",
                                                "184467440737095516150", "1000000000000000000000000000000000000000"};
        uint64_t u = 77;
        int64_t s = 77;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(too_large); i++) {
                assert_int_equal(parse_u64(too_large[i], UINT64_MAX, &u), -ERANGE);
                assert_int_equal(parse_i64(too_large[i], INT64_MIN, INT64_MAX, &s), -ERANGE);
        }
        assert_int_equal(parse_u64("11", 10, &u), -ERANGE);
        assert_int_equal(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &s), -ERANGE);
        assert_int_equal(parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &s), -ERANGE);
        assert_int_equal(parse_i64("-6", -5, 5, &s), -ERANGE);
        assert_int_equal(parse_i64("6", -5, 5, &s), -ERANGE);
        assert_int_equal(u, 77);
        assert_int_equal(s, 77);
}

static void a_minus_is_no_part_of_an_unsigned_number(void **state)
{
        uint64_t u;
        uint32_t w;

        (void)state;
        assert_int_equal(parse_u64("-1", UINT64_MAX, &u), -EINVAL);
        assert_int_equal(parse_u32("-1", &w), -EINVAL);
        assert_int_equal(parse_id("-1", &w), -EINVAL);
}

static void the_id_that_means_no_change_is_refused(void **state)
{
        uint32_t id = 77;

        (void)state;
        assert_int_equal(parse_u32("4294967295", &id), 0);
        assert_true(id == UINT32_MAX);
        assert_int_equal(parse_u32("4294967296", &id), -ERANGE);
        id = 77;
        assert_int_equal(parse_id("4294967295", &id), -ERANGE);
        assert_int_equal(id, 77);
        assert_int_equal(parse_id("4294967294", &id), 0);
        assert_true(id == UINT32_MAX - 1);
        assert_int_equal(parse_id("0", &id), 0);
        assert_int_equal(id, 0);
}

static void bytes_take_binary_suffixes(void **state)
{
        static const struct {
                const char *text;
                int64_t bytes;
        } good[] = {
                {"0", 0},
                {"512", 512},
                {"512b", 512},
                {"1k", 1 << 10},
                {"1K", 1 << 10},
                {"1kb", 1 << 10},
                {"1KiB", 1 << 10},
                {"64m", 64 << 20},
                {"64MB", 64 << 20},
                {"1GiB", 1 << 30},
                {"2t", 2LL << 40},
                {"-1", -1},
                {"9223372036854775807", INT64_MAX},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                int64_t bytes = 77;

                if (parse_bytes(good[i].text, &bytes) != 0 || bytes != good[i].bytes)
                        fail_msg("'%s' gave %lld", good[i].text, (long long)bytes);
        }
}

static void bytes_refuse_everything_else(void **state)
{
        static const char *const bad[] = {"",     "k",   "-2",    "-1k", "+1",   "01",   "1 k", " 1k", "1k ",
                                          "1kk",  "1ib", "1kib ", "1x",  "1.5g", "1,5g", "0x1", "1p",  "1kbit",
                                          "1b b", "1bb", "1i",    "1ki", "--1",  "1K\n", "-",   "-1 ", "1\xeb"};
        int64_t bytes = 77;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                if (parse_bytes(bad[i], &bytes) != -EINVAL || bytes != 77)
                        fail_msg("'%s' gave %lld", bad[i], (long long)bytes);
        assert_int_equal(parse_bytes("9223372036854775808", &bytes), -ERANGE);
        assert_int_equal(parse_bytes("8388608t", &bytes), -ERANGE);
        assert_int_equal(parse_bytes("8388607t", &bytes), 0);
        assert_int_equal(parse_bytes("9007199254740992k", &bytes), -ERANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_no_number_is_refused),
                cmocka_unit_test(numbers_up_to_the_limit_are_taken),
                cmocka_unit_test(numbers_out_of_range_are_refused_and_change_nothing),
                cmocka_unit_test(a_minus_is_no_part_of_an_unsigned_number),
                cmocka_unit_test(the_id_that_means_no_change_is_refused),
                cmocka_unit_test(bytes_take_binary_suffixes),
                cmocka_unit_test(bytes_refuse_everything_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
