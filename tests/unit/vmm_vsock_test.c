/* The vsock device between a socket of the host and a driver. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/virtio_vsock.h>

#include "tests/unit/vmm_driver.h"
#include "vmmode/vmm/vsock.h"

#define HEADER sizeof(struct virtio_vsock_hdr)
#define ROOM   0x1000U

static struct driver driver;
static struct vsock vsock;
static struct loop loop;
static struct sockaddr_un address;
static socklen_t address_size;
static uint32_t host_port; /* of the stream that the device opened last */

static int begin(void **state)
{
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        /* an abstract name of the kernel's choice */
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
        address_size = sizeof(address);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_size), 0);
        assert_int_equal(listen(listener, 8), 0);
        assert_int_equal(loop_make(&loop, "test"), 0);
        assert_int_equal(guest_memory_make(&driver.memory, DRIVER_MEMORY), 0);
        assert_int_equal(vsock_init(&vsock, &driver.memory, &loop, listener), 0);
        driver_attach(&driver, &vsock.virtio);
        driver_start(&driver, 0);
        return 0;
}

static int end(void **state)
{
        (void)state;
        vsock_free(&vsock);
        loop_free(&loop);
        guest_memory_free(&driver.memory);
        return 0;
}

static void turn(void)
{
        for (int i = 0; i < 8 && loop_turn(&loop, 0) > 0; i++) {
        }
}

static int connect_host(const char *greeting)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, address_size), 0);
        assert_int_equal(write(fd, greeting, strlen(greeting)), strlen(greeting));
        turn();
        return fd;
}

/* The guest offers n buffers of ROOM bytes and their header. */
static void offer_room(unsigned n)
{
        for (uint16_t i = 0; i < n; i++) {
                driver_describe(&driver, 0, i, DRIVER_BUFFERS + i * 0x2000ULL, HEADER + ROOM, VRING_DESC_F_WRITE, 0);
                driver_offer(&driver, 0, i);
        }
        driver_kick(&driver, 0);
        turn();
}

/* What the device sent: the header, and where its bytes are. */
static bool hear(struct virtio_vsock_hdr *header, const char **bytes)
{
        uint32_t head, length;
        uint8_t *buffer;

        if (!driver_take(&driver, 0, &head, &length))
                return false;
        buffer = guest_span(&driver.memory, DRIVER_BUFFERS + head * 0x2000ULL, HEADER + ROOM);
        memcpy(header, buffer, HEADER);
        assert_int_equal(length, HEADER + header->len);
        *bytes = (const char *)buffer + HEADER;
        return true;
}

static void say(uint16_t op, uint32_t port, const void *data, uint32_t size, uint32_t flags)
{
        const uint64_t place = DRIVER_BUFFERS + 0x200000;
        struct virtio_vsock_hdr header = {
                .src_cid = VSOCK_GUEST,
                .dst_cid = VSOCK_HOST,
                .src_port = 1024,
                .dst_port = port,
                .len = size,
                .type = VIRTIO_VSOCK_TYPE_STREAM,
                .op = op,
                .flags = flags,
                .buf_alloc = 0x10000,
        };

        guest_write(&driver.memory, place, &header, HEADER);
        if (size)
                guest_write(&driver.memory, place + HEADER, data, size);
        driver_describe(&driver, 1, 0, place, (uint32_t)HEADER + size, 0, 0);
        driver_offer(&driver, 1, 0);
        driver_kick(&driver, 1);
        turn();
}

static int open_stream(void)
{
        struct virtio_vsock_hdr header;
        const char *bytes;
        char answer[4] = {0};
        int fd = connect_host("CONNECT 1024\n");

        offer_room(16);
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_REQUEST);
        assert_int_equal(header.dst_port, 1024);
        host_port = header.src_port;
        say(VIRTIO_VSOCK_OP_RESPONSE, host_port, NULL, 0, 0);
        assert_int_equal(read(fd, answer, sizeof(answer)), 3);
        assert_string_equal(answer, "OK\n");
        return fd;
}

static void bytes_go_both_ways(void **state)
{
        struct virtio_vsock_hdr header;
        const char *bytes;
        char buffer[16];
        int fd = open_stream();

        (void)state;
        assert_int_equal(write(fd, "to the guest", 12), 12);
        turn();
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_RW);
        assert_int_equal(header.len, 12);
        assert_memory_equal(bytes, "to the guest", 12);
        say(VIRTIO_VSOCK_OP_RW, host_port, "to the host", 11, 0);
        assert_int_equal(read(fd, buffer, sizeof(buffer)), 11);
        assert_memory_equal(buffer, "to the host", 11);
        close(fd);
}

static void the_end_of_the_host_is_a_half_close(void **state)
{
        struct virtio_vsock_hdr header;
        const char *bytes;
        char buffer[16];
        int fd = open_stream();

        (void)state;
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        turn();
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_SHUTDOWN);
        assert_int_equal(header.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
        say(VIRTIO_VSOCK_OP_RW, host_port, "still", 5, 0);
        assert_int_equal(read(fd, buffer, sizeof(buffer)), 5);
        say(VIRTIO_VSOCK_OP_SHUTDOWN, host_port, NULL, 0, VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV);
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_RST);
        assert_int_equal(read(fd, buffer, sizeof(buffer)), 0);
        close(fd);
}

static void nothing_is_sent_beyond_the_guests_credit(void **state)
{
        static char data[0x4000];
        struct virtio_vsock_hdr header;
        const char *bytes;
        size_t got = 0;
        int fd = open_stream();

        (void)state;
        /* room for 0x10000 bytes was named; take it back to 100 */
        vsock.streams[0].guest_room = 100;
        assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
        turn();
        while (hear(&header, &bytes))
                got += header.len;
        assert_int_equal(got, 100);
        turn();
        assert_false(hear(&header, &bytes));
        close(fd);
}

static void what_the_host_does_not_read_waits_and_is_bounded(void **state)
{
        static char data[0x8000], back[0x8000];
        struct virtio_vsock_hdr header;
        const char *bytes;
        size_t sent = 0, got = 0;
        ssize_t n;
        int fd = open_stream();

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (char)(i * 7);
        /* fill the socket, then the device's own buffer */
        while (vsock.streams[0].used == 0) {
                say(VIRTIO_VSOCK_OP_RW, host_port, data, sizeof(data), 0);
                sent += sizeof(data);
        }
        assert_int_equal(vsock.streams[0].phase, VSOCK_OPEN);
        assert_true(vsock.streams[0].used <= VSOCK_BUFFER);
        while (got < sent) {
                n = read(fd, back, sizeof(back));
                if (n > 0) {
                        for (ssize_t i = 0; i < n; i++)
                                assert_int_equal(back[i], data[(got + (size_t)i) % sizeof(data)]);
                        got += (size_t)n;
                }
                turn();
        }
        assert_int_equal(vsock.streams[0].used, 0);
        /* beyond the room that it was told of, the guest loses the stream */
        while (vsock.streams[0].phase == VSOCK_OPEN && !vsock.streams[0].owes_reset)
                say(VIRTIO_VSOCK_OP_RW, host_port, data, sizeof(data), 0);
        offer_room(1);
        do
                assert_true(hear(&header, &bytes));
        while (header.op != VIRTIO_VSOCK_OP_RST);
        close(fd);
}

static void a_port_where_nobody_listens_ends_the_connection(void **state)
{
        struct virtio_vsock_hdr header;
        const char *bytes;
        char byte;
        int fd = connect_host("CONNECT 7\n");

        (void)state;
        offer_room(4);
        assert_true(hear(&header, &bytes));
        {
                /* the guest's answer comes from the port that was asked for */
                const uint64_t place = DRIVER_BUFFERS + 0x200000;
                struct virtio_vsock_hdr answer = {.src_cid = VSOCK_GUEST,
                                                  .dst_cid = VSOCK_HOST,
                                                  .src_port = 7,
                                                  .dst_port = header.src_port,
                                                  .type = VIRTIO_VSOCK_TYPE_STREAM,
                                                  .op = VIRTIO_VSOCK_OP_RST};

                guest_write(&driver.memory, place, &answer, HEADER);
                driver_describe(&driver, 1, 0, place, HEADER, 0, 0);
                driver_offer(&driver, 1, 0);
                driver_kick(&driver, 1);
        }
        assert_int_equal(read(fd, &byte, 1), 0);
        close(fd);
}

static void words_of_unknown_streams_are_answered_with_a_reset(void **state)
{
        struct virtio_vsock_hdr header;
        const char *bytes;

        (void)state;
        offer_room(4);
        say(VIRTIO_VSOCK_OP_REQUEST, 99, NULL, 0, 0);
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_RST);
        assert_int_equal(header.src_port, 99);
        /* but a reset is not answered, or two would talk for ever */
        say(VIRTIO_VSOCK_OP_RST, 98, NULL, 0, 0);
        assert_false(hear(&header, &bytes));
}

static void lies_about_length_end_the_stream(void **state)
{
        const uint64_t place = DRIVER_BUFFERS + 0x200000;
        struct virtio_vsock_hdr header, lie = {.src_cid = VSOCK_GUEST,
                                               .dst_cid = VSOCK_HOST,
                                               .src_port = 1024,
                                               .len = 0xffff,
                                               .type = VIRTIO_VSOCK_TYPE_STREAM,
                                               .op = VIRTIO_VSOCK_OP_RW,
                                               .buf_alloc = 1};
        const char *bytes;
        char byte;
        int fd = open_stream();

        (void)state;
        lie.dst_port = host_port;
        guest_write(&driver.memory, place, &lie, HEADER);
        driver_describe(&driver, 1, 0, place, HEADER + 4, 0, 0);
        driver_offer(&driver, 1, 0);
        driver_kick(&driver, 1);
        turn();
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_RST);
        assert_int_equal(read(fd, &byte, 1), 0);
        close(fd);
}

static void nonsense_from_the_host_is_hung_up_on(void **state)
{
        static const char *const bad[] = {"HELLO\n",       "CONNECT \n",
                                          "CONNECT -1\n",  "CONNECT 4294967296\n",
                                          "CONNECT 1 2\n", "CONNECT 11111111111111111111111111111\n"};
        char byte;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                int fd = connect_host(bad[i]);

                assert_true(read(fd, &byte, 1) == 0 || errno == ECONNRESET);
                close(fd);
        }
        assert_int_equal(vsock.streams[0].phase, VSOCK_FREE);
}

/* The guest never answers, and they do not wait for it. */
static void who_gives_up_waiting_leaves_no_stream_behind(void **state)
{
        struct virtio_vsock_hdr header;
        const char *bytes;
        int fd = connect_host("CONNECT 1024\n");

        (void)state;
        assert_int_equal(vsock.streams[0].phase, VSOCK_REQUESTED);
        close(fd);
        turn();
        /* The guest has not even heard of it. */
        assert_int_equal(vsock.streams[0].phase, VSOCK_FREE);
        fd = connect_host("CONNECT 1024\n");
        offer_room(4);
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_REQUEST);
        close(fd);
        turn();
        assert_true(hear(&header, &bytes));
        assert_int_equal(header.op, VIRTIO_VSOCK_OP_RST);
        assert_int_equal(vsock.streams[0].phase, VSOCK_FREE);
}

/* Who comes when every place is taken waits, and costs nothing meanwhile. */
static void one_too_many_waits_for_a_place(void **state)
{
        static int fds[VSOCK_STREAMS_MAX + 1];

        (void)state;
        for (size_t i = 0; i <= VSOCK_STREAMS_MAX; i++) {
                fds[i] = connect_host("CONN");
                turn();
        }
        for (size_t i = 0; i < VSOCK_STREAMS_MAX; i++)
                assert_int_equal(vsock.streams[i].phase, VSOCK_GREETING);
        assert_int_equal(loop_turn(&loop, 0), 0);
        close(fds[7]);
        turn();
        assert_int_equal(vsock.streams[7].phase, VSOCK_GREETING);
        assert_int_equal(vsock.streams[7].greeted, 4);
        for (size_t i = 0; i <= VSOCK_STREAMS_MAX; i++)
                if (i != 7)
                        close(fds[i]);
        turn();
}

static void a_reset_of_the_device_ends_every_stream(void **state)
{
        char byte;
        int fd = open_stream();

        (void)state;
        driver_write(&driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        assert_int_equal(read(fd, &byte, 1), 0);
        close(fd);
}

static void without_a_place_connections_wait_and_nothing_spins(void **state)
{
        static int hosts[VSOCK_STREAMS_MAX];
        struct rlimit limit;
        char byte;
        int late;

        (void)state;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                hosts[i] = connect_host("C");
        assert_int_equal(vsock.streams[VSOCK_STREAMS_MAX - 1].phase, VSOCK_GREETING);
        late = connect_host("nonsense\n");
        assert_int_equal(loop_turn(&loop, 0), 0);
        assert_int_equal(read(late, &byte, 1), -1);
        close(hosts[7]);
        turn();
        turn();
        assert_int_equal(read(late, &byte, 1), 0);
        close(late);
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                if (i != 7)
                        close(hosts[i]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
        const struct CMUnitTest tests[] = {
                CASE(bytes_go_both_ways),
                CASE(the_end_of_the_host_is_a_half_close),
                CASE(nothing_is_sent_beyond_the_guests_credit),
                CASE(what_the_host_does_not_read_waits_and_is_bounded),
                CASE(a_port_where_nobody_listens_ends_the_connection),
                CASE(words_of_unknown_streams_are_answered_with_a_reset),
                CASE(lies_about_length_end_the_stream),
                CASE(nonsense_from_the_host_is_hung_up_on),
                CASE(who_gives_up_waiting_leaves_no_stream_behind),
                CASE(one_too_many_waits_for_a_place),
                CASE(a_reset_of_the_device_ends_every_stream),
                CASE(without_a_place_connections_wait_and_nothing_spins),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
