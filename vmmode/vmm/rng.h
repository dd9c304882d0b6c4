/* virtio-rng (virtio 1.2, 5.4): the host's random numbers. */
#pragma once

#include "vmmode/vmm/virtio.h"

struct rng {
        struct virtio virtio;
};

int rng_init(struct rng *rng, const struct guest_memory *memory, struct loop *loop);
