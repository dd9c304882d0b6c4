#include "netdev/ctl/elements.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "netdev/address.h"
#include "netdev/ctl/subnet.h"

static size_t bytes_of(const struct ctlnet_address *address)
{
        return address->family == AF_INET ? 4 : 16;
}

/* ---- networks ---- */

static void add_range(struct nft_elements *elements, enum nft_set set, const struct ctlnet_network *network,
                      const struct ctlnet_address *subnet)
{
        struct ctlnet_address first = subnet_first(subnet), last = subnet_last(subnet);
        struct nft_element *element = nft_elements_add(elements, set, network->name);
        size_t size = bytes_of(subnet);

        nft_put(element->key, first.bytes, size);
        nft_put(element->key_end, last.bytes, size);
}

static void add_pair(struct nft_elements *elements, enum nft_set set, const struct ctlnet_network *network,
                     const struct ctlnet_address *subnet)
{
        struct ctlnet_address first = subnet_first(subnet), last = subnet_last(subnet);
        struct nft_element *element = nft_elements_add(elements, set, network->name);
        size_t size = bytes_of(subnet);

        nft_put(nft_put(element->key, first.bytes, size), first.bytes, size);
        nft_put(nft_put(element->key_end, last.bytes, size), last.bytes, size);
}

static void add_name(struct nft_elements *elements, enum nft_set set, const char *link, const char *owner)
{
        nft_put_name(nft_elements_add(elements, set, owner)->key, link);
}

void elements_of_network(const struct ctlnet_network *network, struct nft_elements *elements)
{
        bool nat = !network->no_nat && !network->internal;

        if (network->mode == CTLNET_MACVLAN)
                return;
        if (network->subnet4.family) {
                add_range(elements, NFT_SET_SUBNETS4, network, &network->subnet4);
                add_pair(elements, NFT_SET_SAME4, network, &network->subnet4);
                if (nat)
                        add_range(elements, NFT_SET_NAT4, network, &network->subnet4);
        }
        if (network->subnet6.family) {
                add_range(elements, NFT_SET_SUBNETS6, network, &network->subnet6);
                add_pair(elements, NFT_SET_SAME6, network, &network->subnet6);
                if (nat)
                        add_range(elements, NFT_SET_NAT6, network, &network->subnet6);
        }
        if (network->mode == CTLNET_BRIDGE) {
                add_name(elements, NFT_SET_INSIDE, network->name, network->name);
                if (network->internal)
                        add_name(elements, NFT_SET_INTERNAL, network->name, network->name);
        }
}

/* ---- published ports ---- */

static void add_port(struct nft_elements *elements, const struct interface *interface,
                     const struct ctlnet_publish *publish, const struct ctlnet_address *to, unsigned n)
{
        bool v4 = to->family == AF_INET, any = ctlnet_publish_is_any(publish);
        enum nft_set set = v4 ? any ? NFT_SET_DNAT4_ANY : NFT_SET_DNAT4 : any ? NFT_SET_DNAT6_ANY : NFT_SET_DNAT6;
        struct nft_element *element = nft_elements_add(elements, set, interface->owner);
        uint16_t host = htons((uint16_t)(publish->host_port + n)),
                 port = htons((uint16_t)(publish->container_port + n));
        uint8_t *key = nft_put(element->key, &publish->protocol, 1);

        if (!any)
                key = nft_put(key, publish->host.bytes, bytes_of(to));
        nft_put(key, &host, sizeof(host));
        nft_put(nft_put(element->data, to->bytes, bytes_of(to)), &port, sizeof(port));
}

static bool is_for(const struct ctlnet_publish *publish, const struct ctlnet_address *to)
{
        return to->family && (!publish->host.family || publish->host.family == to->family);
}

void elements_of_publish(const struct interface *interface, struct nft_elements *elements)
{
        for (size_t i = 0; i < interface->n_publish; i++) {
                const struct ctlnet_publish *publish = &interface->publish[i];

                for (unsigned n = 0; n < publish->count; n++) {
                        if (is_for(publish, &interface->ipv4))
                                add_port(elements, interface, publish, &interface->ipv4, n);
                        if (is_for(publish, &interface->ipv6))
                                add_port(elements, interface, publish, &interface->ipv6, n);
                }
        }
}

/* ---- interfaces ---- */

static void add_sender(struct nft_elements *elements, enum nft_set set, const struct interface *interface,
                       const struct ctlnet_address *address)
{
        uint8_t *key = nft_elements_add(elements, set, interface->owner)->key;

        key = nft_put(nft_put_name(key, interface->link), interface->mac, sizeof(interface->mac));
        if (address)
                nft_put(key, address->bytes, bytes_of(address));
}

static struct ctlnet_address link_local(const uint8_t mac[6])
{
        struct ctlnet_address address = {.family = AF_INET6, .bytes = {0xfe, 0x80}};

        netdev_interface_id(mac, address.bytes + 8);
        return address;
}

static void add_guard(struct nft_elements *elements, const struct interface *interface)
{
        struct ctlnet_address own;

        if (interface->allow_spoofing) {
                add_name(elements, NFT_SET_FREE, interface->link, interface->owner);
                return;
        }
        add_sender(elements, NFT_SET_L2, interface, NULL);
        if (interface->ipv4.family)
                add_sender(elements, NFT_SET_L3V4, interface, &interface->ipv4);
        if (interface->ipv6.family)
                add_sender(elements, NFT_SET_L3V6, interface, &interface->ipv6);
        own = link_local(interface->mac);
        add_sender(elements, NFT_SET_L3V6, interface, &own);
}

void elements_of_interface(const struct ctlnet_network *network, const struct interface *interface,
                           struct nft_elements *elements)
{
        if (interface->mode == CTLNET_BRIDGE)
                add_guard(elements, interface);
        if (interface->mode == CTLNET_ROUTED) {
                add_name(elements, NFT_SET_INSIDE, interface->link, interface->owner);
                if (!interface->allow_spoofing)
                        add_name(elements, NFT_SET_ROUTED, interface->link, interface->owner);
                if (network && network->internal)
                        add_name(elements, NFT_SET_INTERNAL, interface->link, interface->owner);
        }
        elements_of_publish(interface, elements);
}
