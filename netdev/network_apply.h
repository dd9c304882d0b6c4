/* Between the files that make a network in the guest (netdev/network.h). */
#pragma once

#include "netdev/netlink.h"
#include "netdev/network.h"

struct network_applying {
        struct netlink netlink;
        const struct network *network;
        int index[NETWORK_INTERFACES_MAX];     /* interface numbers in this namespace, by place; 0: not found */
        int displaced[NETWORK_INTERFACES_MAX]; /* others that have a name which is wanted */
        size_t n_displaced;
        int loopback;
};

/* The interface number of a place. */
int network_index(const struct network_applying *applying, unsigned place);

/* Bytes of an address of that family. */
size_t network_ip_size(unsigned family);

int network_routes_apply(struct network_applying *applying);
