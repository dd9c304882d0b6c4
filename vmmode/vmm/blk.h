/* virtio-blk (virtio 1.2, 5.2) over a raw file or block device. The format is never guessed: what a guest writes into
 * its disk decides nothing (Cloud Hypervisor's GHSA-jmr4-g2hv-mjj6).
 *
 * Requests run side by side through io_uring; where that is forbidden, one after the other in the disk's own thread. */
#pragma once

#include "vmmode/vmm/uring.h"
#include "vmmode/vmm/virtio.h"

#define BLK_SEGMENTS_MAX 126 /* of one request, besides header and status */

struct blk_request;

struct blk {
        struct virtio virtio;
        int fd;
        bool read_only;
        uint64_t size; /* bytes */
        char serial[20];
        struct uring uring; /* fd -EBADF: not used */
        struct watch completed;
        struct blk_request *free; /* to be used again */
        unsigned in_flight;
        uint32_t generation; /* of the driver: results of requests from before a reset belong to nobody */
};

/* fd: owned from here on. serial: at most 20 bytes, what the guest sees in /dev/disk/by-id. */
int blk_init(struct blk *blk, const struct guest_memory *memory, struct loop *loop, int fd, bool read_only,
             const char *serial);

void blk_free(struct blk *blk);
