#include "netdev/ctl/allocate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/dns.h"
#include "netdev/ctl/keys.h"
#include "netdev/ctl/pool.h"
#include "netdev/ctl/subnet.h"

static const uint8_t no_mac[6];

/* ---- what is asked for ---- */

static int check_mode(const struct ctlnet_request *request)
{
        bool named = request->network != NULL;

        if (request->mode == CTLNET_BRIDGE || request->mode == CTLNET_ROUTED)
                return named ? 0 : refuse(EINVAL, "no network is named");
        if (request->mode == CTLNET_MACVLAN && named)
                return 0;
        if (!request->parent || !names_link_is_good(request->parent))
                return refuse(EINVAL, "no link of the host is named");
        if (request->mode == CTLNET_VLAN && (request->vlan < 1 || request->vlan > 4094))
                return refuse(EINVAL, "VLAN %u is not between 1 and 4094", request->vlan);
        return 0;
}

static int check_extras(const struct ctlnet_request *request)
{
        bool joins = request->mode == CTLNET_BRIDGE || request->mode == CTLNET_ROUTED;

        if (request->n_publish > CTLNET_PUBLISH_MAX)
                return refuse(EINVAL, "more than %d published ports", CTLNET_PUBLISH_MAX);
        if (request->n_publish && !joins)
                return refuse(ENOTSUP, "ports are published in the modes bridge and routed only, not %s",
                              keys_modes[request->mode]);
        if ((request->rate_in || request->rate_out) && !joins)
                return refuse(ENOTSUP, "the rate is limited in the modes bridge and routed only, not %s",
                              keys_modes[request->mode]);
        if (request->n_servers > CTLNET_SERVERS_MAX)
                return refuse(EINVAL, "more than %d DNS servers", CTLNET_SERVERS_MAX);
        if (request->hostname && !names_container_is_good(request->hostname))
                return refuse(EINVAL, "\"%s\" is no host name", request->hostname);
        if (request->ipv4.family && request->ipv4.family != AF_INET)
                return refuse(EINVAL, "the IPv4 address is none");
        if (request->ipv6.family && request->ipv6.family != AF_INET6)
                return refuse(EINVAL, "the IPv6 address is none");
        return 0;
}

static int check_request(const struct ctlnet_request *request)
{
        int r;

        if (!names_container_is_good(request->container))
                return refuse(EINVAL, "\"%s\" is no name of a container", request->container);
        if (request->index >= CTLNET_INTERFACES_MAX)
                return refuse(EINVAL, "more than %d interfaces", CTLNET_INTERFACES_MAX);
        if (request->interface && !names_link_is_good(request->interface))
                return refuse(EINVAL, "\"%s\" is no name of an interface", request->interface);
        r = check_mode(request);
        return r < 0 ? r : check_extras(request);
}

bool allocate_is_needed(enum ctlnet_mode mode)
{
        return mode != CTLNET_HOST && mode != CTLNET_NONE && mode != CTLNET_CONTAINER;
}

/* ---- what it gets ---- */

static void describe(const struct ctlnet_request *request, struct interface *interface)
{
        interface->mode = request->mode;
        interface->vlan = request->vlan;
        snprintf(interface->network, sizeof(interface->network), "%s", request->network ? request->network : "");
        snprintf(interface->parent, sizeof(interface->parent), "%s", request->parent ? request->parent : "");
        if (request->interface)
                snprintf(interface->name, sizeof(interface->name), "%s", request->interface);
        else if (request->mode == CTLNET_PHYS)
                /* By its own name it comes back when the container ends. */
                snprintf(interface->name, sizeof(interface->name), "%s", request->parent);
        else
                snprintf(interface->name, sizeof(interface->name), "eth%u", request->index);
}

/* Without a network there is nobody to ask for an address. */
static void give_as_asked(const struct ctlnet_request *request, struct interface *interface)
{
        interface->ipv4 = request->ipv4;
        interface->ipv6 = request->ipv6;
        interface->gateway4 = request->gateway4;
        interface->gateway6 = request->gateway6;
        memcpy(interface->mac, request->mac, sizeof(interface->mac));
        if (interface->mode != CTLNET_PHYS && memcmp(interface->mac, no_mac, sizeof(no_mac)) == 0)
                names_mac(interface->owner, 0, interface->mac);
}

/* What it had counts as asked for, while the network is the same and nothing else is asked for. */
static struct ctlnet_address wish(const struct ctlnet_address *fixed, const struct ctlnet_address *had,
                                  const struct ctlnet_address *subnet)
{
        return fixed->family ? *fixed : subnet_is_host(subnet, had) ? *had : (struct ctlnet_address){0};
}

static int take_addresses(struct ctlnet *net, int pool, const struct ctlnet_network *network,
                          const struct ctlnet_request *request, const struct interface *old,
                          struct interface *interface)
{
        bool same = strcmp(old->network, network->name) == 0;
        const uint8_t *mac = memcmp(request->mac, no_mac, sizeof(no_mac)) == 0 && same ? old->mac : request->mac;
        struct ctlnet_address wish4 = wish(&request->ipv4, &old->ipv4, &network->subnet4);
        struct ctlnet_address wish6 = wish(&request->ipv6, &old->ipv6, &network->subnet6);
        uint32_t start = (uint32_t)names_hash(interface->owner, 0);
        int r = pool_take_mac(net, pool, network->name, mac, interface->owner, interface->mac);

        interface->ipv4 = interface->ipv6 = (struct ctlnet_address){0};
        if (r == 0 && (network->subnet4.family || request->ipv4.family))
                r = pool_take(net, pool, &network->subnet4, &network->gateway4, &wish4, interface->owner, start,
                              &interface->ipv4);
        if (r == 0 && (network->subnet6.family || request->ipv6.family))
                r = pool_take(net, pool, &network->subnet6, &network->gateway6, &wish6, interface->owner, start,
                              &interface->ipv6);
        return r;
}

static bool is_same(const struct interface *a, const struct interface *b)
{
        return a->mode == b->mode && a->vlan == b->vlan && strcmp(a->network, b->network) == 0 &&
               strcmp(a->parent, b->parent) == 0 && strcmp(a->name, b->name) == 0 &&
               memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && memcmp(&a->ipv4, &b->ipv4, sizeof(a->ipv4)) == 0 &&
               memcmp(&a->ipv6, &b->ipv6, sizeof(a->ipv6)) == 0 &&
               memcmp(&a->gateway4, &b->gateway4, sizeof(a->gateway4)) == 0 &&
               memcmp(&a->gateway6, &b->gateway6, sizeof(a->gateway6)) == 0;
}

/* The mode belongs to the network. */
static int need_network(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_network *network)
{
        int r = network_need(net, request->network, network);

        if (r == 0 && network->mode != request->mode)
                return refuse(EINVAL, "network %s is of mode %s, not %s", network->name, keys_modes[network->mode],
                              keys_modes[request->mode]);
        return r;
}

/* What was taken and is not the record's is given back, in the new network and in the old one. */
static int settle(struct ctlnet *net, const char *network, const struct interface *kept)
{
        _cleanup_close_ int pool = -EBADF;

        /* What somebody removed by hand has nothing of ours any more. */
        if (!*network || faccessat(net->networks, network, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        pool = network_room(net, network, "addresses");
        return pool < 0 ? pool : pool_release(pool, kept->owner, strcmp(kept->network, network) == 0 ? kept : NULL);
}

static int give(struct ctlnet *net, const struct ctlnet_request *request, const struct ctlnet_network *network,
                const struct interface *old, struct interface *interface)
{
        _cleanup_close_ int pool = -EBADF;
        int r;

        *interface = *old;
        describe(request, interface);
        if (!request->network) {
                give_as_asked(request, interface);
                return 0;
        }
        pool = network_room(net, request->network, "addresses");
        if (pool < 0)
                return pool;
        r = take_addresses(net, pool, network, request, old, interface);
        if (r < 0)
                fail_in(r, "network %s", request->network);
        return r;
}

/* Saves what changed; takes back what was taken after a failure. */
static int keep(struct ctlnet *net, int r, const struct interface *old, const struct interface *interface)
{
        char message[ERROR_MESSAGE_MAX];

        if (r == 0 && is_same(old, interface))
                return 0;
        if (r == 0 && interface_is_attached(net, old))
                r = refuse(EBUSY, "%s is attached: its addresses change when it is stopped", old->owner);
        if (r == 0)
                r = interface_save(net, interface, true);
        /* Only what had other addresses has some to give back: a look at all of them is for changes, not for the first
         * time. What a crash left of that, the same hash finds again. */
        if (r == 0 && old->network[0])
                r = settle(net, interface->network, interface);
        if (r == 0 && strcmp(old->network, interface->network) != 0)
                r = settle(net, old->network, interface);
        if (r < 0) {
                snprintf(message, sizeof(message), "%s", error_message());
                (void)settle(net, interface->network, old);
                refuse(-r, "%s", message);
        }
        return r;
}

int allocate_interface(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_network *network,
                       struct interface *interface)
{
        struct interface old;
        int r = check_request(request);

        *network = (struct ctlnet_network){0};
        if (r == 0 && request->network)
                r = need_network(net, request, network);
        if (r < 0)
                return r;
        r = interface_load(net, request->container, request->index, &old);
        if (r < 0 && r != -ENOENT)
                return r;
        r = keep(net, give(net, request, network, &old, interface), &old, interface);
        if (r < 0)
                interface_free(interface);
        return r;
}

/* ---- results ---- */

void allocate_result(const struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface,
                     struct ctlnet_result *result)
{
        static const struct ctlnet_address link_router = {
                .family = AF_INET6, .prefix = 64, .bytes = {0xfe, 0x80, [15] = 1}};
        bool leads_on = network->name[0] && !network->internal;

        *result = (struct ctlnet_result){.ipv4 = interface->ipv4, .ipv6 = interface->ipv6};
        memcpy(result->interface, interface->name, sizeof(result->interface));
        memcpy(result->mac, interface->mac, sizeof(result->mac));
        result->gateway4 = leads_on ? network->gateway4 : interface->gateway4;
        result->gateway6 = leads_on ? network->gateway6 : interface->gateway6;
        if (interface->mode == CTLNET_ROUTED) {
                result->ipv4.prefix = 32;
                result->ipv6.prefix = 128;
                /* Without a subnet on the link even the others of the network are behind the router. */
                result->gateway4 = network->gateway4;
                result->gateway6 = result->ipv6.family ? link_router : (struct ctlnet_address){0};
        }
        if (interface_is_attached(net, interface))
                memcpy(result->host_link, interface->link, sizeof(result->host_link));
}

static int allocate(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_result *result)
{
        _cleanup_close_ int lock = -EBADF;
        struct ctlnet_network network = {0};
        struct interface interface = {0};
        int r = 0;

        if (allocate_is_needed(request->mode)) {
                r = state_lock(net, &lock);
                if (r == 0)
                        r = allocate_interface(net, request, &network, &interface);
                if (r < 0)
                        return r;
        }
        allocate_result(net, &network, &interface, result);
        interface_free(&interface);
        return dns_servers(&network, request, result);
}

static int check_fixed(struct ctlnet *net, const struct ctlnet_request *request)
{
        _cleanup_close_ int lock = -EBADF, pool = -EBADF;
        struct ctlnet_network network = {0};
        char owner[NAMES_OWNER_SIZE];
        int r = state_lock(net, &lock);

        if (r == 0)
                r = need_network(net, request, &network);
        if (r < 0)
                return r;
        pool = network_room(net, request->network, "addresses");
        if (pool < 0)
                return pool;
        names_owner(request->container, request->index, owner);
        r = pool_check(net, pool, &network.subnet4, &network.gateway4, &request->ipv4, owner);
        if (r == 0)
                r = pool_check(net, pool, &network.subnet6, &network.gateway6, &request->ipv6, owner);
        if (r == 0)
                r = pool_check_mac(net, pool, request->mac, owner);
        return r < 0 ? fail_in(r, "network %s", request->network) : 0;
}

int ctlnet_check(struct ctlnet *net, const struct ctlnet_request *request)
{
        if (!request->network ||
            (!request->ipv4.family && !request->ipv6.family && memcmp(request->mac, no_mac, sizeof(no_mac)) == 0))
                return 0;
        return check_fixed(net, request);
}

int ctlnet_allocate(struct ctlnet *net, const struct ctlnet_request *request, struct ctlnet_result *result)
{
        int r = allocate(net, request, result);

        return r < 0 ? fail_in(r, "network of %s", request->container) : 0;
}

/* Of a thousand containers most are in the same network. */
static int look_up(struct ctlnet *net, const char *network)
{
        const struct ctlnet_request request = {0};
        int r = 0;

        if (net->shown.set && strcmp(network, net->shown.network.name) == 0)
                return 0;
        net->shown.set = false;
        net->shown.network = (struct ctlnet_network){0};
        if (network[0])
                r = network_need(net, network, &net->shown.network);
        if (r == 0)
                r = dns_servers(&net->shown.network, &request, &net->shown.servers);
        net->shown.set = r == 0;
        return r;
}

int ctlnet_show(struct ctlnet *net, const char *container, unsigned index, struct ctlnet_result *result)
{
        struct interface interface;
        int r = names_container_is_good(container) ? interface_load(net, container, index, &interface) : -ENOENT;

        if (r == -ENOENT)
                return refuse(ENOENT, "network of %s: interface %u has no address", container, index);
        if (r < 0)
                return r;
        r = look_up(net, interface.network);
        if (r == 0) {
                allocate_result(net, &net->shown.network, &interface, result);
                result->n_servers = net->shown.servers.n_servers;
                memcpy(result->servers, net->shown.servers.servers, sizeof(result->servers));
        }
        interface_free(&interface);
        return r;
}
