/* Networks of persistent containers (berthctl): the networks that a person defines, the addresses that containers keep,
 * and what joins a running container to its network. Everything by netlink; docs/network.md describes it for people.
 *
 * On disk, below the directory given to ctlnet_open (/var/lib/berth):
 *   networks/NAME/network      the network: "key = value" lines
 *   networks/NAME/addresses/A  a symbolic link for each address (IPv4, IPv6, MAC) in use: its text is the owner, web.0
 *   networks/NAME/hosts/web.0  names for the network's dnsmasq
 *   interfaces/web.0           what the first interface of container web has and, while it is attached, what stands for
 *                              it in the kernel: enough to undo it, and written before it
 *
 * In the host's kernel: one bridge a network, one link an interface, and the tables "inet berth" and "bridge berth",
 * whose rules never change: containers are elements of their sets and maps, so that each costs what the first did.
 *
 * Functions return 0 or a negative errno with a message, unless said otherwise. Several processes may call them at
 * once. The caller is root in the host's network namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CTLNET_DEFAULT        "berth0" /* the network that is made on first use */
#define CTLNET_NAME_MAX       15       /* a network's name; a bridge's is also the link's */
#define CTLNET_CONTAINER_MAX  63       /* a container's name: a host name */
#define CTLNET_INTERFACES_MAX 8        /* of one container */
#define CTLNET_PUBLISH_MAX    256      /* entries of one interface */
#define CTLNET_SERVERS_MAX    8
#define CTLNET_LINK_SIZE      16 /* a link's name with its end: IFNAMSIZ */
#define CTLNET_DNS_PORT       53

enum ctlnet_mode {
        CTLNET_BRIDGE,    /* veth to the bridge of a network, of which the kernel lets a bridge have 1,023 */
        CTLNET_ROUTED,    /* veth with a route for the one address, no bridge; for larger networks */
        CTLNET_MACVLAN,   /* beside a link of the host */
        CTLNET_VLAN,      /* one VLAN of a link of the host; one container can have it */
        CTLNET_PHYS,      /* a link of the host itself; the kernel gives it back when the container ends */
        CTLNET_HOST,      /* the host's own network namespace: nothing is made */
        CTLNET_NONE,      /* a namespace of its own with loopback only: nothing is made */
        CTLNET_CONTAINER, /* the namespace of another container: nothing is made */
        CTLNET_MODES
};

/* An IPv4 or IPv6 address, or a network. Zeroed: none. */
struct ctlnet_address {
        uint8_t family;    /* AF_INET, AF_INET6; 0: none */
        uint8_t prefix;    /* bits of the network */
        uint8_t bytes[16]; /* in network order; IPv4 has the first four */
};

/* A published port, or `count` consecutive ones. */
struct ctlnet_publish {
        uint8_t protocol;           /* IPPROTO_TCP, IPPROTO_UDP */
        struct ctlnet_address host; /* the host's address; none: all of them, 127.0.0.1 too (::1 not: the kernel
                                     * does not route it) */
        uint16_t host_port, container_port;
        uint16_t count; /* 1 or more */
};

/* What a container wants of one interface. Texts and lists are the caller's. */
struct ctlnet_request {
        const char *container;
        unsigned index; /* below CTLNET_INTERFACES_MAX */
        enum ctlnet_mode mode;
        const char *network;              /* bridge, routed, macvlan of a network; else NULL */
        const char *parent;               /* macvlan, vlan, phys without a network: the host's link; else NULL */
        const char *other;                /* container:NAME; else NULL */
        unsigned vlan;                    /* 1 to 4094 for CTLNET_VLAN */
        const char *interface;            /* the name inside; NULL: eth0, eth1, ... by index */
        const char *hostname;             /* another name in the network's DNS, or NULL */
        struct ctlnet_address ipv4, ipv6; /* fixed; none: allocated where the mode has a network. The prefix counts only
                                           * where there is no network. */
        struct ctlnet_address gateway4, gateway6; /* only where there is no network */
        uint8_t mac[6];                           /* zero: allocated */
        bool secondary;                           /* another interface leads to the rest of the world */
        unsigned mtu;                             /* 0: the network's */
        uint64_t rate_in, rate_out;               /* bit/s to and from the container; 0: unlimited */
        bool allow_spoofing;                      /* let other source addresses out (a router, a bridge inside) */
        bool starts_nothing; /* attach: no process may be started here: -EAGAIN where the network's DNS does not run */
        size_t n_publish;
        const struct ctlnet_publish *publish;
        size_t n_servers; /* of DNS; none: the network's own, or the host's */
        struct ctlnet_address servers[CTLNET_SERVERS_MAX];
};

/* What it got. */
struct ctlnet_result {
        char host_link[CTLNET_LINK_SIZE]; /* "" when not attached, and where nothing of the host stands for it */
        char interface[CTLNET_LINK_SIZE]; /* in the container */
        uint8_t mac[6];
        struct ctlnet_address ipv4, ipv6, gateway4, gateway6;
        size_t n_servers;
        struct ctlnet_address servers[CTLNET_SERVERS_MAX];
};

/* A network. */
struct ctlnet_network {
        char name[CTLNET_NAME_MAX + 1];
        enum ctlnet_mode mode;                  /* bridge, routed, macvlan */
        char parent[CTLNET_LINK_SIZE];          /* macvlan */
        struct ctlnet_address subnet4, subnet6; /* subnet4 none: a free 10.x.y.0/20 is taken (by ctlnet_network_create);
                                                 * subnet6 none: a random ULA /64, unless no_ipv6 */
        struct ctlnet_address gateway4, gateway6; /* none: the first address */
        bool no_ipv6, no_nat, no_dns;
        bool internal;  /* nothing but the network itself and the host is reachable */
        unsigned mtu;   /* 0: 1500, or the parent's */
        size_t members; /* interfaces with an address; read only */
};

struct ctlnet;

/* directory: made when missing. The handle keeps sockets
 * and belongs to the calling thread's network namespace at the time. */
int ctlnet_open(const char *directory, struct ctlnet **net);
void ctlnet_close(struct ctlnet *net);

/* ---- networks ---- */

/* Makes and keeps the definition (-EEXIST when the name is taken; -EADDRINUSE when a subnet overlaps another network's,
 * or a route of the host, and says which). The links come with the first container. */
int ctlnet_network_create(struct ctlnet *net, const struct ctlnet_network *network);

/* -ENOENT without one; CTLNET_DEFAULT is made. */
int ctlnet_network_show(struct ctlnet *net, const char *name, struct ctlnet_network *network);

/* Sorted by name; *networks is malloc'ed, the caller's. CTLNET_DEFAULT only when it has been made. -EINVAL: there are
 * damaged ones, each is warned of, and *networks has the others. */
int ctlnet_network_list(struct ctlnet *net, struct ctlnet_network **networks, size_t *n);

/* Removes bridge, names and definition, of a damaged one, too. -EBUSY while an interface has an address in it. */
int ctlnet_network_delete(struct ctlnet *net, const char *name);

/* ---- a container's interface ---- */

/* Takes nothing: whether ctlnet_allocate would be refused one of the fixed addresses. */
int ctlnet_check(struct ctlnet *net, const struct ctlnet_request *request);

/* Takes MAC and addresses for the interface, or gives those that it has. They are its own, over restarts and crashes,
 * until ctlnet_forget. A request for others than it has changes them (not while it is attached: -EBUSY). -EADDRINUSE
 * names the owner. For host, none and container:NAME the result is empty but for the DNS servers. */
int ctlnet_allocate(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_result *result);

/* Allocates where that was not done, then makes links, addresses and routes in the namespace of `namespace` (a
 * descriptor of /proc/PID/ns/net), and publishes the ports. The namespace may be anybody's user namespace's. What an
 * attachment that crashed left is undone first; after a failure nothing is left. -EADDRINUSE: a published port is taken
 * (the message names the container, or says that it is a process of the host). Nothing for host, none, container:NAME.
 */
int ctlnet_attach(struct ctlnet *net, const struct ctlnet_request *request, int namespace,
                  struct ctlnet_result *result);

/* How the links go. */
enum ctlnet_links {
        CTLNET_LINKS_REAPED, /* the namespace has ended, or will at once: the kernel removes them, many together */
        CTLNET_LINKS_DELETED /* here and now; some 20 ms each */
};

/* Undoes what stands for the container in the host's kernel: all its interfaces, in any state, from what the records
 * say. A container that has none is no error. Goes on after a failure and returns the first. */
int ctlnet_detach(struct ctlnet *net, const char *container, enum ctlnet_links links);

/* Detaches and gives the addresses back. */
int ctlnet_forget(struct ctlnet *net, const char *container);

/* The same for all interfaces but those of which the bit is in `kept`. namespace: that of a container that runs on, in
 * which nothing is left of them; negative: it has ended. */
int ctlnet_keep(struct ctlnet *net, const char *container, unsigned kept, int namespace);

/* The addresses go with the new name. Not while an interface is attached: -EBUSY. */
int ctlnet_rename(struct ctlnet *net, const char *from, const char *to);

/* What an interface has: -ENOENT when nothing was allocated. */
int ctlnet_show(struct ctlnet *net, const char *container, unsigned index, struct ctlnet_result *result);

/* Changes rates or published ports of an attached interface. */
int ctlnet_set_rates(struct ctlnet *net, const char *container, unsigned index, uint64_t rate_in, uint64_t rate_out);
int ctlnet_set_publish(struct ctlnet *net, const char *container, unsigned index, const struct ctlnet_publish *publish,
                       size_t n);

/* Makes tables, bridges, elements and names anew from the records (after `nft flush ruleset`); an attachment does it by
 * itself when it finds the tables missing. Undoes what belongs to containers that have ended with nobody there, and
 * gives back the addresses of those that do not exist. exists: NULL: all do. */
int ctlnet_repair(struct ctlnet *net, bool (*exists)(const char *container, void *data), void *data);

/* ---- texts: netdev/ctl/text.c; pure ---- */

/* "10.0.0.5", "10.0.0.0/24", "fd00::1/64". Without "/": all bits. -EINVAL without a message. */
int ctlnet_parse_address(const char *text, struct ctlnet_address *address);

/* `prefixed`: with "/24". Returns its argument. "" for none. */
#define CTLNET_ADDRESS_TEXT 52
const char *ctlnet_format_address(const struct ctlnet_address *address, bool prefixed, char text[CTLNET_ADDRESS_TEXT]);

/* "02:00:5e:10:00:01". A group address or zero is refused. -EINVAL without a message. */
int ctlnet_parse_mac(const char *text, uint8_t mac[6]);
#define CTLNET_MAC_TEXT 18
const char *ctlnet_format_mac(const uint8_t mac[6], char text[CTLNET_MAC_TEXT]);

/* "8080:80", "127.0.0.1:8080:80/udp", "[fd00::1]:53:53/udp", "8000-8009:80-89", "80". Messages. */
int ctlnet_parse_publish(const char *text, struct ctlnet_publish *publish);
#define CTLNET_PUBLISH_TEXT 96
const char *ctlnet_format_publish(const struct ctlnet_publish *publish, char text[CTLNET_PUBLISH_TEXT]);

/* On all addresses of the host: none is said, or 0.0.0.0 or ::, which are all of one family. */
bool ctlnet_publish_is_any(const struct ctlnet_publish *publish);

/* Both want the same port. One on all addresses and one on one of them do not: the latter goes first. */
bool ctlnet_publish_collide(const struct ctlnet_publish *a, const struct ctlnet_publish *b);

/* "100mbit", "1gbit", "500kbit", digits and bit, kbit, mbit, gbit. -EINVAL without a message. */
int ctlnet_parse_rate(const char *text, uint64_t *rate);

/* "berth0" (its mode is that of the network), "host", "none", "container:web", "macvlan:eth0", "vlan:eth0.5",
 * "phys:eth1" into mode, network, parent, other and vlan of the request. The texts point into *storage, malloc'ed, the
 * caller's. Messages. */
int ctlnet_parse_net(struct ctlnet *net, const char *text, struct ctlnet_request *request, char **storage);
