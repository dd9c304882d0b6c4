/* Addresses of a network interface, kept over a move into another network namespace, which forgets them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netdev/netlink.h"

/* The second half of an address that IPv6 makes of a MAC (RFC 4291, appendix A). */
void netdev_interface_id(const uint8_t mac[6], uint8_t id[8]);

/* Messages as the kernel gave them, in its order (of several IPv4 addresses in one network the first is the primary).
 */
struct netdev_addresses {
        size_t n;
        struct nlmsghdr **v; /* each malloc'ed */
};

/* Reads the permanent addresses of global scope, of any family (runtime-spec linux.netDevices). Temporary ones and
 * those from router advertisements or DHCP with a lifetime belong to the network they came from. Negative errno without
 * a message. The addresses are the caller's, also after a failure (netdev_addresses_free). */
int netdev_addresses_read(struct netlink *netlink, int ifindex, struct netdev_addresses *addresses);

/* Gives them to an interface: address, peer, broadcast, metric and flags; not the label, which holds the interface's
 * old name. One that is there already is no error. Negative errno without a message. */
int netdev_addresses_add(struct netlink *netlink, int ifindex, const struct netdev_addresses *addresses);

void netdev_addresses_free(struct netdev_addresses *addresses);
