#include "cgroups/freezer.h"

#include <errno.h>
#include <stdint.h>

#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/events.h"
#include "cgroups/files.h"

int cgroup_request_freeze(int cgroup_fd, bool frozen)
{
        return write_file_at(cgroup_fd, "cgroup.freeze", frozen ? "1" : "0");
}

int cgroup_freeze(int cgroup_fd, bool frozen, int64_t deadline)
{
        const char *what = frozen ? "freeze" : "thaw";
        int r = cgroup_request_freeze(cgroup_fd, frozen);

        if (r < 0)
                return fail(-r, "%s the cgroup: write cgroup.freeze", what);
        r = cgroup_wait_event(cgroup_fd, "frozen", frozen, deadline);
        if (r == -ETIMEDOUT && frozen) {
                /* Half frozen is the worst of both: a container that neither runs nor counts as paused. */
                (void)cgroup_request_freeze(cgroup_fd, false);
                return refuse(ETIMEDOUT, "freeze the cgroup: a process did not stop in time; it runs again");
        }
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "thaw the cgroup: it is still frozen (a group above it may be frozen)");
        return r < 0 ? fail(-r, "%s the cgroup: wait for cgroup.events", what) : 0;
}

/* The request, not the state: a group below a frozen one is frozen too, but nobody paused it, and thawing it would not
 * help. */
int cgroup_is_frozen(int cgroup_fd)
{
        uint64_t frozen;
        int r = cgroup_read_number(cgroup_fd, "cgroup.freeze", &frozen);

        if (r < 0)
                return fail(-r, "read cgroup file cgroup.freeze");
        return frozen != 0;
}
