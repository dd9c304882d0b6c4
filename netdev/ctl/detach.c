#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/dns.h"
#include "netdev/ctl/neighbours.h"
#include "netdev/ctl/pool.h"
#include "netdev/ctl/shape.h"

/* A link of the host comes back some time after the container's namespace ended. */
#define BACK_MS 5000

/* ---- a link of the host itself ---- */

static int give_name_back(struct ctlnet *net, const struct interface *interface, bool *done)
{
        struct host_link link;
        int r = host_find_link(&net->host, interface->parent, &link);

        if (r == 0 && !link.index)
                r = host_find_mac(&net->host, interface->mac, &link);
        if (r < 0)
                return fail(-r, "look for link %s", interface->parent);
        *done = link.index != 0;
        if (!link.index || strcmp(link.name, interface->parent) == 0)
                return 0;
        return host_rename_link(&net->host, link.index, interface->parent);
}

/* Under the name that it had inside, or "dev5" where the host has one of that name. */
static int await_back(struct ctlnet *net, const struct interface *interface)
{
        _cleanup_(netlink_close) struct netlink news = {0};
        int64_t deadline = now_ms() + BACK_MS;
        char buffer[8192];
        bool done = false;
        int r = netlink_open(-EBADF, &news);

        if (r == 0 && nl_socket_add_membership(news.socket, RTNLGRP_LINK) < 0)
                r = fail(EIO, "listen to changes of links");
        while (r == 0 && !done) {
                r = give_name_back(net, interface, &done);
                if (r < 0 || done)
                        break;
                if (wait_fd(nl_socket_get_fd(news.socket), POLLIN, until_ms(deadline)) < 0)
                        return refuse(ETIMEDOUT, "link %s has not come back from the container in %d s",
                                      interface->parent, BACK_MS / 1000);
                (void)recv(nl_socket_get_fd(news.socket), buffer, sizeof(buffer), MSG_DONTWAIT);
        }
        return r;
}

/* ---- one interface ---- */

static int remove_proxies(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface)
{
        struct host_link parent;
        int r = host_find_link(&net->host, network->parent, &parent);

        if (r < 0 || !parent.index)
                return 0;
        if (interface->ipv4.family)
                r = host_set_proxy(&net->host, parent.index, parent.name, &interface->ipv4, false);
        if (r == 0 && interface->ipv6.family)
                r = host_set_proxy(&net->host, parent.index, parent.name, &interface->ipv6, false);
        return r;
}

static void first_of(int *first, int r, char message[ERROR_MESSAGE_MAX])
{
        if (r < 0 && *first == 0) {
                *first = r;
                snprintf(message, ERROR_MESSAGE_MAX, "%s", error_message());
        }
}

/* What is in the kernel, in the reverse order of its making. */
static int undo_kernel(struct ctlnet *net, const struct interface *interface, enum ctlnet_links links)
{
        char message[ERROR_MESSAGE_MAX] = "";
        struct ctlnet_network network = {0};
        int first = 0;

        if (interface->network[0]) {
                (void)network_load(net, interface->network, &network);
                first_of(&first, dns_withdraw(net, interface->network, interface->owner), message);
                first_of(&first, neighbours_forget(net, interface), message);
        }
        if (interface->link[0] && interface->rate_out)
                first_of(&first, shape_remove(net, interface), message);
        if (interface->proxied)
                first_of(&first, remove_proxies(net, &network, interface), message);
        if (interface->link[0] && links == CTLNET_LINKS_DELETED)
                first_of(&first, host_delete_link(&net->host, interface->link), message);
        /* Only with the link gone or its namespace ended: nothing unchecked may pass. */
        if (interface->link[0])
                first_of(&first, firewall_remove(net, &network, interface), message);
        if (interface->mode == CTLNET_PHYS && strcmp(interface->name, interface->parent) != 0)
                first_of(&first, await_back(net, interface), message);
        return first < 0 ? refuse(-first, "%s", message) : 0;
}

int interface_has_ended(struct ctlnet *net, const struct interface *interface, bool *ended)
{
        struct host_link link;
        int r;

        *ended = false;
        if (!interface_is_attached(net, interface) || !interface->link[0])
                return 0;
        r = state_host(net);
        if (r < 0)
                return r;
        r = host_find_link(&net->host, interface->link, &link);
        if (r < 0)
                return fail(-r, "look for link %s", interface->link);
        *ended = !link.index;
        return 0;
}

int detach_interface(struct ctlnet *net, struct interface *interface, enum ctlnet_links links)
{
        int r = state_host(net);

        if (r == 0 && interface_is_attached(net, interface))
                r = undo_kernel(net, interface, links);
        if (r < 0)
                return r;
        interface_free(interface);
        interface->boot[0] = interface->link[0] = interface->hostname[0] = '\0';
        interface->allow_spoofing = interface->proxied = false;
        interface->rate_in = interface->rate_out = 0;
        return interface_save(net, interface, false);
}

/* ---- all of a container ---- */

typedef int (*interface_step)(struct ctlnet *net, struct interface *interface, enum ctlnet_links links);

static int for_each(struct ctlnet *net, const char *container, interface_step step, enum ctlnet_links links)
{
        char message[ERROR_MESSAGE_MAX] = "";
        int first = 0;

        for (unsigned index = 0; index < CTLNET_INTERFACES_MAX; index++) {
                struct interface interface;
                int r = interface_load(net, container, index, &interface);

                if (r == -ENOENT)
                        continue;
                if (r == 0) {
                        r = step(net, &interface, links);
                        interface_free(&interface);
                }
                first_of(&first, r, message);
        }
        return first < 0 ? refuse(-first, "%s", message) : 0;
}

static int detach_one(struct ctlnet *net, struct interface *interface, enum ctlnet_links links)
{
        return interface->boot[0] ? detach_interface(net, interface, links) : 0;
}

int forget_interface(struct ctlnet *net, struct interface *interface)
{
        _cleanup_close_ int pool = -EBADF;
        struct ctlnet_network network;
        int r = detach_one(net, interface, CTLNET_LINKS_DELETED);

        if (r < 0)
                return r;
        if (interface->network[0] && network_load(net, interface->network, &network) == 0) {
                pool = network_room(net, interface->network, "addresses");
                r = pool < 0 ? pool : pool_release(pool, interface->owner, NULL);
        }
        return r < 0 ? r : interface_remove(net, interface->owner);
}

static int forget_one(struct ctlnet *net, struct interface *interface, enum ctlnet_links links)
{
        (void)links;
        return forget_interface(net, interface);
}

static int with_lock(struct ctlnet *net, const char *container, interface_step step, enum ctlnet_links links)
{
        _cleanup_close_ int lock = -EBADF;
        int r;

        if (!names_container_is_good(container))
                return refuse(EINVAL, "\"%s\" is no name of a container", container);
        r = state_lock(net, &lock);
        if (r == 0)
                r = for_each(net, container, step, links);
        return r < 0 ? fail_in(r, "network of %s", container) : 0;
}

int ctlnet_detach(struct ctlnet *net, const char *container, enum ctlnet_links links)
{
        return with_lock(net, container, detach_one, links);
}

static int remove_inside(const struct interface *interface, int namespace)
{
        if (interface->mode == CTLNET_PHYS)
                return refuse(EBUSY, "%s is a link of the host: it comes back when the container is stopped",
                              interface->name);
        return inside_remove_stale(namespace, interface);
}

static int forget_unkept(struct ctlnet *net, const char *container, unsigned kept, int namespace)
{
        int r = 0;

        for (unsigned index = 0; index < CTLNET_INTERFACES_MAX && r == 0; index++) {
                struct interface interface;

                if (kept >> index & 1)
                        continue;
                r = interface_load(net, container, index, &interface);
                if (r < 0) {
                        r = r == -ENOENT ? 0 : r;
                        continue;
                }
                if (namespace >= 0 && interface_is_attached(net, &interface))
                        r = remove_inside(&interface, namespace);
                if (r == 0)
                        r = forget_interface(net, &interface);
                interface_free(&interface);
        }
        return r;
}

int ctlnet_keep(struct ctlnet *net, const char *container, unsigned kept, int namespace)
{
        _cleanup_close_ int lock = -EBADF;
        int r = names_container_is_good(container) ? state_lock(net, &lock)
                                                   : refuse(EINVAL, "\"%s\" is no name of a container", container);

        if (r == 0)
                r = forget_unkept(net, container, kept, namespace);
        return r < 0 ? fail_in(r, "network of %s", container) : 0;
}

int ctlnet_forget(struct ctlnet *net, const char *container)
{
        return with_lock(net, container, forget_one, CTLNET_LINKS_DELETED);
}

/* ---- another name ---- */

/* Twice does no harm: a crash in the middle leaves both records, and what is left to do. */
static int rename_one(struct ctlnet *net, const struct interface *from, const char *to)
{
        _cleanup_close_ int pool = -EBADF;
        struct interface new = *from, there;
        int r = interface_load(net, to, from->index, &there);

        if (r == 0) {
                interface_free(&there);
                if (memcmp(there.mac, from->mac, sizeof(from->mac)) != 0)
                        return refuse(EEXIST, "%s has a network already", to);
        } else if (r != -ENOENT) {
                return r;
        }
        if (interface_is_attached(net, from))
                return refuse(EBUSY, "%s is attached: it is renamed when it is stopped", from->owner);
        snprintf(new.container, sizeof(new.container), "%s", to);
        names_owner(to, from->index, new.owner);
        r = interface_save(net, &new, true);
        if (r == 0 && from->network[0]) {
                pool = network_room(net, from->network, "addresses");
                r = pool < 0 ? pool : pool_hand_over(pool, from, new.owner);
        }
        return r < 0 ? r : interface_remove(net, from->owner);
}

int ctlnet_rename(struct ctlnet *net, const char *from, const char *to)
{
        _cleanup_close_ int lock = -EBADF;
        int r = names_container_is_good(to) ? state_lock(net, &lock)
                                            : refuse(EINVAL, "\"%s\" is no name of a container", to);

        for (unsigned index = 0; r == 0 && index < CTLNET_INTERFACES_MAX; index++) {
                struct interface interface;

                r = interface_load(net, from, index, &interface);
                if (r == 0) {
                        r = rename_one(net, &interface, to);
                        interface_free(&interface);
                } else if (r == -ENOENT) {
                        r = 0;
                }
        }
        return r < 0 ? fail_in(r, "network of %s", from) : 0;
}
