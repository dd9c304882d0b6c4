/* virtio-balloon (virtio 1.2, 5.5), for one purpose: the guest reports pages that it has freed (free page reporting,
 * 5.5.6.7), and the host gets their memory back. Nothing is inflated. */
#pragma once

#include "vmmode/vmm/virtio.h"

struct balloon {
        struct virtio virtio;
        uint64_t returned; /* bytes, for the statistics */
};

int balloon_init(struct balloon *balloon, const struct guest_memory *memory, struct loop *loop);
