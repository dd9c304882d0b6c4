/* The network of an ordinary user's container: pasta(1) of the package passt, which stands between the container's
 * network namespace and sockets of the user's on the host. One process a container; its pid is in RUN/keepers/NAME. */
#pragma once

#include "netdev/ctlnet.h"
#include "runtime/ctl/ctl.h"

bool pasta_is_wanted(const struct settings *settings);

/* Whether there is a pasta, and nothing is asked for that it cannot give. Messages with the remedy. */
int pasta_check(const struct settings *settings);

/* Which DNS servers the container is to ask. */
int pasta_servers(const struct ctl *ctl, const struct ctl_container *container, struct ctlnet_result *result);

/* Returns when the container's network is there and its ports are published. */
int pasta_start(const struct ctl *ctl, const struct ctl_container *container, pid_t pid);

/* No pasta is no error. */
int pasta_stop(const struct ctl *ctl, const char *name);
