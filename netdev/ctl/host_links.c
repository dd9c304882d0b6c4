#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

#include "netdev/ctl/host.h"

/* ---- looking ---- */

static void read_kind(struct nlattr *info, struct host_link *link)
{
        struct nlattr *kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;

        if (kind)
                nla_strlcpy(link->kind, kind, sizeof(link->kind));
}

static void read_link(struct nlmsghdr *message, struct host_link *link)
{
        const struct ifinfomsg *header = nlmsg_data(message);
        struct nlattr *name = nlmsg_find_attr(message, sizeof(*header), IFLA_IFNAME);
        struct nlattr *mac = nlmsg_find_attr(message, sizeof(*header), IFLA_ADDRESS);
        struct nlattr *mtu = nlmsg_find_attr(message, sizeof(*header), IFLA_MTU);
        struct nlattr *master = nlmsg_find_attr(message, sizeof(*header), IFLA_MASTER);
        struct nlattr *group = nlmsg_find_attr(message, sizeof(*header), IFLA_GROUP);

        *link = (struct host_link){.index = header->ifi_index, .flags = header->ifi_flags};
        if (name)
                nla_strlcpy(link->name, name, sizeof(link->name));
        if (mac && nla_len(mac) == sizeof(link->mac))
                memcpy(link->mac, nla_data(mac), sizeof(link->mac));
        if (mtu)
                link->mtu = nla_get_u32(mtu);
        link->master = master ? (int)nla_get_u32(master) : 0;
        link->group = group ? nla_get_u32(group) : 0;
        read_kind(nlmsg_find_attr(message, sizeof(*header), IFLA_LINKINFO), link);
}

static int keep_link(struct nlmsghdr *message, void *data)
{
        if (message->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(message, sizeof(struct ifinfomsg)))
                read_link(message, data);
        return 0;
}

int host_find_link(struct netlink *netlink, const char *name, struct host_link *link)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
        struct nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));
        int r;

        *link = (struct host_link){0};
        netlink_put_string(&message, IFLA_IFNAME, name);
        r = netlink_query(netlink, message, keep_link, link);
        return r == -ENODEV ? 0 : r;
}

struct by_mac {
        const uint8_t *mac;
        struct host_link *link;
};

static int compare_mac(struct nlmsghdr *message, void *data)
{
        struct by_mac *wanted = data;
        struct host_link link = {0};

        (void)keep_link(message, &link);
        if (link.index && memcmp(link.mac, wanted->mac, sizeof(link.mac)) == 0)
                *wanted->link = link;
        return 0;
}

int host_find_mac(struct netlink *netlink, const uint8_t mac[6], struct host_link *link)
{
        const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
        struct by_mac wanted = {mac, link};
        int r;

        *link = (struct host_link){0};
        r = netlink_query(netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)), compare_mac, &wanted);
        return r == -EAGAIN ? 0 : r;
}

/* ---- making ---- */

static struct nl_msg *new_link(const char *name, const uint8_t mac[6], unsigned mtu, unsigned flags)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_flags = flags, .ifi_change = flags};
        struct nl_msg *message = netlink_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));

        netlink_put_string(&message, IFLA_IFNAME, name);
        if (mac)
                netlink_put(&message, IFLA_ADDRESS, mac, 6);
        if (mtu)
                netlink_put_u32(&message, IFLA_MTU, mtu);
        return message;
}

/* A veth uses one queue of each kind until somebody asks for more (ethtool -L), but without these has room made for as
 * many as the host may ever have processors. */
static void put_one_queue(struct nl_msg **message)
{
        netlink_put_u32(message, IFLA_NUM_TX_QUEUES, 1);
        netlink_put_u32(message, IFLA_NUM_RX_QUEUES, 1);
}

/* The other end stands in a message inside the message. */
static void put_peer(struct nl_msg **message, const struct host_veth *veth)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
        struct nlattr *peer = netlink_nest(message, VETH_INFO_PEER);

        if (*message && nlmsg_append(*message, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(*message);
                *message = NULL;
        }
        netlink_put_string(message, IFLA_IFNAME, veth->peer);
        netlink_put(message, IFLA_ADDRESS, veth->peer_mac, sizeof(veth->peer_mac));
        netlink_put_u32(message, IFLA_MTU, veth->mtu);
        put_one_queue(message);
        netlink_put_u32(message, IFLA_NET_NS_FD, (uint32_t)veth->namespace);
        netlink_nest_end(*message, peer);
}

/* One request for both ends, their names, addresses, the bridge and the flags: a request of its own for each would take
 * the kernel's one lock for links eight times. */
int host_add_veth(struct netlink *netlink, const struct host_veth *veth)
{
        struct nl_msg *message = new_link(veth->name, veth->mac, veth->mtu, 0);
        struct nlattr *info, *data;

        put_one_queue(&message);
        netlink_put_u32(&message, IFLA_GROUP, HOST_GROUP);
        if (veth->master)
                netlink_put_u32(&message, IFLA_MASTER, (uint32_t)veth->master);
        info = netlink_nest(&message, IFLA_LINKINFO);
        netlink_put_string(&message, IFLA_INFO_KIND, "veth");
        data = netlink_nest(&message, IFLA_INFO_DATA);
        put_peer(&message, veth);
        netlink_nest_end(message, data);
        netlink_nest_end(message, info);
        return netlink_request(netlink, message);
}

int host_add_upper(struct netlink *netlink, const struct host_upper *upper)
{
        struct nl_msg *message = new_link(upper->name, upper->mac, upper->mtu, IFF_UP);
        uint16_t vlan = (uint16_t)upper->vlan;
        struct nlattr *info, *data;

        netlink_put_u32(&message, IFLA_LINK, (uint32_t)upper->parent);
        netlink_put_u32(&message, IFLA_NET_NS_FD, (uint32_t)upper->namespace);
        info = netlink_nest(&message, IFLA_LINKINFO);
        netlink_put_string(&message, IFLA_INFO_KIND, vlan ? "vlan" : "macvlan");
        data = netlink_nest(&message, IFLA_INFO_DATA);
        if (vlan)
                netlink_put(&message, IFLA_VLAN_ID, &vlan, sizeof(vlan));
        else
                netlink_put_u32(&message, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
        netlink_nest_end(message, data);
        netlink_nest_end(message, info);
        return netlink_request(netlink, message);
}

/* Other people's net.bridge.bridge-nf-call-iptables is not to send what stays on the bridge through their chains: off
 * for this bridge, which counts where the sysctl is off. */
static void put_bridge(struct nl_msg **message)
{
        static const int calls[] = {IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES};
        struct nlattr *data = netlink_nest(message, IFLA_INFO_DATA);
        const uint8_t off = 0;

        for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
                netlink_put(message, calls[i], &off, sizeof(off));
        netlink_put(message, IFLA_BR_MCAST_SNOOPING, &off, sizeof(off));
        netlink_nest_end(*message, data);
}

int host_add_bridge(struct netlink *netlink, const char *name, const uint8_t mac[6], unsigned mtu)
{
        struct nl_msg *message = new_link(name, mac, mtu, 0);
        struct nlattr *info = netlink_nest(&message, IFLA_LINKINFO);
        int r;

        netlink_put_string(&message, IFLA_INFO_KIND, "bridge");
        put_bridge(&message);
        netlink_nest_end(message, info);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "make bridge %s", name) : 0;
}

int host_add_ifb(struct netlink *netlink, const char *name, unsigned mtu)
{
        struct nl_msg *message = new_link(name, NULL, mtu, IFF_UP);
        struct nlattr *info;
        int r;

        netlink_put_u32(&message, IFLA_GROUP, HOST_GROUP);
        info = netlink_nest(&message, IFLA_LINKINFO);
        netlink_put_string(&message, IFLA_INFO_KIND, "ifb");
        netlink_nest_end(message, info);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "make %s of kind ifb", name) : 0;
}

/* ---- changing ---- */

int host_delete_link(struct netlink *netlink, const char *name)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
        struct nl_msg *message = netlink_message(RTM_DELLINK, 0, &header, sizeof(header));
        int r;

        netlink_put_string(&message, IFLA_IFNAME, name);
        r = netlink_request(netlink, message);
        return r < 0 && r != -ENODEV ? netlink_fail(r, netlink, "delete link %s", name) : 0;
}

struct port {
        int bridge;
        char name[CTLNET_LINK_SIZE];
};

static int keep_port(struct nlmsghdr *message, void *data)
{
        struct port *port = data;
        struct host_link link = {0};

        (void)keep_link(message, &link);
        if (link.index && link.master == port->bridge && link.group == HOST_GROUP)
                memcpy(port->name, link.name, sizeof(port->name));
        return 0;
}

/* One at a time: there are seldom any. */
int host_delete_ports(struct netlink *netlink, int bridge)
{
        const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
        int r = 0;

        while (r == 0) {
                struct port port = {.bridge = bridge};

                r = netlink_query(netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)), keep_port,
                                  &port);
                if (r < 0 && r != -EAGAIN)
                        return netlink_fail(r, netlink, "list the links of the host");
                if (!port.name[0])
                        return 0;
                r = host_delete_link(netlink, port.name);
        }
        return r;
}

int host_set_master(struct netlink *netlink, const char *name, int master)
{
        const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
        struct nl_msg *message = netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));
        int r;

        netlink_put_string(&message, IFLA_IFNAME, name);
        netlink_put_u32(&message, IFLA_MASTER, (uint32_t)master);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "make %s a port of its bridge", name) : 0;
}

int host_set_hairpin(struct netlink *netlink, int index, const char *name)
{
        const struct ifinfomsg header = {.ifi_family = AF_BRIDGE, .ifi_index = index};
        struct nl_msg *message = netlink_message(RTM_SETLINK, 0, &header, sizeof(header));
        struct nlattr *port = netlink_nest(&message, IFLA_PROTINFO | NLA_F_NESTED);
        const uint8_t on = 1;
        int r;

        netlink_put(&message, IFLA_BRPORT_MODE, &on, sizeof(on));
        netlink_nest_end(message, port);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "set port %s of its bridge", name) : 0;
}

int host_set_up(struct netlink *netlink, int index, const char *name)
{
        const struct ifinfomsg header = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
        int r = netlink_request(netlink, netlink_message(RTM_NEWLINK, 0, &header, sizeof(header)));

        return r < 0 ? netlink_fail(r, netlink, "set %s up", name) : 0;
}

int host_rename_link(struct netlink *netlink, int index, const char *name)
{
        const struct ifinfomsg header = {.ifi_index = index};
        struct nl_msg *message = netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));
        int r;

        netlink_put_string(&message, IFLA_IFNAME, name);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "give link %d its name %s back", index, name) : 0;
}
