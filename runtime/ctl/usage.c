#include "runtime/ctl/usage.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/storage.h"
#include "runtime/life/statistics_json.h"

/* What the kernel calls no limit is a number beyond every machine; where there is no controller, it is 0. */
static uint64_t limit_of(uint64_t limit)
{
        return limit == 0 || limit >= INT64_MAX / 2 ? USAGE_UNLIMITED : limit;
}

/* Of swap, 0 is a limit. */
static uint64_t swap_limit_of(uint64_t limit)
{
        return limit >= INT64_MAX / 2 ? USAGE_UNLIMITED : limit;
}

void usage_take(const struct container_usage *from, struct usage *usage)
{
        const struct cgroup_statistics *cgroup = &from->cgroup;

        *usage = (struct usage){
                .cpu_ns = cgroup->cpu.total,
                .memory = cgroup->memory.usage,
                .memory_limit = limit_of(cgroup->memory.limit),
                .swap = cgroup->memory.swap_usage,
                .swap_limit = swap_limit_of(cgroup->memory.swap_limit),
                .pids = cgroup->pids.current,
                .pids_limit = limit_of(cgroup->pids.limit),
                .has_swap = cgroup->memory.swap_set,
                .has_memory = cgroup->memory.usage > 0,
                .has_pids = cgroup->pids.current > 0,
        };
        for (size_t i = 0; i < cgroup->io.n; i++) {
                usage->read += cgroup->io.v[i].read_bytes;
                usage->written += cgroup->io.v[i].write_bytes;
        }
        for (size_t i = 0; i < from->network.n; i++) {
                usage->received += from->network.v[i].rx_bytes;
                usage->sent += from->network.v[i].tx_bytes;
        }
}

static uint64_t limit_or_none(uint64_t limit)
{
        return limit ? limit : USAGE_UNLIMITED;
}

static int read_storage(const struct ctl *ctl, const struct ctl_container *container, struct usage *usage)
{
        struct storage_usage storage;
        int r = storage_read_usage(ctl, container, &storage);

        if (r < 0)
                return r;
        usage->has_disk = storage.kind == STORAGE_PROJECT || storage.kind == STORAGE_IMAGE;
        usage->disk = storage.used;
        usage->disk_limit = limit_or_none(storage.limit);
        usage->inodes = storage.inodes;
        usage->inodes_limit = limit_or_none(storage.inodes_limit);
        return 0;
}

int usage_read(struct ctl *ctl, const struct ctl_container *container, bool brief, struct usage *usage)
{
        _cleanup_(arena_free) struct arena arena = {0};
        struct container_usage all;
        int r = container_usage(ctl->runtime, container->name, brief, &arena, &all);

        if (r == 0) {
                usage_take(&all, usage);
                r = read_storage(ctl, container, usage);
        }
        return r < 0 ? fail_in(r, "statistics of container %s", container->name) : 0;
}
