/* Holding a container still while its files are read, so that all of them are of one moment. */
#pragma once

#include "runtime/ctl/ctl.h"

/* Calls act(data) while the container, if it runs, is frozen. -EAGAIN when it has run meanwhile, because somebody else
 * has thawed, stopped or started it. When this program dies, the container is thawed all the same. */
int freeze_during(struct ctl *ctl, const struct ctl_container *container, int (*act)(void *data), void *data);
