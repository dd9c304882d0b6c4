/* The network of a container in a virtual machine: what a network namespace of the host has is read, carried into the
 * guest as bytes (PART_NETWORK of vmmode/protocol/message.h), and made again there. The packets take the way of
 * netdev/tap.h.
 *
 * The host's interfaces keep their addresses, as engines expect; the redirection keeps the host's own stack from
 * answering for them. Link-local addresses, routes to a network that an address lies in, and what router advertisements
 * bring are not carried: the guest's kernel makes them as the host's did, from the same MAC and sysctls. Addresses with
 * a lifetime are carried without one, as whoever prolongs it on the host does not reach the guest. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NETWORK_INTERFACES_MAX 8
#define NETWORK_ADDRESSES_MAX  64
#define NETWORK_ROUTES_MAX     256
#define NETWORK_NEIGHBOURS_MAX 128
#define NETWORK_HOPS_MAX       8

/* In place of an interface's number. */
#define NETWORK_LOOPBACK     254
#define NETWORK_NO_INTERFACE 255

#define NETWORK_NAME_SIZE 16 /* IFNAMSIZ */

/* Values of the sysctls that are carried (netdev/network_sysctl.c), in the order of its tables. */
#define NETWORK_SYSCTLS4       13
#define NETWORK_SYSCTLS6       9
#define NETWORK_SYSCTL_UNKNOWN INT32_MIN /* this kernel has none; left alone */

struct network_sysctls {
        int32_t v4[NETWORK_SYSCTLS4]; /* net.ipv4.conf.NAME */
        int32_t v6[NETWORK_SYSCTLS6]; /* net.ipv6.conf.NAME */
};

/* The records cross to the guest as they are: members of fixed size, no holes. Addresses are in network byte order, an
 * IPv4 address is the first four bytes; family is AF_INET or AF_INET6. */
struct network_interface {
        char name[NETWORK_NAME_SIZE];
        uint8_t mac[6];
        uint8_t up;
        uint8_t no_arp; /* IFF_NOARP */
        uint32_t mtu;
        int32_t index; /* in the namespace where it was read */
        struct network_sysctls sysctls;
};

struct network_address {
        uint8_t interface; /* place in interfaces, or NETWORK_LOOPBACK */
        uint8_t family;
        uint8_t prefix; /* bits */
        uint8_t scope;  /* RT_SCOPE_* */
        uint8_t has_peer;
        uint8_t has_broadcast;
        uint8_t deprecated; /* not for new connections */
        uint8_t unused;
        uint32_t flags;  /* IFA_F_* that somebody chose */
        uint32_t metric; /* of its network's route; 0: the kernel's own */
        uint8_t local[16];
        uint8_t peer[16];
        uint8_t broadcast[16];
        char label[NETWORK_NAME_SIZE]; /* "eth0:1", or "" */
};

struct network_hop {
        uint8_t interface;      /* place in interfaces, NETWORK_LOOPBACK, or NETWORK_NO_INTERFACE */
        uint8_t gateway_family; /* 0: on the link; an IPv4 route may have an IPv6 gateway */
        uint8_t on_link;        /* the gateway is taken to be on the link (RTNH_F_ONLINK) */
        uint8_t weight;         /* less one, as the kernel has it */
        uint8_t gateway[16];
};

/* A route of the main table. */
struct network_route {
        uint8_t family;
        uint8_t type;     /* RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW */
        uint8_t protocol; /* RTPROT_* */
        uint8_t scope;    /* RT_SCOPE_* */
        uint8_t tos;
        uint8_t prefix;
        uint8_t source_prefix; /* IPv6 "from" */
        uint8_t preference;    /* IPv6 router preference, ICMPV6_ROUTER_PREF_* */
        uint8_t has_source;    /* preferred source address */
        uint8_t n_hops;        /* 0 only where nothing is reached (RTN_BLACKHOLE...) */
        uint8_t unused[2];
        uint32_t priority; /* what ip(8) calls metric */
        uint8_t destination[16];
        uint8_t from[16];
        uint8_t source[16];
        uint32_t metrics[18]; /* by RTAX_*: mtu, advmss, initcwnd...; 0: none */
        struct network_hop hops[NETWORK_HOPS_MAX];
};

/* A permanent neighbour. */
struct network_neighbour {
        uint8_t interface;
        uint8_t family;
        uint8_t address[16];
        uint8_t mac[6];
};

struct network {
        struct network_interface interfaces[NETWORK_INTERFACES_MAX];
        size_t n_interfaces;
        struct network_address *addresses; /* malloc'ed, as the next two; network_free */
        size_t n_addresses;
        struct network_route *routes;
        size_t n_routes;
        struct network_neighbour *neighbours;
        size_t n_neighbours;
        struct network_sysctls all, standard; /* conf/all, conf/default */
        int loopback_up;
};

/* Reads the caller's network namespace, through /proc/sys/net for the sysctls (unknown where that is not mounted).
 *
 * Errors name the interface: -EOPNOTSUPP for one that is up and no Ethernet (tun, WireGuard) or that stands on another
 * one of the namespace (a VLAN on eth0), -E2BIG for more than the limits above, -ENOTUNIQ for two with one MAC, -EBUSY
 * when a virtual machine holds the namespace already (netdev/tap.h). Left out with a warning: routes with an
 * encapsulation or over an interface that is not carried, policy routing. Left out without: what is down and has no MAC
 * or is no Ethernet (the fallback tunnels that every namespace has), and ports of a bridge or bond. The network is the
 * caller's after success (network_free). */
int network_read(struct network *network);
void network_free(struct network *network);

/* The network as bytes for another process or machine of the same build; *data is malloc'ed, the caller's. -ENOMEM. */
int network_write(const struct network *network, void **data, size_t *size);

/* Reads them back and checks everything: sizes, limits, names, families, prefixes, references. -EBADMSG with a message.
 * The network is the caller's after success. */
int network_parse(const void *data, size_t size, struct network *network);

/* In the guest: makes the network of these bytes in the caller's network namespace. Interfaces are found by their MAC,
 * get their names (one that has a name which is wanted gets another, "spareN"), MTU, sysctls, addresses, routes and
 * neighbours, and come up. Errors name the interface, address, route or neighbour; -ENODEV for an interface that the
 * machine lacks. After a failure a part may have been done. */
int network_apply(const void *data, size_t size);

/* The names of the sysctls, NETWORK_SYSCTLS4 and NETWORK_SYSCTLS6 long. */
extern const char *const network_sysctl_names4[NETWORK_SYSCTLS4];
extern const char *const network_sysctl_names6[NETWORK_SYSCTLS6];

/* Reads those of one interface, or of "all" or "default", from /proc/sys/net. Never fails: NETWORK_SYSCTL_UNKNOWN. */
void network_sysctls_read(const char *name, struct network_sysctls *sysctls);

/* Writes those that differ. What this kernel does not have is left out. Negative errno with a message that names the
 * file. */
int network_sysctls_write(const char *name, const struct network_sysctls *sysctls);

/* True for a route that the kernel makes when one of the addresses is added. */
int network_route_is_made(const struct network *network, const struct network_route *route);

/* "10.0.0.0/24 via 10.0.0.1 dev eth0", for messages. */
#define NETWORK_TEXT_MAX 192
void network_route_text(const struct network *network, const struct network_route *route, char text[NETWORK_TEXT_MAX]);
void network_address_text(const struct network_address *address, char text[NETWORK_TEXT_MAX]);

/* The name of an interface by its place, "lo", or "?". */
const char *network_interface_name(const struct network *network, unsigned place);
