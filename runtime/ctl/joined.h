/* Containers in the network namespace of another ("container:NAME"). They go with it: what is left of a namespace whose
 * container has ended has no rules and no addresses of its own any more. */
#pragma once

#include "runtime/ctl/ctl.h"

/* The process whose network namespace the settings ask for, 0 when they do not. -EINVAL when that container does not
 * run. */
int joined_find(struct ctl *ctl, const struct settings *settings, pid_t *pid);

/* Writes down that `container`, which is about to start, joins: RUN/keepers/OTHER/joined/NAME. */
int joined_register(struct ctl *ctl, const struct ctl_container *container);

/* Stops those that are in the namespace of `name`; timeout_ms as ctl_stop. Those that cannot be stopped are warnings.
 */
void joined_stop(struct ctl *ctl, const char *name, int64_t timeout_ms);
