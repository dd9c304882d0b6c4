/* What the probe finds in /proc/self/cgroup; apart from it for the tests. */
#pragma once

#include "cgroups/cgroup.h"

/* Fills own_path and hybrid from the text of /proc/self/cgroup. -ENAMETOOLONG when the path does not fit. */
int cgroup_host_read_membership(struct cgroup_host *host, const char *text);
