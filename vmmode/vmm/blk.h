/* virtio-blk (virtio 1.2, 5.2) over a raw file or block device. The format is never guessed: what a guest writes into
 * its disk decides nothing (Cloud Hypervisor's GHSA-jmr4-g2hv-mjj6).
 *
 * Requests run side by side through io_uring. They run one after the other in the disk's own thread where that is
 * forbidden, and for a file in memory: nothing of it has to be waited for, and to hand a copy to another thread takes
 * longer than it. */
#pragma once

#include "vmmode/vmm/uring.h"
#include "vmmode/vmm/virtio.h"

#define BLK_SEGMENTS_MAX (QUEUE_CHAIN_MAX - 2) /* of one request, besides header and status */

struct blk_request;

struct blk {
        struct virtio virtio;
        int fd;
        bool read_only;
        uint64_t size; /* bytes */
        char serial[20];
        struct uring uring; /* fd -EBADF: not used */
        struct watch completed;
        struct blk_request *requests; /* a place for each that can be in flight; pages that are never used are none */
        struct blk_request *free;     /* those that were used, to be used again */
        unsigned n_used, in_flight;
        bool waits;          /* requests wait for a place */
        uint32_t generation; /* of the driver: results of requests from before a reset belong to nobody */
};

/* fd: owned from here on. serial: at most 20 bytes, what the guest sees in /dev/disk/by-id. */
int blk_init(struct blk *blk, const struct guest_memory *memory, struct loop *loop, int fd, bool read_only,
             const char *serial);

/* Has requests run side by side whatever the file is, where io_uring can be had. Before the driver is there. */
int blk_use_uring(struct blk *blk);

void blk_free(struct blk *blk);
