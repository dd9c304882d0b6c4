#include "netdev/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Flags that somebody chose; the others describe a state. */
#define CHOSEN_FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

#ifndef IFA_PROTO
#define IFA_PROTO 11 /* Linux 5.18 */
#endif

static const int kept_attributes[] = {IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_ANYCAST, IFA_RT_PRIORITY, IFA_PROTO};

void netdev_interface_id(const uint8_t mac[6], uint8_t id[8])
{
        const uint8_t made[8] = {mac[0] ^ 2U, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

        memcpy(id, made, sizeof(made));
}

struct reading {
        int ifindex;
        struct netdev_addresses *addresses;
};

/* The header's field has eight bits, the attribute (Linux 3.14) all of them. */
static uint32_t flags_of(struct nlmsghdr *message)
{
        struct nlattr *attribute = nlmsg_find_attr(message, sizeof(struct ifaddrmsg), IFA_FLAGS);
        const struct ifaddrmsg *header = nlmsg_data(message);

        return attribute ? nla_get_u32(attribute) : header->ifa_flags;
}

static int keep_address(struct nlmsghdr *message, void *data)
{
        const struct reading *reading = data;
        struct netdev_addresses *addresses = reading->addresses;
        const struct ifaddrmsg *header = nlmsg_data(message);
        struct nlmsghdr **bigger;

        if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, sizeof(*header)) ||
            (int)header->ifa_index != reading->ifindex)
                return 0;
        if (header->ifa_scope != RT_SCOPE_UNIVERSE || !(flags_of(message) & IFA_F_PERMANENT))
                return 0;
        bigger = reallocarray(addresses->v, addresses->n + 1, sizeof(*addresses->v));
        if (!bigger)
                return -ENOMEM;
        addresses->v = bigger;
        bigger[addresses->n] = malloc(message->nlmsg_len);
        if (!bigger[addresses->n])
                return -ENOMEM;
        memcpy(bigger[addresses->n++], message, message->nlmsg_len);
        return 0;
}

int netdev_addresses_read(struct netlink *netlink, int ifindex, struct netdev_addresses *addresses)
{
        struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
        struct reading reading = {ifindex, addresses};

        *addresses = (struct netdev_addresses){0};
        return netlink_query(netlink, netlink_message(RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all)), keep_address,
                             &reading);
}

static struct nl_msg *address_message(int ifindex, struct nlmsghdr *old)
{
        const struct ifaddrmsg *was = nlmsg_data(old);
        struct ifaddrmsg header = {
                .ifa_family = was->ifa_family,
                .ifa_prefixlen = was->ifa_prefixlen,
                .ifa_scope = was->ifa_scope,
                .ifa_index = (unsigned)ifindex,
        };
        struct nl_msg *message = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
        int failed = !message || nla_put_u32(message, IFA_FLAGS, flags_of(old) & CHOSEN_FLAGS) < 0;

        for (size_t i = 0; !failed && i < ELEMENTS(kept_attributes); i++) {
                struct nlattr *attribute = nlmsg_find_attr(old, sizeof(header), kept_attributes[i]);

                failed = attribute && nla_put(message, kept_attributes[i], nla_len(attribute), nla_data(attribute)) < 0;
        }
        if (failed && message) {
                nlmsg_free(message);
                message = NULL;
        }
        return message;
}

int netdev_addresses_add(struct netlink *netlink, int ifindex, const struct netdev_addresses *addresses)
{
        for (size_t i = 0; i < addresses->n; i++) {
                int r = netlink_request(netlink, address_message(ifindex, addresses->v[i]));

                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

void netdev_addresses_free(struct netdev_addresses *addresses)
{
        for (size_t i = 0; i < addresses->n; i++)
                free(addresses->v[i]);
        free(addresses->v);
        *addresses = (struct netdev_addresses){0};
}
