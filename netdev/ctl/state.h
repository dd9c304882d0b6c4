/* The handle, and what lies on disk: definitions of networks and records of interfaces. */
#pragma once

#include "netdev/ctl/names.h"
#include "netdev/ctl/nft.h"
#include "netdev/netlink.h"

struct ctlnet {
        int networks, interfaces; /* directories */
        char boot[40];            /* which start of the kernel this is */
        struct netlink host;      /* without a socket: not open */
        struct nft nft;
        struct {
                bool set;
                struct ctlnet_network network; /* all 0: none */
                struct ctlnet_result servers;  /* of DNS */
        } shown;                               /* what ctlnet_show has looked up last */
};

/* One command at a time changes networks. The lock goes when *lock is closed. Messages. */
int state_lock(struct ctlnet *net, int *lock);

/* Opens the socket in the host's namespace where that was not done. Messages. */
int state_host(struct ctlnet *net);

/* A directory below another, made with mode 0755 when missing. Returns the descriptor. Messages. */
int state_directory(int parent, const char *name);

/* ---- networks ---- */

/* Bare -ENOENT where there is none; messages for the rest. The default network is not made. */
int network_load(struct ctlnet *net, const char *name, struct ctlnet_network *network);

/* The same with the default network made, and a message where there is none. Under the lock. */
int network_need(struct ctlnet *net, const char *name, struct ctlnet_network *network);

/* Makes a definition; see ctlnet_network_create. Under the lock. */
int network_define(struct ctlnet *net, const struct ctlnet_network *network);

/* The directory of a network, or one below it (made when missing). Messages. */
int network_directory(struct ctlnet *net, const char *name);
int network_room(struct ctlnet *net, const char *name, const char *room);

/* Calls `visit` for each network's name until one fails. */
typedef int (*state_visitor)(struct ctlnet *net, const char *name, void *data);
int network_each(struct ctlnet *net, state_visitor visit, void *data);

/* ---- interfaces ---- */

struct interface {
        char container[CTLNET_CONTAINER_MAX + 1];
        unsigned index;
        char owner[NAMES_OWNER_SIZE];
        /* what it has */
        enum ctlnet_mode mode;
        char network[CTLNET_NAME_MAX + 1];
        char parent[CTLNET_LINK_SIZE];
        unsigned vlan;
        char name[CTLNET_LINK_SIZE]; /* inside */
        uint8_t mac[6];
        struct ctlnet_address ipv4, ipv6;
        struct ctlnet_address gateway4, gateway6; /* where there is no network */
        /* while it is attached */
        char boot[40];
        char link[CTLNET_LINK_SIZE];
        char hostname[CTLNET_CONTAINER_MAX + 1];
        bool allow_spoofing, proxied;
        uint64_t rate_in, rate_out;
        size_t n_publish;
        struct ctlnet_publish *publish; /* malloc'ed */
};

void interface_free(struct interface *interface);

/* Bare -ENOENT where there is none; messages for the rest. */
int interface_load(struct ctlnet *net, const char *container, unsigned index, struct interface *interface);

/* durable: also on the disk when it returns, for what must survive the host. Messages. */
int interface_save(struct ctlnet *net, const struct interface *interface, bool durable);
int interface_remove(struct ctlnet *net, const char *owner);

bool interface_is_attached(const struct ctlnet *net, const struct interface *interface);

/* Calls `visit` for each owner ("web.0") until one fails. */
int interface_each(struct ctlnet *net, state_visitor visit, void *data);

/* "web.0" into its parts; -EINVAL for what is no such name. */
int interface_split(const char *owner, char container[CTLNET_CONTAINER_MAX + 1], unsigned *index);
