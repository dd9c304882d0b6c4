/* Counting a kill for want of memory where it did not happen. Engines watch `oom_kill` in the memory.events of a
 * container's group; a kill inside a virtual machine does not show there. */
#pragma once

#include <stddef.h>

/* Of a container's group: where all of a virtual machine is but the process that engines look at (vmmode/host/group.h).
 */
#define CGROUP_ASIDE "machine"

#define CGROUP_PROCS_TEXT 256

/* Has the kernel count one such kill for the group, and so for those above it: a child of the caller dies for it, in a
 * group below that may have no memory at all. A group that has processes hands on no controllers, so its own processes
 * go aside meanwhile, to where the caller must be.
 *
 * -EBUSY: it has processes that cannot be moved (of another pid namespace). -EAGAIN: the kernel killed nobody. Else
 * what a write said: -ENOENT without memory controller. The group is as it was, whatever the result. */
int cgroup_count_oom_kill(int cgroup_fd);

/* The two halves of making room: the processes of the group go aside and it hands on `controller`; and back. procs: the
 * pids that were moved, as cgroup.procs lists them. */
int cgroup_hand_on(int cgroup_fd, const char *controller, char procs[CGROUP_PROCS_TEXT]);
int cgroup_take_back(int cgroup_fd, const char *controller, const char *procs);
