/* Who is whose neighbour is known when an interface is attached, and told to both ends: neither has to ask. Linux keeps
 * what it has asked for in one table for all namespaces, of at most net.ipv4.neigh.default.gc_thresh3 (1,024) entries a
 * family; what it was told does not count there (net/core/neighbour.c). A question on a bridge goes to all its ports,
 * too. Not with allow-spoofing, where addresses may move. */
#pragma once

#include "netdev/ctl/attach.h"

/* On the host: its addresses on `lower` (the bridge; of a routed network the link itself, index 0), and its MAC behind
 * `port`. */
int neighbours_know(struct ctlnet *net, const struct interface *interface, const struct host_link *lower,
                    const struct host_link *port);

/* In the container, by the link: the addresses of its network's host are at `mac`. */
int neighbours_know_host(struct netlink *there, const struct host_link *link, const struct interface *interface,
                         const struct ctlnet_result *result, const uint8_t mac[6]);

/* The host forgets what neighbours_know has told it about a bridge; the rest goes with the link. */
int neighbours_forget(struct ctlnet *net, const struct interface *interface);

/* Of the host's end of an interface's veth. */
void neighbours_host_mac(const struct interface *interface, uint8_t mac[6]);
