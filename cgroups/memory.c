#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "cgroups/cgroup.h"
#include "cgroups/files.h"

int cgroup_oom_kills(int cgroup_fd, uint64_t *kills)
{
        int r = cgroup_read_keyed(cgroup_fd, "memory.events", "oom_kill", kills);

        if (cgroup_is_gone(r)) {
                *kills = 0;
                return 0;
        }
        return r < 0 ? fail(-r, "read cgroup file memory.events") : 0;
}

int cgroup_check_memory(int cgroup_fd, const struct oci_memory *memory)
{
        const struct {
                const char *field;
                struct optional_i64 limit;
        } limits[] = {{"limit", memory->limit}, {"swap", memory->swap}};
        uint64_t usage;
        int r;

        if (!memory->check_before_update.set || !memory->check_before_update.value)
                return 0;
        if (limits[0].limit.value <= 0 && limits[1].limit.value <= 0)
                return 0;
        r = cgroup_read_number(cgroup_fd, "memory.current", &usage);
        if (cgroup_is_gone(r))
                return 0; /* no memory controller: nothing can be killed; writing the limit is what fails */
        if (r < 0)
                return fail(-r, "read cgroup file memory.current");
        for (unsigned i = 0; i < 2; i++)
                if (limits[i].limit.set && limits[i].limit.value > 0 && (uint64_t)limits[i].limit.value < usage)
                        return refuse(EBUSY,
                                      "linux.resources.memory.%s: %" PRId64
                                      " bytes is below the present use of %" PRIu64 " bytes (checkBeforeUpdate)",
                                      limits[i].field, limits[i].limit.value, usage);
        return 0;
}
