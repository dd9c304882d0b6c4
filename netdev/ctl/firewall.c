#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/attach.h"
#include "netdev/ctl/elements.h"
#include "netdev/ctl/flows.h"

/* ---- everything ---- */

struct everything {
        struct nft_elements *elements;
        const char *except; /* an interface that does not count */
};

static int collect_network(struct ctlnet *net, const char *name, void *data)
{
        const struct everything *all = data;
        struct ctlnet_network network;
        int r = network_load(net, name, &network);

        if (r == 0)
                elements_of_network(&network, all->elements);
        return r == -ENOENT ? 0 : r;
}

static int collect_interface(struct ctlnet *net, const char *owner, void *data)
{
        const struct everything *all = data;
        char container[CTLNET_CONTAINER_MAX + 1];
        struct ctlnet_network network = {0};
        struct interface interface;
        unsigned index;
        int r;

        if (interface_split(owner, container, &index) < 0 || (all->except && strcmp(owner, all->except) == 0))
                return 0;
        r = interface_load(net, container, index, &interface);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (interface_is_attached(net, &interface)) {
                if (interface.network[0])
                        r = network_load(net, interface.network, &network);
                elements_of_interface(&network, &interface, all->elements);
        }
        interface_free(&interface);
        return r == -ENOENT ? 0 : r;
}

int firewall_build(struct ctlnet *net, const char *except)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        struct everything all = {&elements, except};
        int r = network_each(net, collect_network, &all);

        if (r == 0)
                r = interface_each(net, collect_interface, &all);
        if (r < 0)
                return r;
        r = nft_build(&net->nft, &elements);
        return r < 0 ? fail(-r, "make the nftables tables inet berth and bridge berth") : 0;
}

/* ---- one network ---- */

int firewall_add_network(struct ctlnet *net, const struct ctlnet_network *network)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        int r;

        elements_of_network(network, &elements);
        r = nft_change(&net->nft, NULL, &elements, false);
        if (r == -ENOENT)
                return firewall_build(net, NULL);
        return r < 0 ? fail(-r, "add network %s to the nftables table inet berth", network->name) : 0;
}

int firewall_remove_network(struct ctlnet *net, const struct ctlnet_network *network)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        int r;

        elements_of_network(network, &elements);
        r = nft_remove(&net->nft, &elements);
        return r < 0 ? fail(-r, "take network %s from the nftables table inet berth", network->name) : 0;
}

/* ---- one interface ---- */

/* Which of the ports it is that somebody has. */
static int name_conflict(struct ctlnet *net, const struct interface *interface)
{
        char owner[NAMES_OWNER_SIZE], text[CTLNET_PUBLISH_TEXT];

        for (size_t i = 0; i < interface->n_publish; i++) {
                _cleanup_(nft_elements_free) struct nft_elements elements = {0};
                struct interface one = *interface;

                one.publish = &interface->publish[i];
                one.n_publish = 1;
                elements_of_publish(&one, &elements);
                for (size_t n = 0; n < elements.n; n++)
                        if (nft_owner(&net->nft, &elements.v[n], owner) == 0 && strcmp(owner, interface->owner) != 0)
                                return refuse(EADDRINUSE, "published port %s is taken by container %.*s",
                                              ctlnet_format_publish(one.publish, text), names_container_length(owner),
                                              owner);
        }
        return refuse(EEXIST, "an element of the nftables tables berth is there already; is a port published twice?");
}

/* What an interface has whose container ended without anybody to tidy up after it: its link is gone. */
static int evict_ended(struct ctlnet *net, const char *owner)
{
        char container[CTLNET_CONTAINER_MAX + 1];
        struct interface other;
        unsigned index;
        bool ended;
        int r;

        if (interface_split(owner, container, &index) < 0 || interface_load(net, container, index, &other) < 0)
                return 0;
        r = interface_has_ended(net, &other, &ended);
        if (r == 0 && ended)
                r = detach_interface(net, &other, CTLNET_LINKS_REAPED);
        interface_free(&other);
        return r;
}

static int evict_owners(struct ctlnet *net, const struct interface *interface)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        char owner[NAMES_OWNER_SIZE];
        int r = 0;

        elements_of_publish(interface, &elements);
        for (size_t i = 0; i < elements.n && r == 0; i++)
                if (nft_owner(&net->nft, &elements.v[i], owner) == 0 && strcmp(owner, interface->owner) != 0)
                        r = evict_ended(net, owner);
        return r;
}

int firewall_add(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        int r;

        elements_of_interface(network, interface, &elements);
        r = nft_change(&net->nft, NULL, &elements, true);
        if (r == -ENOENT) {
                r = firewall_build(net, interface->owner);
                if (r < 0)
                        return r;
                r = nft_change(&net->nft, NULL, &elements, true);
        }
        if (r == -EEXIST) {
                /* Its own, which somebody put back, do not count. */
                r = nft_remove(&net->nft, &elements);
                if (r == 0)
                        r = evict_owners(net, interface);
                if (r == 0)
                        r = nft_change(&net->nft, NULL, &elements, true);
        }
        if (r == -EEXIST)
                return name_conflict(net, interface);
        if (r == 0)
                flows_forget(&net->nft, &elements);
        return r < 0 ? fail(-r, "add %s to the nftables tables berth", interface->owner) : 0;
}

int firewall_remove(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface)
{
        _cleanup_(nft_elements_free) struct nft_elements elements = {0};
        int r;

        elements_of_interface(network, interface, &elements);
        r = nft_remove(&net->nft, &elements);
        if (r == 0)
                flows_forget(&net->nft, &elements);
        return r < 0 ? fail(-r, "take %s from the nftables tables berth", interface->owner) : 0;
}

int firewall_replace_publish(struct ctlnet *net, const struct interface *old, const struct interface *new)
{
        _cleanup_(nft_elements_free) struct nft_elements before = {0}, after = {0};
        int r;

        elements_of_publish(old, &before);
        elements_of_publish(new, &after);
        r = nft_change(&net->nft, &before, &after, true);
        if (r == -ENOENT)
                return firewall_build(net, NULL);
        if (r == -EEXIST) {
                r = evict_owners(net, new);
                if (r == 0)
                        r = nft_change(&net->nft, &before, &after, true);
        }
        if (r == -EEXIST)
                return name_conflict(net, new);
        if (r == 0) {
                flows_forget(&net->nft, &before);
                flows_forget(&net->nft, &after);
        }
        return r < 0 ? fail(-r, "change the published ports of %s", old->owner) : 0;
}
