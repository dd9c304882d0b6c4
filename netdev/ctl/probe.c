#include "netdev/ctlnet_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/host.h"
#include "netdev/ctl/nft.h"

#define MTU 1500

static int add_cable(struct netlink *netlink, int here, int master)
{
        const struct host_veth veth = {
                .name = "probe0",
                .peer = "probe1",
                .mac = {2, 0, 0, 0, 0, 1},
                .peer_mac = {2, 0, 0, 0, 0, 2},
                .mtu = MTU,
                .master = master,
                .namespace = here,
        };
        int r = host_add_veth(netlink, &veth);

        return r < 0 ? fail(-r, "make a veth") : 0;
}

static int probe_bridge(struct netlink *netlink, int here)
{
        const uint8_t mac[6] = {2, 0, 0, 0, 0, 3};
        struct host_link bridge;
        int r = host_add_bridge(netlink, "probe", mac, MTU);

        if (r == 0)
                r = host_find_link(netlink, "probe", &bridge);
        return r < 0 ? fail_in(r, "make a bridge") : add_cable(netlink, here, bridge.index);
}

static int probe_upper(struct netlink *netlink, int here, unsigned vlan)
{
        struct host_upper upper = {
                .name = "probe2", .namespace = here, .vlan = vlan, .mtu = MTU, .mac = {2, 0, 0, 0, 0, 4}};
        struct host_link parent;
        int r = add_cable(netlink, here, 0);

        if (r < 0)
                return r;
        r = host_find_link(netlink, "probe0", &parent);
        upper.parent = parent.index;
        /* A VLAN of a link that is down cannot be up. */
        if (r == 0)
                r = host_set_up(netlink, parent.index, parent.name);
        if (r == 0)
                r = host_add_upper(netlink, &upper);
        return r < 0 ? fail(-r, "make a %s", vlan ? "VLAN" : "macvlan") : 0;
}

static int probe_filter(void)
{
        const struct nft_elements none = {0};
        struct nft nft = {0};
        int r = nft_build(&nft, &none);

        nft_close(&nft);
        return r < 0 ? fail(-r, "make the tables of nftables") : 0;
}

int ctlnet_probe(enum ctlnet_part part)
{
        _cleanup_close_ int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        struct netlink netlink = {0};
        int r;

        if (part == CTLNET_PART_FILTER)
                return probe_filter();
        if (here < 0)
                return fail(errno, "open /proc/self/ns/net");
        r = netlink_open(-EBADF, &netlink);
        if (r < 0)
                return r;
        if (part == CTLNET_PART_BRIDGE)
                r = probe_bridge(&netlink, here);
        else if (part == CTLNET_PART_RATES)
                r = host_add_ifb(&netlink, "probe", MTU);
        else
                r = probe_upper(&netlink, here, part == CTLNET_PART_VLAN ? 7 : 0);
        netlink_close(&netlink);
        return r;
}

int ctlnet_probe_forward(void)
{
        struct nft nft = {0};
        char chain[128];
        int r = nft_find_forward_drop(&nft, chain, sizeof(chain));

        nft_close(&nft);
        if (r < 0)
                return fail(-r, "list the chains of nftables");
        return chain[0] ? refuse(EPERM, "the chain %s drops by its policy", chain) : 0;
}
