/* MSI-X: which interrupts are sent, which wait, and accesses that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include "vmmode/vmm/msix.h"

#include <cmocka.h>

#define ENABLED 0x8000
#define MASKED  0x4000

static struct msix msix;

static int begin(void **state)
{
        (void)state;
        msix_init(&msix, -EBADF, 3);
        return 0;
}

static void set_vector(unsigned vector, uint64_t address, uint32_t data, bool masked)
{
        msix_write_table(&msix, vector * 16, 8, address);
        msix_write_table(&msix, vector * 16 + 8, 4, data);
        msix_write_table(&msix, vector * 16 + 12, 4, masked);
}

static void an_interrupt_is_sent_when_nothing_masks_it(void **state)
{
        (void)state;
        set_vector(1, 0xfee00000, 0x41, false);
        msix_control(&msix, ENABLED);
        msix_raise(&msix, 1);
        assert_int_equal(msix.sent, 1);
        assert_int_equal(msix_read_pending(&msix, 0, 8), 0);
}

static void what_is_masked_waits_and_is_sent_once(void **state)
{
        (void)state;
        set_vector(0, 0xfee00000, 0x40, true);
        set_vector(2, 0xfee00000, 0x42, false);
        msix_raise(&msix, 2);
        assert_int_equal(msix.sent, 0);
        assert_int_equal(msix_read_pending(&msix, 0, 8), 4);
        msix_control(&msix, ENABLED | MASKED);
        assert_int_equal(msix.sent, 0);
        msix_control(&msix, ENABLED);
        assert_int_equal(msix.sent, 1);
        msix_raise(&msix, 0);
        msix_raise(&msix, 0);
        assert_int_equal(msix_read_pending(&msix, 0, 4), 1);
        msix_write_table(&msix, 12, 4, 0);
        assert_int_equal(msix.sent, 2);
        assert_int_equal(msix_read_pending(&msix, 0, 8), 0);
}

static void vectors_that_there_are_not_are_nobody_s(void **state)
{
        (void)state;
        msix_control(&msix, ENABLED);
        msix_raise(&msix, 3);
        msix_raise(&msix, MSIX_NO_VECTOR);
        assert_int_equal(msix.sent, 0);
        msix_write_table(&msix, 3 * 16, 8, UINT64_MAX);
        msix_write_table(&msix, MSIX_VECTORS_MAX * 16, 4, UINT32_MAX);
        assert_int_equal(msix_read_table(&msix, 3 * 16, 8), 0);
}

static void the_table_is_read_as_it_was_written(void **state)
{
        (void)state;
        msix_write_table(&msix, 16, 4, 0x11111111);
        msix_write_table(&msix, 20, 4, 0x22222222);
        assert_int_equal(msix_read_table(&msix, 16, 8), 0x2222222211111111);
        msix_write_table(&msix, 24, 8, 0xffffffff00000044); /* data, and the mask beside it */
        assert_int_equal(msix_read_table(&msix, 24, 4), 0x44);
        assert_int_equal(msix_read_table(&msix, 28, 4), 1); /* of the control word there is only the mask */
}

static void accesses_of_other_widths_are_ignored(void **state)
{
        static const struct {
                uint64_t offset;
                unsigned width;
        } accesses[] = {{0, 1}, {0, 2}, {2, 4}, {4, 8}, {1, 1}, {15, 4}};

        (void)state;
        for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
                msix_write_table(&msix, accesses[i].offset, accesses[i].width, UINT64_MAX);
                assert_true(msix_read_table(&msix, accesses[i].offset, accesses[i].width) == UINT64_MAX);
                assert_true(msix_read_pending(&msix, accesses[i].offset, accesses[i].width) == UINT64_MAX);
        }
        assert_int_equal(msix_read_table(&msix, 0, 8), 0);
        assert_int_equal(msix_read_table(&msix, 8, 8), 1ULL << 32); /* masked, as after a reset */
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_interrupt_is_sent_when_nothing_masks_it), TEST(what_is_masked_waits_and_is_sent_once),
                TEST(vectors_that_there_are_not_are_nobody_s),    TEST(the_table_is_read_as_it_was_written),
                TEST(accesses_of_other_widths_are_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
