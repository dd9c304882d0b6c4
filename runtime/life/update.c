/* update */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "runtime/core/resctrl.h"
#include "runtime/life/handle.h"
#include "runtime/life/messages.h"
#include "runtime/life/scope.h"
#include "runtime/life/target.h"

/* ---- what the group has now ----
 *
 * Some files hold two of the specification's values, or one that is the difference of two. When only one of them
 * changes, the other is what the group has at the moment: the kernel's word, not what a file once said. */

/* "max" is -1. False when the file is not there or holds something else. */
static bool read_limit(int cgroup, const char *file, int64_t *value)
{
        char text[64];

        if (read_small_file_at(cgroup, file, text, sizeof(text)) < 0)
                return false;
        if (strcmp(text, "max") == 0) {
                *value = -1;
                return true;
        }
        return parse_i64(text, 0, INT64_MAX, value) == 0;
}

/* swap is memory and swap together; the kernel limits swap alone. One of the two is set: completes the other from what
 * is in force. */
static void pair_memory(struct oci_memory *memory, int64_t limit, int64_t swap)
{
        if (memory->swap.set) {
                memory->limit = (struct optional_i64){true, limit};
                return;
        }
        /* Lifting the limit lifts the sum: there is no such sum any more. */
        if (memory->limit.value == -1)
                memory->swap = (struct optional_i64){true, -1};
        else if (swap >= 0 && limit >= 0 && limit + swap >= memory->limit.value)
                memory->swap = (struct optional_i64){true, limit + swap};
}

static void complete_memory(int cgroup, struct oci_memory *memory)
{
        int64_t limit, swap = -1;

        if (memory->limit.set == memory->swap.set || !read_limit(cgroup, "memory.max", &limit))
                return;
        (void)read_limit(cgroup, "memory.swap.max", &swap);
        pair_memory(memory, limit, swap);
}

/* UINT64_MAX, no limit, is -1. */
static int64_t signed_limit(uint64_t limit)
{
        return limit > INT64_MAX ? -1 : (int64_t)limit;
}

/* "100000 100000" or "max 100000". */
static void complete_cpu(int cgroup, struct oci_cpu *cpu)
{
        char text[64];
        char *space;
        uint64_t period;
        int64_t quota = -1;

        if (cpu->quota.set == cpu->period.set || read_small_file_at(cgroup, "cpu.max", text, sizeof(text)) < 0)
                return;
        space = strchr(text, ' ');
        if (!space || parse_u64(space + 1, UINT64_MAX, &period) < 0)
                return;
        *space = '\0';
        if (strcmp(text, "max") != 0 && parse_i64(text, 0, INT64_MAX, &quota) < 0)
                return;
        if (!cpu->quota.set)
                cpu->quota = (struct optional_i64){true, quota};
        else
                cpu->period = (struct optional_u64){true, period};
}

/* ---- the change ---- */

static int update_group(struct handle *handle, const struct cgroup_writes *writes)
{
        const struct record *record = handle->container.record;
        const struct cgroup_host *host = record->cgroup ? host_cgroups() : NULL;
        int r = 0;

        if (host && handle->target.cgroup >= 0 && writes->controllers)
                r = cgroup_enable_controllers(host, handle->target.cgroup, record->cgroup, writes->controllers);
        return r == 0 ? handle->row->update(&handle->target, writes) : r;
}

/* What the kernel of the inner group says; complete_memory's twin for a group that is not on this host. */
static int complete_memory_inside(const struct handle *handle, struct oci_memory *memory)
{
        struct cgroup_statistics statistics = {0};
        struct arena arena = {0};
        int r = 0;

        if (memory->limit.set == memory->swap.set)
                return 0;
        r = handle->row->statistics(&handle->target, &arena, &statistics);
        arena_free(&arena);
        if (r < 0 || !statistics.memory.set)
                return r;
        pair_memory(memory, signed_limit(statistics.memory.limit), signed_limit(statistics.memory.swap_limit));
        return 0;
}

static int update_inside(struct handle *handle, struct oci_resources *resources, struct arena *arena)
{
        struct cgroup_writes writes = {0};
        int r = complete_memory_inside(handle, &resources->memory);

        if (r == 0)
                r = cgroup_plan_writes(resources, arena, &writes);
        return r == 0 && writes.n ? handle->row->update_inside(&handle->target, &writes) : r;
}

static int update_host(struct handle *handle, struct oci_resources *resources, struct arena *arena)
{
        const struct record *record = handle->container.record;
        const struct cgroup_host *host = record->cgroup ? host_cgroups() : NULL;
        struct cgroup_writes writes = {0};
        int r = 0;

        if (handle->target.cgroup >= 0) {
                complete_memory(handle->target.cgroup, &resources->memory);
                complete_cpu(handle->target.cgroup, &resources->cpu);
                r = cgroup_check_memory(handle->target.cgroup, &resources->memory);
        }
        if (r == 0)
                r = cgroup_plan_writes(resources, arena, &writes);
        if (r == 0 && host)
                r = cgroup_check_controllers(host, &writes);
        if (r == 0 && record->systemd_unit)
                return scope_update(handle, &writes, arena);
        return r == 0 ? update_group(handle, &writes) : r;
}

static int update_limits(struct handle *handle, const struct oci_resources *changes)
{
        struct oci_resources host = *changes, inside;
        struct arena arena = {0};
        int r = 0;

        /* Rules of devices are made once (as in runc and crun, update never touches them). */
        host.devices = (struct oci_device_rules){0};
        if (handle->row->divide_update) {
                struct oci_resources all = host;

                r = handle->row->divide_update(&handle->target, &all, &host, &inside);
                if (r == 0)
                        r = update_inside(handle, &inside, &arena);
        }
        if (r == 0)
                r = update_host(handle, &host, &arena);
        arena_free(&arena);
        return r;
}

static int update_resctrl(const struct handle *handle, const char *l3_cache_schema, const char *mem_bw_schema)
{
        _cleanup_spec_ struct oci_spec *spec = NULL;
        _cleanup_free_ char *mount = NULL, *path = NULL;
        const struct oci_intel_rdt *rdt;
        int r;

        if (!l3_cache_schema && !mem_bw_schema)
                return 0;
        r = handle_spec(handle, &spec);
        if (r < 0)
                return r;
        rdt = &spec->linux_.intel_rdt;
        if (!rdt->set)
                return refuse(EINVAL, "Intel RDT: the container was made without linux.intelRdt");
        r = resctrl_find(NULL, &mount);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", mount, rdt->clos_id ? rdt->clos_id : handle->container.record->id) < 0)
                return fail(ENOMEM, "Intel RDT");
        return resctrl_update(path, l3_cache_schema, mem_bw_schema);
}

int container_update(struct runtime *runtime, const char *id, const struct oci_resources *changes,
                     const char *l3_cache_schema, const char *mem_bw_schema)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        int r = handle_open(&handle, runtime, id, true);

        if (r < 0)
                return r;
        if (handle.container.status == STATUS_STOPPED || handle.container.status == STATUS_CREATING)
                return refuse(ESRCH, MESSAGE_NOT_RUNNING);
        r = update_limits(&handle, changes);
        return r < 0 ? r : update_resctrl(&handle, l3_cache_schema, mem_bw_schema);
}
