/* The network device: a driver on one side, on the other a pair of packet sockets in a tap's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include "tests/unit/vmm_driver.h"
#include "vmmode/vmm/net.h"

#include <cmocka.h>

#define RECEIVE  0
#define TRANSMIT 1
#define HEADER   sizeof(struct virtio_net_hdr_v1)
#define MERGES   (1ULL << VIRTIO_NET_F_MRG_RXBUF)

static struct driver driver;
static struct net net;
static struct loop loop;
static int wire; /* the far end of the tap */
static const struct net_ends no_ends = {-EBADF, -EBADF};

static int begin(void **state)
{
        (void)state;
        assert_int_equal(loop_make(&loop, "test"), 0);
        assert_int_equal(guest_memory_make(&driver.memory, DRIVER_MEMORY), 0);
        assert_int_equal(net_init(&net, &driver.memory, &loop, &no_ends, NULL, false), 0);
        driver_attach(&driver, &net.virtio);
        wire = -EBADF;
        return 0;
}

static int end(void **state)
{
        (void)state;
        net_free(&net);
        loop_free(&loop);
        guest_memory_free(&driver.memory);
        if (wire >= 0)
                close(wire);
        return 0;
}

/* The driver first: a socket knows no offloads. */
static void start(uint64_t features)
{
        int pair[2];

        driver_start(&driver, features);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        net.tap.fd = pair[0];
        wire = pair[1];
        assert_int_equal(loop_add(&loop, &net.tap), 0);
        net.starved = false;
}

static void run_loop(void)
{
        while (loop_turn(&loop, 0) > 0)
                ;
}

/* Buffers for packets, each of `size` bytes, at known places. */
static uint64_t buffer(unsigned index)
{
        return DRIVER_BUFFERS + index * 0x10000ULL;
}

static void offer_room(unsigned index, uint32_t size)
{
        driver_describe(&driver, RECEIVE, index, buffer(index), size, VRING_DESC_F_WRITE, 0);
        driver_offer(&driver, RECEIVE, (uint16_t)index);
        driver_kick(&driver, RECEIVE);
}

/* A packet with its header comes in. */
static void arrive(size_t size, char with)
{
        uint8_t packet[HEADER + 4096] = {0};

        memset(packet + HEADER, with, size);
        assert_int_equal(send(wire, packet, HEADER + size, 0), HEADER + size);
}

static uint16_t pieces_at(uint64_t address)
{
        uint16_t n;

        assert_true(guest_read(&driver.memory, address + offsetof(struct virtio_net_hdr_v1, num_buffers), &n, 2));
        return n;
}

static void a_packet_from_the_tap_lands_in_a_buffer(void **state)
{
        uint32_t head, length;
        uint8_t byte;

        (void)state;
        start(MERGES);
        offer_room(0, 2048);
        arrive(100, 'p');
        run_loop();
        assert_true(driver_take(&driver, RECEIVE, &head, &length));
        assert_int_equal(head, 0);
        assert_int_equal(length, HEADER + 100);
        assert_int_equal(pieces_at(buffer(0)), 1);
        assert_true(guest_read(&driver.memory, buffer(0) + HEADER + 99, &byte, 1));
        assert_int_equal(byte, 'p');
        assert_false(driver_take(&driver, RECEIVE, &head, &length));
}

static void a_large_packet_is_spread_over_buffers_when_the_driver_merges(void **state)
{
        uint32_t head, length;
        uint8_t byte;

        (void)state;
        start(MERGES);
        for (unsigned i = 0; i < 6; i++)
                offer_room(i, 1000);
        arrive(2500, 'l');
        run_loop();
        for (unsigned i = 0; i < 3; i++) {
                assert_true(driver_take(&driver, RECEIVE, &head, &length));
                assert_int_equal(head, i);
                assert_int_equal(length, i < 2 ? 1000 : HEADER + 500);
        }
        assert_int_equal(pieces_at(buffer(0)), 3);
        assert_true(guest_read(&driver.memory, buffer(2) + HEADER + 499, &byte, 1));
        assert_int_equal(byte, 'l');
        /* The rest was given back: the next packet begins in the fourth. */
        arrive(10, 'n');
        run_loop();
        assert_true(driver_take(&driver, RECEIVE, &head, &length));
        assert_int_equal(head, 3);
        assert_int_equal(length, HEADER + 10);
}

static void without_merging_a_packet_has_one_buffer_and_is_cut(void **state)
{
        uint32_t head, length;

        (void)state;
        start(0);
        offer_room(0, 1000);
        offer_room(1, 1000);
        arrive(2500, 'l');
        run_loop();
        assert_true(driver_take(&driver, RECEIVE, &head, &length));
        assert_int_equal(length, 1000);
        assert_int_equal(pieces_at(buffer(0)), 1);
        assert_false(driver_take(&driver, RECEIVE, &head, &length));
}

static void packets_wait_in_the_tap_until_the_driver_has_room(void **state)
{
        uint32_t head, length;

        (void)state;
        start(MERGES);
        arrive(50, '1');
        arrive(60, '2');
        run_loop();
        assert_false(driver_take(&driver, RECEIVE, &head, &length));
        assert_true(net.starved);
        /* Nothing is looked at meanwhile. */
        assert_int_equal(loop_turn(&loop, 0), 0);
        offer_room(0, 2048);
        offer_room(1, 2048);
        run_loop();
        assert_true(driver_take(&driver, RECEIVE, &head, &length));
        assert_int_equal(length, HEADER + 50);
        assert_true(driver_take(&driver, RECEIVE, &head, &length));
        assert_int_equal(length, HEADER + 60);
}

static void a_packet_is_not_cut_while_the_driver_can_give_more_room(void **state)
{
        uint32_t head, length;

        (void)state;
        start(MERGES);
        offer_room(0, 700);
        offer_room(1, 700);
        arrive(1500, 'w');
        run_loop();
        assert_false(driver_take(&driver, RECEIVE, &head, &length));
        assert_true(net.starved);
        assert_int_equal(loop_turn(&loop, 0), 0);
        offer_room(2, 700);
        run_loop();
        for (unsigned i = 0; i < 3; i++) {
                assert_true(driver_take(&driver, RECEIVE, &head, &length));
                assert_int_equal(head, i);
        }
        assert_int_equal(length, HEADER + 1500 - 1400);
}

/* Many more packets than a turn has, of sizes that leave buffers over each time. */
static void many_packets_arrive_whole_and_in_order(void **state)
{
        uint32_t head, length;
        unsigned offered = 0, packet = 0;

        (void)state;
        start(MERGES);
        while (offered < 8)
                offer_room(offered++ % 16, 1600);
        for (; packet < 300; packet++) {
                size_t size = 60 + packet * 37 % 2900, left = HEADER + size;
                uint8_t byte;

                arrive(size, (char)packet);
                run_loop();
                while (left > 0) {
                        size_t here = left < 1600 ? left : 1600;

                        assert_true(driver_take(&driver, RECEIVE, &head, &length));
                        assert_int_equal(length, here);
                        left -= here;
                        assert_true(guest_read(&driver.memory, buffer(head) + here - 1, &byte, 1));
                        assert_int_equal(byte, (uint8_t)packet);
                        offer_room(offered++ % 16, 1600);
                }
                assert_false(driver_take(&driver, RECEIVE, &head, &length));
        }
}

static void transmit(unsigned index, uint32_t size)
{
        driver_describe(&driver, TRANSMIT, index, buffer(index), size, 0, 0);
        driver_offer(&driver, TRANSMIT, (uint16_t)index);
        driver_kick(&driver, TRANSMIT);
}

static void what_the_guest_sends_comes_out_of_the_tap(void **state)
{
        uint8_t packet[4096] = {0};
        uint32_t head, length;

        (void)state;
        start(MERGES);
        memset(packet + HEADER, 's', 200);
        assert_true(guest_write(&driver.memory, buffer(0), packet, HEADER + 200));
        transmit(0, HEADER + 200);
        assert_int_equal(recv(wire, packet, sizeof(packet), 0), HEADER + 200);
        assert_int_equal(packet[HEADER + 199], 's');
        assert_true(driver_take(&driver, TRANSMIT, &head, &length));
        assert_int_equal(length, 0);
}

static void what_is_no_packet_is_dropped_and_given_back(void **state)
{
        uint8_t packet[64];
        uint32_t head, length;

        (void)state;
        start(MERGES);
        transmit(0, HEADER);
        transmit(1, 5);
        transmit(2, 65536 + 512);
        for (unsigned i = 0; i < 3; i++)
                assert_true(driver_take(&driver, TRANSMIT, &head, &length));
        assert_int_equal(recv(wire, packet, sizeof(packet), MSG_DONTWAIT), -1);
}

static void a_full_wire_loses_packets_and_blocks_nobody(void **state)
{
        uint32_t head, length;

        (void)state;
        start(MERGES);
        for (unsigned i = 0; i < 2000; i++) {
                transmit(i % 16, HEADER + 1400);
                assert_true(driver_take(&driver, TRANSMIT, &head, &length));
                assert_int_equal(head, i % 16);
        }
}

/* ---- how often each side has to hear of the other ---- */

static void offer_transmit(unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                driver_describe(&driver, TRANSMIT, i, buffer(i % 16), HEADER + 100, 0, 0);
                driver_offer(&driver, TRANSMIT, (uint16_t)i);
        }
}

static unsigned take_all(unsigned queue)
{
        uint32_t head, length;
        unsigned n = 0;

        while (driver_take(&driver, queue, &head, &length))
                n++;
        return n;
}

static void set_used_event(unsigned queue, uint16_t value)
{
        guest_write(&driver.memory, available_address(queue) + 4 + 2 * DRIVER_SIZE, &value, sizeof(value));
}

static void packets_to_send_cost_one_kick_and_the_interrupt_asked_for(void **state)
{
        uint64_t before;

        (void)state;
        start(MERGES | QUEUE_FEATURE_EVENT_IDX);
        driver_hear(&driver);
        offer_transmit(4);
        assert_true(driver_must_kick(&driver, TRANSMIT, 4));
        driver_kick(&driver, TRANSMIT);
        assert_int_equal(take_all(TRANSMIT), 4);
        before = driver.function.msix.sent;
        set_used_event(TRANSMIT, 4 + 2); /* when the third of the next is gone */
        offer_transmit(8);
        driver_kick(&driver, TRANSMIT);
        assert_int_equal(take_all(TRANSMIT), 8);
        assert_int_equal(driver.function.msix.sent - before, 1);
}

/* The guest must not sleep until a whole turn is over: who asked to hear of the first hears of it, and only of it. */
static void packets_that_came_cost_the_interrupt_asked_for(void **state)
{
        uint64_t before;

        (void)state;
        start(MERGES | QUEUE_FEATURE_EVENT_IDX);
        driver_hear(&driver);
        for (unsigned i = 0; i < 16; i++)
                offer_room(i, 4096);
        arrive(100, 'a');
        run_loop();
        before = driver.function.msix.sent;
        set_used_event(RECEIVE, 1);
        for (unsigned i = 0; i < 8; i++)
                arrive(100, 'b');
        run_loop();
        assert_int_equal(take_all(RECEIVE), 9);
        assert_int_equal(driver.function.msix.sent - before, 1);
}

/* Starved, the device wants no kick for less than it can use, and reads at once when it comes. */
static void a_starved_device_goes_on_with_the_kick(void **state)
{
        (void)state;
        start(MERGES | QUEUE_FEATURE_EVENT_IDX);
        arrive(100, 's');
        run_loop();
        assert_true(net.starved);
        driver_describe(&driver, RECEIVE, 0, buffer(0), 4096, VRING_DESC_F_WRITE, 0);
        driver_offer(&driver, RECEIVE, 0);
        assert_true(driver_must_kick(&driver, RECEIVE, 1));
        driver_kick(&driver, RECEIVE);
        assert_int_equal(take_all(RECEIVE), 1);
}

static void without_a_tap_packets_are_lost_and_the_link_is_down(void **state)
{
        uint32_t head, length;

        (void)state;
        driver_start(&driver, MERGES);
        transmit(0, HEADER + 100);
        assert_true(driver_take(&driver, TRANSMIT, &head, &length));
        assert_int_equal(driver_read(&driver, PCI_BAR_DEVICE + offsetof(struct virtio_net_config, status), 2), 0);
        assert_false(net.virtio.offered & 1ULL << VIRTIO_NET_F_MAC);
}

static void what_is_no_tap_or_comes_too_late_is_not_taken(void **state)
{
        const struct net_options options = {.mac = {2}, .mtu = 1500};
        int file = open("/dev/null", O_RDWR | O_CLOEXEC);
        const struct net_ends ends = {file, -EBADF};

        (void)state;
        assert_int_equal(net_set_ends(&net, &ends, &options), -ENOTTY);
        assert_int_equal(net.tap.fd, -EBADF);
        driver_accept(&driver, VIRTIO_VERSION_1);
        assert_int_equal(net_set_ends(&net, &ends, &options), -EBUSY);
        close(file);
}

static void a_reset_stops_the_traffic(void **state)
{
        uint32_t head, length;

        (void)state;
        start(MERGES);
        offer_room(0, 2048);
        driver_write(&driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        arrive(100, 'p');
        run_loop();
        assert_false(driver_take(&driver, RECEIVE, &head, &length));
}

static void requests_that_hold_no_header_end_the_driver_and_not_in_a_spin(void **state)
{
        int turns = 0;

        (void)state;
        start(MERGES);
        for (unsigned i = 0; i < 4; i++) {
                driver_describe(&driver, RECEIVE, i, buffer(i), 2048, 0, 0); /* to be read, not written */
                driver_offer(&driver, RECEIVE, (uint16_t)i);
        }
        driver_kick(&driver, RECEIVE);
        arrive(100, 'p');
        while (loop_turn(&loop, 0) > 0 && turns < 100)
                turns++;
        assert_true(turns < 100);
        assert_true(net.virtio.state.status & VIRTIO_NEEDS_RESET);
}

/* As a tap that was deleted under us: an end that is reported for ever. */
static void a_wire_that_is_gone_is_not_listened_to(void **state)
{
        int pair[2], turns = 0;

        (void)state;
        driver_start(&driver, MERGES);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        net.tap.fd = pair[0];
        assert_int_equal(loop_add(&loop, &net.tap), 0);
        net.starved = false;
        offer_room(0, 2048);
        close(pair[1]);
        while (loop_turn(&loop, 0) > 0 && turns < 100)
                turns++;
        assert_true(turns < 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_packet_from_the_tap_lands_in_a_buffer),
                TEST(a_large_packet_is_spread_over_buffers_when_the_driver_merges),
                TEST(without_merging_a_packet_has_one_buffer_and_is_cut),
                TEST(packets_wait_in_the_tap_until_the_driver_has_room),
                TEST(a_packet_is_not_cut_while_the_driver_can_give_more_room),
                TEST(many_packets_arrive_whole_and_in_order),
                TEST(what_the_guest_sends_comes_out_of_the_tap),
                TEST(what_is_no_packet_is_dropped_and_given_back),
                TEST(a_full_wire_loses_packets_and_blocks_nobody),
                TEST(packets_to_send_cost_one_kick_and_the_interrupt_asked_for),
                TEST(packets_that_came_cost_the_interrupt_asked_for),
                TEST(a_starved_device_goes_on_with_the_kick),
                TEST(without_a_tap_packets_are_lost_and_the_link_is_down),
                TEST(what_is_no_tap_or_comes_too_late_is_not_taken),
                TEST(a_reset_stops_the_traffic),
                TEST(requests_that_hold_no_header_end_the_driver_and_not_in_a_spin),
                TEST(a_wire_that_is_gone_is_not_listened_to),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
