#include "netdev/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "netdev/address.h"
#include "netdev/netlink.h"

/* What is known of an interface. */
struct link {
        int index; /* 0: there is none */
        unsigned flags;
        char name[IFNAMSIZ];
};

/* A device on its way. */
struct move {
        struct link before; /* in the caller's namespace */
        int index;          /* in the target; 0 while it is not there */
        struct netdev_addresses addresses;
};

/* Both ends of the way. */
struct way {
        struct netlink here, there;
        int home, target; /* descriptors of the namespaces */
};

static void cleanup_way(struct way *way)
{
        netlink_close(&way->here);
        netlink_close(&way->there);
        cleanup_close(&way->home);
}

/* ---- looking ---- */

static int keep_link(struct nlmsghdr *message, void *data)
{
        struct nlattr *name = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_IFNAME);
        const struct ifinfomsg *header = nlmsg_data(message);
        struct link *link = data;

        link->index = header->ifi_index;
        link->flags = header->ifi_flags;
        if (name)
                nla_strlcpy(link->name, name, sizeof(link->name));
        return 0;
}

/* By number, or by name when index is 0. 0 with link->index 0 when there is none. */
static int find_link(struct netlink *netlink, int index, const char *name, struct link *link)
{
        struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index};
        struct nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));
        int r;

        *link = (struct link){0};
        if (message && !index && nla_put_string(message, IFLA_IFNAME, name) < 0) {
                nlmsg_free(message);
                message = NULL;
        }
        r = netlink_query(netlink, message, keep_link, link);
        return r == -ENODEV ? 0 : r;
}

static int keep_highest(struct nlmsghdr *message, void *data)
{
        const struct ifinfomsg *header = nlmsg_data(message);
        int *highest = data;

        if (header->ifi_index > *highest)
                *highest = header->ifi_index;
        return 0;
}

/* A number for the device in its new namespace: its own where that is free, else one that nobody has. Asked for by
 * IFLA_NEW_IFINDEX, so that the device can be found again whatever name a "%d" gave it. */
static int free_index(struct netlink *netlink, int wanted, int *index)
{
        struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
        struct link other;
        int highest = 0;
        int r = find_link(netlink, wanted, NULL, &other);

        if (r < 0)
                return r;
        *index = wanted;
        if (!other.index)
                return 0;
        r = netlink_query(netlink, netlink_message(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)), keep_highest, &highest);
        *index = highest + 1;
        return r;
}

/* ---- changing ---- */

static int set_up(struct netlink *netlink, int index)
{
        struct ifinfomsg header = {
                .ifi_family = AF_UNSPEC,
                .ifi_index = index,
                .ifi_flags = IFF_UP,
                .ifi_change = IFF_UP,
        };

        return netlink_request(netlink, netlink_message(RTM_NEWLINK, 0, &header, sizeof(header)));
}

/* One request: the kernel takes the device down, moves it and names it. */
static int change_namespace(struct netlink *netlink, int index, int namespace, const char *name, int new_index)
{
        struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = index};
        struct nl_msg *message = netlink_message(RTM_NEWLINK, 0, &header, sizeof(header));

        if (!message)
                return -ENOMEM;
        if (nla_put_u32(message, IFLA_NET_NS_FD, (uint32_t) namespace) < 0 ||
            nla_put_string(message, IFLA_IFNAME, name) < 0 || nla_put_s32(message, IFLA_NEW_IFINDEX, new_index) < 0) {
                nlmsg_free(message);
                return -ENOMEM;
        }
        return netlink_request(netlink, message);
}

/* ---- one device ---- */

/* The name is looked at before: the kernel moves a device whose own name is free and only then finds that the new one
 * is not. */
static int check_free(struct way *way, const char *name)
{
        struct link other;
        int r;

        if (strchr(name, '%'))
                return 0;
        r = find_link(&way->there, 0, name, &other);
        if (r < 0)
                return netlink_fail(r, &way->there, "look for a device named %s", name);
        if (other.index)
                return refuse(EEXIST, "the container's network namespace has a device named %s already", name);
        return 0;
}

/* After a request that failed the device may still be there. */
static void find_moved(struct way *way, int new_index, struct move *move)
{
        struct link here, there;

        if (find_link(&way->here, move->before.index, NULL, &here) == 0 && here.index == 0 &&
            find_link(&way->there, new_index, NULL, &there) == 0)
                move->index = there.index;
}

static int carry(struct way *way, const char *name, struct move *move)
{
        int new_index, r;

        r = free_index(&way->there, move->before.index, &new_index);
        if (r < 0)
                return netlink_fail(r, &way->there, "look at the devices in the container's network namespace for %s",
                                    name);
        r = change_namespace(&way->here, move->before.index, way->target, name, new_index);
        if (r < 0) {
                r = netlink_fail(r, &way->here, "move it as %s", name);
                find_moved(way, new_index, move);
                return r;
        }
        find_moved(way, new_index, move);
        if (!move->index)
                return refuse(ENODEV, "it got another number than %d (Linux before 5.12)", new_index);
        return 0;
}

static int move_device(struct way *way, const struct oci_net_device *device, struct move *move)
{
        const char *name = device->new_name ? device->new_name : device->name;
        int r = find_link(&way->here, 0, device->name, &move->before);

        if (r < 0)
                return netlink_fail(r, &way->here, "look for device %s", device->name);
        if (!move->before.index)
                return refuse(ENODEV, "there is no such network device on the host");
        r = check_free(way, name);
        if (r < 0)
                return r;
        r = netdev_addresses_read(&way->here, move->before.index, &move->addresses);
        if (r < 0)
                return netlink_fail(r, &way->here, "read the addresses of %s", device->name);
        r = carry(way, name, move);
        if (r < 0)
                return r;
        r = netdev_addresses_add(&way->there, move->index, &move->addresses);
        if (r < 0)
                return netlink_fail(r, &way->there, "restore the addresses of %s", name);
        r = set_up(&way->there, move->index);
        return r < 0 ? netlink_fail(r, &way->there, "bring up %s", name) : 0;
}

/* ---- back ---- */

/* Undo must go on and must not replace the message of what failed. */
static void bring_back(struct way *way, struct move *move)
{
        const char *name = move->before.name;
        int index, r;

        if (!move->index)
                return;
        r = free_index(&way->here, move->before.index, &index);
        if (r == 0)
                r = change_namespace(&way->there, move->index, way->home, name, index);
        if (r < 0) {
                log_warning("linux.netDevices: bring %s back from the container: %s", name, strerror(-r));
                return;
        }
        r = netdev_addresses_add(&way->here, index, &move->addresses);
        if (r == 0 && (move->before.flags & IFF_UP))
                r = set_up(&way->here, index);
        if (r < 0)
                log_warning("linux.netDevices: set %s up again: %s", name, strerror(-r));
}

/* ---- the whole ---- */

/* A device that "moves" into the namespace where it is would only be renamed. */
static int check_other_namespace(int home, int target)
{
        struct stat a, b;

        if (fstat(home, &a) < 0 || fstat(target, &b) < 0)
                return fail(errno, "linux.netDevices: look at the network namespaces");
        if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
                return refuse(EINVAL, "linux.netDevices: the container has no network namespace of its own");
        return 0;
}

static int open_way(int target, struct way *way)
{
        int r;

        way->target = target;
        way->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (way->home < 0)
                return fail(errno, "linux.netDevices: open the own network namespace");
        r = check_other_namespace(way->home, target);
        if (r < 0)
                return r;
        r = netlink_open(-EBADF, &way->here);
        if (r == 0)
                r = netlink_open(target, &way->there);
        return r < 0 ? fail_in(r, "linux.netDevices") : 0;
}

int netdev_move(int target, const struct oci_net_devices *devices)
{
        _cleanup_(cleanup_way) struct way way = {.home = -EBADF};
        _cleanup_free_ struct move *moves = calloc(devices->n + 1, sizeof(*moves));
        size_t done = 0;
        int r = 0;

        if (!moves)
                return fail(ENOMEM, "linux.netDevices");
        if (!devices->n)
                return 0;
        r = open_way(target, &way);
        for (; r == 0 && done < devices->n; done++) {
                r = move_device(&way, &devices->v[done], &moves[done]);
                if (r < 0)
                        fail_in(r, "linux.netDevices.%s", devices->v[done].name);
        }
        for (size_t i = done; i-- > 0;) {
                if (r < 0)
                        bring_back(&way, &moves[i]);
                netdev_addresses_free(&moves[i].addresses);
        }
        return r;
}
