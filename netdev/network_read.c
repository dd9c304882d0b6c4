#include "netdev/network_read.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "netdev/tap.h"

/* A change while the kernel lists: the list is asked for anew. */
#define LISTINGS_MAX 16

/* What a listing has given before it begins anew. */
static void forget(struct network_reading *reading, int type)
{
        struct network *network = reading->network;
        size_t kept = 0;

        if (type == RTM_GETLINK)
                network->n_interfaces = 0;
        if (type == RTM_GETADDR)
                network->n_addresses = 0;
        if (type == RTM_GETNEIGH)
                network->n_neighbours = 0;
        for (size_t i = 0; type == RTM_GETROUTE && i < network->n_routes; i++)
                if (network->routes[i].family != reading->family)
                        network->routes[kept++] = network->routes[i];
        if (type == RTM_GETROUTE)
                network->n_routes = kept;
}

int network_list(struct network_reading *reading, int type, const void *header, size_t size, netlink_visitor visit,
                 const char *what)
{
        int r = -EAGAIN;

        for (int i = 0; r == -EAGAIN && i < LISTINGS_MAX; i++) {
                forget(reading, type);
                r = netlink_query(&reading->netlink, netlink_message(type, NLM_F_DUMP, header, size), visit, reading);
        }
        if (reading->refused < 0)
                return reading->refused;
        return r < 0 ? netlink_fail(r, &reading->netlink, "list the %s of the network namespace", what) : 0;
}

void *network_grow(struct network_reading *reading, void *list, size_t n, size_t most, size_t size, const char *what)
{
        void *bigger;

        if (n >= most) {
                reading->refused = refuse(E2BIG, "the network namespace has more than %zu %s", most, what);
                return NULL;
        }
        bigger = reallocarray(list, n + 1, size);
        if (!bigger)
                reading->refused = fail(ENOMEM, "read the %s of the network namespace", what);
        return bigger;
}

unsigned network_place(const struct network_reading *reading, int ifindex)
{
        if (ifindex == reading->loopback)
                return NETWORK_LOOPBACK;
        for (unsigned i = 0; i < reading->network->n_interfaces; i++)
                if (reading->network->interfaces[i].index == ifindex)
                        return i;
        return NETWORK_NO_INTERFACE;
}

void network_copy_ip(uint8_t to[16], struct nlattr *from)
{
        if (from && nla_len(from) <= 16)
                memcpy(to, nla_data(from), (size_t)nla_len(from));
}

/* ---- interfaces ---- */

static struct nlattr *link_attribute(struct nlmsghdr *message, int type)
{
        return nlmsg_find_attr(message, sizeof(struct ifinfomsg), type);
}

/* "veth", "tun"...; "" for what has no kind, as hardware. */
static void link_kind(struct nlmsghdr *message, char kind[32])
{
        struct nlattr *info = link_attribute(message, IFLA_LINKINFO);
        struct nlattr *name = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;

        kind[0] = '\0';
        if (name)
                nla_strlcpy(kind, name, 32);
}

/* What stands on another interface takes its packets behind the place of the redirection: the other one would have
 * them all. */
static int stands_on_other(struct nlmsghdr *message, const char *kind)
{
        static const char *const kinds[] = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"};

        if (!link_attribute(message, IFLA_LINK) || link_attribute(message, IFLA_LINK_NETNSID))
                return 0;
        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                if (strcmp(kind, kinds[i]) == 0)
                        return 1;
        return 0;
}

static int is_zero(const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (bytes[i])
                        return 0;
        return 1;
}

static int check_other_macs(const struct network *network, const struct network_interface *interface)
{
        for (size_t i = 0; i < network->n_interfaces; i++)
                if (memcmp(network->interfaces[i].mac, interface->mac, sizeof(interface->mac)) == 0)
                        return refuse(ENOTUNIQ, "%s and %s have the same MAC: a virtual machine cannot tell them apart",
                                      network->interfaces[i].name, interface->name);
        return 0;
}

static int check_carried(struct nlmsghdr *message, const struct network *network,
                         const struct network_interface *interface)
{
        const struct ifinfomsg *header = nlmsg_data(message);
        char kind[32];

        link_kind(message, kind);
        if (header->ifi_type != ARPHRD_ETHER)
                return refuse(EOPNOTSUPP, "%s (%s) is no Ethernet interface: a virtual machine cannot have it",
                              interface->name, *kind ? kind : "unknown kind");
        if (stands_on_other(message, kind))
                return refuse(EOPNOTSUPP,
                              "%s (%s) stands on another interface of the same network namespace: a virtual machine "
                              "cannot have both",
                              interface->name, kind);
        if (network->n_interfaces == NETWORK_INTERFACES_MAX)
                return refuse(E2BIG, "%s: a virtual machine has at most %d network interfaces", interface->name,
                              NETWORK_INTERFACES_MAX);
        return check_other_macs(network, interface);
}

/* Nothing that a container would use: the fallback devices of tunnel modules, and ports of what is carried whole. */
static int is_left_out(struct nlmsghdr *message, const struct network_interface *interface)
{
        const struct ifinfomsg *header = nlmsg_data(message);

        if (link_attribute(message, IFLA_MASTER))
                return 1;
        return !interface->up && (header->ifi_type != ARPHRD_ETHER || is_zero(interface->mac, sizeof(interface->mac)));
}

static int read_link(struct nlmsghdr *message, void *data)
{
        struct network_reading *reading = data;
        struct network *network = reading->network;
        struct network_interface interface = {0};
        const struct ifinfomsg *header = nlmsg_data(message);
        struct nlattr *name, *mac, *mtu;

        if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(*header)))
                return 0;
        interface.index = header->ifi_index;
        interface.up = (header->ifi_flags & IFF_UP) != 0;
        interface.no_arp = (header->ifi_flags & IFF_NOARP) != 0;
        name = link_attribute(message, IFLA_IFNAME);
        mac = link_attribute(message, IFLA_ADDRESS);
        mtu = link_attribute(message, IFLA_MTU);
        if (name)
                nla_strlcpy(interface.name, name, sizeof(interface.name));
        if (mac && nla_len(mac) == ETH_ALEN)
                memcpy(interface.mac, nla_data(mac), ETH_ALEN);
        interface.mtu = mtu ? nla_get_u32(mtu) : ETH_DATA_LEN;
        if (header->ifi_type == ARPHRD_LOOPBACK) {
                reading->loopback = header->ifi_index;
                network->loopback_up = interface.up;
                return 0;
        }
        if (is_left_out(message, &interface)) {
                log_debug("network: %s is not carried into the virtual machine", interface.name);
                return 0;
        }
        reading->refused = check_carried(message, network, &interface);
        if (reading->refused < 0)
                return reading->refused;
        network->interfaces[network->n_interfaces++] = interface;
        return 0;
}

static void read_sysctls(struct network *network)
{
        network_sysctls_read("all", &network->all);
        network_sysctls_read("default", &network->standard);
        for (size_t i = 0; i < network->n_interfaces; i++)
                network_sysctls_read(network->interfaces[i].name, &network->interfaces[i].sysctls);
}

/* ---- neighbours and rules ---- */

static int read_neighbour(struct nlmsghdr *message, void *data)
{
        struct network_reading *reading = data;
        struct network *network = reading->network;
        const struct ndmsg *header = nlmsg_data(message);
        struct network_neighbour neighbour = {0}, *bigger;
        struct nlattr *address, *mac;

        if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, sizeof(*header)) ||
            !(header->ndm_state & NUD_PERMANENT) || header->ndm_flags & NTF_PROXY)
                return 0;
        neighbour.family = header->ndm_family;
        neighbour.interface = (uint8_t)network_place(reading, header->ndm_ifindex);
        address = nlmsg_find_attr(message, sizeof(*header), NDA_DST);
        mac = nlmsg_find_attr(message, sizeof(*header), NDA_LLADDR);
        if ((neighbour.family != AF_INET && neighbour.family != AF_INET6) || !address || !mac ||
            nla_len(mac) != ETH_ALEN || neighbour.interface >= NETWORK_LOOPBACK)
                return 0;
        network_copy_ip(neighbour.address, address);
        memcpy(neighbour.mac, nla_data(mac), ETH_ALEN);
        bigger = network_grow(reading, network->neighbours, network->n_neighbours, NETWORK_NEIGHBOURS_MAX,
                              sizeof(neighbour), "permanent neighbours");
        if (!bigger)
                return reading->refused;
        network->neighbours = bigger;
        bigger[network->n_neighbours++] = neighbour;
        return 0;
}

/* The three that every namespace has lead to the tables local, main and default. */
static int read_rule(struct nlmsghdr *message, void *data)
{
        struct network_reading *reading = data;
        const struct fib_rule_hdr *header = nlmsg_data(message);

        if (message->nlmsg_type == RTM_NEWRULE && nlmsg_valid_hdr(message, sizeof(*header)))
                reading->rules += header->action != FR_ACT_TO_TBL || header->table < RT_TABLE_DEFAULT;
        return 0;
}

/* A kernel without policy routing has no rules to list. */
static void look_for_rules(struct network_reading *reading)
{
        struct fib_rule_hdr all = {.family = AF_UNSPEC};

        (void)netlink_query(&reading->netlink, netlink_message(RTM_GETRULE, NLM_F_DUMP, &all, sizeof(all)), read_rule,
                            reading);
        if (reading->rules > 0)
                log_warning("network: the policy routing of the network namespace (%d rules) is not carried into the "
                            "virtual machine",
                            reading->rules);
}

/* ---- the whole ---- */

static int read_all_of_it(struct network_reading *reading)
{
        const struct ifinfomsg links = {.ifi_family = AF_UNSPEC};
        const struct ndmsg neighbours = {.ndm_family = AF_UNSPEC};
        int r = network_list(reading, RTM_GETLINK, &links, sizeof(links), read_link, "interfaces");

        if (r < 0)
                return r;
        read_sysctls(reading->network);
        r = network_addresses_read(reading);
        if (r == 0)
                r = network_routes_read(reading);
        if (r == 0)
                r = network_list(reading, RTM_GETNEIGH, &neighbours, sizeof(neighbours), read_neighbour, "neighbours");
        if (r == 0)
                look_for_rules(reading);
        return r;
}

int network_read(struct network *network)
{
        struct network_reading reading = {.network = network, .loopback = -1};
        int r;

        *network = (struct network){0};
        r = network_is_held(-EBADF);
        if (r < 0)
                return r;
        r = netlink_open(-EBADF, &reading.netlink);
        if (r == 0)
                r = read_all_of_it(&reading);
        netlink_close(&reading.netlink);
        if (r < 0)
                network_free(network);
        return r < 0 ? fail_in(r, "network") : 0;
}

void network_free(struct network *network)
{
        free(network->addresses);
        free(network->routes);
        free(network->neighbours);
        *network = (struct network){0};
}
