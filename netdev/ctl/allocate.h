/* What an interface has: MAC and addresses. */
#pragma once

#include "netdev/ctl/state.h"

/* False for host, none and container:NAME, which have nothing of their own. */
bool allocate_is_needed(enum ctlnet_mode mode);

/* Checks the request, takes what it needs and keeps it. network: zeroed where it has none. The interface is the
 * caller's (interface_free). Under the lock. Messages. */
int allocate_interface(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_network *network,
                       struct interface *interface);

/* All but the DNS servers. */
void allocate_result(const struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface,
                     struct ctlnet_result *result);
