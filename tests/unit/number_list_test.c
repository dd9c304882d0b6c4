/* Lists of CPUs and nodes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number_list.h"

#include <cmocka.h>

static unsigned long mask[NUMBER_LIST_WORDS];

static int bit(unsigned n)
{
        return (int)(mask[n / (8 * sizeof(long))] >> (n % (8 * sizeof(long))) & 1);
}

static void numbers_and_ranges_set_their_bits(void **state)
{
        (void)state;
        assert_int_equal(number_list_parse("0-3,7", mask), 8);
        assert_int_equal(mask[0], 0x8f);
        assert_int_equal(number_list_parse("62-65,8191", mask), 8192);
        assert_false(bit(61));
        assert_true(bit(62) && bit(63) && bit(64) && bit(65));
        assert_false(bit(66));
        assert_true(bit(8191));
        assert_int_equal(number_list_parse("5,5,4-6", mask), 7);
        assert_int_equal(mask[0], 0x70);
}

static void an_empty_list_is_no_bit(void **state)
{
        (void)state;
        mask[0] = 1;
        assert_int_equal(number_list_parse("", mask), 0);
        assert_int_equal(mask[0], 0);
}

static void what_is_no_list_is_refused(void **state)
{
        static const char *const bad[] = {",",  "1,",    ",1", "1,,2", "1-", "-1",  "3-1", " 1",
                                          "1 ", "1-2-3", "a",  "0x1",  "+1", "1\n", "1;2"};

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(number_list_parse(bad[i], mask), -EINVAL);
}

static void numbers_beyond_what_linux_can_have_are_out_of_range(void **state)
{
        (void)state;
        assert_int_equal(number_list_parse("8192", mask), -ERANGE);
        assert_int_equal(number_list_parse("0-99999999999999999999", mask), -ERANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_and_ranges_set_their_bits),
                cmocka_unit_test(an_empty_list_is_no_bit),
                cmocka_unit_test(what_is_no_list_is_refused),
                cmocka_unit_test(numbers_beyond_what_linux_can_have_are_out_of_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
