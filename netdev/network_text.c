#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netdev/network.h"

const char *network_interface_name(const struct network *network, unsigned place)
{
        if (place == NETWORK_LOOPBACK)
                return "lo";
        return place < network->n_interfaces ? network->interfaces[place].name : "?";
}

static const char *ip_text(int family, const uint8_t ip[16], char text[INET6_ADDRSTRLEN])
{
        return inet_ntop(family, ip, text, INET6_ADDRSTRLEN) ? text : "?";
}

void network_address_text(const struct network_address *address, char text[NETWORK_TEXT_MAX])
{
        char ip[INET6_ADDRSTRLEN];

        snprintf(text, NETWORK_TEXT_MAX, "%s/%u", ip_text(address->family, address->local, ip), address->prefix);
}

static const char *type_text(unsigned type)
{
        return type == RTN_BLACKHOLE     ? "blackhole "
               : type == RTN_UNREACHABLE ? "unreachable "
               : type == RTN_PROHIBIT    ? "prohibit "
               : type == RTN_THROW       ? "throw "
                                         : "";
}

void network_route_text(const struct network *network, const struct network_route *route, char text[NETWORK_TEXT_MAX])
{
        const struct network_hop *hop = &route->hops[0];
        char ip[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN];
        int used = snprintf(text, NETWORK_TEXT_MAX, "%s%s/%u", type_text(route->type),
                            ip_text(route->family, route->destination, ip), route->prefix);

        if (route->n_hops && hop->gateway_family)
                used += snprintf(text + used, NETWORK_TEXT_MAX - (size_t)used, " via %s",
                                 ip_text(hop->gateway_family, hop->gateway, gateway));
        if (route->n_hops)
                snprintf(text + used, NETWORK_TEXT_MAX - (size_t)used, " dev %s",
                         network_interface_name(network, hop->interface));
}
