#include "netdev/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"

/* Where filters of what comes in hang, on the qdisc "ingress" as on "clsact". */
#define QDISC_HANDLE  TC_H_MAKE(TC_H_INGRESS, 0)
#define FILTER_PARENT TC_H_MAKE(TC_H_INGRESS, TC_H_MIN_INGRESS)

/* Tells our filter from those of others. */
#define OUR_PREFERENCE  0xbe47U
#define KEEP_PREFERENCE 0xbe46U /* what is looked at before */
#define ARP_PREFERENCE  0xbe45U

/* The kernel answers EBUSY while it still takes away an earlier qdisc (Linux 6.6: ingress_init), and tells nobody when
 * it has done so. */
#define BUSY_MS      2000
#define BUSY_STEP_MS 5

static struct nl_msg *control_message(int type, int flags, int ifindex, uint32_t handle, uint32_t parent, uint32_t info)
{
        const struct tcmsg header = {
                .tcm_family = AF_UNSPEC,
                .tcm_ifindex = ifindex,
                .tcm_handle = handle,
                .tcm_parent = parent,
                .tcm_info = info,
        };

        return netlink_message(type, flags, &header, sizeof(header));
}

static uint32_t our_info(void)
{
        return TC_H_MAKE(OUR_PREFERENCE << 16, htons(ETH_P_ALL));
}

static uint32_t keep_info(void)
{
        return TC_H_MAKE(KEEP_PREFERENCE << 16, htons(ETH_P_IP));
}

static uint32_t arp_info(void)
{
        return TC_H_MAKE(ARP_PREFERENCE << 16, htons(ETH_P_ARP));
}

/* ---- the place ---- */

static int add_ingress(struct netlink *netlink, int ifindex)
{
        int64_t deadline = now_ms() + BUSY_MS;
        struct nl_msg *message;
        int r;

        do {
                message = control_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, QDISC_HANDLE, TC_H_INGRESS,
                                          0);
                netlink_put_string(&message, TCA_KIND, "ingress");
                r = netlink_request(netlink, message);
        } while (r == -EBUSY && until_ms(deadline) > 0 && poll(NULL, 0, BUSY_STEP_MS) == 0);
        return r;
}

static int count_others(struct nlmsghdr *message, void *data)
{
        const struct tcmsg *header = nlmsg_data(message);
        int *others = data;

        if (message->nlmsg_type == RTM_NEWTFILTER && nlmsg_valid_hdr(message, sizeof(*header)))
                *others += TC_H_MAJ(header->tcm_info) >> 16 < ARP_PREFERENCE ||
                           TC_H_MAJ(header->tcm_info) >> 16 > OUR_PREFERENCE;
        return 0;
}

/* -1 when there is no place for filters. */
static int other_filters(struct netlink *netlink, int ifindex)
{
        int others = 0;
        int r = netlink_query(netlink, control_message(RTM_GETTFILTER, NLM_F_DUMP, ifindex, 0, FILTER_PARENT, 0),
                              count_others, &others);

        return r < 0 ? -1 : others;
}

static bool remove_filter(struct netlink *netlink, int ifindex)
{
        (void)netlink_request(netlink, control_message(RTM_DELTFILTER, 0, ifindex, 0, FILTER_PARENT, keep_info()));
        (void)netlink_request(netlink, control_message(RTM_DELTFILTER, 0, ifindex, 0, FILTER_PARENT, arp_info()));
        return netlink_request(netlink, control_message(RTM_DELTFILTER, 0, ifindex, 0, FILTER_PARENT, our_info())) == 0;
}

/* One that is there already is shared while it holds nothing of others: whichever filter came first would decide. */
static int make_place(struct netlink *netlink, int ifindex, const char *name)
{
        int r = add_ingress(netlink, ifindex);

        if (r == 0)
                return 0;
        if (r != -EEXIST)
                return netlink_fail(r, netlink, "add a queueing discipline for what comes in by %s (sch_ingress)",
                                    name);
        if (other_filters(netlink, ifindex) > 0)
                return refuse(EBUSY, "%s has traffic control filters of somebody else on what comes in", name);
        (void)remove_filter(netlink, ifindex);
        return 0;
}

/* Only what is empty; -EINVAL: it is of another kind (clsact) and stays. */
static int remove_place(struct netlink *netlink, int ifindex)
{
        struct nl_msg *message;
        int r;

        if (other_filters(netlink, ifindex) != 0)
                return 0;
        message = control_message(RTM_DELQDISC, 0, ifindex, QDISC_HANDLE, TC_H_INGRESS, 0);
        netlink_put_string(&message, TCA_KIND, "ingress");
        r = netlink_request(netlink, message);
        return r == -EINVAL || r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* ---- the filter ---- */

static void put_action(struct nl_msg **message, int type, const struct tc_mirred *action)
{
        struct nlattr *list = netlink_nest(message, type), *first = netlink_nest(message, 1), *options;

        netlink_put_string(message, TCA_ACT_KIND, "mirred");
        options = netlink_nest(message, TCA_ACT_OPTIONS);
        netlink_put(message, TCA_MIRRED_PARMS, action, sizeof(*action));
        netlink_nest_end(*message, options);
        netlink_nest_end(*message, first);
        netlink_nest_end(*message, list);
}

static void put_redirection(struct nl_msg **message, int type, int to)
{
        const struct tc_mirred action = {.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};

        put_action(message, type, &action);
}

/* A selector without a key matches everything, even what is too short for a key. */
static struct nl_msg *u32_message(int from, int to)
{
        const struct tc_u32_sel everything = {.flags = TC_U32_TERMINAL};
        struct nl_msg *message =
                control_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, 0, FILTER_PARENT, our_info());
        struct nlattr *options;

        netlink_put_string(&message, TCA_KIND, "u32");
        options = netlink_nest(&message, TCA_OPTIONS);
        netlink_put(&message, TCA_U32_SEL, &everything, sizeof(everything));
        put_redirection(&message, TCA_U32_ACT, to);
        netlink_nest_end(message, options);
        return message;
}

static struct nl_msg *matchall_message(int from, int to)
{
        struct nl_msg *message =
                control_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, 1, FILTER_PARENT, our_info());
        struct nlattr *options;

        netlink_put_string(&message, TCA_KIND, "matchall");
        options = netlink_nest(&message, TCA_OPTIONS);
        put_redirection(&message, TCA_MATCHALL_ACT, to);
        netlink_nest_end(message, options);
        return message;
}

int redirect_add(struct netlink *netlink, int from, const char *name, int to)
{
        int r = make_place(netlink, from, name);

        if (r < 0)
                return r;
        r = netlink_request(netlink, matchall_message(from, to));
        if (r == -ENOENT)
                r = netlink_request(netlink, u32_message(from, to));
        if (r == 0)
                return 0;
        netlink_fail(r, netlink, "redirect what comes in by %s (cls_matchall or cls_u32, and act_mirred)", name);
        (void)remove_place(netlink, from);
        return r;
}

/* ---- what is kept ---- */

#define KEYS_MAX 3

static struct nl_msg *begin_keep(int from, uint32_t info, const struct tc_u32_key *keys, unsigned char n,
                                 struct nlattr **options)
{
        const struct tc_u32_sel selector = {.flags = TC_U32_TERMINAL, .nkeys = n};
        struct nl_msg *message =
                control_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, 0, FILTER_PARENT, info);
        char both[sizeof(selector) + KEYS_MAX * sizeof(*keys)];

        memcpy(both, &selector, sizeof(selector));
        memcpy(both + sizeof(selector), keys, n * sizeof(*keys));
        netlink_put_string(&message, TCA_KIND, "u32");
        *options = netlink_nest(&message, TCA_OPTIONS);
        netlink_put(&message, TCA_U32_SEL, both, sizeof(selector) + n * sizeof(*keys));
        return message;
}

/* Of an IPv4 header without options, which the first key asks for, and the ports behind it. What matches and has no
 * action goes on to the namespace's stack, and no later filter sees it. */
static struct nl_msg *answers_message(int from, unsigned protocol)
{
        const struct tc_u32_key keys[KEYS_MAX] = {
                {.mask = htonl(0x0f000000), .val = htonl(0x05000000)},
                {.mask = htonl(0x00ff0000), .val = htonl(protocol << 16), .off = 8},
                {.mask = htonl(0xfffff000), .val = htonl(53U << 16 | REDIRECT_OWN_PORTS), .off = 20},
        };
        struct nlattr *options;
        struct nl_msg *message = begin_keep(from, keep_info(), keys, KEYS_MAX, &options);

        netlink_nest_end(message, options);
        return message;
}

/* Where the way leads is learned by replies of ARP, which are for both. */
static struct nl_msg *arp_message(int from, int to)
{
        const struct tc_mirred action = {.action = TC_ACT_OK, .eaction = TCA_EGRESS_MIRROR, .ifindex = (uint32_t)to};
        const struct tc_u32_key reply = {.mask = htonl(0x0000ffff), .val = htonl(2), .off = 4};
        struct nlattr *options;
        struct nl_msg *message = begin_keep(from, arp_info(), &reply, 1, &options);

        put_action(&message, TCA_U32_ACT, &action);
        netlink_nest_end(message, options);
        return message;
}

int redirect_keep_answers(struct netlink *netlink, int from, const char *name, int to)
{
        int r = netlink_request(netlink, answers_message(from, IPPROTO_UDP));

        if (r == 0)
                r = netlink_request(netlink, answers_message(from, IPPROTO_TCP));
        if (r == 0)
                r = netlink_request(netlink, arp_message(from, to));
        return r < 0 ? netlink_fail(r, netlink, "keep answers of name servers that come in by %s (cls_u32)", name) : 0;
}

int redirect_remove(struct netlink *netlink, int from, const char *name)
{
        int r;

        if (!remove_filter(netlink, from))
                return 0;
        r = remove_place(netlink, from);
        return r < 0 ? netlink_fail(r, netlink, "take away the queueing discipline for what comes in by %s", name) : 1;
}
