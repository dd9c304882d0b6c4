/* Rates of an interface, both ways, on the host's end, where the container's root cannot touch them: a token bucket on
 * what goes out by the veth to the container, and one on an ifb through which goes what comes from it. */
#pragma once

#include "netdev/ctl/state.h"

/* Makes them what the interface says; 0 takes one away. Messages. */
int shape_set(struct ctlnet *net, const struct interface *interface);

/* Takes the ifb away. None is no error. Messages. */
int shape_remove(struct ctlnet *net, const struct interface *interface);
