/* Between the files that read a network namespace (netdev/network.h). */
#pragma once

#include "netdev/netlink.h"
#include "netdev/network.h"

struct network_reading {
        struct netlink netlink;
        struct network *network;
        int loopback; /* its interface number, -1 while unknown */
        int family;   /* of the routes that are being listed */
        int rules;    /* of policy routing, besides the kernel's own */
        int refused;  /* a visitor's negative errno, with its message */
};

/* Gives every object of a listing to `visit` (its data is the reading), from the start again when it changed meanwhile.
 * what: for the message. */
int network_list(struct network_reading *reading, int type, const void *header, size_t size, netlink_visitor visit,
                 const char *what);

/* Room for one more in a list of n; NULL with the message and reading->refused. */
void *network_grow(struct network_reading *reading, void *list, size_t n, size_t most, size_t size, const char *what);

/* The place of the interface with that number, NETWORK_LOOPBACK or NETWORK_NO_INTERFACE. */
unsigned network_place(const struct network_reading *reading, int ifindex);

void network_copy_ip(uint8_t to[16], struct nlattr *from);

/* After the interfaces and their sysctls. */
int network_addresses_read(struct network_reading *reading);

/* The main tables of both families, after the addresses. */
int network_routes_read(struct network_reading *reading);
