#include "netdev/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "netdev/redirect.h"

/* The kernel's largest for a tap; the redirection passes larger packets all the same. */
#define TAP_MTU_MAX 65521

/* IN6_ADDR_GEN_MODE_NONE of linux/if_link.h: no link-local address, so that the tap says nothing by itself. */
#define NO_LINK_LOCAL 1

/* ---- held ---- */

static int find_tap(struct nlmsghdr *message, void *data)
{
        struct nlattr *name = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_IFNAME);
        char *found = data;

        if (message->nlmsg_type == RTM_NEWLINK && name &&
            strncmp(nla_get_string(name), TAP_PREFIX, strlen(TAP_PREFIX)) == 0)
                nla_strlcpy(found, name, NETWORK_NAME_SIZE);
        return 0;
}

static int held_by(const char *tap)
{
        return refuse(EBUSY, "the network namespace belongs to another virtual machine (it has the tap device %s)",
                      tap);
}

int network_is_held(int namespace)
{
        const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
        char found[NETWORK_NAME_SIZE] = "";
        struct netlink netlink;
        int r = netlink_open(namespace, &netlink);

        if (r < 0)
                return r;
        r = netlink_query(&netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)), find_tap, found);
        netlink_close(&netlink);
        /* A listing that changed meanwhile has still what was there all the time. */
        if (*found)
                return held_by(found);
        return r < 0 && r != -EAGAIN ? fail(-r, "list the interfaces of the network namespace") : 0;
}

/* ---- the tap ---- */

/* The name is the lock: it exists once in a namespace, and a tap has one owner. */
static int open_tap(const struct network_interface *interface, char name[NETWORK_NAME_SIZE], int *tap)
{
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

        /* Root of a user namespace is nobody special to the host's device. */
        if (fd < 0 && errno == EACCES)
                return refuse(EACCES, "open /dev/net/tun: Permission denied: for a container with a user namespace "
                                      "everybody must be able to open it (mode 0666, which udev gives it)");
        if (fd < 0)
                return fail(errno, "open /dev/net/tun");
        snprintf(name, NETWORK_NAME_SIZE, TAP_PREFIX "%d", interface->index);
        memcpy(request.ifr_name, name, NETWORK_NAME_SIZE);
        if (ioctl(fd, TUNSETIFF, &request) < 0)
                return errno == EBUSY ? held_by(name) : fail(errno, "make the tap device %s", name);
        *tap = take_fd(&fd);
        return 0;
}

static int tap_index(struct ifreq *request)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCGIFINDEX, request) < 0)
                return -errno;
        return request->ifr_ifindex;
}

static struct nl_msg *link_message(int index, unsigned flags, unsigned change)
{
        const struct ifinfomsg header = {.ifi_index = index, .ifi_flags = flags, .ifi_change = change};

        return netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));
}

/* Nothing of the host's is to say a word by the tap, as the guest would hear it: neighbour and router solicitations
 * need a link-local address. */
static void silence_tap(struct netlink *netlink, int index)
{
        struct nl_msg *message = link_message(index, 0, 0);
        struct nlattr *families = netlink_nest(&message, IFLA_AF_SPEC), *v6 = netlink_nest(&message, AF_INET6);
        uint8_t mode = NO_LINK_LOCAL;

        netlink_put(&message, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
        netlink_nest_end(message, v6);
        netlink_nest_end(message, families);
        /* Refused where the namespace has no IPv6: then there is nothing to silence. */
        (void)netlink_request(netlink, message);
}

static int set_up_tap(struct netlink *netlink, int index, const char *name, uint32_t mtu)
{
        struct nl_msg *message = link_message(index, IFF_UP | IFF_NOARP, IFF_UP | IFF_NOARP);
        int r;

        silence_tap(netlink, index);
        netlink_put_u32(&message, IFLA_MTU, mtu);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "bring the tap device %s up with MTU %u", name, mtu) : 0;
}

/* ---- both ways ---- */

static int receive_all_multicast(struct netlink *netlink, const struct network_interface *interface, unsigned on)
{
        int r = netlink_request(netlink, link_message(interface->index, on, IFF_ALLMULTI));

        return r < 0 ? netlink_fail(r, netlink, "%s: receive all multicast packets", interface->name) : 0;
}

static int connect_tap(struct netlink *netlink, const struct network_interface *interface, int index, const char *name)
{
        int r = set_up_tap(netlink, index, name, interface->mtu < TAP_MTU_MAX ? interface->mtu : TAP_MTU_MAX);

        if (r == 0)
                r = receive_all_multicast(netlink, interface, IFF_ALLMULTI);
        if (r == 0)
                r = redirect_add(netlink, index, name, interface->index);
        if (r < 0)
                return r;
        r = redirect_add(netlink, interface->index, interface->name, index);
        if (r < 0)
                (void)netlink_request(netlink, link_message(interface->index, 0, IFF_ALLMULTI));
        return r;
}

int network_tap(const struct network_interface *interface, int *tap)
{
        _cleanup_(netlink_close) struct netlink netlink = {0};
        _cleanup_close_ int fd = -EBADF;
        struct ifreq request = {0};
        int index, r = netlink_open(-EBADF, &netlink);

        if (r == 0)
                r = open_tap(interface, request.ifr_name, &fd);
        if (r < 0)
                return fail_in(r, "network: %s", interface->name);
        index = tap_index(&request);
        r = index < 0 ? fail(-index, "look for the tap device")
                      : connect_tap(&netlink, interface, index, request.ifr_name);
        if (r < 0)
                return fail_in(r, "network: %s", interface->name);
        *tap = take_fd(&fd);
        return 0;
}

/* ---- answers for a resolver here ---- */

#define PORT_RANGE "/proc/sys/net/ipv4/ip_local_port_range"

static int keep_answers(struct netlink *netlink, const struct network_interface *interface)
{
        struct ifreq tap = {0};
        int index;

        snprintf(tap.ifr_name, sizeof(tap.ifr_name), TAP_PREFIX "%d", interface->index);
        index = tap_index(&tap);
        return index < 0 ? fail(-index, "look for the tap device %s", tap.ifr_name)
                         : redirect_keep_answers(netlink, interface->index, interface->name, index);
}

int network_keep_answers(const struct network *network)
{
        _cleanup_(netlink_close) struct netlink netlink = {0};
        char range[32];
        int r = netlink_open(-EBADF, &netlink);

        for (size_t i = 0; r == 0 && i < network->n_interfaces; i++)
                r = keep_answers(&netlink, &network->interfaces[i]);
        if (r < 0)
                return fail_in(r, "network");
        snprintf(range, sizeof(range), "%d 65535", REDIRECT_OWN_PORTS);
        r = write_file_at(AT_FDCWD, PORT_RANGE, range);
        return r < 0 ? fail(-r, "network: write \"%s\" to " PORT_RANGE, range) : 0;
}

/* ---- the end ---- */

static int untap(struct netlink *netlink, const struct network_interface *interface)
{
        int r = redirect_remove(netlink, interface->index, interface->name);

        if (r > 0)
                (void)netlink_request(netlink, link_message(interface->index, 0, IFF_ALLMULTI));
        return r < 0 ? fail_in(r, "network: %s", interface->name) : 0;
}

struct interfaces {
        struct network_interface *v; /* name and index */
        size_t n;
};

static int note_interface(struct nlmsghdr *message, void *data)
{
        const struct ifinfomsg *header = nlmsg_data(message);
        struct nlattr *name = nlmsg_find_attr(message, sizeof(*header), IFLA_IFNAME);
        struct interfaces *all = data;
        struct network_interface *more;

        if (message->nlmsg_type != RTM_NEWLINK || !name)
                return 0;
        more = reallocarray(all->v, all->n + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        all->v = more;
        more[all->n] = (struct network_interface){.index = header->ifi_index};
        nla_strlcpy(more[all->n++].name, name, NETWORK_NAME_SIZE);
        return 0;
}

int network_release(int namespace)
{
        const struct ifinfomsg every = {.ifi_family = AF_UNSPEC};
        _cleanup_(netlink_close) struct netlink netlink = {0};
        struct interfaces all = {0};
        int r = netlink_open(namespace, &netlink);

        if (r < 0)
                return r;
        r = netlink_query(&netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &every, sizeof(every)), note_interface,
                          &all);
        if (r < 0)
                r = fail(-r, "list the interfaces of the network namespace");
        for (size_t i = 0; i < all.n && r == 0; i++)
                r = untap(&netlink, &all.v[i]);
        free(all.v);
        return r;
}
