#include "vmmode/vmm/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUES };

#define HEADER_SIZE    ((int)sizeof(struct virtio_net_hdr_v1))
#define FRAME_MAX      (65536 + 14 + 4) /* a segment to be cut up, Ethernet header and VLAN tag */
#define PACKETS_A_TURN 64
#define PIECES_MAX     512
#define MERGED_MAX     64

#define BIT(n) (1ULL << (n))

/* ---- from the tap to the guest ---- */

/* Buffers for packets: several requests for one when the guest can merge them (5.1.6.4). What one packet leaves is for
 * the next. */
struct landing {
        size_t n, n_heads, size;
        bool dry; /* the guest had no more to add */
        uint16_t heads[MERGED_MAX];
        size_t sizes[MERGED_MAX], pieces[MERGED_MAX];
        struct iovec v[PIECES_MAX];
};

static bool merges(const struct net *net)
{
        return net->virtio.state.accepted & BIT(VIRTIO_NET_F_MRG_RXBUF);
}

/* The last first, as queue_unpop wants it. */
static void give_back(struct net *net, struct landing *landing)
{
        while (landing->n_heads > 0)
                queue_unpop(&net->virtio.queues[QUEUE_RECEIVE], landing->heads[--landing->n_heads]);
        landing->n = landing->size = 0;
}

static bool has_room(const struct landing *landing)
{
        return landing->size >= FRAME_MAX + sizeof(struct virtio_net_hdr_v1) || landing->n_heads == MERGED_MAX;
}

/* Collects room for the largest packet there is. */
static void collect(struct net *net, struct landing *landing)
{
        struct queue *queue = &net->virtio.queues[QUEUE_RECEIVE];
        struct queue_chain chain;

        landing->dry = false;
        while (!has_room(landing) && (landing->n_heads == 0 || merges(net))) {
                if (!virtio_pop(&net->virtio, QUEUE_RECEIVE, &chain)) {
                        landing->dry = true;
                        return;
                }
                /* 5.1.6.3.1. Without room for a byte nothing would be read, and the tap say so again and again. */
                if (chain.out_size < (size_t)HEADER_SIZE) {
                        virtio_needs_reset(&net->virtio);
                        landing->dry = true;
                        return;
                }
                if (landing->n + chain.n_out > PIECES_MAX) {
                        queue_unpop(queue, chain.head);
                        return;
                }
                memcpy(landing->v + landing->n, chain.out, chain.n_out * sizeof(chain.out[0]));
                landing->n += chain.n_out;
                landing->heads[landing->n_heads] = chain.head;
                landing->pieces[landing->n_heads] = chain.n_out;
                landing->sizes[landing->n_heads++] = chain.out_size;
                landing->size += chain.out_size;
        }
}

/* The first n requests are the guest's again. */
static void forget_first(struct landing *landing, size_t n)
{
        size_t pieces = 0;

        for (size_t i = 0; i < n; i++) {
                pieces += landing->pieces[i];
                landing->size -= landing->sizes[i];
        }
        landing->n_heads -= n;
        landing->n -= pieces;
        memmove(landing->heads, landing->heads + n, landing->n_heads * sizeof(landing->heads[0]));
        memmove(landing->sizes, landing->sizes + n, landing->n_heads * sizeof(landing->sizes[0]));
        memmove(landing->pieces, landing->pieces + n, landing->n_heads * sizeof(landing->pieces[0]));
        memmove(landing->v, landing->v + pieces, landing->n * sizeof(landing->v[0]));
}

static void deliver(struct net *net, struct landing *landing, size_t size)
{
        struct queue *queue = &net->virtio.queues[QUEUE_RECEIVE];
        uint16_t n = 0;
        size_t left = size;

        while (left > 0 && n < landing->n_heads) {
                left -= left < landing->sizes[n] ? left : landing->sizes[n];
                n++;
        }
        buffers_write(landing->v, landing->n, offsetof(struct virtio_net_hdr_v1, num_buffers), &n, sizeof(n));
        for (uint16_t i = 0; i < n; i++) {
                size_t here = size < landing->sizes[i] ? size : landing->sizes[i];

                queue_fill(queue, landing->heads[i], (uint32_t)here, i);
                size -= here;
        }
        queue_flush(queue, n);
        forget_first(landing, n);
}

/* The largest packet that the driver has allowed. */
static size_t largest_packet(const struct net *net)
{
        const struct virtio_net_config *config = (const void *)net->virtio.config;
        bool segments = net->virtio.state.accepted & (BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6));
        size_t frame = (config->mtu ? config->mtu : 1500) + 14 + 4;

        return sizeof(struct virtio_net_hdr_v1) + (segments ? FRAME_MAX : frame);
}

/* A packet that is larger than the room it meets is cut off by the kernel, and lost. So it waits in the tap while the
 * driver can give more room; a driver whose whole ring is too small has itself to blame. */
static bool must_wait(const struct net *net, const struct landing *landing)
{
        return landing->n_heads == 0 || (landing->dry && merges(net) && landing->size < largest_packet(net) &&
                                         landing->n_heads < net->virtio.queues[QUEUE_RECEIVE].state.size);
}

/* One packet. False: none waits, or there is no room for it. */
static bool receive_packet(struct net *net, struct landing *landing)
{
        ssize_t n;

        collect(net, landing);
        if (must_wait(net, landing)) {
                net->starved = true;
                return false;
        }
        do
                n = readv(net->tap.fd, landing->v, (int)landing->n);
        while (n < 0 && errno == EINTR);
        if (n < HEADER_SIZE)
                return false;
        deliver(net, landing, (size_t)n);
        return true;
}

static void watch_tap(struct net *net)
{
        if (net->tap.fd < 0 || vhost_serves(&net->vhost))
                return;
        if (net->starved)
                loop_remove(net->virtio.loop, &net->tap);
        else if (!net->tap.added)
                (void)loop_add(net->virtio.loop, &net->tap);
}

/* Packets for one turn; the landing's buffers are the guest's again at its end. True: the guest had too few of them,
 * and more came meanwhile. */
static bool receive_turn(struct net *net)
{
        struct landing landing;
        uint16_t waiting;

        landing.n = landing.n_heads = landing.size = 0;
        net->starved = false;
        /* The guest hears of the first packet while we read the next; while it works on them, it does not want to. */
        for (unsigned n = 0; n < PACKETS_A_TURN && receive_packet(net, &landing); n++)
                virtio_signal_queue(&net->virtio, QUEUE_RECEIVE);
        waiting = (uint16_t)landing.n_heads;
        give_back(net, &landing);
        return net->starved && queue_enable_kick_after(&net->virtio.queues[QUEUE_RECEIVE], waiting);
}

static void receive(struct net *net)
{
        for (unsigned turn = 0; turn < VIRTIO_TURNS; turn++)
                if (!receive_turn(net))
                        return;
        net->starved = false;
}

static void tap_ready(void *owner, uint32_t events)
{
        struct net *net = owner;

        /* A tap that was deleted, or moved away with its namespace, says so for ever. */
        if (virtio_is_active(&net->virtio) && !(events & (EPOLLERR | EPOLLHUP)))
                receive(net);
        else
                net->starved = true;
        watch_tap(net);
}

/* ---- from the guest to the tap ---- */

static void transmit_turn(struct net *net)
{
        struct virtio *virtio = &net->virtio;
        struct queue_chain chain;

        for (unsigned i = 0; i < PACKETS_A_TURN && virtio_pop(virtio, QUEUE_TRANSMIT, &chain); i++) {
                /* The tap reads the header once and checks it; a packet that it does not take is lost, as on a wire. */
                if (net->tap.fd >= 0 && chain.in_size > sizeof(struct virtio_net_hdr_v1) &&
                    chain.in_size <= sizeof(struct virtio_net_hdr_v1) + FRAME_MAX)
                        (void)!writev(net->tap.fd, chain.in, (int)chain.n_in);
                queue_push(&virtio->queues[QUEUE_TRANSMIT], chain.head, 0);
                /* Each time: a sender whose packets are few and large waits for the first to be gone. */
                virtio_signal_queue(virtio, QUEUE_TRANSMIT);
        }
}

static void transmit(struct net *net)
{
        for (unsigned turn = 0; turn < VIRTIO_TURNS; turn++) {
                transmit_turn(net);
                if (!queue_enable_kick(&net->virtio.queues[QUEUE_TRANSMIT]))
                        return;
        }
        virtio_come_back(&net->virtio, QUEUE_TRANSMIT);
}

static void kick(struct virtio *virtio, unsigned queue)
{
        struct net *net = virtio->device;

        if (vhost_serves(&net->vhost))
                return;
        if (queue == QUEUE_TRANSMIT) {
                transmit(net);
        } else if (net->starved) {
                /* Packets wait in the tap, or it would not be starved. */
                receive(net);
                watch_tap(net);
        }
}

/* ---- the device ---- */

static int activate(struct virtio *virtio)
{
        struct net *net = virtio->device;
        uint64_t accepted = virtio->state.accepted;
        unsigned offload = 0;

        if (accepted & BIT(VIRTIO_NET_F_GUEST_CSUM))
                offload |= TUN_F_CSUM;
        if (accepted & BIT(VIRTIO_NET_F_GUEST_TSO4))
                offload |= TUN_F_TSO4;
        if (accepted & BIT(VIRTIO_NET_F_GUEST_TSO6))
                offload |= TUN_F_TSO6;
        if (net->tap.fd >= 0 && ioctl(net->tap.fd, TUNSETOFFLOAD, offload) < 0)
                return fail(errno, "network device: offloads");
        if (vhost_serves(&net->vhost))
                return vhost_start(&net->vhost, net->tap.fd);
        net->starved = false;
        watch_tap(net);
        return 0;
}

static void reset(struct virtio *virtio)
{
        struct net *net = virtio->device;

        if (vhost_serves(&net->vhost))
                vhost_stop(&net->vhost);
        net->starved = true;
        watch_tap(net);
}

static const struct virtio_ops ops = {
        .name = "network device",
        .id = 1,
        .pci_class = 0x02, /* network controller, Ethernet */
        .n_queues = QUEUES,
        .activate = activate,
        .reset = reset,
        .kick = kick,
};

/* With the lock held, or before anybody else knows the device. */
static int attach(struct net *net, const struct net_ends *ends, const struct net_options *options)
{
        struct virtio_net_config config = {.status = VIRTIO_NET_S_LINK_UP, .mtu = options->mtu};
        int header = HEADER_SIZE;

        if (ioctl(ends->tap, TUNSETVNETHDRSZ, &header) < 0)
                return fail(errno, "network device: not a tap device with virtio headers");
        if (fcntl(ends->tap, F_SETFL, O_NONBLOCK) < 0)
                return fail(errno, "network device");
        net->virtio.offered |= BIT(VIRTIO_NET_F_MAC) | (options->mtu ? BIT(VIRTIO_NET_F_MTU) : 0);
        memcpy(config.mac, options->mac, sizeof(config.mac));
        memcpy(net->virtio.config, &config, sizeof(config));
        net->tap.fd = ends->tap;
        if (ends->vhost >= 0 && vhost_begin(&net->vhost, ends->vhost) < 0) {
                /* An old kernel, or one that makes no more threads. */
                error_clear();
                close(ends->vhost);
        }
        return 0;
}

int net_init(struct net *net, const struct guest_memory *memory, struct loop *loop, const struct net_ends *ends,
             const struct net_options *options, bool vhost_possible)
{
        uint64_t features = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
                            BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
                            BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_STATUS);
        int r;

        *net = (struct net){.tap = {.fd = -EBADF, .events = EPOLLIN, .ready = tap_ready, .owner = net},
                            .starved = true};
        net->tap.lock = &net->virtio.lock;
        r = virtio_init(&net->virtio, &ops, net, memory, loop, features);
        net->virtio.config_size = offsetof(struct virtio_net_config, mtu) + sizeof(uint16_t);
        if (r == 0)
                r = vhost_init(&net->vhost, &net->virtio, vhost_possible);
        else
                (void)vhost_init(&net->vhost, &net->virtio, false);
        return r == 0 && ends->tap >= 0 ? attach(net, ends, options) : r;
}

int net_set_ends(struct net *net, const struct net_ends *ends, const struct net_options *options)
{
        int r = -EBUSY;

        pthread_mutex_lock(&net->virtio.lock);
        if (net->tap.fd < 0 && !(net->virtio.state.status & VIRTIO_DRIVER))
                r = attach(net, ends, options);
        pthread_mutex_unlock(&net->virtio.lock);
        return r;
}

void net_free(struct net *net)
{
        loop_remove(net->virtio.loop, &net->tap);
        vhost_free(&net->vhost);
        virtio_free(&net->virtio);
        cleanup_close(&net->tap.fd);
}
