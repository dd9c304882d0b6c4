#include "netdev/ctl/neighbours.h"

#include <string.h>

#include "base/error.h"

/* Never the lowest MAC of a bridge. */
void neighbours_host_mac(const struct interface *interface, uint8_t mac[6])
{
        memcpy(mac, interface->mac, 6);
        mac[0] = 0xfe;
}

static int know(struct netlink *netlink, const struct host_link *link, const struct ctlnet_address *ipv4,
                const struct ctlnet_address *ipv6, const uint8_t *mac)
{
        int r = ipv4->family ? host_set_neighbour(netlink, link->index, link->name, ipv4, mac) : 0;

        return r < 0 || !ipv6->family ? r : host_set_neighbour(netlink, link->index, link->name, ipv6, mac);
}

int neighbours_know(struct ctlnet *net, const struct interface *interface, const struct host_link *lower,
                    const struct host_link *port)
{
        bool bridge = interface->mode == CTLNET_BRIDGE;
        int r;

        if (interface->allow_spoofing)
                return 0;
        r = bridge ? host_pin_mac(&net->host, port->index, port->name, interface->mac) : 0;
        return r < 0 ? r : know(&net->host, bridge ? lower : port, &interface->ipv4, &interface->ipv6, interface->mac);
}

int neighbours_know_host(struct netlink *there, const struct host_link *link, const struct interface *interface,
                         const struct ctlnet_result *result, const uint8_t mac[6])
{
        if (interface->allow_spoofing)
                return 0;
        return know(there, link, &result->gateway4, &result->gateway6, mac);
}

int neighbours_forget(struct ctlnet *net, const struct interface *interface)
{
        struct host_link bridge;
        int r;

        if (interface->mode != CTLNET_BRIDGE)
                return 0;
        r = host_find_link(&net->host, interface->network, &bridge);
        if (r < 0)
                return fail(-r, "look for bridge %s", interface->network);
        return bridge.index ? know(&net->host, &bridge, &interface->ipv4, &interface->ipv6, NULL) : 0;
}
