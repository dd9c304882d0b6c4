#include "vmmode/vmm/rng.h"

#include <sys/random.h>

/* The most that one request gets: the guest decides how large its buffers are (Firecracker's #5762). */
#define REQUEST_MAX 4096
/* Requests of one turn; the others wait for the next, so that one guest's thirst does not keep its other devices. */
#define REQUESTS_A_TURN 16

static void serve(struct virtio *virtio, const struct queue_chain *chain)
{
        uint8_t bytes[REQUEST_MAX];
        size_t size = chain->out_size < sizeof(bytes) ? chain->out_size : sizeof(bytes);
        ssize_t n = getrandom(bytes, size, GRND_NONBLOCK);

        if (n < 0)
                n = 0;
        queue_push(&virtio->queues[0], chain->head,
                   (uint32_t)buffers_write(chain->out, chain->n_out, 0, bytes, (size_t)n));
}

static void kick(struct virtio *virtio, unsigned queue)
{
        struct queue_chain chain;

        for (unsigned i = 0; i < REQUESTS_A_TURN && virtio_pop(virtio, queue, &chain); i++)
                serve(virtio, &chain);
        virtio_signal_queue(virtio, queue);
        virtio_rekick(virtio, queue);
}

static const struct virtio_ops ops = {.name = "rng", .id = 4, .pci_class = 0xff, .n_queues = 1, .kick = kick};

int rng_init(struct rng *rng, const struct guest_memory *memory, struct loop *loop)
{
        return virtio_init(&rng->virtio, &ops, rng, memory, loop, 0);
}
