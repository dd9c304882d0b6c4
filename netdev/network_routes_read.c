#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "netdev/network_read.h"

static struct nlattr *attribute(struct nlmsghdr *message, int type)
{
        return nlmsg_find_attr(message, sizeof(struct rtmsg), type);
}

static uint32_t number(struct nlmsghdr *message, int type, uint32_t otherwise)
{
        struct nlattr *found = attribute(message, type);

        return found && nla_len(found) >= (int)sizeof(uint32_t) ? nla_get_u32(found) : otherwise;
}

/* ---- which ---- */

static int has_same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
        unsigned bytes = bits / 8, mask = 0xff00U >> bits % 8;

        return memcmp(a, b, bytes) == 0 && (bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask & 0xff) == 0);
}

int network_route_is_made(const struct network *network, const struct network_route *route)
{
        static const uint8_t link_local[16] = {0xfe, 0x80};

        if (route->protocol != RTPROT_KERNEL || route->type != RTN_UNICAST || route->n_hops != 1 ||
            route->hops[0].gateway_family)
                return 0;
        if (route->family == AF_INET6 && route->prefix == 64 && memcmp(route->destination, link_local, 16) == 0)
                return 1;
        for (size_t i = 0; i < network->n_addresses; i++) {
                const struct network_address *address = &network->addresses[i];
                const uint8_t *ip = address->has_peer ? address->peer : address->local;

                if (address->family == route->family && address->interface == route->hops[0].interface &&
                    address->prefix == route->prefix && !(address->flags & IFA_F_NOPREFIXROUTE) &&
                    has_same_bits(ip, route->destination, route->prefix))
                        return 1;
        }
        return 0;
}

static int is_wanted(struct nlmsghdr *message)
{
        const struct rtmsg *header = nlmsg_data(message);
        struct nlattr *times = attribute(message, RTA_CACHEINFO);

        if (number(message, RTA_TABLE, header->rtm_table) != RT_TABLE_MAIN || header->rtm_flags & RTM_F_CLONED)
                return 0;
        /* What a router has advertised runs out, and is advertised to the guest again. */
        if (header->rtm_family == AF_INET6 && times && nla_len(times) >= (int)sizeof(struct rta_cacheinfo) &&
            ((const struct rta_cacheinfo *)nla_data(times))->rta_expires != 0)
                return 0;
        return header->rtm_type == RTN_UNICAST || header->rtm_type == RTN_BLACKHOLE ||
               header->rtm_type == RTN_UNREACHABLE || header->rtm_type == RTN_PROHIBIT || header->rtm_type == RTN_THROW;
}

/* ---- hops ---- */

static void set_gateway(struct network_hop *hop, int family, struct nlattr *gateway, struct nlattr *via)
{
        if (gateway) {
                hop->gateway_family = (uint8_t)family;
                network_copy_ip(hop->gateway, gateway);
        } else if (via && nla_len(via) >= (int)sizeof(struct rtvia)) {
                const struct rtvia *other = nla_data(via);
                size_t size = (size_t)nla_len(via) - sizeof(*other);

                hop->gateway_family = (uint8_t)other->rtvia_family;
                memcpy(hop->gateway, other->rtvia_addr, size < 16 ? size : 16);
        }
}

static int read_hops(struct network_reading *reading, struct nlattr *list, struct network_route *route)
{
        const struct rtnexthop *next = nla_data(list);
        int left = nla_len(list);

        for (; left >= (int)sizeof(*next) && RTNH_OK(next, left);
             left -= (int)NLMSG_ALIGN(next->rtnh_len), next = RTNH_NEXT(next)) {
                int size = next->rtnh_len - (int)sizeof(*next);
                struct nlattr *first = (struct nlattr *)RTNH_DATA(next);
                struct network_hop *hop = &route->hops[route->n_hops];

                if (route->n_hops == NETWORK_HOPS_MAX)
                        return -E2BIG;
                if (nla_find(first, size, RTA_ENCAP))
                        return -EOPNOTSUPP;
                hop->interface = (uint8_t)network_place(reading, next->rtnh_ifindex);
                hop->weight = next->rtnh_hops;
                hop->on_link = (next->rtnh_flags & RTNH_F_ONLINK) != 0;
                set_gateway(hop, route->family, nla_find(first, size, RTA_GATEWAY), nla_find(first, size, RTA_VIA));
                route->n_hops++;
        }
        return 0;
}

static int read_ways(struct network_reading *reading, struct nlmsghdr *message, struct network_route *route)
{
        const struct rtmsg *header = nlmsg_data(message);
        struct nlattr *list = attribute(message, RTA_MULTIPATH);
        int r = attribute(message, RTA_ENCAP) ? -EOPNOTSUPP : 0;

        /* The kernel hangs IPv6 routes that reach nothing on the loopback interface. */
        if (r < 0 || route->type != RTN_UNICAST)
                return r;
        if (list) {
                r = read_hops(reading, list, route);
        } else {
                route->n_hops = 1;
                route->hops[0].interface = (uint8_t)network_place(reading, (int)number(message, RTA_OIF, 0));
                route->hops[0].on_link = (header->rtm_flags & RTNH_F_ONLINK) != 0;
                set_gateway(&route->hops[0], route->family, attribute(message, RTA_GATEWAY),
                            attribute(message, RTA_VIA));
        }
        for (unsigned i = 0; i < route->n_hops; i++)
                if (route->hops[i].interface == NETWORK_NO_INTERFACE)
                        r = -ENODEV;
        return r;
}

/* ---- a route ---- */

static void read_metrics(struct nlattr *metrics, uint32_t values[18])
{
        struct nlattr *metric;
        int left;

        if (!metrics)
                return;
        nla_for_each_nested(metric, metrics, left) if (nla_type(metric) < 18 && nla_type(metric) != RTAX_CC_ALGO &&
                                                       nla_len(metric) == sizeof(uint32_t)) values[nla_type(metric)] =
                nla_get_u32(metric);
}

static void fill_route(struct nlmsghdr *message, struct network_route *route)
{
        const struct rtmsg *header = nlmsg_data(message);
        struct nlattr *source = attribute(message, RTA_PREFSRC), *preference = attribute(message, RTA_PREF);

        route->family = header->rtm_family;
        route->type = header->rtm_type;
        route->protocol = header->rtm_protocol;
        route->scope = header->rtm_scope;
        route->tos = header->rtm_tos;
        route->prefix = header->rtm_dst_len;
        route->source_prefix = header->rtm_src_len;
        route->preference = preference ? nla_get_u8(preference) : ICMPV6_ROUTER_PREF_MEDIUM;
        route->has_source = source != NULL;
        route->priority = number(message, RTA_PRIORITY, 0);
        network_copy_ip(route->destination, attribute(message, RTA_DST));
        network_copy_ip(route->from, attribute(message, RTA_SRC));
        network_copy_ip(route->source, source);
        read_metrics(attribute(message, RTA_METRICS), route->metrics);
}

/* What the kernel made for an interface that is not carried says nothing that somebody wanted. */
static void warn_of_route(const struct network *network, const struct network_route *route, int r)
{
        char text[NETWORK_TEXT_MAX];

        if (r == -ENODEV && route->protocol == RTPROT_KERNEL)
                return;
        network_route_text(network, route, text);
        log_warning("network: route %s is not carried into the virtual machine: %s", text,
                    r == -ENODEV  ? "its interface is not"
                    : r == -E2BIG ? "it has too many hops"
                                  : "it has an encapsulation");
}

static int read_route(struct nlmsghdr *message, void *data)
{
        struct network_reading *reading = data;
        struct network *network = reading->network;
        const struct rtmsg *header = nlmsg_data(message);
        struct network_route route = {0}, *bigger;
        int r;

        if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, sizeof(*header)) ||
            header->rtm_family != reading->family || !is_wanted(message))
                return 0;
        fill_route(message, &route);
        r = read_ways(reading, message, &route);
        if (r < 0) {
                warn_of_route(network, &route, r);
                return 0;
        }
        if (network_route_is_made(network, &route))
                return 0;
        bigger = network_grow(reading, network->routes, network->n_routes, NETWORK_ROUTES_MAX, sizeof(route), "routes");
        if (!bigger)
                return reading->refused;
        network->routes = bigger;
        bigger[network->n_routes++] = route;
        return 0;
}

int network_routes_read(struct network_reading *reading)
{
        static const int families[] = {AF_INET, AF_INET6};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(families); i++) {
                const struct rtmsg all = {.rtm_family = (unsigned char)families[i]};

                reading->family = families[i];
                r = network_list(reading, RTM_GETROUTE, &all, sizeof(all), read_route, "routes");
        }
        return r;
}
