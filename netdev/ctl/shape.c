#include "netdev/ctl/shape.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/error.h"
#include "netdev/ctl/host.h"
#include "netdev/redirect.h"

#define HANDLE TC_H_MAKE(0xbe47U << 16, 0)

/* A bucket of 25 ms, and at least some of the largest packets of a veth; a queue of 100 ms behind it. */
#define BURST_MS  25
#define QUEUE_MS  100
#define BURST_MIN (128U << 10)

/* Behind a rate of 2^32 bytes/s the attribute of 64 bits counts. */
static uint32_t capped(uint64_t value)
{
        return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int set_bucket(struct netlink *netlink, int index, const char *name, uint64_t rate)
{
        const struct tcmsg header = {
                .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = HANDLE, .tcm_parent = TC_H_ROOT};
        uint64_t bytes = rate / 8 ? rate / 8 : 1;
        uint32_t burst = capped(bytes * BURST_MS / 1000 > BURST_MIN ? bytes * BURST_MS / 1000 : BURST_MIN);
        struct tc_tbf_qopt bucket = {
                .rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = capped(bytes)},
                .limit = capped(bytes * QUEUE_MS / 1000 + burst),
                .buffer = burst,
        };
        struct nl_msg *message = netlink_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
        struct nlattr *options;
        int r;

        netlink_put_string(&message, TCA_KIND, "tbf");
        options = netlink_nest(&message, TCA_OPTIONS);
        netlink_put(&message, TCA_TBF_PARMS, &bucket, sizeof(bucket));
        netlink_put_u32(&message, TCA_TBF_BURST, burst);
        if (bytes > UINT32_MAX)
                netlink_put(&message, TCA_TBF_RATE64, &bytes, sizeof(bytes));
        netlink_nest_end(message, options);
        r = netlink_request(netlink, message);
        return r < 0 ? netlink_fail(r, netlink, "limit the rate of %s (sch_tbf)", name) : 0;
}

static int remove_bucket(struct netlink *netlink, int index, const char *name)
{
        const struct tcmsg header = {
                .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = HANDLE, .tcm_parent = TC_H_ROOT};
        int r = netlink_request(netlink, netlink_message(RTM_DELQDISC, 0, &header, sizeof(header)));

        return r == 0 || r == -ENOENT || r == -EINVAL
                       ? 0
                       : netlink_fail(r, netlink, "take the rate limit of %s away", name);
}

/* "bt..." and "bi..." differ in one letter. */
static void ifb_name(const struct interface *interface, char name[CTLNET_LINK_SIZE])
{
        memcpy(name, interface->link, CTLNET_LINK_SIZE);
        name[1] = 'i';
}

static int shape_from(struct ctlnet *net, const struct host_link *link, const struct interface *interface)
{
        char name[CTLNET_LINK_SIZE];
        struct host_link ifb;
        int r;

        ifb_name(interface, name);
        r = host_find_link(&net->host, name, &ifb);
        if (r == 0 && !ifb.index) {
                r = host_add_ifb(&net->host, name, link->mtu);
                if (r == 0)
                        r = host_find_link(&net->host, name, &ifb);
        }
        if (r == 0)
                r = set_bucket(&net->host, ifb.index, name, interface->rate_out);
        return r < 0 ? r : redirect_add(&net->host, link->index, link->name, ifb.index);
}

int shape_set(struct ctlnet *net, const struct interface *interface)
{
        struct host_link link;
        int r = host_find_link(&net->host, interface->link, &link);

        if (r < 0 || !link.index)
                return refuse(ENODEV, "link %s is gone", interface->link);
        if (interface->rate_in)
                r = set_bucket(&net->host, link.index, link.name, interface->rate_in);
        else
                r = remove_bucket(&net->host, link.index, link.name);
        if (r < 0)
                return r;
        if (interface->rate_out)
                return shape_from(net, &link, interface);
        r = redirect_remove(&net->host, link.index, link.name);
        return r < 0 ? r : shape_remove(net, interface);
}

int shape_remove(struct ctlnet *net, const struct interface *interface)
{
        char name[CTLNET_LINK_SIZE];

        ifb_name(interface, name);
        return host_delete_link(&net->host, name);
}
