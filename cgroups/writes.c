#include "cgroups/writes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "cgroups/controllers.h"

int write_list_add(struct write_list *list, const char *file, const char *value, const char *field,
                   enum write_kind kind)
{
        struct cgroup_writes *writes = list->writes;
        struct cgroup_write *write;

        if (!file || !value || !field)
                return fail(ENOMEM, "plan the cgroup's limits");
        if (writes->n == list->room) {
                size_t room = list->room ? list->room * 2 : 16;
                struct cgroup_write *bigger = arena_array(list->arena, room, sizeof(*bigger));

                if (!bigger)
                        return fail(ENOMEM, "plan the cgroup's limits");
                if (writes->n)
                        memcpy(bigger, writes->v, writes->n * sizeof(*bigger));
                writes->v = bigger;
                list->room = room;
        }
        write = &writes->v[writes->n++];
        write->file = file;
        write->value = value;
        write->field = field;
        write->controller = cgroup_controller_of_file(file);
        write->may_be_missing = kind == WRITE_MAY_BE_MISSING;
        write->unless_before = kind == WRITE_UNLESS_BEFORE;
        writes->controllers |= write->controller;
        return 0;
}

const char *write_list_limit(struct write_list *list, int64_t limit)
{
        return limit == -1 ? "max" : arena_printf(list->arena, "%" PRId64, limit);
}

static int plan_cpuset(struct write_list *list, const struct oci_cpu *cpu)
{
        int r = 0;

        if (cpu->cpus && cpu->cpus[0])
                r = write_list_add(list, "cpuset.cpus", cpu->cpus, "linux.resources.cpu.cpus", WRITE_REQUIRED);
        if (r == 0 && cpu->mems && cpu->mems[0])
                r = write_list_add(list, "cpuset.mems", cpu->mems, "linux.resources.cpu.mems", WRITE_REQUIRED);
        return r;
}

static int plan_pids(struct write_list *list, const struct optional_i64 *limit)
{
        if (!limit->set)
                return 0;
        if (limit->value < -1)
                return refuse(EINVAL, "linux.resources.pids.limit: %" PRId64 " is no limit (-1 is none)", limit->value);
        return write_list_add(list, "pids.max", write_list_limit(list, limit->value), "linux.resources.pids.limit",
                              WRITE_REQUIRED);
}

/* cpuset before the rest: the processes to come must find their CPUs and memory nodes. unified last: what names a file
 * by hand wins over the fields that are translated (spec 1.1). */
int cgroup_plan_writes(const struct oci_resources *resources, struct arena *arena, struct cgroup_writes *writes)
{
        struct write_list list = {.arena = arena, .writes = writes};
        int r;

        memset(writes, 0, sizeof(*writes));
        r = plan_cpuset(&list, &resources->cpu);
        if (r == 0)
                r = plan_memory(&list, &resources->memory);
        if (r == 0)
                r = plan_cpu(&list, &resources->cpu);
        if (r == 0)
                r = plan_pids(&list, &resources->pids_limit);
        if (r == 0)
                r = plan_block_io(&list, &resources->block_io);
        if (r == 0)
                r = plan_hugepages(&list, &resources->hugepage_limits);
        if (r == 0)
                r = plan_rdma(&list, &resources->rdma);
        if (r == 0)
                r = plan_unified(&list, &resources->unified);
        return r;
}

int cgroup_check_controllers(const struct cgroup_host *host, const struct cgroup_writes *writes)
{
        unsigned lacking = writes->controllers & ~host->controllers;

        for (size_t i = 0; lacking && i < writes->n; i++) {
                const struct cgroup_write *write = &writes->v[i];

                if (!(write->controller & lacking))
                        continue;
                if (host->hybrid)
                        return refuse(EOPNOTSUPP,
                                      "%s needs the %s controller on cgroup v2: hybrid host, the controller is on "
                                      "cgroup v1",
                                      write->field, cgroup_controller_name(write->controller));
                return refuse(EOPNOTSUPP,
                              "%s needs the %s controller: not in %s/cgroup.controllers (is it enabled "
                              "in the parent's cgroup.subtree_control?)",
                              write->field, cgroup_controller_name(write->controller), host->mount_point);
        }
        return 0;
}
