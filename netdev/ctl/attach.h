/* The steps of an attachment, and their undoing. All under the lock. Messages. */
#pragma once

#include "netdev/ctl/host.h"
#include "netdev/ctl/state.h"

/* The network's bridge (for a routed network one without ports, which holds the gateway's address), up and with its
 * addresses; *link: what it is. macvlan: the parent. */
int bridge_need(struct ctlnet *net, const struct ctlnet_network *network, struct host_link *link);
void bridge_mac(const char *network, uint8_t mac[6]);

/* The interface's elements into the tables, which are made where they are missing. -EADDRINUSE: a port is taken. */
int firewall_add(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface);
int firewall_remove(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface);

/* The network's own elements. */
int firewall_add_network(struct ctlnet *net, const struct ctlnet_network *network);
int firewall_remove_network(struct ctlnet *net, const struct ctlnet_network *network);

/* Both tables anew, with all networks and all attached interfaces but `except` (NULL: none). */
int firewall_build(struct ctlnet *net, const char *except);

/* Other ports for an attached interface, at once; its record says the new ones already. */
int firewall_replace_publish(struct ctlnet *net, const struct interface *old, const struct interface *new);

/* -EADDRINUSE when a process of the host listens where a port is to be published. */
int ports_check(const struct interface *interface);

/* Addresses, routes and loopback in the container. */
struct inside_wish {
        bool leads;          /* the rest of the world is there; else the network only */
        const uint8_t *host; /* the MAC of the host at the other end; NULL: somebody else is there */
};
int inside_configure(int namespace, const struct ctlnet_network *network, const struct interface *interface,
                     const struct ctlnet_result *result, const struct inside_wish *wish);

/* A link of that name and MAC, which an attachment that crashed left. */
int inside_remove_stale(int namespace, const struct interface *interface);

/* *ended: it stands as attached, and its link is gone. */
int interface_has_ended(struct ctlnet *net, const struct interface *interface, bool *ended);

/* Undoes all of an attached interface and says so in its record. Goes on after a failure and returns the first. */
int detach_interface(struct ctlnet *net, struct interface *interface, enum ctlnet_links links);

/* The same, and its addresses are free. */
int forget_interface(struct ctlnet *net, struct interface *interface);
