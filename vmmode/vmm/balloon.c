#include "vmmode/vmm/balloon.h"

#include <linux/virtio_balloon.h>
#include <sys/mman.h>

/* 5.5.2: the queues that there are depend on the features; without statistics and hints, reporting is the third. */
enum { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_REPORTING, QUEUES };

#define REPORTS_A_TURN 16

/* The pages of a report go back to the host: the memory file is punched there, and the guest finds zeroes when it uses
 * them again. Only whole pages inside the buffer, so that a crooked address takes nothing else along. */
static void take_back(struct balloon *balloon, const struct iovec *v)
{
        uintptr_t start = ((uintptr_t)v->iov_base + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1);
        uintptr_t end = ((uintptr_t)v->iov_base + v->iov_len) & ~(GUEST_PAGE - 1);

        if (start < end && madvise((void *)start, end - start, MADV_REMOVE) == 0)
                balloon->returned += end - start;
}

static void kick(struct virtio *virtio, unsigned queue)
{
        struct balloon *balloon = virtio->device;
        struct queue_chain chain;

        for (unsigned i = 0; i < REPORTS_A_TURN && virtio_pop(virtio, queue, &chain); i++) {
                if (queue == QUEUE_REPORTING)
                        for (size_t j = 0; j < chain.n_out; j++)
                                take_back(balloon, &chain.out[j]);
                queue_push(&virtio->queues[queue], chain.head, 0);
        }
        virtio_signal_queue(virtio, queue);
        virtio_rekick(virtio, queue);
}

static const struct virtio_ops ops = {.name = "balloon", .id = 5, .pci_class = 0xff, .n_queues = QUEUES, .kick = kick};

int balloon_init(struct balloon *balloon, const struct guest_memory *memory, struct loop *loop)
{
        int r = virtio_init(&balloon->virtio, &ops, balloon, memory, loop, 1ULL << VIRTIO_BALLOON_F_REPORTING);

        /* num_pages and actual, both 0: nobody is asked for anything. */
        balloon->virtio.config_size = 8;
        return r;
}
