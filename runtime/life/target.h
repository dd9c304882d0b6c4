/* From a record to something that can be acted on. */
#pragma once

#include "cgroups/cgroup.h"
#include "runtime/core/isolation.h"
#include "runtime/life/record.h"

/* Opens the live init's pidfd (after which its identity is checked again, so that it is not somebody else's) and the
 * cgroup. What is gone is -EBADF. */
int target_open(struct isolation_target *target, const struct record *record, int dir_fd);
void target_close(struct isolation_target *target);

/* The row of the isolation table. */
const struct isolation_row *isolation_row(enum isolation isolation);

/* The v2 tree, probed once for a command; NULL with a message when the host has none. */
const struct cgroup_host *host_cgroups(void);
