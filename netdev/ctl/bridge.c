#include <errno.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/subnet.h"

#define MTU_DEFAULT 1500

/* By its MAC a bridge is told from one of others with its name; and it keeps it whatever ports come. */
void bridge_mac(const char *network, uint8_t mac[6])
{
        char text[CTLNET_NAME_MAX + 8];

        snprintf(text, sizeof(text), "bridge %s", network);
        names_mac(text, 0, mac);
}

static int is_own(const struct ctlnet_network *network, const struct host_link *link)
{
        uint8_t mac[6];

        bridge_mac(network->name, mac);
        if (strcmp(link->kind, "bridge") != 0 || memcmp(link->mac, mac, sizeof(mac)) != 0)
                return refuse(EEXIST, "network %s: the host has another link of this name", network->name);
        return 0;
}

/* The address of a routed network's gateway stands alone: its containers are behind routes of their own. */
static int add_gateways(struct ctlnet *net, const struct ctlnet_network *network, const struct host_link *link)
{
        struct ctlnet_address gateway4 = network->gateway4, gateway6 = network->gateway6;
        int r = 0;

        if (network->mode == CTLNET_ROUTED) {
                gateway4.prefix = 32;
                gateway6.prefix = 128;
        }
        if (gateway4.family)
                r = host_add_address(&net->host, link->index, link->name, &gateway4);
        if (r == 0 && gateway6.family)
                r = host_add_address(&net->host, link->index, link->name, &gateway6);
        return r;
}

/* Publishing on 127.0.0.1 needs route_localnet; the rules of the chain raw close what it opens. */
static int set_sysctls(const struct ctlnet_network *network)
{
        char path[64];
        int r;

        snprintf(path, sizeof(path), "ipv4/conf/%s/route_localnet", network->name);
        r = host_sysctl(path, "1");
        if (r == 0)
                r = host_ignore_routers(network->name);
        if (r == 0 && network->subnet6.family)
                r = host_enable_ipv6(network->name);
        return r < 0 ? r : host_forward(network->subnet6.family);
}

static int make(struct ctlnet *net, const struct ctlnet_network *network, struct host_link *link)
{
        uint8_t mac[6];
        int r = 0;

        bridge_mac(network->name, mac);
        if (!link->index) {
                r = host_add_bridge(&net->host, network->name, mac, network->mtu ? network->mtu : MTU_DEFAULT);
                if (r == 0)
                        r = host_find_link(&net->host, network->name, link);
                if (r < 0)
                        return r;
        }
        r = set_sysctls(network);
        if (r == 0)
                r = add_gateways(net, network, link);
        if (r == 0)
                r = firewall_add_network(net, network);
        /* Last: a bridge that is up is whole. */
        return r < 0 ? r : host_set_up(&net->host, link->index, network->name);
}

static int need_parent(struct ctlnet *net, const char *parent, struct host_link *link)
{
        int r = host_find_link(&net->host, parent, link);

        if (r < 0)
                return fail(-r, "look for link %s", parent);
        return link->index ? 0 : refuse(ENODEV, "the host has no link %s", parent);
}

int bridge_need(struct ctlnet *net, const struct ctlnet_network *network, struct host_link *link)
{
        int r = state_host(net);

        if (r < 0)
                return r;
        if (network->mode == CTLNET_MACVLAN)
                return need_parent(net, network->parent, link);
        r = host_find_link(&net->host, network->name, link);
        if (r < 0)
                return fail(-r, "look for bridge %s", network->name);
        if (link->index) {
                r = is_own(network, link);
                if (r < 0 || ((link->flags & IFF_UP) && !(network->subnet6.family && host_lacks_ipv6(network->name))))
                        return r;
        }
        r = make(net, network, link);
        return r < 0 ? fail_in(r, "network %s", network->name) : 0;
}
