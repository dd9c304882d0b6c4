/* A network device whose packets the kernel moves: what it is told and in which order, what it gets back, and which
 * interrupts reach the guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/unit/vmm_driver.h"
#include "tests/unit/vmm_vhost.h"
#include "vmmode/vmm/net.h"

#include <cmocka.h>

#define RECEIVE  0
#define TRANSMIT 1
#define MERGES   (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define CHECKSUM (1ULL << VIRTIO_NET_F_CSUM)

/* The letters are fake_letters'. There is no tap, whose number is only handed on. */
#define BEGINS "OgMCEKCEK"
#define STARTS "FNBATNBAT"
#define STOPS  "TbTb"

static struct driver driver;
static struct net net;
static struct loop loop;
static int device; /* stands for /dev/vhost-net */

static int make(void **state, bool possible)
{
        const struct net_ends none = {-EBADF, -EBADF};

        (void)state;
        assert_int_equal(loop_make(&loop, "test"), 0);
        assert_int_equal(guest_memory_make(&driver.memory, DRIVER_MEMORY), 0);
        assert_int_equal(net_init(&net, &driver.memory, &loop, &none, NULL, possible), 0);
        fake_vhost_begin();
        net.vhost.ask = fake_vhost_ask;
        device = eventfd(0, EFD_CLOEXEC);
        driver_attach(&driver, &net.virtio);
        return 0;
}

static int begin(void **state)
{
        make(state, true);
        assert_int_equal(vhost_begin(&net.vhost, device), 0);
        return 0;
}

static int begin_without(void **state)
{
        return make(state, true);
}

static int begin_impossible(void **state)
{
        return make(state, false);
}

static int end(void **state)
{
        bool owned = net.vhost.fd >= 0;

        (void)state;
        net_free(&net);
        /* Closing it is what ends the kernel's thread. */
        assert_int_equal(close(device), owned ? -1 : 0);
        loop_free(&loop);
        guest_memory_free(&driver.memory);
        error_clear();
        return 0;
}

static void reset(void)
{
        driver_write(&driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
}

static void assert_order(const char *expected)
{
        fake_vhost.order[fake_vhost.n] = '\0';
        assert_string_equal(fake_vhost.order, expected);
        fake_vhost.n = 0;
}

static eventfd_t counted(int fd)
{
        eventfd_t count = 0;

        return eventfd_read(fd, &count) == 0 ? count : 0;
}

static void run_loop(void)
{
        while (loop_turn(&loop, 0) > 0)
                ;
}

/* ---- the rings ---- */

static void it_is_told_in_order_and_the_tap_comes_last(void **state)
{
        (void)state;
        assert_order(BEGINS);
        assert_true(fake_vhost.knows_memory);
        driver_start(&driver, MERGES | CHECKSUM | QUEUE_FEATURE_EVENT_IDX | QUEUE_FEATURE_INDIRECT);
        assert_order(STARTS);
        assert_true(virtio_is_active(&net.virtio));
        /* Checksums are the tap's. */
        assert_true(fake_vhost.features ==
                    (VIRTIO_VERSION_1 | MERGES | QUEUE_FEATURE_EVENT_IDX | QUEUE_FEATURE_INDIRECT));
        for (unsigned i = 0; i < VHOST_QUEUES; i++) {
                const struct fake_ring *ring = &fake_vhost.rings[i];
                uint8_t *memory = guest_span(&driver.memory, 0, 1);

                assert_int_equal(ring->size, DRIVER_SIZE);
                assert_int_equal(ring->base, 0);
                assert_int_equal(ring->kick, net.virtio.kicks[i].watch.fd);
                assert_int_equal(ring->call, net.vhost.calls[i]);
                assert_int_equal(ring->error, net.vhost.error.fd);
                assert_int_equal(ring->backend, net.tap.fd);
                assert_true(ring->address.desc_user_addr == (uintptr_t)memory + ring_address(i));
                assert_true(ring->address.avail_user_addr == (uintptr_t)memory + available_address(i));
                assert_true(ring->address.used_user_addr == (uintptr_t)memory + used_address(i));
        }
}

static void a_reset_takes_the_rings_back_and_a_new_driver_gets_them_again(void **state)
{
        (void)state;
        driver_start(&driver, MERGES);
        fake_vhost.n = 0;
        reset();
        assert_order(STOPS);
        reset();
        assert_order("");
        driver_start(&driver, 0);
        assert_order(STARTS);
        assert_true(fake_vhost.features == VIRTIO_VERSION_1);
}

/* A state that is stored must say where the kernel was. */
static void a_ring_that_is_taken_back_goes_on_where_it_stopped(void **state)
{
        (void)state;
        driver_start(&driver, MERGES);
        fake_vhost.rings[RECEIVE].base = 41;
        fake_vhost.rings[TRANSMIT].base = 65535;
        vhost_stop(&net.vhost);
        assert_int_equal(net.virtio.queues[RECEIVE].state.next_available, 41);
        assert_int_equal(net.virtio.queues[RECEIVE].state.next_used, 41);
        assert_int_equal(net.virtio.queues[TRANSMIT].state.next_available, 65535);
        fake_vhost.rings[RECEIVE].base = fake_vhost.rings[TRANSMIT].base = 0;
        assert_int_equal(vhost_start(&net.vhost, net.tap.fd), 0);
        assert_int_equal(fake_vhost.rings[RECEIVE].base, 41);
        assert_int_equal(fake_vhost.rings[TRANSMIT].base, 65535);
}

static void a_queue_that_the_driver_does_not_enable_is_not_handed_over(void **state)
{
        (void)state;
        fake_vhost.n = 0;
        driver_accept(&driver, VIRTIO_VERSION_1);
        driver_set_queue(&driver, TRANSMIT, DRIVER_SIZE, ring_address(1), available_address(1), used_address(1));
        driver_ready(&driver);
        assert_order("FNBAT");
        assert_int_equal(fake_vhost.rings[RECEIVE].backend, -1);
        reset();
        assert_order("Tb");
}

/* The stand-in ends the test at once for a ring outside of memory. */
static void a_ring_outside_of_memory_is_not_handed_over(void **state)
{
        static const struct {
                uint64_t descriptors, available, used;
        } rings[] = {
                {DRIVER_MEMORY - 16, 0x1000, 0x2000},  {0, DRIVER_MEMORY - 2, 0x2000}, {0, 0x1000, DRIVER_MEMORY - 4},
                {UINT64_MAX & ~15ULL, 0x1000, 0x2000}, {0, 0x1000, 1ULL << 40},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
                driver_accept(&driver, VIRTIO_VERSION_1);
                fake_vhost.n = 0;
                driver_set_queue(&driver, RECEIVE, DRIVER_SIZE, rings[i].descriptors, rings[i].available,
                                 rings[i].used);
                driver_ready(&driver);
                assert_true(driver_status(&driver) & VIRTIO_NEEDS_RESET);
                assert_null(memchr(fake_vhost.order, 'A', fake_vhost.n));
                reset();
        }
}

static void what_the_kernel_refuses_needs_a_reset_and_leaves_no_ring_behind(void **state)
{
        static const unsigned long requests[] = {VHOST_SET_FEATURES, VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE,
                                                 VHOST_SET_VRING_ADDR, VHOST_NET_SET_BACKEND};

        (void)state;
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
                fake_vhost.refuses = requests[i];
                driver_start(&driver, MERGES);
                assert_true(driver_status(&driver) & VIRTIO_NEEDS_RESET);
                assert_int_equal(fake_vhost.rings[RECEIVE].backend, -1);
                assert_int_equal(fake_vhost.rings[TRANSMIT].backend, -1);
                fake_vhost.refuses = 0;
                reset();
        }
        driver_start(&driver, MERGES);
        assert_true(virtio_is_active(&net.virtio));
}

static void a_ring_that_the_kernel_finds_broken_needs_a_reset(void **state)
{
        (void)state;
        driver_start(&driver, MERGES);
        run_loop();
        assert_true(virtio_is_active(&net.virtio));
        eventfd_write(net.vhost.error.fd, 1);
        run_loop();
        assert_true(driver_status(&driver) & VIRTIO_NEEDS_RESET);
        reset();
        driver_start(&driver, MERGES);
        run_loop();
        assert_true(virtio_is_active(&net.virtio));
}

/* ---- who listens ---- */

static void kicks_are_the_kernel_s(void **state)
{
        (void)state;
        driver_start(&driver, MERGES);
        run_loop();
        /* What the driver offered before it was ready is told of, too, and nobody here has read it. */
        for (unsigned i = 0; i < VHOST_QUEUES; i++)
                assert_int_equal(counted(net.virtio.kicks[i].watch.fd), 1);
        driver_write(&driver, PCI_BAR_NOTIFY + PCI_NOTIFY_STRIDE * TRANSMIT, 2, TRANSMIT);
        run_loop();
        assert_int_equal(counted(net.virtio.kicks[TRANSMIT].watch.fd), 1);
        assert_int_equal(counted(net.virtio.kicks[RECEIVE].watch.fd), 0);
}

static void where_it_lacks_something_packets_are_moved_here(void **state)
{
        (void)state;
        fake_vhost.offers &= ~MERGES;
        assert_int_equal(vhost_begin(&net.vhost, device), -ENOTSUP);
        assert_false(vhost_serves(&net.vhost));
        fake_vhost_begin();
        fake_vhost.refuses = VHOST_SET_OWNER;
        assert_int_equal(vhost_begin(&net.vhost, device), -EFAULT);
        assert_string_equal(error_message(), "vhost-net: take possession of it: Bad address");
        fake_vhost.n = 0;
        driver_start(&driver, MERGES);
        assert_order("");
        run_loop();
        /* The loop has the kicks still: what was written when the driver became ready was seen. */
        assert_true(net.virtio.kicks[TRANSMIT].watch.added);
        assert_true(virtio_is_active(&net.virtio));
}

static void a_machine_without_it_takes_none(void **state)
{
        (void)state;
        assert_int_equal(vhost_begin(&net.vhost, device), -ENOTSUP);
        assert_false(vhost_serves(&net.vhost));
        assert_order("");
}

/* ---- calls ---- */

static bool is_connected(unsigned queue)
{
        return driver.function.msix.calls[queue].connected;
}

static void mask(unsigned vector, bool masked)
{
        driver_write(&driver, PCI_BAR_MSIX + 16ULL * vector + 12, 4, masked);
}

static void calls_go_past_us_while_nothing_masks_them(void **state)
{
        (void)state;
        driver_start(&driver, MERGES);
        assert_false(is_connected(RECEIVE) || is_connected(TRANSMIT));
        driver_hear(&driver);
        assert_true(is_connected(RECEIVE) && is_connected(TRANSMIT));
        mask(RECEIVE + 1, true);
        assert_false(is_connected(RECEIVE));
        assert_true(is_connected(TRANSMIT));
        msix_control(&driver.function.msix, 0xc000);
        assert_false(is_connected(TRANSMIT));
        mask(RECEIVE + 1, false);
        assert_false(is_connected(RECEIVE));
        msix_control(&driver.function.msix, 0x8000);
        assert_true(is_connected(RECEIVE) && is_connected(TRANSMIT));
        msix_control(&driver.function.msix, 0);
        assert_false(is_connected(RECEIVE) || is_connected(TRANSMIT));
}

static void a_call_while_its_vector_is_masked_stays_pending_and_is_sent_once(void **state)
{
        uint64_t before;

        (void)state;
        driver_start(&driver, MERGES);
        driver_hear(&driver);
        before = driver.function.msix.sent;
        mask(RECEIVE + 1, true);
        eventfd_write(net.vhost.calls[RECEIVE], 1);
        eventfd_write(net.vhost.calls[RECEIVE], 1);
        assert_int_equal(driver_read(&driver, PCI_BAR_PENDING, 8), 1 << (RECEIVE + 1));
        eventfd_write(net.vhost.calls[RECEIVE], 1);
        assert_int_equal(driver.function.msix.sent, before);
        mask(TRANSMIT + 1, true);
        mask(RECEIVE + 1, false);
        assert_int_equal(driver.function.msix.sent, before + 1);
        assert_int_equal(driver_read(&driver, PCI_BAR_PENDING, 8), 0);
        mask(TRANSMIT + 1, false);
        assert_int_equal(driver.function.msix.sent, before + 1);
        assert_true(is_connected(RECEIVE) && is_connected(TRANSMIT));
}

static void a_reset_ends_the_calls_and_forgets_what_was_not_heard(void **state)
{
        uint64_t before;

        (void)state;
        driver_start(&driver, MERGES);
        eventfd_write(net.vhost.calls[TRANSMIT], 1);
        reset();
        assert_false(is_connected(RECEIVE) || is_connected(TRANSMIT));
        before = driver.function.msix.sent;
        driver_start(&driver, MERGES);
        driver_hear(&driver);
        assert_int_equal(driver.function.msix.sent, before);
        assert_true(is_connected(TRANSMIT));
}

static void without_a_vector_nobody_is_called(void **state)
{
        (void)state;
        driver_accept(&driver, VIRTIO_VERSION_1);
        driver_set_queue(&driver, TRANSMIT, DRIVER_SIZE, ring_address(1), available_address(1), used_address(1));
        reset();
        driver_accept(&driver, VIRTIO_VERSION_1);
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_SELECT, 2, TRANSMIT);
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_MSIX, 2, 99);
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_DESCLO, 4, ring_address(1));
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, available_address(1));
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_USEDLO, 4, used_address(1));
        driver_write(&driver, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
        driver_ready(&driver);
        driver_hear(&driver);
        assert_true(virtio_is_active(&net.virtio));
        assert_false(is_connected(TRANSMIT));
}

#define TEST(name)                 cmocka_unit_test_setup_teardown(name, begin, end)
#define TEST_FROM(name, beginning) cmocka_unit_test_setup_teardown(name, beginning, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(it_is_told_in_order_and_the_tap_comes_last),
                TEST(a_reset_takes_the_rings_back_and_a_new_driver_gets_them_again),
                TEST(a_ring_that_is_taken_back_goes_on_where_it_stopped),
                TEST(a_queue_that_the_driver_does_not_enable_is_not_handed_over),
                TEST(a_ring_outside_of_memory_is_not_handed_over),
                TEST(what_the_kernel_refuses_needs_a_reset_and_leaves_no_ring_behind),
                TEST(a_ring_that_the_kernel_finds_broken_needs_a_reset),
                TEST(kicks_are_the_kernel_s),
                TEST_FROM(where_it_lacks_something_packets_are_moved_here, begin_without),
                TEST_FROM(a_machine_without_it_takes_none, begin_impossible),
                TEST(calls_go_past_us_while_nothing_masks_them),
                TEST(a_call_while_its_vector_is_masked_stays_pending_and_is_sent_once),
                TEST(a_reset_ends_the_calls_and_forgets_what_was_not_heard),
                TEST(without_a_vector_nobody_is_called),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
