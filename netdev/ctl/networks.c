#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/path.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/dns.h"
#include "netdev/ctl/names.h"
#include "netdev/ctl/neighbours.h"
#include "netdev/ctl/pool.h"

/* ---- definitions ---- */

int ctlnet_network_create(struct ctlnet *net, const struct ctlnet_network *network)
{
        _cleanup_close_ int lock = -EBADF;
        int r = state_lock(net, &lock);

        return r < 0 ? r : network_define(net, network);
}

static int count_members(struct ctlnet *net, struct ctlnet_network *network)
{
        _cleanup_close_ int pool = network_room(net, network->name, "addresses");

        return pool < 0 ? pool : pool_count(net, pool, &network->members, NULL);
}

/* Names one of them, the first in their order. */
static int refuse_members(struct ctlnet *net, const char *name)
{
        _cleanup_close_ int pool = network_room(net, name, "addresses");
        char owner[CLAIM_TEXT_SIZE];
        size_t members;
        int r = pool < 0 ? pool : pool_count(net, pool, &members, owner);

        if (r < 0 || members == 0)
                return r;
        if (members > 1)
                return refuse(EBUSY, "network %s: container %.*s and %zu more have addresses in it", name,
                              names_container_length(owner), owner, members - 1);
        return refuse(EBUSY, "network %s: container %.*s has an address in it", name, names_container_length(owner),
                      owner);
}

/* The default one may have to be made. */
static int find(struct ctlnet *net, const char *name, struct ctlnet_network *network)
{
        _cleanup_close_ int lock = -EBADF;
        int r = network_load(net, name, network);

        if (r != -ENOENT)
                return r;
        r = state_lock(net, &lock);
        return r < 0 ? r : network_need(net, name, network);
}

int ctlnet_network_show(struct ctlnet *net, const char *name, struct ctlnet_network *network)
{
        int r = find(net, name, network);

        return r < 0 ? r : count_members(net, network);
}

struct listing {
        struct ctlnet_network *v;
        size_t n, damaged;
};

static int add_to_listing(struct ctlnet *net, const char *name, void *data)
{
        struct listing *listing = data;
        struct ctlnet_network *bigger = reallocarray(listing->v, listing->n + 1, sizeof(*bigger));
        int r;

        if (!bigger)
                return fail(ENOMEM, "list the networks");
        listing->v = bigger;
        r = network_load(net, name, &bigger[listing->n]);
        if (r == 0)
                r = count_members(net, &bigger[listing->n]);
        listing->n += r == 0;
        if (r == -EINVAL) {
                log_warning("%s", error_message());
                listing->damaged++;
        }
        return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct ctlnet_network *)a)->name, ((const struct ctlnet_network *)b)->name);
}

int ctlnet_network_list(struct ctlnet *net, struct ctlnet_network **networks, size_t *n)
{
        struct listing listing = {0};
        int r = network_each(net, add_to_listing, &listing);

        if (r < 0) {
                free(listing.v);
                *networks = NULL;
                *n = 0;
                return r;
        }
        if (listing.n)
                qsort(listing.v, listing.n, sizeof(*listing.v), by_name);
        *networks = listing.v;
        *n = listing.n;
        error_clear();
        return listing.damaged ? refuse(EINVAL, "%zu of the networks cannot be read", listing.damaged) : 0;
}

/* ---- the end of one ---- */

static int remove_links(struct ctlnet *net, const struct ctlnet_network *network)
{
        struct host_link link;
        uint8_t mac[6];
        int r = state_host(net);

        if (r == 0)
                r = host_find_link(&net->host, network->name, &link);
        if (r < 0)
                return fail(-r, "look for bridge %s", network->name);
        bridge_mac(network->name, mac);
        if (network->mode == CTLNET_MACVLAN || !link.index || memcmp(link.mac, mac, sizeof(mac)) != 0)
                return 0;
        /* Of containers that have ended, and whose namespaces the kernel has still to take apart. */
        r = host_delete_ports(&net->host, link.index);
        return r < 0 ? r : host_delete_link(&net->host, network->name);
}

static int remove_directory(struct ctlnet *net, const char *name)
{
        char dead[CTLNET_NAME_MAX + 8];
        int r;

        snprintf(dead, sizeof(dead), ".old-%s", name);
        r = remove_tree_at(net->networks, dead);
        if (r == 0 && renameat(net->networks, name, net->networks, dead) < 0)
                r = fail(errno, "remove the definition of network %s", name);
        return r < 0 ? r : remove_tree_at(net->networks, dead);
}

int ctlnet_network_delete(struct ctlnet *net, const char *name)
{
        _cleanup_close_ int lock = -EBADF;
        struct ctlnet_network network;
        bool damaged;
        int r = state_lock(net, &lock);

        if (r < 0)
                return r;
        r = network_load(net, name, &network);
        if (r == -ENOENT)
                return refuse(ENOENT, "there is no network %s", name);
        damaged = r == -EINVAL;
        if (r < 0 && !damaged)
                return r;
        error_clear();
        r = refuse_members(net, name);
        if (r == 0)
                r = dns_stop(net, name);
        if (r == 0)
                r = remove_links(net, &network);
        if (r == 0 && !damaged)
                r = firewall_remove_network(net, &network);
        if (r == 0)
                r = remove_directory(net, name);
        /* What it had there cannot be known: all is made anew without it. */
        return r == 0 && damaged ? firewall_build(net, NULL) : r;
}

/* ---- anew ---- */

struct repair {
        bool (*exists)(const char *container, void *data);
        void *data;
};

static int mend_link(struct ctlnet *net, const struct interface *interface)
{
        struct ctlnet_network network;
        struct host_link bridge, link;
        int r = network_need(net, interface->network, &network);

        if (r == 0)
                r = bridge_need(net, &network, &bridge);
        if (r == 0 && network.mode == CTLNET_BRIDGE)
                r = host_set_master(&net->host, interface->link, bridge.index);
        if (r == 0)
                r = host_find_link(&net->host, interface->link, &link);
        if (r == 0 && link.index)
                r = neighbours_know(net, interface, &bridge, &link);
        return r == -ENODEV ? 0 : r; /* its container has ended */
}

/* What nobody has tidied up after, or what no container has any more. */
static int end_interface(struct ctlnet *net, const char *owner, void *data)
{
        const struct repair *repair = data;
        char container[CTLNET_CONTAINER_MAX + 1];
        struct interface interface;
        unsigned index;
        bool ended;
        int r;

        if (interface_split(owner, container, &index) < 0)
                return 0;
        r = interface_load(net, container, index, &interface);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = interface_has_ended(net, &interface, &ended);
        if (r == 0 && repair->exists && !repair->exists(container, repair->data))
                r = forget_interface(net, &interface);
        else if (r == 0 && ended)
                r = detach_interface(net, &interface, CTLNET_LINKS_REAPED);
        interface_free(&interface);
        return r;
}

static int mend_names(struct ctlnet *net, const struct interface *interface)
{
        struct ctlnet_network network;
        int r = network_need(net, interface->network, &network);

        return r < 0 ? r : dns_publish(net, &network, interface, true);
}

typedef int (*mender)(struct ctlnet *net, const struct interface *interface);

/* data: a mender. */
static int mend_interface(struct ctlnet *net, const char *owner, void *data)
{
        const mender *mend = data;
        char container[CTLNET_CONTAINER_MAX + 1];
        struct interface interface;
        unsigned index;
        int r;

        if (interface_split(owner, container, &index) < 0)
                return 0;
        r = interface_load(net, container, index, &interface);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (interface_is_attached(net, &interface) && interface.link[0])
                r = (*mend)(net, &interface);
        interface_free(&interface);
        return r;
}

static int sweep_pool(struct ctlnet *net, const char *name, void *data)
{
        _cleanup_close_ int pool = network_room(net, name, "addresses");

        (void)data;
        return pool < 0 ? pool : pool_sweep(net, pool);
}

int ctlnet_repair(struct ctlnet *net, bool (*exists)(const char *container, void *data), void *data)
{
        mender menders[] = {mend_link, mend_names};
        struct repair repair = {exists, data};
        _cleanup_close_ int lock = -EBADF;
        int r = state_lock(net, &lock);

        if (r == 0)
                r = interface_each(net, end_interface, &repair);
        if (r == 0)
                r = network_each(net, sweep_pool, NULL);
        if (r == 0)
                r = firewall_build(net, NULL);
        for (size_t i = 0; i < ELEMENTS(menders) && r == 0; i++)
                r = interface_each(net, mend_interface, &menders[i]);
        return r;
}

/* ---- "--net" ---- */

static int use_network(struct ctlnet *net, char *name, struct ctlnet_request *request)
{
        struct ctlnet_network network;
        int r = find(net, name, &network);

        if (r < 0)
                return r;
        request->mode = network.mode;
        request->network = name;
        return 0;
}

/* "eth0.5" */
static int use_vlan(char *parent, struct ctlnet_request *request)
{
        char *dot = strrchr(parent, '.');
        uint32_t vlan;

        if (!dot || dot == parent || parse_u32(dot + 1, &vlan) < 0 || vlan < 1 || vlan > 4094)
                return refuse(EINVAL, "--net vlan:%s: wanted is LINK.VLAN, with a VLAN from 1 to 4094", parent);
        *dot = '\0';
        request->parent = parent;
        request->vlan = vlan;
        return 0;
}

int ctlnet_parse_net(struct ctlnet *net, const char *text, struct ctlnet_request *request, char **storage)
{
        char *copy = strdup(text), *colon = copy ? strchr(copy, ':') : NULL;
        static const enum ctlnet_mode alone[] = {CTLNET_HOST, CTLNET_NONE};
        int r = 0;

        *storage = copy;
        if (!copy)
                return fail(ENOMEM, "--net %s", text);
        request->network = request->parent = request->other = NULL;
        request->vlan = 0;
        for (size_t i = 0; i < ELEMENTS(alone); i++) {
                if (strcmp(copy, alone[i] == CTLNET_HOST ? "host" : "none") == 0) {
                        request->mode = alone[i];
                        return 0;
                }
        }
        if (!colon)
                return use_network(net, copy, request);
        *colon++ = '\0';
        if (strcmp(copy, "vlan") == 0) {
                request->mode = CTLNET_VLAN;
                r = use_vlan(colon, request);
        } else if (strcmp(copy, "macvlan") == 0 || strcmp(copy, "phys") == 0) {
                request->mode = copy[0] == 'm' ? CTLNET_MACVLAN : CTLNET_PHYS;
                request->parent = colon;
        } else if (strcmp(copy, "container") == 0 && names_container_is_good(colon)) {
                request->mode = CTLNET_CONTAINER;
                request->other = colon;
        } else {
                r = refuse(EINVAL,
                           "--net %s: no network and none of host, none, container:NAME, macvlan:LINK, "
                           "vlan:LINK.VLAN, phys:LINK",
                           text);
        }
        return r;
}
