/* What is asked of and told to route netlink, one request each. All on the socket given: the host's (state_host) or one
 * in a container's namespace. Messages, unless said otherwise. */
#pragma once

#include "netdev/ctl/state.h"

/* Every link that berthctl makes on the host. */
#define HOST_GROUP 0xbe47U

struct host_link {
        int index; /* 0: there is none */
        unsigned flags;
        uint8_t mac[6];
        unsigned mtu;
        char kind[16]; /* "veth", "bridge"; "" for hardware */
        char name[CTLNET_LINK_SIZE];
        int master; /* its bridge; 0: none */
        uint32_t group;
};

/* By name. 0 with index 0 where there is none. Bare negative errno. */
int host_find_link(struct netlink *netlink, const char *name, struct host_link *link);

/* By MAC, among those with a link's name or any. As above. */
int host_find_mac(struct netlink *netlink, const uint8_t mac[6], struct host_link *link);

/* Both ends of a veth, down: one here in `master` (0: none), one in `namespace`. -EEXIST when a name is taken. Bare.
 * The end in the bridge is to come up last: then both have a carrier at once and its port forwards from the first
 * packet on, while a carrier that comes later is told to the bridge up to a second later (net/core/link_watch.c). */
struct host_veth {
        const char *name, *peer;
        uint8_t mac[6], peer_mac[6];
        unsigned mtu;
        int master, namespace;
};
int host_add_veth(struct netlink *netlink, const struct host_veth *veth);

/* A macvlan (vlan 0) or VLAN of a link, made in another namespace. Bare. */
struct host_upper {
        const char *name;
        int parent, namespace;
        unsigned vlan, mtu;
        uint8_t mac[6];
};
int host_add_upper(struct netlink *netlink, const struct host_upper *upper);

int host_add_bridge(struct netlink *netlink, const char *name, const uint8_t mac[6], unsigned mtu);
int host_add_ifb(struct netlink *netlink, const char *name, unsigned mtu);

/* No link of the name is no error. */
int host_delete_link(struct netlink *netlink, const char *name);
/* Those of berthctl that are ports of a bridge. */
int host_delete_ports(struct netlink *netlink, int bridge);
int host_set_master(struct netlink *netlink, const char *name, int master);
/* Lets a bridge send frames out by the port that they came in by. */
int host_set_hairpin(struct netlink *netlink, int index, const char *name);
int host_set_up(struct netlink *netlink, int index, const char *name);
int host_rename_link(struct netlink *netlink, int index, const char *name);

/* One that is there already is no error. */
int host_add_address(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address);

/* To an address by a link (gateway NULL), or by a gateway, which need not lie in a subnet of the link; destination
 * NULL: everywhere. */
int host_add_route(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *destination,
                   const struct ctlnet_address *gateway);

/* Answer on the link for an address that is elsewhere (proxy ARP, proxy NDP), or no longer. */
int host_set_proxy(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address, bool on);

/* Who has an address on the link, for ever, so that nobody is asked; mac NULL: no longer. */
int host_set_neighbour(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address,
                       const uint8_t *mac);
/* The bridge of a port: frames to the MAC go there only, before the first one has come from there, too. */
int host_pin_mac(struct netlink *netlink, int index, const char *name, const uint8_t mac[6]);

/* A route of the host that overlaps the subnet: "" or "route 10.0.0.0/8 by eth0". Routes by the links `parent` and
 * `own` and default routes do not count. */
int host_overlap(struct ctlnet *net, const struct ctlnet_address *subnet, const char *parent, const char *own,
                 char *with, size_t size);

/* /proc/sys/net/PATH: written where it differs. */
int host_sysctl(const char *path, const char *value);

/* True where br_netfilter shows frames on bridges to the chains of IP (net.bridge.bridge-nf-call-iptables). */
bool host_filters_bridges(void);

/* IPv6 on a link, whatever the host has for its others (net.ipv6.conf.all.disable_ipv6), which may change. */
int host_enable_ipv6(const char *link);
bool host_lacks_ipv6(const char *link);

/* Whatever says by this link that it is a router is not heard. Where there is no IPv6 nobody is. */
int host_ignore_routers(const char *link);

/* Lets this host forward, and go on listening to the routers from which it learnt its own routes. */
int host_forward(bool ipv6);
