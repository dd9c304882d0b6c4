/* What the guest knows of its containers: the first process of each, and its cgroup ("/<id>"). */
#pragma once

#include <sys/types.h>

#include "cgroups/cgroup.h"

/* An id becomes a file's and a group's name. -EINVAL. */
int container_check_id(const char *id);

/* Made once, when the machine starts. */
int containers_prepare(void);

/* The first process of the container, a child of the caller, who forgets it before he reaps it: as long as it is noted
 * its pid cannot become another's. -EEXIST when there is one. */
int container_note(const char *id, pid_t pid);
void container_forget(const char *id);

/* A pidfd of the first process; its pid in *pid unless NULL. -ESRCH. */
int container_open(const char *id, pid_t *pid);

/* The path of its group, and the group opened. */
#define CONTAINER_CGROUP_MAX 257
void container_cgroup_path(const char *id, char path[CONTAINER_CGROUP_MAX]);
int container_open_cgroup(const struct cgroup_host *cgroups, const char *id);
