#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/neighbours.h"
#include "netdev/ctl/subnet.h"

#define LOOPBACK "lo"

static int find(struct netlink *there, const char *name, struct host_link *link)
{
        int r = host_find_link(there, name, link);

        if (r < 0)
                return netlink_fail(r, there, "look for %s in the container", name);
        return link->index ? 0 : refuse(ENODEV, "the container has no %s", name);
}

/* One way of a family: everywhere, or to the network behind a router. */
static int add_way(struct netlink *there, const struct host_link *link, const struct ctlnet_address *gateway,
                   const struct ctlnet_address *subnet)
{
        return gateway->family ? host_add_route(there, link->index, link->name, subnet, gateway) : 0;
}

static int add_ways(struct netlink *there, const struct host_link *link, const struct ctlnet_network *network,
                    const struct ctlnet_result *result, bool leads)
{
        int r;

        if (!leads && network->mode != CTLNET_ROUTED)
                return 0;
        r = add_way(there, link, &result->gateway4, leads ? NULL : &network->subnet4);
        return r < 0 ? r : add_way(there, link, &result->gateway6, leads ? NULL : &network->subnet6);
}

int inside_configure(int namespace, const struct ctlnet_network *network, const struct interface *interface,
                     const struct ctlnet_result *result, const struct inside_wish *wish)
{
        _cleanup_(netlink_close) struct netlink there = {0};
        struct host_link link, loopback;
        int r = netlink_open(namespace, &there);

        if (r == 0)
                r = find(&there, interface->name, &link);
        if (r == 0)
                r = find(&there, LOOPBACK, &loopback);
        if (r == 0)
                r = host_set_up(&there, loopback.index, LOOPBACK);
        if (r == 0)
                r = host_set_up(&there, link.index, link.name);
        if (r == 0 && result->ipv4.family)
                r = host_add_address(&there, link.index, link.name, &result->ipv4);
        if (r == 0 && result->ipv6.family)
                r = host_add_address(&there, link.index, link.name, &result->ipv6);
        if (r == 0 && wish->host)
                r = neighbours_know_host(&there, &link, interface, result, wish->host);
        return r < 0 ? r : add_ways(&there, &link, network, result, wish->leads);
}

int inside_remove_stale(int namespace, const struct interface *interface)
{
        _cleanup_(netlink_close) struct netlink there = {0};
        struct host_link link;
        int r = netlink_open(namespace, &there);

        if (r < 0)
                return r;
        r = host_find_link(&there, interface->name, &link);
        if (r < 0)
                return netlink_fail(r, &there, "look for %s in the container", interface->name);
        if (!link.index)
                return 0;
        if (memcmp(link.mac, interface->mac, sizeof(link.mac)) != 0)
                return refuse(EEXIST, "the container has an interface %s already", interface->name);
        return host_delete_link(&there, interface->name);
}
