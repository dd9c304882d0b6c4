#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "netdev/ctl/host.h"
#include "netdev/ctl/subnet.h"

static size_t bytes_of(const struct ctlnet_address *address)
{
        return address->family == AF_INET ? 4 : 16;
}

int host_add_address(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address)
{
        const struct ifaddrmsg header = {
                .ifa_family = address->family,
                .ifa_prefixlen = address->prefix,
                .ifa_scope = RT_SCOPE_UNIVERSE,
                .ifa_index = (unsigned)index,
                /* Looking whether somebody else has it would take a second, and nobody has. */
                .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
        };
        struct nl_msg *message = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
        struct ctlnet_address broadcast = subnet_last(address);
        char text[CTLNET_ADDRESS_TEXT];
        int r;

        netlink_put(&message, IFA_LOCAL, address->bytes, bytes_of(address));
        netlink_put(&message, IFA_ADDRESS, address->bytes, bytes_of(address));
        if (address->family == AF_INET && address->prefix < 31)
                netlink_put(&message, IFA_BROADCAST, broadcast.bytes, 4);
        r = netlink_request(netlink, message);
        if (r == 0 || r == -EEXIST)
                return 0;
        return netlink_fail(r, netlink, "give %s the address %s", name, ctlnet_format_address(address, true, text));
}

int host_add_route(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *destination,
                   const struct ctlnet_address *gateway)
{
        const struct ctlnet_address *any = destination ? destination : gateway;
        const struct rtmsg header = {
                .rtm_family = any->family,
                .rtm_dst_len = destination ? destination->prefix : 0,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope = destination && !gateway && any->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_UNICAST,
                .rtm_flags = gateway ? RTNH_F_ONLINK : 0,
        };
        struct nl_msg *message = netlink_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
        char text[CTLNET_ADDRESS_TEXT];
        int r;

        if (destination)
                netlink_put(&message, RTA_DST, destination->bytes, bytes_of(destination));
        if (gateway)
                netlink_put(&message, RTA_GATEWAY, gateway->bytes, bytes_of(gateway));
        netlink_put_u32(&message, RTA_OIF, (uint32_t)index);
        r = netlink_request(netlink, message);
        if (r == 0)
                return 0;
        return netlink_fail(r, netlink, "add the route %s %s by %s", destination ? "to" : "through",
                            ctlnet_format_address(any, destination != NULL, text), name);
}

/* Bare; taking away what is not there is no error. */
static int set_neighbour(struct netlink *netlink, const struct ndmsg *header, const struct ctlnet_address *address,
                         const uint8_t *mac, bool on)
{
        struct nl_msg *message = netlink_message(on ? RTM_NEWNEIGH : RTM_DELNEIGH,
                                                 on ? NLM_F_CREATE | NLM_F_REPLACE : 0, header, sizeof(*header));
        int r;

        if (address)
                netlink_put(&message, NDA_DST, address->bytes, bytes_of(address));
        if (mac)
                netlink_put(&message, NDA_LLADDR, mac, 6);
        r = netlink_request(netlink, message);
        return !on && (r == -ENOENT || r == -ENODEV) ? 0 : r;
}

int host_set_proxy(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address, bool on)
{
        const struct ndmsg header = {
                .ndm_family = address->family,
                .ndm_ifindex = index,
                .ndm_flags = NTF_PROXY,
        };
        char text[CTLNET_ADDRESS_TEXT];
        int r = set_neighbour(netlink, &header, address, NULL, on);

        if (r == 0)
                return 0;
        return netlink_fail(r, netlink, "%s answering for %s on %s", on ? "begin" : "end",
                            ctlnet_format_address(address, false, text), name);
}

int host_set_neighbour(struct netlink *netlink, int index, const char *name, const struct ctlnet_address *address,
                       const uint8_t *mac)
{
        const struct ndmsg header = {
                .ndm_family = address->family,
                .ndm_ifindex = index,
                .ndm_state = NUD_PERMANENT,
        };
        char text[CTLNET_ADDRESS_TEXT];
        int r = set_neighbour(netlink, &header, address, mac, mac);

        if (r == 0)
                return 0;
        return netlink_fail(r, netlink, "%s %s a neighbour on %s", mac ? "make" : "no longer make",
                            ctlnet_format_address(address, false, text), name);
}

int host_pin_mac(struct netlink *netlink, int index, const char *name, const uint8_t mac[6])
{
        const struct ndmsg header = {
                .ndm_family = AF_BRIDGE,
                .ndm_ifindex = index,
                .ndm_flags = NTF_MASTER,
                .ndm_state = NUD_NOARP, /* "static": never forgotten, never behind another port */
        };
        int r = set_neighbour(netlink, &header, NULL, mac, true);

        return r < 0 ? netlink_fail(r, netlink, "tell the bridge what is behind %s", name) : 0;
}

/* ---- routes of the host ---- */

struct routes {
        const struct ctlnet_address *subnet;
        int ignored[2];
        int by; /* the link of the first route that overlaps; 0: none */
        struct ctlnet_address found;
};

static int compare_route(struct nlmsghdr *message, void *data)
{
        const struct rtmsg *header = nlmsg_data(message);
        struct nlattr *to = nlmsg_find_attr(message, sizeof(*header), RTA_DST);
        struct nlattr *link = nlmsg_find_attr(message, sizeof(*header), RTA_OIF);
        struct ctlnet_address route = {.family = header->rtm_family, .prefix = header->rtm_dst_len};
        struct routes *routes = data;
        int by = link ? (int)nla_get_u32(link) : -1;

        if (message->nlmsg_type != RTM_NEWROUTE || !to || (size_t)nla_len(to) > sizeof(route.bytes) || routes->by ||
            route.family != routes->subnet->family || !route.prefix || by == routes->ignored[0] ||
            by == routes->ignored[1])
                return 0;
        memcpy(route.bytes, nla_data(to), (size_t)nla_len(to));
        if (subnet_overlaps(&route, routes->subnet)) {
                routes->by = by;
                routes->found = route;
        }
        return 0;
}

static int index_of(struct ctlnet *net, const char *name)
{
        struct host_link link = {0};

        return *name && host_find_link(&net->host, name, &link) == 0 && link.index ? link.index : -2;
}

int host_overlap(struct ctlnet *net, const struct ctlnet_address *subnet, const char *parent, const char *own,
                 char *with, size_t size)
{
        const struct rtmsg all = {.rtm_family = subnet->family};
        struct routes routes = {.subnet = subnet};
        char text[CTLNET_ADDRESS_TEXT];
        int r = state_host(net);

        if (r < 0)
                return r;
        routes.ignored[0] = index_of(net, parent);
        routes.ignored[1] = index_of(net, own);
        r = netlink_query(&net->host, netlink_message(RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all)), compare_route,
                          &routes);
        if (r < 0 && r != -EAGAIN)
                return netlink_fail(r, &net->host, "list the routes of the host");
        if (routes.by)
                snprintf(with, size, "the host's route to %s", ctlnet_format_address(&routes.found, true, text));
        return 0;
}

/* ---- sysctls ---- */

#define SYSCTLS "/proc/sys/net/"

int host_sysctl(const char *path, const char *value)
{
        char whole[128], now[32];
        int r;

        snprintf(whole, sizeof(whole), SYSCTLS "%s", path);
        if (read_small_file_at(AT_FDCWD, whole, now, sizeof(now)) >= 0 && strcmp(now, value) == 0)
                return 0;
        r = write_file_at(AT_FDCWD, whole, value);
        return r < 0 ? fail(-r, "write %s to %s", value, whole) : 0;
}

#define DISABLE_IPV6 "ipv6/conf/%s/disable_ipv6"

int host_enable_ipv6(const char *link)
{
        char path[64];

        snprintf(path, sizeof(path), DISABLE_IPV6, link);
        return host_sysctl(path, "0");
}

bool host_lacks_ipv6(const char *link)
{
        char path[64], now[8];

        snprintf(path, sizeof(path), SYSCTLS DISABLE_IPV6, link);
        return read_small_file_at(AT_FDCWD, path, now, sizeof(now)) >= 0 && strcmp(now, "1") == 0;
}

int host_ignore_routers(const char *link)
{
        char path[64];

        if (access(SYSCTLS "ipv6", F_OK) < 0)
                return 0;
        snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", link);
        return host_sysctl(path, "0");
}

bool host_filters_bridges(void)
{
        char now[8];

        return read_small_file_at(AT_FDCWD, SYSCTLS "bridge/bridge-nf-call-iptables", now, sizeof(now)) >= 0 &&
               strcmp(now, "1") == 0;
}

/* A host that forwards IPv6 listens to router advertisements only where accept_ra is 2 (Linux: ip-sysctl.rst). */
static int keep_listening(void)
{
        _cleanup_closedir_ DIR *dir = opendir(SYSCTLS "ipv6/conf");
        char path[300], now[8];
        int r = 0;

        if (!dir)
                return fail(errno, "list " SYSCTLS "ipv6/conf");
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
                snprintf(path, sizeof(path), SYSCTLS "ipv6/conf/%s/accept_ra", entry->d_name);
                if (entry->d_name[0] == '.' || strcmp(entry->d_name, "all") == 0 ||
                    read_small_file_at(AT_FDCWD, path, now, sizeof(now)) < 0 || strcmp(now, "1") != 0)
                        continue;
                r = host_sysctl(path + strlen(SYSCTLS), "2");
        }
        return r;
}

int host_forward(bool ipv6)
{
        char now[8];
        int r = host_sysctl("ipv4/ip_forward", "1");

        if (r < 0 || !ipv6 ||
            (read_small_file_at(AT_FDCWD, SYSCTLS "ipv6/conf/all/forwarding", now, sizeof(now)) >= 0 &&
             strcmp(now, "1") == 0))
                return r;
        r = keep_listening();
        return r < 0 ? r : host_sysctl("ipv6/conf/all/forwarding", "1");
}
