/* The cgroup of a container. */
#pragma once

#include "runtime/ctl/ctl.h"

#define GROUP_PATH_SIZE 1100

/* Whether it is a scope of the user's systemd: an ordinary user, who as a rule may make no groups himself, has one, and
 * no cgroup-parent says where else. settings: NULL for no container in particular. */
bool group_by_users_systemd(const struct settings *settings);

/* linux.cgroupsPath: below cgroup-parent, or /berth, or for the user's systemd. False: nowhere in particular. */
bool group_path(const struct ctl_container *container, char path[GROUP_PATH_SIZE]);

/* Before a start: removes an empty group that is left there, whose record was lost. Its limits would hold, and as one
 * that was there before, it would stay when the container goes. */
int group_clear(const struct ctl_container *container);
