#include "vmmode/vmm/virtio.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

static void kicked(void *owner, uint32_t events)
{
        struct virtio_kick *kick = owner;

        (void)events;
        if (virtio_is_active(kick->virtio) && kick->virtio->queues[kick->queue].state.enabled)
                kick->virtio->ops->kick(kick->virtio, kick->queue);
}

static int make_kick(struct virtio *virtio, unsigned queue)
{
        struct virtio_kick *kick = &virtio->kicks[queue];

        *kick = (struct virtio_kick){
                .virtio = virtio,
                .queue = queue,
                .watch = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                          /* Each kick is an edge, so nobody has to read the count. */
                          .events = EPOLLIN | EPOLLET,
                          .ready = kicked,
                          .owner = kick,
                          .lock = &virtio->lock},
        };
        if (kick->watch.fd < 0)
                return fail(errno, "make an event of %s", virtio->ops->name);
        return virtio->loop ? loop_add(virtio->loop, &kick->watch) : 0;
}

static void forget_driver(struct virtio *virtio)
{
        for (unsigned i = 0; i < virtio->n_queues; i++)
                queue_reset(&virtio->queues[i]);
        virtio->state = (struct virtio_state){
                .version = 1, .generation = virtio->state.generation, .config_vector = MSIX_NO_VECTOR};
        for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
                virtio->state.queue_vectors[i] = MSIX_NO_VECTOR;
}

int virtio_init(struct virtio *virtio, const struct virtio_ops *ops, void *device, const struct guest_memory *memory,
                struct loop *loop, uint64_t features)
{
        int r = 0;

        *virtio = (struct virtio){
                .ops = ops,
                .device = device,
                .memory = memory,
                .loop = loop,
                .offered = features | VIRTIO_VERSION_1 | QUEUE_FEATURE_INDIRECT | QUEUE_FEATURE_EVENT_IDX,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .n_queues = ops->n_queues,
        };
        for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
                virtio->kicks[i].watch.fd = -EBADF;
        for (unsigned i = 0; i < virtio->n_queues && r == 0; i++) {
                queue_init(&virtio->queues[i], memory);
                r = make_kick(virtio, i);
        }
        forget_driver(virtio);
        return r;
}

void virtio_free(struct virtio *virtio)
{
        for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++) {
                if (virtio->loop)
                        loop_remove(virtio->loop, &virtio->kicks[i].watch);
                cleanup_close(&virtio->kicks[i].watch.fd);
                virtio->kicks[i].watch.fd = -EBADF;
        }
}

/* ---- status ---- */

static void reset(struct virtio *virtio)
{
        if (virtio->ops->reset)
                virtio->ops->reset(virtio);
        forget_driver(virtio);
}

static void become_ready(struct virtio *virtio)
{
        int r = virtio->ops->activate ? virtio->ops->activate(virtio) : 0;

        if (r < 0) {
                error_clear();
                virtio_needs_reset(virtio);
                return;
        }
        /* What the driver made available before it was ready was not looked at. */
        for (unsigned i = 0; i < virtio->n_queues; i++)
                if (virtio->queues[i].state.enabled)
                        (void)eventfd_write(virtio->kicks[i].watch.fd, 1);
}

/* 3.1.1: the driver goes through the bits in order and takes none back but by a reset. */
void virtio_set_status(struct virtio *virtio, uint8_t status)
{
        uint8_t before = virtio->state.status;
        uint8_t added = (uint8_t)(status & ~before);

        if (status == 0) {
                reset(virtio);
                return;
        }
        if ((before & ~status & ~VIRTIO_NEEDS_RESET) != 0 || (before & VIRTIO_FAILED))
                return;
        /* 2.2: VERSION_1 must be among the features, and nothing that was not offered. */
        if ((added & VIRTIO_FEATURES_OK) &&
            (!(virtio->state.accepted & VIRTIO_VERSION_1) || (virtio->state.accepted & ~virtio->offered)))
                added = (uint8_t)(added & ~VIRTIO_FEATURES_OK);
        if ((added & VIRTIO_DRIVER_OK) && !((before | added) & VIRTIO_FEATURES_OK))
                added = (uint8_t)(added & ~VIRTIO_DRIVER_OK);
        virtio->state.status = before | (added & (uint8_t)~VIRTIO_NEEDS_RESET);
        if (added & VIRTIO_DRIVER_OK)
                become_ready(virtio);
}

void virtio_accept_features(struct virtio *virtio, unsigned half, uint32_t bits)
{
        unsigned shift = half * 32;

        if (half > 1 || (virtio->state.status & VIRTIO_FEATURES_OK))
                return;
        virtio->state.accepted = (virtio->state.accepted & ~(0xffffffffULL << shift)) | (uint64_t)bits << shift;
}

bool virtio_may_configure_queues(const struct virtio *virtio)
{
        return (virtio->state.status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK)) == VIRTIO_FEATURES_OK;
}

bool virtio_is_active(const struct virtio *virtio)
{
        return (virtio->state.status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}

/* ---- configuration ---- */

void virtio_read_config(const struct virtio *virtio, size_t offset, void *data, size_t size)
{
        memset(data, 0, size);
        if (offset < virtio->config_size)
                memcpy(data, virtio->config + offset,
                       size < virtio->config_size - offset ? size : virtio->config_size - offset);
}

void virtio_write_config(struct virtio *virtio, size_t offset, const void *data, size_t size)
{
        if (virtio->ops->write_config && offset <= virtio->config_size && size <= virtio->config_size - offset)
                virtio->ops->write_config(virtio, offset, data, size);
}

/* ---- for devices ---- */

void virtio_signal_queue(struct virtio *virtio, unsigned queue)
{
        if (queue_wants_signal(&virtio->queues[queue]))
                msix_raise(virtio->msix, virtio->state.queue_vectors[queue]);
}

static void signal_config(struct virtio *virtio)
{
        virtio->state.generation++;
        if (virtio->state.status & VIRTIO_DRIVER_OK)
                msix_raise(virtio->msix, virtio->state.config_vector);
}

void virtio_needs_reset(struct virtio *virtio)
{
        if (virtio->state.status & VIRTIO_NEEDS_RESET)
                return;
        virtio->state.status |= VIRTIO_NEEDS_RESET;
        signal_config(virtio);
}

bool virtio_pop(struct virtio *virtio, unsigned queue, struct queue_chain *chain)
{
        int r = virtio_is_active(virtio) ? queue_pop(&virtio->queues[queue], chain) : 0;

        if (r < 0)
                virtio_needs_reset(virtio);
        return r > 0;
}

void virtio_rekick(struct virtio *virtio, unsigned queue)
{
        if (queue_enable_kick(&virtio->queues[queue]))
                virtio_come_back(virtio, queue);
}

void virtio_come_back(struct virtio *virtio, unsigned queue)
{
        (void)eventfd_write(virtio->kicks[queue].watch.fd, 1);
}
