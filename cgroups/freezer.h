/* The freezer's request without the wait. */
#pragma once

#include <stdbool.h>

/* Writes cgroup.freeze. Bare result. */
int cgroup_request_freeze(int cgroup_fd, bool frozen);
