/* The cgroup of a container. */
#pragma once

#include "runtime/ctl/ctl.h"

#define GROUP_PATH_SIZE 1100

/* Where it lies: below cgroup-parent, or /berth. False: nowhere in particular (an ordinary user's). */
bool group_path(const struct ctl_container *container, char path[GROUP_PATH_SIZE]);

/* Before a start: removes an empty group that is left there, whose record was lost. The kernel kills at birth what is
 * cloned into a group that has ever been killed (CLONE_INTO_CGROUP takes the count of cgroup.kill from the parent's
 * group, kernel/cgroup/cgroup.c, cgroup_css_set_fork), and old limits would hold. */
int group_clear(const struct ctl_container *container);
