/* The cgroup of a container. */
#pragma once

#include "runtime/ctl/ctl.h"

#define GROUP_PATH_SIZE 1100

/* Where it lies: below cgroup-parent, or /berth. False: nowhere in particular (an ordinary user's). */
bool group_path(const struct ctl_container *container, char path[GROUP_PATH_SIZE]);

/* Before a start: removes an empty group that is left there, whose record was lost. Its limits would hold, and as one
 * that was there before, it would stay when the container goes. */
int group_clear(const struct ctl_container *container);
