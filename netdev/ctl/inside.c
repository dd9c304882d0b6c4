#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/subnet.h"

#define LOOPBACK "lo"

static int find(struct netlink *there, const char *name, struct host_link *link)
{
        int r = host_find_link(there, name, link);

        if (r < 0)
                return netlink_fail(r, there, "look for %s in the container", name);
        return link->index ? 0 : refuse(ENODEV, "the container has no %s", name);
}

static int configure(struct netlink *there, const struct interface *interface, const struct ctlnet_result *result)
{
        struct host_link link, loopback;
        int r = find(there, interface->name, &link);

        if (r == 0)
                r = find(there, LOOPBACK, &loopback);
        if (r == 0)
                r = host_set_up(there, loopback.index, LOOPBACK);
        if (r == 0)
                r = host_set_up(there, link.index, link.name);
        if (r == 0 && result->ipv4.family)
                r = host_add_address(there, link.index, link.name, &result->ipv4);
        if (r == 0 && result->ipv6.family)
                r = host_add_address(there, link.index, link.name, &result->ipv6);
        /* The first interface leads to the rest of the world. */
        if (r < 0 || interface->index)
                return r;
        if (result->gateway4.family)
                r = host_add_route(there, link.index, link.name, NULL, &result->gateway4);
        if (r == 0 && result->gateway6.family)
                r = host_add_route(there, link.index, link.name, NULL, &result->gateway6);
        return r;
}

int inside_configure(int namespace, const struct interface *interface, const struct ctlnet_result *result)
{
        _cleanup_(netlink_close) struct netlink there = {0};
        int r = netlink_open(namespace, &there);

        return r < 0 ? r : configure(&there, interface, result);
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
