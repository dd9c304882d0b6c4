#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/network_apply.h"

static void put_gateway(struct nl_msg **message, const struct network_route *route, const struct network_hop *hop)
{
        struct { /* struct rtvia, with room */
                uint16_t family;
                uint8_t address[16];
        } via = {.family = hop->gateway_family};
        size_t size = network_ip_size(hop->gateway_family);

        if (!hop->gateway_family)
                return;
        if (hop->gateway_family == route->family) {
                netlink_put(message, RTA_GATEWAY, hop->gateway, size);
                return;
        }
        memcpy(via.address, hop->gateway, size);
        netlink_put(message, RTA_VIA, &via, sizeof(via.family) + size);
}

/* struct rtnexthop, the hop's attributes behind it, and its length over both. */
static void put_hop(struct nl_msg **message, const struct network_applying *applying, const struct network_route *route,
                    const struct network_hop *hop)
{
        const struct rtnexthop empty = {
                .rtnh_flags = hop->on_link ? RTNH_F_ONLINK : 0,
                .rtnh_hops = hop->weight,
                .rtnh_ifindex = network_index(applying, hop->interface),
        };
        struct rtnexthop *written;
        size_t start;

        if (!*message)
                return;
        start = nlmsg_hdr(*message)->nlmsg_len;
        /* libnl takes no pointer to const and only reads. */
        if (nlmsg_append(*message, (void *)(uintptr_t)&empty, sizeof(empty), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(*message);
                *message = NULL;
                return;
        }
        put_gateway(message, route, hop);
        if (*message) {
                written = (struct rtnexthop *)(void *)((char *)nlmsg_hdr(*message) + start);
                written->rtnh_len = (unsigned short)(nlmsg_hdr(*message)->nlmsg_len - start);
        }
}

static void put_ways(struct nl_msg **message, const struct network_applying *applying,
                     const struct network_route *route)
{
        struct nlattr *list;

        if (route->n_hops == 1) {
                netlink_put_u32(message, RTA_OIF, (uint32_t)network_index(applying, route->hops[0].interface));
                put_gateway(message, route, &route->hops[0]);
        } else if (route->n_hops > 1) {
                list = netlink_nest(message, RTA_MULTIPATH);
                for (size_t i = 0; i < route->n_hops; i++)
                        put_hop(message, applying, route, &route->hops[i]);
                netlink_nest_end(*message, list);
        }
}

static void put_metrics(struct nl_msg **message, const struct network_route *route)
{
        struct nlattr *metrics = netlink_nest(message, RTA_METRICS);

        for (unsigned i = 1; i < ELEMENTS(route->metrics); i++)
                if (route->metrics[i])
                        netlink_put_u32(message, (int)i, route->metrics[i]);
        netlink_nest_end(*message, metrics);
}

static struct nl_msg *route_message(const struct network_applying *applying, const struct network_route *route)
{
        const struct rtmsg header = {
                .rtm_family = route->family,
                .rtm_dst_len = route->prefix,
                .rtm_src_len = route->source_prefix,
                .rtm_tos = route->tos,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = route->protocol,
                .rtm_scope = route->scope,
                .rtm_type = route->type,
                .rtm_flags = route->n_hops == 1 && route->hops[0].on_link ? RTNH_F_ONLINK : 0,
        };
        /* Several routes to one network are there beside each other; the same one twice is EEXIST. */
        struct nl_msg *message = netlink_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, &header, sizeof(header));
        size_t size = network_ip_size(route->family);

        if (route->prefix)
                netlink_put(&message, RTA_DST, route->destination, size);
        if (route->source_prefix)
                netlink_put(&message, RTA_SRC, route->from, size);
        if (route->has_source)
                netlink_put(&message, RTA_PREFSRC, route->source, size);
        if (route->priority)
                netlink_put_u32(&message, RTA_PRIORITY, route->priority);
        if (route->family == AF_INET6 && route->preference != ICMPV6_ROUTER_PREF_MEDIUM)
                netlink_put(&message, RTA_PREF, &route->preference, sizeof(route->preference));
        put_metrics(&message, route);
        put_ways(&message, applying, route);
        return message;
}

static int add_route(struct network_applying *applying, const struct network_route *route)
{
        int r = netlink_request(&applying->netlink, route_message(applying, route));

        return r == -EEXIST ? 0 : r;
}

/* The host's kernel has the route: its gateway was reachable once, and is taken to be on the link. */
static int add_route_on_link(struct network_applying *applying, const struct network_route *route)
{
        struct network_route forced = *route;
        char text[NETWORK_TEXT_MAX];
        int r;

        for (size_t i = 0; i < forced.n_hops; i++)
                forced.hops[i].on_link = forced.hops[i].gateway_family != 0;
        r = add_route(applying, &forced);
        if (r == 0)
                return 0;
        network_route_text(applying->network, route, text);
        return netlink_fail(r, &applying->netlink, "add route %s", text);
}

/* The kernel takes a gateway that it can reach only: a route may wait for any other. Each round adds what it can, until
 * one adds nothing. */
int network_routes_apply(struct network_applying *applying)
{
        const struct network *network = applying->network;
        uint8_t done[NETWORK_ROUTES_MAX] = {0};
        size_t left = network->n_routes, before;
        int r = 0;

        do {
                before = left;
                for (size_t i = 0; i < network->n_routes; i++)
                        if (!done[i] && add_route(applying, &network->routes[i]) == 0) {
                                done[i] = 1;
                                left--;
                        }
        } while (left && left < before);
        for (size_t i = 0; r == 0 && left && i < network->n_routes; i++)
                r = done[i] ? 0 : add_route_on_link(applying, &network->routes[i]);
        return r;
}
