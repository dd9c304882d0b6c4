#include "vmmode/vmm/vhost.h"

#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* What the kernel has to know of what we offer: how rings and the packets' headers look. The rest is the tap's. Without
 * VHOST_NET_F_VIRTIO_NET_HDR the header is the tap's too, which has it 12 bytes long (TUNSETVNETHDRSZ). */
#define FEATURES (VIRTIO_VERSION_1 | QUEUE_FEATURE_INDIRECT | QUEUE_FEATURE_EVENT_IDX | 1ULL << VIRTIO_NET_F_MRG_RXBUF)

#define REGIONS_MAX 2

static int ask_kernel(int fd, unsigned long request, void *argument)
{
        int r;

        do
                r = ioctl(fd, request, argument);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int ask(const struct vhost *vhost, unsigned long request, void *argument, const char *what)
{
        int r = vhost->ask(vhost->fd, request, argument);

        return r < 0 ? fail(-r, "vhost-net: %s", what) : 0;
}

/* ---- what does not change ---- */

static int check_features(const struct vhost *vhost)
{
        uint64_t features = 0;
        int r = ask(vhost, VHOST_GET_FEATURES, &features, "ask for its features");

        if (r == 0 && (features & FEATURES) != FEATURES)
                return refuse(ENOTSUP, "vhost-net: it lacks what the driver is offered");
        return r;
}

static int set_memory(const struct vhost *vhost)
{
        const struct guest_memory *memory = vhost->virtio->memory;
        union {
                struct vhost_memory head;
                char room[sizeof(struct vhost_memory) + REGIONS_MAX * sizeof(struct vhost_memory_region)];
        } table = {.head.nregions = 0};

        _Static_assert(ELEMENTS(memory->v) <= REGIONS_MAX, "more ranges of memory than vhost-net is told of");
        for (size_t i = 0; i < memory->n; i++)
                table.head.regions[table.head.nregions++] = (struct vhost_memory_region){
                        .guest_phys_addr = memory->v[i].address,
                        .memory_size = memory->v[i].size,
                        .userspace_addr = (uint64_t)(uintptr_t)memory->v[i].host,
                };
        return ask(vhost, VHOST_SET_MEM_TABLE, &table.head, "give it the guest's memory");
}

static int set_events(const struct vhost *vhost, unsigned queue)
{
        struct vhost_vring_file kick = {queue, vhost->virtio->kicks[queue].watch.fd};
        struct vhost_vring_file call = {queue, vhost->calls[queue]}, error = {queue, vhost->error.fd};
        int r = ask(vhost, VHOST_SET_VRING_CALL, &call, "connect its calls");

        if (r == 0)
                r = ask(vhost, VHOST_SET_VRING_ERR, &error, "connect its errors");
        return r == 0 ? ask(vhost, VHOST_SET_VRING_KICK, &kick, "connect its kicks") : r;
}

/* A ring that broke the rules: the same as in virtio_pop. */
static void ring_is_broken(void *owner, uint32_t events)
{
        struct vhost *vhost = owner;
        eventfd_t count;

        (void)events;
        if (eventfd_read(vhost->error.fd, &count) == 0 && virtio_is_active(vhost->virtio))
                virtio_needs_reset(vhost->virtio);
}

int vhost_init(struct vhost *vhost, struct virtio *virtio, bool possible)
{
        int *const events[] = {&vhost->error.fd, &vhost->calls[0], &vhost->calls[1]};

        _Static_assert(VHOST_QUEUES == 2, "an event for each queue");
        *vhost = (struct vhost){
                .fd = -EBADF,
                .ask = ask_kernel,
                .virtio = virtio,
                .calls = {-EBADF, -EBADF},
                .error = {.fd = -EBADF,
                          .events = EPOLLIN,
                          .ready = ring_is_broken,
                          .owner = vhost,
                          .lock = &virtio->lock},
        };
        for (size_t i = 0; i < ELEMENTS(events) && possible; i++) {
                *events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (*events[i] < 0)
                        return fail(errno, "make an event of vhost-net");
        }
        return 0;
}

/* Its thread gets the memory and the groups of the process that takes possession. */
static int introduce(struct vhost *vhost)
{
        int r = ask(vhost, VHOST_SET_OWNER, NULL, "take possession of it");

        if (r == 0)
                r = check_features(vhost);
        if (r == 0)
                r = set_memory(vhost);
        for (unsigned i = 0; i < VHOST_QUEUES && r == 0; i++)
                r = set_events(vhost, i);
        return r == 0 && vhost->virtio->loop ? loop_add(vhost->virtio->loop, &vhost->error) : r;
}

int vhost_begin(struct vhost *vhost, int fd)
{
        struct virtio *virtio = vhost->virtio;
        int r;

        if (vhost->error.fd < 0)
                return refuse(ENOTSUP, "vhost-net: the machine was started without");
        vhost->fd = fd;
        r = introduce(vhost);
        if (r < 0) {
                vhost->fd = -EBADF;
                return r;
        }
        /* The loop would take what is the kernel's. */
        for (unsigned i = 0; i < VHOST_QUEUES && virtio->loop; i++)
                loop_remove(virtio->loop, &virtio->kicks[i].watch);
        return 0;
}

bool vhost_serves(const struct vhost *vhost)
{
        return vhost->fd >= 0;
}

/* ---- the rings ---- */

static uint64_t host_address(const void *at)
{
        return (uint64_t)(uintptr_t)at;
}

static int set_backend(struct vhost *vhost, unsigned index, int tap)
{
        struct vhost_vring_file backend = {index, tap};

        return ask(vhost, VHOST_NET_SET_BACKEND, &backend, "connect a ring with the tap");
}

/* The areas were found to lie in the guest's memory when the queue was enabled, and are fixed since (queue_enable). */
static int start_queue(struct vhost *vhost, unsigned index, int tap)
{
        const struct queue *queue = &vhost->virtio->queues[index];
        struct vhost_vring_state size = {index, queue->state.size}, base = {index, queue->state.next_available};
        struct vhost_vring_addr address = {.index = index,
                                           .desc_user_addr = host_address(queue->descriptors),
                                           .avail_user_addr = host_address(queue->available),
                                           .used_user_addr = host_address(queue->used)};
        int r = ask(vhost, VHOST_SET_VRING_NUM, &size, "set the size of a ring");

        if (r == 0)
                r = ask(vhost, VHOST_SET_VRING_BASE, &base, "set where a ring begins");
        if (r == 0)
                r = ask(vhost, VHOST_SET_VRING_ADDR, &address, "set where a ring lies");
        /* Calls before packets: none is lost. */
        if (r == 0)
                r = msix_connect(vhost->virtio->msix, index, vhost->virtio->state.queue_vectors[index],
                                 vhost->calls[index]);
        if (r == 0)
                r = set_backend(vhost, index, tap);
        vhost->running[index] = r == 0;
        return r;
}

/* What it took it has answered: it does not hold requests back between two rounds. */
static void stop_queue(struct vhost *vhost, unsigned index)
{
        struct queue_state *state = &vhost->virtio->queues[index].state;
        struct vhost_vring_state base = {.index = index};

        if (set_backend(vhost, index, VHOST_FILE_UNBIND) < 0 ||
            ask(vhost, VHOST_GET_VRING_BASE, &base, "ask where a ring stopped") < 0)
                error_clear();
        else
                state->next_available = state->next_used = (uint16_t)base.num;
        vhost->running[index] = false;
}

int vhost_start(struct vhost *vhost, int tap)
{
        uint64_t features = vhost->virtio->state.accepted & FEATURES;
        int r = ask(vhost, VHOST_SET_FEATURES, &features, "set its features");

        for (unsigned i = 0; i < VHOST_QUEUES && r == 0; i++)
                if (vhost->virtio->queues[i].state.enabled)
                        r = start_queue(vhost, i, tap);
        if (r < 0)
                vhost_stop(vhost);
        return r;
}

void vhost_stop(struct vhost *vhost)
{
        for (unsigned i = 0; i < VHOST_QUEUES; i++) {
                if (vhost->running[i])
                        stop_queue(vhost, i);
                if (vhost->virtio->msix)
                        msix_disconnect(vhost->virtio->msix, i);
        }
}

void vhost_free(struct vhost *vhost)
{
        if (!vhost->virtio)
                return;
        if (vhost->virtio->loop)
                loop_remove(vhost->virtio->loop, &vhost->error);
        /* With this its thread ends. */
        replace_fd(&vhost->fd, -EBADF);
        replace_fd(&vhost->error.fd, -EBADF);
        for (unsigned i = 0; i < VHOST_QUEUES; i++)
                replace_fd(&vhost->calls[i], -EBADF);
}
