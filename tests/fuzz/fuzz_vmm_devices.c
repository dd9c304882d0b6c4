/* A hostile guest: the input is a program of accesses to a device's registers and of writes into the memory that its
 * rings and buffers lie in. Whatever it does, only the guest may suffer. The file server is hostile, too: the guest may
 * have taken it over. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/unit/vmm_driver.h"
#include "tests/unit/vmm_vhost.h"
#include "vmmode/vmm/balloon.h"
#include "vmmode/vmm/blk.h"
#include "vmmode/vmm/fs.h"
#include "vmmode/vmm/net.h"
#include "vmmode/vmm/rng.h"
#include "vmmode/vmm/vsock.h"

enum { ON_RNG, ON_BLK, ON_BALLOON, ON_VSOCK, ON_NET, ON_FS, ON_VHOST, KINDS };

struct input {
        const uint8_t *data;
        size_t left;
};

static uint64_t take(struct input *input, unsigned bytes)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < bytes && input->left > 0; i++, input->left--)
                value |= (uint64_t)*input->data++ << (8 * i);
        return value;
}

static struct driver driver;
static struct loop loop;
static struct rng rng;
static struct blk blk;
static struct balloon balloon;
static struct vsock vsock;
static struct net net;
static struct fs fs;
static struct sockaddr_un address;
static socklen_t address_size;
static int hosts[4];

static int listening(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        address_size = sizeof(address);
        if (bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &address_size) < 0 || listen(fd, 8) < 0)
                __builtin_trap();
        return fd;
}

/* All that it will ever say lies in its socket before the device is made: the answers that begin, and bytes of the
 * input. */
static int serving(struct input *input)
{
        struct {
                uint32_t request, flags, size;
                uint64_t number;
        } __attribute__((packed)) answer = {.flags = 5, .size = sizeof(answer.number), .number = UINT64_MAX};
        uint8_t bytes[128];
        size_t n = 0, most = take(input, 1) % sizeof(bytes);
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                __builtin_trap();
        while (n < most)
                bytes[n++] = (uint8_t)take(input, 1);
        answer.request = 1; /* the features */
        (void)!write(pair[1], &answer, sizeof(answer));
        answer.request = 15; /* those of the protocol */
        (void)!write(pair[1], &answer, sizeof(answer));
        answer.request = 11; /* a queue that stops */
        for (size_t at = 0; at < n; at += bytes[at] % 16 + 1)
                if (bytes[at] & 16)
                        (void)!write(pair[1], &answer, sizeof(answer));
        (void)!write(pair[1], bytes, n);
        (void)shutdown(pair[1], SHUT_WR);
        hosts[0] = pair[1];
        return pair[0];
}

static struct virtio *make(unsigned kind, struct input *input)
{
        int disk;

        switch (kind) {
        case ON_RNG:
                (void)rng_init(&rng, &driver.memory, &loop);
                return &rng.virtio;
        case ON_BLK:
                disk = memfd_create("disk", MFD_CLOEXEC);
                if (ftruncate(disk, 1 << 20) < 0)
                        __builtin_trap();
                /* In memory, so one after the other: io_uring's completions would come at their own time. */
                (void)blk_init(&blk, &driver.memory, &loop, disk, false, "fuzz");
                return &blk.virtio;
        case ON_BALLOON:
                (void)balloon_init(&balloon, &driver.memory, &loop);
                return &balloon.virtio;
        case ON_FS:
                (void)fs_init(&fs, &driver.memory, &loop, serving(input), "fuzz");
                return &fs.virtio;
        case ON_NET:
        case ON_VHOST:
                (void)net_init(&net, &driver.memory, &loop, &(struct net_ends){-EBADF, -EBADF}, NULL, kind == ON_VHOST);
                fake_vhost_begin();
                net.vhost.ask = fake_vhost_ask;
                if (kind == ON_VHOST && vhost_begin(&net.vhost, memfd_create("vhost", MFD_CLOEXEC)) < 0)
                        __builtin_trap();
                return &net.virtio;
        default:
                (void)vsock_init(&vsock, &driver.memory, &loop, listening());
                return &vsock.virtio;
        }
}

static void release(unsigned kind)
{
        switch (kind) {
        case ON_RNG:
                virtio_free(&rng.virtio);
                break;
        case ON_BLK:
                blk_free(&blk);
                break;
        case ON_BALLOON:
                virtio_free(&balloon.virtio);
                break;
        case ON_NET:
        case ON_VHOST:
                net_free(&net);
                break;
        case ON_FS:
                fs_free(&fs);
                break;
        default:
                vsock_free(&vsock);
        }
}

/* The file server calls, or goes. */
static void act_as_server(struct input *input)
{
        uint8_t what = (uint8_t)take(input, 1);

        if (what < 250) {
                (void)!write(fs.calls[what % 2].watch.fd, &(uint64_t){1}, sizeof(uint64_t));
        } else if (hosts[0] >= 0) {
                close(hosts[0]);
                hosts[0] = -1;
        }
}

/* The configuration space, as the bus hands accesses on. */
static void configure(struct input *input, unsigned width)
{
        struct pci bus = {.functions = {&driver.function}, .n = 1};
        uint64_t offset = take(input, 2);

        pci_write_config(&bus, offset, width, take(input, width));
        (void)pci_read_config(&bus, take(input, 2), width);
}

/* The host's side of vsock: connects, writes, reads, closes. */
static void act_as_host(struct input *input)
{
        uint8_t what = (uint8_t)take(input, 1);
        int *host = &hosts[what % 4];
        char bytes[256] = "CONNECT 1024\n";

        if (*host < 0) {
                *host = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                (void)connect(*host, (struct sockaddr *)&address, address_size);
                (void)!send(*host, bytes, 13, MSG_NOSIGNAL);
        } else if (what & 4) {
                (void)!send(*host, bytes, sizeof(bytes), MSG_NOSIGNAL);
        } else if (what & 8) {
                (void)!read(*host, bytes, sizeof(bytes));
        } else {
                close(*host);
                *host = -1;
        }
}

/* The tap is a pair of packet sockets, which know no offloads: it comes when the driver is ready and goes with it. */
static void act_as_wire(struct input *input)
{
        uint8_t packet[3000] = {0};
        int pair[2];

        if (!virtio_is_active(&net.virtio)) {
                loop_remove(&loop, &net.tap);
                close(net.tap.fd);
                net.tap.fd = -EBADF;
                close(hosts[0]);
                hosts[0] = -1;
        } else if (net.tap.fd < 0) {
                if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                        __builtin_trap();
                net.tap.fd = pair[0];
                hosts[0] = pair[1];
                (void)loop_add(&loop, &net.tap);
        } else {
                (void)!send(hosts[0], packet, take(input, 2) % sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL);
                (void)!recv(hosts[0], packet, sizeof(packet), MSG_DONTWAIT);
        }
}

/* The host's kernel raises events, and goes on in the rings. */
static void act_as_vhost(struct input *input)
{
        uint8_t what = (uint8_t)take(input, 1);
        int fd = what & 2 ? net.vhost.error.fd : net.vhost.calls[what & 1];

        fake_vhost.rings[what & 1].base += what >> 4;
        if (what & 4)
                (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* What was handed over is taken back, and what is connected can be heard. */
static void check_vhost(void)
{
        for (unsigned i = 0; i < VHOST_QUEUES; i++) {
                const struct msix_call *call = &driver.function.msix.calls[i];

                if (net.vhost.running[i] != (fake_vhost.rings[i].backend != -1))
                        __builtin_trap();
                if (fake_vhost.rings[i].backend != -1 && !(net.virtio.state.status & VIRTIO_DRIVER_OK))
                        __builtin_trap();
                if (call->connected &&
                    (call->fd < 0 || !driver.function.msix.state.enabled || driver.function.msix.state.masked ||
                     driver.function.msix.state.vectors[call->vector].masked))
                        __builtin_trap();
        }
}

static void step(struct input *input, unsigned kind)
{
        static const unsigned widths[] = {1, 2, 4, 8};
        uint8_t op = (uint8_t)take(input, 1);
        unsigned width = widths[op >> 6];
        uint64_t offset, n;

        switch (op % 8) {
        case 0:
                offset = take(input, 2);
                driver_write(&driver, offset, width, take(input, width));
                break;
        case 1:
                if (op & 16)
                        configure(input, width);
                if (op & 8)
                        pci_write_port(&driver.function, take(input, 1), width, 0);
                (void)driver_read(&driver, take(input, 2), width);
                break;
        case 2: /* a descriptor */
                offset = ring_address(op >> 3 & 3) + 16 * (take(input, 1) % DRIVER_SIZE);
                {
                        struct vring_desc descriptor = {.addr = DRIVER_BUFFERS + take(input, 3),
                                                        .len = (uint32_t)take(input, 2),
                                                        .flags = (uint16_t)take(input, 1),
                                                        .next = (uint16_t)take(input, 1)};

                        (void)guest_write(&driver.memory, offset, &descriptor, sizeof(descriptor));
                }
                break;
        case 3:
                driver_offer(&driver, op >> 3 & 3, (uint16_t)take(input, 1));
                driver_kick(&driver, (op >> 3 & 3) % driver.virtio->n_queues);
                break;
        case 4: /* bytes anywhere in memory */
                offset = take(input, 3);
                n = take(input, 1);
                while (n-- > 0 && input->left > 0) {
                        uint8_t byte = (uint8_t)take(input, 1);

                        (void)guest_write(&driver.memory, offset++, &byte, 1);
                }
                break;
        case 5:
                driver_start(&driver, take(input, 4));
                break;
        case 6:
                if (kind == ON_VSOCK)
                        act_as_host(input);
                else if (kind == ON_NET)
                        act_as_wire(input);
                else if (kind == ON_FS)
                        act_as_server(input);
                else if (kind == ON_VHOST)
                        act_as_vhost(input);
                break;
        default:
                (void)loop_turn(&loop, 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input input = {data, size};
        unsigned kind = (unsigned)take(&input, 1) % KINDS;

        for (unsigned i = 0; i < 4; i++)
                hosts[i] = -1;
        if (guest_memory_make(&driver.memory, DRIVER_MEMORY) < 0 || loop_make(&loop, "fuzz") < 0)
                __builtin_trap();
        driver_attach(&driver, make(kind, &input));
        driver_start(&driver, 0);
        while (input.left > 0) {
                step(&input, kind);
                if (kind == ON_VHOST)
                        check_vhost();
        }
        for (unsigned i = 0; i < 4; i++)
                if (hosts[i] >= 0)
                        close(hosts[i]);
        release(kind);
        loop_free(&loop);
        guest_memory_free(&driver.memory);
        error_clear();
        return 0;
}
