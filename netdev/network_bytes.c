#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/network.h"

/* Behind it the interfaces, addresses, routes and neighbours, as their records are. */
struct network_header {
        uint32_t n_interfaces, n_addresses, n_routes, n_neighbours;
        uint32_t loopback_up;
        struct network_sysctls all, standard;
};

/* The records cross as they are: no byte of theirs may be a hole, which would carry bytes of our memory. */
_Static_assert(sizeof(struct network_interface) == 32 + 4 * (NETWORK_SYSCTLS4 + NETWORK_SYSCTLS6), "hole");
_Static_assert(sizeof(struct network_address) == 80, "hole");
_Static_assert(sizeof(struct network_hop) == 20, "hole");
_Static_assert(sizeof(struct network_route) == 136 + 20 * NETWORK_HOPS_MAX, "hole");
_Static_assert(sizeof(struct network_neighbour) == 24, "hole");
_Static_assert(sizeof(struct network_header) == 20 + 8 * (NETWORK_SYSCTLS4 + NETWORK_SYSCTLS6), "hole");

/* ---- writing ---- */

static char *append(char *to, const void *records, size_t size)
{
        if (size)
                memcpy(to, records, size);
        return to + size;
}

static size_t bytes_of(const struct network_header *header)
{
        return sizeof(*header) + header->n_interfaces * sizeof(struct network_interface) +
               header->n_addresses * sizeof(struct network_address) + header->n_routes * sizeof(struct network_route) +
               header->n_neighbours * sizeof(struct network_neighbour);
}

int network_write(const struct network *network, void **data, size_t *size)
{
        const struct network_header header = {
                .n_interfaces = (uint32_t)network->n_interfaces,
                .n_addresses = (uint32_t)network->n_addresses,
                .n_routes = (uint32_t)network->n_routes,
                .n_neighbours = (uint32_t)network->n_neighbours,
                .loopback_up = network->loopback_up != 0,
                .all = network->all,
                .standard = network->standard,
        };
        char *to = malloc(bytes_of(&header));

        if (!to)
                return fail(ENOMEM, "network");
        *data = to;
        *size = bytes_of(&header);
        to = append(to, &header, sizeof(header));
        to = append(to, network->interfaces, network->n_interfaces * sizeof(*network->interfaces));
        to = append(to, network->addresses, network->n_addresses * sizeof(*network->addresses));
        to = append(to, network->routes, network->n_routes * sizeof(*network->routes));
        append(to, network->neighbours, network->n_neighbours * sizeof(*network->neighbours));
        return 0;
}

/* ---- checking ---- */

static int wrong(const char *what, size_t place)
{
        return refuse(EBADMSG, "network: %s %zu is damaged", what, place);
}

/* As the kernel has it (dev_valid_name), without what stands for something else in /proc/sys/net. */
static int is_name(const char name[NETWORK_NAME_SIZE])
{
        static const char *const taken[] = {"", ".", "..", "lo", "all", "default"};

        if (!memchr(name, '\0', NETWORK_NAME_SIZE))
                return 0;
        for (size_t i = 0; i < ELEMENTS(taken); i++)
                if (strcmp(name, taken[i]) == 0)
                        return 0;
        return strpbrk(name, "/: \t\n\v\f\r%") == NULL;
}

static int is_family(unsigned family)
{
        return family == AF_INET || family == AF_INET6;
}

static unsigned bits_of(unsigned family)
{
        return family == AF_INET ? 32 : 128;
}

static int is_place(const struct network *network, unsigned place)
{
        return place < network->n_interfaces || place == NETWORK_LOOPBACK;
}

static int check_interface(const struct network *network, size_t place)
{
        const struct network_interface *interface = &network->interfaces[place];

        if (!is_name(interface->name) || interface->up > 1 || interface->no_arp > 1 || interface->mtu < 68 ||
            interface->mtu > INT32_MAX || interface->mac[0] & 1 || interface->index <= 0)
                return wrong("interface", place);
        for (size_t i = 0; i < place; i++)
                if (strcmp(network->interfaces[i].name, interface->name) == 0 ||
                    memcmp(network->interfaces[i].mac, interface->mac, sizeof(interface->mac)) == 0)
                        return wrong("interface", place);
        return 0;
}

/* A label is the interface's name, or that, a colon and something. */
static int is_label(const struct network *network, const struct network_address *address)
{
        if (!memchr(address->label, '\0', sizeof(address->label)))
                return 0;
        return !address->label[0] || strncmp(address->label, network_interface_name(network, address->interface),
                                             strlen(network_interface_name(network, address->interface))) == 0;
}

static int check_address(const struct network *network, size_t place)
{
        const struct network_address *address = &network->addresses[place];

        if (!is_place(network, address->interface) || !is_family(address->family) ||
            address->prefix > bits_of(address->family) || address->has_peer > 1 || address->has_broadcast > 1 ||
            address->deprecated > 1 || !is_label(network, address))
                return wrong("address", place);
        return 0;
}

static int check_hop(const struct network *network, const struct network_hop *hop)
{
        return is_place(network, hop->interface) && hop->on_link <= 1 &&
               (!hop->gateway_family || is_family(hop->gateway_family));
}

static int check_route(const struct network *network, size_t place)
{
        const struct network_route *route = &network->routes[place];

        if (!is_family(route->family) || route->prefix > bits_of(route->family) ||
            route->source_prefix > bits_of(route->family) || route->has_source > 1 || route->type == RTN_UNSPEC ||
            route->type > RTN_THROW || route->n_hops > NETWORK_HOPS_MAX ||
            (route->type == RTN_UNICAST) != (route->n_hops > 0))
                return wrong("route", place);
        for (size_t i = 0; i < route->n_hops; i++)
                if (!check_hop(network, &route->hops[i]))
                        return wrong("route", place);
        return 0;
}

static int check_neighbour(const struct network *network, size_t place)
{
        const struct network_neighbour *neighbour = &network->neighbours[place];

        if (neighbour->interface >= network->n_interfaces || !is_family(neighbour->family))
                return wrong("neighbour", place);
        return 0;
}

static int check_network(const struct network *network)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < network->n_interfaces; i++)
                r = check_interface(network, i);
        for (size_t i = 0; r == 0 && i < network->n_addresses; i++)
                r = check_address(network, i);
        for (size_t i = 0; r == 0 && i < network->n_routes; i++)
                r = check_route(network, i);
        for (size_t i = 0; r == 0 && i < network->n_neighbours; i++)
                r = check_neighbour(network, i);
        return r;
}

/* ---- reading ---- */

/* A copy of the next n records. One more byte: the size may be 0. */
static void *take(const char **from, size_t size)
{
        void *copy = calloc(1, size + 1);

        if (copy)
                memcpy(copy, *from, size);
        *from += size;
        return copy;
}

static int check_header(const struct network_header *header, size_t size)
{
        if (header->n_interfaces > NETWORK_INTERFACES_MAX || header->n_addresses > NETWORK_ADDRESSES_MAX ||
            header->n_routes > NETWORK_ROUTES_MAX || header->n_neighbours > NETWORK_NEIGHBOURS_MAX ||
            header->loopback_up > 1 || bytes_of(header) != size)
                return refuse(EBADMSG, "network: the message is damaged");
        return 0;
}

int network_parse(const void *data, size_t size, struct network *network)
{
        const char *from = data;
        struct network_header header;
        int r;

        *network = (struct network){0};
        if (size < sizeof(header))
                return refuse(EBADMSG, "network: the message is too short");
        memcpy(&header, from, sizeof(header));
        r = check_header(&header, size);
        if (r < 0)
                return r;
        from += sizeof(header);
        network->n_interfaces = header.n_interfaces;
        memcpy(network->interfaces, from, header.n_interfaces * sizeof(*network->interfaces));
        from += header.n_interfaces * sizeof(*network->interfaces);
        network->addresses = take(&from, header.n_addresses * sizeof(*network->addresses));
        network->routes = take(&from, header.n_routes * sizeof(*network->routes));
        network->neighbours = take(&from, header.n_neighbours * sizeof(*network->neighbours));
        network->n_addresses = header.n_addresses;
        network->n_routes = header.n_routes;
        network->n_neighbours = header.n_neighbours;
        network->all = header.all;
        network->standard = header.standard;
        network->loopback_up = (int)header.loopback_up;
        r = network->addresses && network->routes && network->neighbours ? check_network(network)
                                                                         : fail(ENOMEM, "network");
        if (r < 0)
                network_free(network);
        return r;
}
