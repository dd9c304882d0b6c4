/* Split virtqueues against a driver that follows the rules, and one that does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/pci_regs.h>
#include <sys/eventfd.h>

#include "tests/unit/vmm_driver.h"
#include "vmmode/vmm/rng.h"

/* The rng is the plainest device there is: its queue is what is tested. */
static struct driver driver;
static struct rng rng;

static int begin(void **state)
{
        (void)state;
        assert_int_equal(guest_memory_make(&driver.memory, DRIVER_MEMORY), 0);
        assert_int_equal(rng_init(&rng, &driver.memory, NULL), 0);
        driver_attach(&driver, &rng.virtio);
        driver_start(&driver, 0);
        return 0;
}

static int end(void **state)
{
        (void)state;
        virtio_free(&rng.virtio);
        guest_memory_free(&driver.memory);
        return 0;
}

static bool broken(void)
{
        return driver_status(&driver) & VIRTIO_NEEDS_RESET;
}

static void a_request_is_answered(void **state)
{
        uint32_t head, length;

        (void)state;
        driver_describe(&driver, 0, 3, DRIVER_BUFFERS, 64, VRING_DESC_F_WRITE, 0);
        driver_offer(&driver, 0, 3);
        driver_kick(&driver, 0);
        assert_true(driver_take(&driver, 0, &head, &length));
        assert_int_equal(head, 3);
        assert_int_equal(length, 64);
        assert_int_equal(driver.function.msix.sent + driver.function.msix.state.vectors[1].pending, 1);
        assert_false(driver_take(&driver, 0, &head, &length));
}

static void a_chain_is_one_request(void **state)
{
        uint32_t head, length;

        (void)state;
        for (uint16_t i = 0; i < 4; i++)
                driver_describe(&driver, 0, i, DRIVER_BUFFERS + 0x1000ULL * i, 16,
                                VRING_DESC_F_WRITE | (i < 3 ? VRING_DESC_F_NEXT : 0), (uint16_t)(i + 1));
        driver_offer(&driver, 0, 0);
        driver_kick(&driver, 0);
        assert_true(driver_take(&driver, 0, &head, &length));
        assert_int_equal(length, 64);
}

static void an_indirect_table_is_one_request(void **state)
{
        struct vring_desc *table = guest_span(&driver.memory, DRIVER_BUFFERS, 32);
        uint32_t head, length;

        (void)state;
        table[0] = (struct vring_desc){DRIVER_BUFFERS + 0x1000, 8, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1};
        table[1] = (struct vring_desc){DRIVER_BUFFERS + 0x2000, 8, VRING_DESC_F_WRITE, 0};
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 32, VRING_DESC_F_INDIRECT, 0);
        driver_offer(&driver, 0, 0);
        driver_kick(&driver, 0);
        assert_true(driver_take(&driver, 0, &head, &length));
        assert_int_equal(length, 16);
}

static void more_requests_than_a_turn_are_all_served(void **state)
{
        uint32_t head, length, n = 0;

        (void)state;
        for (uint16_t i = 0; i < DRIVER_SIZE; i++) {
                driver_describe(&driver, 0, i, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE, 0);
                driver_offer(&driver, 0, i);
        }
        for (int turn = 0; turn < 8; turn++)
                driver_kick(&driver, 0);
        while (driver_take(&driver, 0, &head, &length))
                n++;
        assert_int_equal(n, DRIVER_SIZE);
}

/* Each of these breaks the queue and is not answered, and a reset brings the device back. */
static void expect_broken(void)
{
        uint32_t head, length;

        driver_offer(&driver, 0, 0);
        driver_kick(&driver, 0);
        assert_true(broken());
        assert_false(driver_take(&driver, 0, &head, &length));
        driver_start(&driver, 0);
        assert_false(broken());
        a_request_is_answered(NULL);
}

static void a_buffer_outside_of_memory_breaks_the_queue(void **state)
{
        (void)state;
        driver_describe(&driver, 0, 0, DRIVER_MEMORY - 8, 16, VRING_DESC_F_WRITE, 0);
        expect_broken();
        driver_describe(&driver, 0, 0, UINT64_MAX - 7, 16, VRING_DESC_F_WRITE, 0);
        expect_broken();
        driver_describe(&driver, 0, 0, 0xd0000000, 16, VRING_DESC_F_WRITE, 0);
        expect_broken();
}

static void an_empty_buffer_breaks_the_queue(void **state)
{
        (void)state;
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 0, VRING_DESC_F_WRITE, 0);
        expect_broken();
}

static void a_loop_breaks_the_queue(void **state)
{
        (void)state;
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
        driver_describe(&driver, 0, 1, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 0);
        expect_broken();
}

static void an_index_beyond_the_table_breaks_the_queue(void **state)
{
        (void)state;
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, DRIVER_SIZE);
        expect_broken();
}

static void a_readable_buffer_behind_a_writable_one_breaks_the_queue(void **state)
{
        (void)state;
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
        driver_describe(&driver, 0, 1, DRIVER_BUFFERS, 1, 0, 0);
        expect_broken();
}

static void bad_indirect_tables_break_the_queue(void **state)
{
        struct vring_desc *table = guest_span(&driver.memory, DRIVER_BUFFERS, 32);

        (void)state;
        /* not a whole number of descriptors */
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 24, VRING_DESC_F_INDIRECT, 0);
        expect_broken();
        /* with a descriptor behind it */
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
        expect_broken();
        /* one within another */
        table[0] = (struct vring_desc){DRIVER_BUFFERS, 16, VRING_DESC_F_INDIRECT, 0};
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 16, VRING_DESC_F_INDIRECT, 0);
        expect_broken();
        /* outside of memory */
        driver_describe(&driver, 0, 0, DRIVER_MEMORY - 16, 32, VRING_DESC_F_INDIRECT, 0);
        expect_broken();
}

static void too_many_requests_at_once_break_the_queue(void **state)
{
        uint16_t *available = guest_span(&driver.memory, available_address(0), 4);

        (void)state;
        available[1] = DRIVER_SIZE + 1;
        driver_kick(&driver, 0);
        assert_true(broken());
}

static void a_head_in_flight_is_not_taken_again(void **state)
{
        struct queue *queue = &rng.virtio.queues[0];
        struct queue_chain chain;

        (void)state;
        driver_describe(&driver, 0, 5, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE, 0);
        driver_offer(&driver, 0, 5);
        driver_offer(&driver, 0, 5);
        assert_int_equal(queue_pop(queue, &chain), 1);
        assert_int_equal(queue_pop(queue, &chain), -EBADMSG);
}

static void a_head_that_is_not_in_flight_is_not_returned(void **state)
{
        uint32_t head, length;

        (void)state;
        queue_push(&rng.virtio.queues[0], 7, 1);
        /* the index moves, as it must for merged buffers; the entry does not name the head */
        if (driver_take(&driver, 0, &head, &length))
                assert_int_not_equal(head, 7);
}

static void a_queue_that_is_enabled_does_not_change(void **state)
{
        struct queue_state before;

        (void)state;
        before = rng.virtio.queues[0].state;
        driver_set_queue(&driver, 0, 128, 0x20000, 0x30000, 0x40000);
        assert_memory_equal(&before, &rng.virtio.queues[0].state, sizeof(before));
}

static void impossible_queues_are_refused(void **state)
{
        const struct {
                uint16_t size;
                uint64_t descriptors, available, used;
        } bad[] = {
                {0, 0x10000, 0x11000, 0x12000},
                {3, 0x10000, 0x11000, 0x12000},
                {512, 0x10000, 0x11000, 0x12000},
                {64, 0x10001, 0x11000, 0x12000},
                {64, 0x10000, 0x11001, 0x12000},
                {64, 0x10000, 0x11000, 0x12002},
                {64, DRIVER_MEMORY - 16, 0x11000, 0x12000},
                {64, 0x10000, DRIVER_MEMORY - 2, 0x12000},
                {64, 0x10000, 0x11000, UINT64_MAX - 3},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                driver_accept(&driver, VIRTIO_VERSION_1);
                driver_set_queue(&driver, 0, bad[i].size, bad[i].descriptors, bad[i].available, bad[i].used);
                assert_false(rng.virtio.queues[0].state.enabled);
                assert_true(broken());
        }
}

static void features_are_agreed_on_before_queues(void **state)
{
        (void)state;
        driver_write(&driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        driver_set_queue(&driver, 0, DRIVER_SIZE, ring_address(0), available_address(0), used_address(0));
        assert_false(rng.virtio.queues[0].state.enabled);
        /* without VERSION_1, or with something that was not offered, FEATURES_OK does not stick */
        driver_accept(&driver, 0);
        assert_false(driver_status(&driver) & VIRTIO_FEATURES_OK);
        driver_accept(&driver, VIRTIO_VERSION_1 | 1ULL << 40);
        assert_false(driver_status(&driver) & VIRTIO_FEATURES_OK);
        /* and DRIVER_OK does not without it */
        driver_ready(&driver);
        assert_false(driver_status(&driver) & VIRTIO_DRIVER_OK && !(driver_status(&driver) & VIRTIO_FEATURES_OK));
        driver_accept(&driver, VIRTIO_VERSION_1);
        assert_true(driver_status(&driver) & VIRTIO_FEATURES_OK);
}

static void the_event_index_decides_about_signals(void **state)
{
        uint16_t *event;
        uint64_t before;

        (void)state;
        driver_start(&driver, QUEUE_FEATURE_EVENT_IDX);
        event = guest_span(&driver.memory, available_address(0) + 4 + 2 * DRIVER_SIZE, 2);
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, 1, VRING_DESC_F_WRITE, 0);
        msix_control(&driver.function.msix, 0x8000);
        pci_write_bar(&driver.function, PCI_BAR_MSIX + 16 + 12, 4, 0);
        before = driver.function.msix.sent;
        *event = 2;
        for (int i = 0; i < 3; i++) {
                driver_offer(&driver, 0, 0);
                driver_kick(&driver, 0);
                /* the first is always told; then the third, whose index the driver named */
                assert_int_equal(driver.function.msix.sent - before, i < 2 ? 1 : 2);
        }
}

/* ---- the function on the bus ---- */

static uint32_t config_of(struct pci *pci, uint64_t offset)
{
        return (uint32_t)pci_read_config(pci, offset, 4);
}

static void bars_tell_their_sizes_and_stay_where_they_are(void **state)
{
        struct pci pci = {.vm = -EBADF, .n = 1, .functions = {&driver.function}};
        uint32_t memory = config_of(&pci, PCI_BASE_ADDRESS_0), ports = config_of(&pci, PCI_BASE_ADDRESS_1);

        (void)state;
        assert_int_equal(memory & 0xf, 0);
        assert_int_equal(ports & 3, PCI_BASE_ADDRESS_SPACE_IO);
        pci_write_config(&pci, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_0), (uint32_t) ~(PCI_BAR_SIZE - 1));
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_1), ports);
        pci_write_config(&pci, PCI_BASE_ADDRESS_1, 4, UINT32_MAX);
        pci_write_config(&pci, PCI_BASE_ADDRESS_0, 4, 0x12340000);
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_0), memory);
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_1), (uint32_t) ~(PCI_PORTS - 1U) | PCI_BASE_ADDRESS_SPACE_IO);
        pci_write_config(&pci, PCI_BASE_ADDRESS_1, 4, ports);
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_1), ports);
        assert_int_equal(config_of(&pci, PCI_BASE_ADDRESS_2), 0);
}

static bool was_kicked(void)
{
        eventfd_t count;

        return eventfd_read(driver.virtio->kicks[0].watch.fd, &count) == 0;
}

/* The first notification structure is the one in the ports, the next the one in memory; both reach the queue. */
static void ports_and_memory_take_notifications(void **state)
{
        const uint8_t *config = driver.function.config;
        unsigned n = 0;

        (void)state;
        for (unsigned at = config[PCI_CAPABILITY_LIST]; at; at = config[at + 1])
                if (config[at] == PCI_CAP_ID_VNDR &&
                    config[at + offsetof(struct virtio_pci_cap, cfg_type)] == VIRTIO_PCI_CAP_NOTIFY_CFG)
                        assert_int_equal(config[at + offsetof(struct virtio_pci_cap, bar)], n++ == 0);
        assert_int_equal(n, 2);
        (void)was_kicked();
        pci_write_port(&driver.function, 0, 2, 0);
        assert_true(was_kicked());
        pci_write_bar(&driver.function, PCI_BAR_NOTIFY, 2, 0);
        assert_true(was_kicked());
        /* a queue that there is not, and one half beyond */
        pci_write_port(&driver.function, PCI_NOTIFY_STRIDE, 2, 0);
        pci_write_port(&driver.function, PCI_NOTIFY_STRIDE - 1, 2, 0);
        pci_write_port(&driver.function, UINT64_MAX, 8, 0);
        assert_false(was_kicked());
}

static void buffers_are_cut_where_they_must(void **state)
{
        char a[4] = "abcd", b[3] = "efg", out[8] = {0};
        const struct iovec v[] = {{a, 4}, {b, 3}};
        struct iovec part[2];

        (void)state;
        assert_int_equal(buffers_read(v, 2, 2, out, 4), 4);
        assert_memory_equal(out, "cdef", 4);
        assert_int_equal(buffers_read(v, 2, 6, out, 4), 1);
        assert_int_equal(buffers_read(v, 2, 7, out, 4), 0);
        assert_int_equal(buffers_write(v, 2, 3, "XYZ", 3), 3);
        assert_memory_equal(a, "abcX", 4);
        assert_memory_equal(b, "YZg", 3);
        assert_int_equal(buffers_slice(v, 2, 3, 2, part), 2);
        assert_int_equal(part[0].iov_len, 1);
        assert_int_equal(part[1].iov_len, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                CASE(a_request_is_answered),
                CASE(a_chain_is_one_request),
                CASE(an_indirect_table_is_one_request),
                CASE(more_requests_than_a_turn_are_all_served),
                CASE(a_buffer_outside_of_memory_breaks_the_queue),
                CASE(an_empty_buffer_breaks_the_queue),
                CASE(a_loop_breaks_the_queue),
                CASE(an_index_beyond_the_table_breaks_the_queue),
                CASE(a_readable_buffer_behind_a_writable_one_breaks_the_queue),
                CASE(bad_indirect_tables_break_the_queue),
                CASE(too_many_requests_at_once_break_the_queue),
                CASE(a_head_in_flight_is_not_taken_again),
                CASE(a_head_that_is_not_in_flight_is_not_returned),
                CASE(a_queue_that_is_enabled_does_not_change),
                CASE(impossible_queues_are_refused),
                CASE(features_are_agreed_on_before_queues),
                CASE(the_event_index_decides_about_signals),
                CASE(bars_tell_their_sizes_and_stay_where_they_are),
                CASE(ports_and_memory_take_notifications),
                CASE(buffers_are_cut_where_they_must),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
