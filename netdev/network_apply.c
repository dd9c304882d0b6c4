#include "netdev/network_apply.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

size_t network_ip_size(unsigned family)
{
        return family == AF_INET ? 4 : 16;
}

int network_index(const struct network_applying *applying, unsigned place)
{
        return place < applying->network->n_interfaces ? applying->index[place] : applying->loopback;
}

/* ---- finding ---- */

static int place_of_mac(const struct network *network, struct nlattr *mac)
{
        for (size_t i = 0; mac && nla_len(mac) == ETH_ALEN && i < network->n_interfaces; i++)
                if (memcmp(network->interfaces[i].mac, nla_data(mac), ETH_ALEN) == 0)
                        return (int)i;
        return -1;
}

static int is_wanted_name(const struct network *network, const char *name)
{
        for (size_t i = 0; i < network->n_interfaces; i++)
                if (strcmp(network->interfaces[i].name, name) == 0)
                        return 1;
        return 0;
}

static int find_interface(struct nlmsghdr *message, void *data)
{
        struct network_applying *applying = data;
        const struct ifinfomsg *header = nlmsg_data(message);
        struct nlattr *name = nlmsg_find_attr(message, sizeof(*header), IFLA_IFNAME);
        struct nlattr *mac = nlmsg_find_attr(message, sizeof(*header), IFLA_ADDRESS);
        int place;

        if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(*header)))
                return 0;
        if (header->ifi_type == ARPHRD_LOOPBACK) {
                applying->loopback = header->ifi_index;
                return 0;
        }
        place = header->ifi_type == ARPHRD_ETHER ? place_of_mac(applying->network, mac) : -1;
        if (place >= 0 && !applying->index[place])
                applying->index[place] = header->ifi_index;
        else if (name && is_wanted_name(applying->network, nla_get_string(name)) &&
                 applying->n_displaced < NETWORK_INTERFACES_MAX)
                applying->displaced[applying->n_displaced++] = header->ifi_index;
        return 0;
}

static int find_interfaces(struct network_applying *applying)
{
        const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
        int r = netlink_query(&applying->netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)),
                              find_interface, applying);

        if (r < 0)
                return netlink_fail(r, &applying->netlink, "list the interfaces");
        for (size_t i = 0; i < applying->network->n_interfaces; i++) {
                const struct network_interface *wanted = &applying->network->interfaces[i];
                const uint8_t *mac = wanted->mac;

                if (!applying->index[i])
                        return refuse(ENODEV,
                                      "%s: the virtual machine has no network device with the MAC "
                                      "%02x:%02x:%02x:%02x:%02x:%02x",
                                      wanted->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        }
        return 0;
}

/* ---- interfaces ---- */

static struct nl_msg *link_message(int index, unsigned flags, unsigned change)
{
        const struct ifinfomsg header = {.ifi_index = index, .ifi_flags = flags, .ifi_change = change};

        return netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));
}

static int rename_interface(struct network_applying *applying, int index, const char *name)
{
        struct nl_msg *message;
        int r = netlink_request(&applying->netlink, link_message(index, 0, IFF_UP));

        if (r < 0)
                return netlink_fail(r, &applying->netlink, "%s: take the interface down", name);
        message = link_message(index, 0, 0);
        netlink_put_string(&message, IFLA_IFNAME, name);
        r = netlink_request(&applying->netlink, message);
        return r < 0 ? netlink_fail(r, &applying->netlink, "%s: name the interface", name) : 0;
}

/* Two interfaces may have each other's name: all leave theirs first. */
static int rename_interfaces(struct network_applying *applying)
{
        const struct network *network = applying->network;
        char name[NETWORK_NAME_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < applying->n_displaced; i++) {
                snprintf(name, sizeof(name), "spare%d", applying->displaced[i]);
                r = rename_interface(applying, applying->displaced[i], name);
        }
        for (size_t i = 0; r == 0 && i < network->n_interfaces; i++) {
                snprintf(name, sizeof(name), "berthnet%d", applying->index[i]);
                r = rename_interface(applying, applying->index[i], name);
        }
        for (size_t i = 0; r == 0 && i < network->n_interfaces; i++)
                r = rename_interface(applying, applying->index[i], network->interfaces[i].name);
        return r;
}

static int set_up(struct network_applying *applying, int index, const char *name)
{
        int r = netlink_request(&applying->netlink, link_message(index, IFF_UP, IFF_UP));

        return r < 0 ? netlink_fail(r, &applying->netlink, "%s: bring it up", name) : 0;
}

static int set_interface(struct network_applying *applying, size_t place)
{
        const struct network_interface *interface = &applying->network->interfaces[place];
        struct nl_msg *message = link_message(applying->index[place], interface->no_arp ? IFF_NOARP : 0, IFF_NOARP);
        int r;

        netlink_put_u32(&message, IFLA_MTU, interface->mtu);
        r = netlink_request(&applying->netlink, message);
        if (r < 0)
                return netlink_fail(r, &applying->netlink, "%s: set MTU %u", interface->name, interface->mtu);
        r = network_sysctls_write(interface->name, &interface->sysctls);
        if (r < 0)
                return fail_in(r, "%s", interface->name);
        return interface->up ? set_up(applying, applying->index[place], interface->name) : 0;
}

static int set_interfaces(struct network_applying *applying)
{
        const struct network *network = applying->network;
        int r = rename_interfaces(applying);

        /* These set every interface's, and so come before the interface's own. */
        if (r == 0)
                r = network_sysctls_write("all", &network->all);
        if (r == 0)
                r = network_sysctls_write("default", &network->standard);
        if (r == 0 && network->loopback_up)
                r = set_up(applying, applying->loopback, "lo");
        for (size_t i = 0; r == 0 && i < network->n_interfaces; i++)
                r = set_interface(applying, i);
        return r;
}

/* ---- addresses ---- */

static void put_addresses(struct nl_msg **message, const struct network_address *address)
{
        size_t size = network_ip_size(address->family);

        netlink_put(message, IFA_LOCAL, address->local, size);
        netlink_put(message, IFA_ADDRESS, address->has_peer ? address->peer : address->local, size);
        if (address->has_broadcast)
                netlink_put(message, IFA_BROADCAST, address->broadcast, size);
        if (address->label[0])
                netlink_put_string(message, IFA_LABEL, address->label);
}

static int add_address(struct network_applying *applying, const struct network_address *address)
{
        const struct ifaddrmsg header = {
                .ifa_family = address->family,
                .ifa_prefixlen = address->prefix,
                .ifa_scope = address->scope,
                .ifa_index = (unsigned)network_index(applying, address->interface),
        };
        struct nl_msg *message = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
        const struct ifa_cacheinfo deprecated = {.ifa_valid = UINT32_MAX, .ifa_prefered = 0};
        char text[NETWORK_TEXT_MAX];
        int r;

        put_addresses(&message, address);
        /* The host's kernel has looked for a duplicate already, and holds the address still: nobody else would say. */
        netlink_put_u32(&message, IFA_FLAGS, address->flags | (address->family == AF_INET6 ? IFA_F_NODAD : 0));
        if (address->metric)
                netlink_put_u32(&message, IFA_RT_PRIORITY, address->metric);
        if (address->deprecated)
                netlink_put(&message, IFA_CACHEINFO, &deprecated, sizeof(deprecated));
        r = netlink_request(&applying->netlink, message);
        if (r == 0 || r == -EEXIST)
                return 0;
        network_address_text(address, text);
        return netlink_fail(r, &applying->netlink, "%s: add address %s",
                            network_interface_name(applying->network, address->interface), text);
}

/* ---- neighbours ---- */

static int add_neighbour(struct network_applying *applying, const struct network_neighbour *neighbour)
{
        const struct ndmsg header = {
                .ndm_family = neighbour->family,
                .ndm_ifindex = network_index(applying, neighbour->interface),
                .ndm_state = NUD_PERMANENT,
        };
        struct nl_msg *message = netlink_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
        struct network_address ip = {.family = neighbour->family,
                                     .prefix = (uint8_t)(network_ip_size(neighbour->family) * 8)};
        char text[NETWORK_TEXT_MAX];
        int r;

        netlink_put(&message, NDA_DST, neighbour->address, network_ip_size(neighbour->family));
        netlink_put(&message, NDA_LLADDR, neighbour->mac, sizeof(neighbour->mac));
        r = netlink_request(&applying->netlink, message);
        if (r == 0)
                return 0;
        memcpy(ip.local, neighbour->address, sizeof(ip.local));
        network_address_text(&ip, text);
        return netlink_fail(r, &applying->netlink, "%s: add neighbour %s",
                            network_interface_name(applying->network, neighbour->interface), text);
}

/* ---- the whole ---- */

static int make_network(struct network_applying *applying)
{
        const struct network *network = applying->network;
        int r = find_interfaces(applying);

        if (r == 0)
                r = set_interfaces(applying);
        for (size_t i = 0; r == 0 && i < network->n_addresses; i++)
                r = add_address(applying, &network->addresses[i]);
        if (r == 0)
                r = network_routes_apply(applying);
        for (size_t i = 0; r == 0 && i < network->n_neighbours; i++)
                r = add_neighbour(applying, &network->neighbours[i]);
        return r < 0 ? fail_in(r, "network") : 0;
}

int network_apply(const void *data, size_t size)
{
        _cleanup_(network_free) struct network network = {0};
        struct network_applying applying = {.network = &network};
        int r = network_parse(data, size, &network);

        if (r < 0)
                return r;
        r = netlink_open(-EBADF, &applying.netlink);
        if (r < 0)
                return fail_in(r, "network");
        r = make_network(&applying);
        netlink_close(&applying.netlink);
        return r;
}
