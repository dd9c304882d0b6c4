/* Names of containers: one dnsmasq for each network, with a file of names for each interface. Without dnsmasq
 * containers get the host's servers. */
#pragma once

#include "netdev/ctl/state.h"

/* The request's servers, else the network's own, else the host's that are reachable from elsewhere. */
int dns_servers(const struct ctlnet_network *network, const struct ctlnet_request *request,
                struct ctlnet_result *result);

/* Makes the interface's names known, and starts the network's server where it does not run; -EAGAIN instead without
 * `start`. Messages. */
int dns_publish(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface,
                bool start);
/* -EAGAIN where it would have to be started. */
int dns_check_runs(struct ctlnet *net, const struct ctlnet_network *network);
int dns_withdraw(struct ctlnet *net, const char *network, const char *owner);

/* Ends the network's server. */
int dns_stop(struct ctlnet *net, const char *network);
