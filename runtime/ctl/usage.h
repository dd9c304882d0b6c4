/* What a running container uses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/ctl/ctl.h"

#define USAGE_UNLIMITED UINT64_MAX

struct usage {
        uint64_t cpu_ns;
        uint64_t memory, memory_limit; /* bytes */
        uint64_t swap, swap_limit;     /* bytes, beside the memory */
        uint64_t pids, pids_limit;
        uint64_t read, written;    /* bytes of all disks */
        uint64_t received, sent;   /* bytes of all interfaces but loopback */
        uint64_t disk, disk_limit; /* bytes of its root file system */
        uint64_t inodes, inodes_limit;
        bool has_disk;             /* it has a limit of them (runtime/ctl/storage.h) */
        bool has_memory, has_pids; /* the host's tree has the controller */
        bool has_swap;             /* it counts swap, and a look that was not brief has read it */
};

/* brief: what many are asked for. -EINVAL when it does not run. */
int usage_read(struct ctl *ctl, const struct ctl_container *container, bool brief, struct usage *usage);

/* Out of all that is known (runtime/life/statistics_json.h); pure. */
struct container_usage;
void usage_take(const struct container_usage *from, struct usage *usage);
