#include "netdev/ctl/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/allocate.h"
#include "netdev/ctl/dns.h"
#include "netdev/ctl/neighbours.h"
#include "netdev/ctl/shape.h"
#include "netdev/link.h"

#define MTU_DEFAULT 1500

/* One attachment on its way. */
struct attaching {
        struct ctlnet *net;
        const struct ctlnet_request *request;
        int namespace;
        struct ctlnet_network network;
        struct interface interface;
        struct host_link lower; /* bridge or parent */
        struct ctlnet_result *result;
};

/* ---- what is asked for, into the record ---- */

static int choose_link(struct attaching *a)
{
        struct host_link taken;

        for (unsigned generation = 0; generation < CTLNET_GENERATIONS; generation++) {
                int r;

                names_link("bt", a->interface.owner, generation, a->interface.link);
                r = host_find_link(&a->net->host, a->interface.link, &taken);
                if (r < 0)
                        return fail(-r, "look for link %s", a->interface.link);
                if (!taken.index)
                        return 0;
        }
        /* Something holds their namespaces: a connection that nobody answers any more does so for minutes. */
        return host_delete_link(&a->net->host, a->interface.link);
}

static int copy_publish(const struct ctlnet_publish *publish, size_t n, struct interface *interface)
{
        interface_free(interface);
        if (!n)
                return 0;
        interface->publish = malloc(n * sizeof(*publish));
        if (!interface->publish)
                return fail(ENOMEM, "keep the published ports");
        memcpy(interface->publish, publish, n * sizeof(*publish));
        interface->n_publish = n;
        return 0;
}

static int describe(struct attaching *a)
{
        const struct ctlnet_request *request = a->request;
        struct interface *interface = &a->interface;

        memcpy(interface->boot, a->net->boot, sizeof(interface->boot));
        snprintf(interface->hostname, sizeof(interface->hostname), "%s", request->hostname ? request->hostname : "");
        interface->link[0] = '\0';
        interface->allow_spoofing = request->allow_spoofing;
        interface->proxied = interface->mode == CTLNET_ROUTED && a->network.parent[0];
        interface->rate_in = request->rate_in;
        interface->rate_out = request->rate_out;
        return copy_publish(request->publish, request->n_publish, interface);
}

/* ---- the ways ---- */

static unsigned wanted_mtu(const struct attaching *a)
{
        return a->request->mtu ? a->request->mtu : a->network.mtu ? a->network.mtu : MTU_DEFAULT;
}

static int explain_veth(struct attaching *a, int r)
{
        if (r == -EXFULL)
                return refuse(EXFULL,
                              "bridge %s has all the ports that the kernel allows (1023); a network of mode "
                              "routed has no such limit",
                              a->network.name);
        return netlink_fail(r, &a->net->host, "make the veth %s to %s in the container", a->interface.link,
                            a->interface.name);
}

static int add_veth(struct attaching *a)
{
        struct host_veth veth = {
                .name = a->interface.link,
                .peer = a->interface.name,
                .mtu = wanted_mtu(a),
                .master = a->interface.mode == CTLNET_BRIDGE ? a->lower.index : 0,
                .namespace = a->namespace,
        };
        int r;

        memcpy(veth.peer_mac, a->interface.mac, sizeof(veth.peer_mac));
        neighbours_host_mac(&a->interface, veth.mac);
        r = host_add_veth(&a->net->host, &veth);
        return r < 0 ? explain_veth(a, r) : 0;
}

static int add_host_route(struct attaching *a, int index, const struct ctlnet_address *address)
{
        struct ctlnet_address alone = *address;

        if (!alone.family)
                return 0;
        alone.prefix = alone.family == AF_INET ? 32 : 128;
        return host_add_route(&a->net->host, index, a->interface.link, &alone, NULL);
}

static int set_proxies(struct attaching *a)
{
        const struct interface *interface = &a->interface;
        char path[64];
        struct host_link parent;
        int r;

        if (!interface->proxied)
                return 0;
        r = host_find_link(&a->net->host, a->network.parent, &parent);
        if (r < 0 || !parent.index)
                return refuse(ENODEV, "the host has no link %s", a->network.parent);
        if (interface->ipv4.family)
                r = host_set_proxy(&a->net->host, parent.index, parent.name, &interface->ipv4, true);
        if (r < 0 || !interface->ipv6.family)
                return r;
        snprintf(path, sizeof(path), "ipv6/conf/%s/proxy_ndp", parent.name);
        r = host_sysctl(path, "1");
        return r < 0 ? r : host_set_proxy(&a->net->host, parent.index, parent.name, &interface->ipv6, true);
}

/* The host's end has the address that the container takes for its router: fe80::1. IPv4's router is the network's own
 * address, for which the host answers on every link. */
static int route_veth(struct attaching *a, const struct host_link *link)
{
        char path[64];
        int r;

        snprintf(path, sizeof(path), "ipv4/conf/%s/route_localnet", link->name);
        r = host_sysctl(path, "1");
        if (r == 0)
                r = add_host_route(a, link->index, &a->interface.ipv4);
        if (r == 0 && a->result->gateway6.family)
                r = host_add_address(&a->net->host, link->index, link->name, &a->result->gateway6);
        if (r == 0)
                r = add_host_route(a, link->index, &a->interface.ipv6);
        return r < 0 ? r : set_proxies(a);
}

static int attach_veth(struct attaching *a)
{
        int r = firewall_add(a->net, &a->network, &a->interface);

        return r < 0 ? r : add_veth(a);
}

/* Nobody speaks to a port of a bridge itself: the address that Linux would give it, with its routes and groups, would
 * only cost memory, and questions that the container has to hear. Where there is no IPv6, or the sysctls are read-only,
 * no more than that is lost. */
static void silence_port(const struct host_link *link)
{
        char path[64];

        snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", link->name);
        if (host_sysctl(path, "1") < 0)
                error_clear();
}

/* Before it is up. */
static int set_ipv6(const struct attaching *a, const struct host_link *link)
{
        int r;

        if (a->interface.mode == CTLNET_BRIDGE) {
                silence_port(link);
                return 0;
        }
        r = host_ignore_routers(link->name);
        return r < 0 || !a->interface.ipv6.family ? r : host_enable_ipv6(link->name);
}

/* When the container's end is ready. */
static int open_veth(struct attaching *a)
{
        struct host_link link;
        int r = host_find_link(&a->net->host, a->interface.link, &link);

        if (r < 0 || !link.index)
                return refuse(ENODEV, "link %s is gone", a->interface.link);
        r = set_ipv6(a, &link);
        /* On a bridge a published port that leads back to its caller is turned round there, not above it. */
        if (r == 0 && a->interface.mode == CTLNET_BRIDGE && host_filters_bridges())
                r = host_set_hairpin(&a->net->host, link.index, link.name);
        if (r == 0 && (a->interface.rate_in || a->interface.rate_out))
                r = shape_set(a->net, &a->interface);
        if (r == 0 && a->interface.mode == CTLNET_BRIDGE)
                r = neighbours_know(a->net, &a->interface, &a->lower, &link);
        if (r == 0)
                r = host_set_up(&a->net->host, link.index, link.name);
        if (r < 0 || a->interface.mode == CTLNET_BRIDGE)
                return r;
        /* A link that is down knows no neighbours. */
        r = neighbours_know(a->net, &a->interface, &a->lower, &link);
        return r < 0 ? r : route_veth(a, &link);
}

static int attach_upper(struct attaching *a)
{
        struct host_upper upper = {
                .name = a->interface.name,
                .parent = a->lower.index,
                .namespace = a->namespace,
                .vlan = a->interface.vlan,
                .mtu = a->request->mtu ? a->request->mtu : a->network.mtu,
        };
        int r;

        memcpy(upper.mac, a->interface.mac, sizeof(upper.mac));
        r = host_add_upper(&a->net->host, &upper);
        if (r == -EEXIST && upper.vlan)
                return refuse(EADDRINUSE, "VLAN %u of %s is taken", upper.vlan, a->lower.name);
        return r < 0 ? netlink_fail(r, &a->net->host, "make %s on %s", upper.vlan ? "a VLAN" : "a macvlan",
                                    a->lower.name)
                     : 0;
}

static int attach_phys(struct attaching *a)
{
        struct oci_net_device device = {.name = a->interface.parent, .new_name = a->interface.name};
        const struct oci_net_devices devices = {.n = 1, .v = &device};

        return netdev_move(a->namespace, &devices);
}

/* ---- in order ---- */

static int find_lower(struct attaching *a)
{
        int r;

        if (a->network.name[0])
                return bridge_need(a->net, &a->network, &a->lower);
        r = state_host(a->net);
        if (r == 0)
                r = host_find_link(&a->net->host, a->interface.parent, &a->lower);
        if (r < 0)
                return fail(-r, "look for link %s", a->interface.parent);
        if (!a->lower.index)
                return refuse(ENODEV, "the host has no link %s", a->interface.parent);
        /* By its MAC it is found when it comes back. */
        if (a->interface.mode == CTLNET_PHYS)
                memcpy(a->interface.mac, a->lower.mac, sizeof(a->interface.mac));
        return 0;
}

static int configure(struct attaching *a)
{
        uint8_t mac[6];
        const uint8_t *host = NULL;

        if (a->interface.mode == CTLNET_BRIDGE)
                host = a->lower.mac;
        else if (a->interface.mode == CTLNET_ROUTED) {
                neighbours_host_mac(&a->interface, mac);
                host = mac;
        }
        return inside_configure(a->namespace, &a->network, &a->interface, a->result,
                                &(struct inside_wish){.leads = !a->request->secondary, .host = host});
}

/* The record first: whatever is made afterwards can be found by it. */
static int make(struct attaching *a)
{
        bool veth = a->interface.mode == CTLNET_BRIDGE || a->interface.mode == CTLNET_ROUTED;
        int r = interface_save(a->net, &a->interface, false);

        if (r == 0 && a->interface.mode != CTLNET_PHYS)
                r = inside_remove_stale(a->namespace, &a->interface);
        if (r == 0)
                r = veth ? attach_veth(a) : a->interface.mode == CTLNET_PHYS ? attach_phys(a) : attach_upper(a);
        if (r == 0)
                r = configure(a);
        if (r == 0 && veth)
                r = open_veth(a);
        if (r == 0)
                r = dns_publish(a->net, &a->network, &a->interface, !a->request->starts_nothing);
        return r;
}

static void undo(struct attaching *a)
{
        char message[ERROR_MESSAGE_MAX];

        snprintf(message, sizeof(message), "%s", error_message());
        /* What is not there to be undone is no error; and the first message counts. */
        (void)detach_interface(a->net, &a->interface, CTLNET_LINKS_DELETED);
        refuse(EIO, "%s", message);
}

static int attach(struct attaching *a)
{
        int r = allocate_interface(a->net, a->request, &a->network, &a->interface);

        if (r == 0 && a->interface.boot[0])
                r = detach_interface(a->net, &a->interface, CTLNET_LINKS_DELETED);
        if (r == 0 && a->request->starts_nothing)
                r = dns_check_runs(a->net, &a->network);
        if (r == 0)
                r = find_lower(a);
        if (r == 0)
                r = describe(a);
        if (r == 0 && (a->interface.mode == CTLNET_BRIDGE || a->interface.mode == CTLNET_ROUTED))
                r = choose_link(a);
        if (r == 0)
                r = ports_check(&a->interface);
        if (r < 0)
                return r;
        allocate_result(a->net, &a->network, &a->interface, a->result);
        r = make(a);
        if (r < 0)
                undo(a);
        return r;
}

int ctlnet_attach(struct ctlnet *net, const struct ctlnet_request *request, int namespace, struct ctlnet_result *result)
{
        struct attaching a = {.net = net, .request = request, .namespace = namespace, .result = result};
        _cleanup_close_ int lock = -EBADF;
        int r;

        *result = (struct ctlnet_result){0};
        if (!allocate_is_needed(request->mode))
                return dns_servers(&a.network, request, result);
        r = state_lock(net, &lock);
        if (r == 0)
                r = attach(&a);
        interface_free(&a.interface);
        if (r == 0)
                r = dns_servers(&a.network, request, result);
        return r < 0 ? fail_in(r, "network of %s", request->container) : 0;
}

/* ---- changes ---- */

static int load_attached(struct ctlnet *net, const char *container, unsigned index, struct interface *interface)
{
        int r = names_container_is_good(container) ? interface_load(net, container, index, interface) : -ENOENT;

        if (r < 0 && r != -ENOENT)
                return r;
        if (r == 0 && interface_is_attached(net, interface) && interface->link[0])
                return state_host(net);
        if (r == 0)
                interface_free(interface);
        return refuse(ENOENT, "interface %u is not attached", index);
}

static int set_rates(struct ctlnet *net, const char *container, unsigned index, uint64_t rate_in, uint64_t rate_out)
{
        _cleanup_close_ int lock = -EBADF;
        struct interface interface;
        int r = state_lock(net, &lock);

        if (r == 0)
                r = load_attached(net, container, index, &interface);
        if (r < 0)
                return r;
        interface.rate_in = rate_in;
        interface.rate_out = rate_out;
        r = interface_save(net, &interface, false);
        if (r == 0)
                r = shape_set(net, &interface);
        interface_free(&interface);
        return r;
}

int ctlnet_set_rates(struct ctlnet *net, const char *container, unsigned index, uint64_t rate_in, uint64_t rate_out)
{
        int r = set_rates(net, container, index, rate_in, rate_out);

        return r < 0 ? fail_in(r, "network of %s", container) : 0;
}

/* Ports that it has keep what listens on them away from others, but not from itself. */
static int replace_publish(struct ctlnet *net, const struct interface *old, struct interface *new)
{
        char message[ERROR_MESSAGE_MAX];
        int r = ports_check(new);

        if (r == 0)
                r = interface_save(net, new, false);
        if (r < 0)
                return r;
        r = firewall_replace_publish(net, old, new);
        if (r < 0) {
                snprintf(message, sizeof(message), "%s", error_message());
                (void)interface_save(net, old, false);
                refuse(-r, "%s", message);
        }
        return r;
}

int ctlnet_set_publish(struct ctlnet *net, const char *container, unsigned index, const struct ctlnet_publish *publish,
                       size_t n)
{
        _cleanup_close_ int lock = -EBADF;
        struct interface old, new;
        int r = n > CTLNET_PUBLISH_MAX ? refuse(EINVAL, "more than %d published ports", CTLNET_PUBLISH_MAX) : 0;

        if (r == 0)
                r = state_lock(net, &lock);
        if (r == 0)
                r = load_attached(net, container, index, &old);
        if (r < 0)
                return fail_in(r, "network of %s", container);
        new = old;
        new.publish = NULL;
        r = copy_publish(publish, n, &new);
        if (r == 0)
                r = replace_publish(net, &old, &new);
        interface_free(&old);
        interface_free(&new);
        return r < 0 ? fail_in(r, "network of %s", container) : 0;
}
