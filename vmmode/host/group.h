/* The container's group on this host, as it is divided: the box is in the group itself, where engines look for the
 * container's first process; what the box starts, and the proxies of execs, are in a group below, without limits of its
 * own. So the box can step aside by itself when the kernel is to count a kill (cgroups/oom.h). */
#pragma once

#include "runtime/core/launch.h"

/* Makes the group below. Whoever may not make it (a tree that is read-only) does without: -EBADF, no message. Returns
 * the container's group, borrowed from the launch, or -EBADF. */
int vm_group_make(const struct launch *launch);

/* Whether a kill of the guest's can be counted in it. */
bool vm_group_counts_kills(int cgroup);

/* A descriptor of the group below, for an exec; -EBADF: there is none. */
int vm_group_open_below(int cgroup);
