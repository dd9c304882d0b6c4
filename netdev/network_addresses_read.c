#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/log.h"
#include "netdev/address.h"
#include "netdev/network_read.h"

/* Flags of addresses that somebody chose; the others describe a state. */
#define CHOSEN_FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

#ifndef IFA_PROTO
#define IFA_PROTO 11 /* Linux 5.18 */
#endif
#define PROTO_KERNEL_RA 2 /* IFAPROT_KERNEL_RA */
#define PROTO_KERNEL_LL 3 /* IFAPROT_KERNEL_LL */

static struct nlattr *address_attribute(struct nlmsghdr *message, int type)
{
        return nlmsg_find_attr(message, sizeof(struct ifaddrmsg), type);
}

static int is_of_mac(const uint8_t address[16], const uint8_t mac[6])
{
        uint8_t made[8];

        netdev_interface_id(mac, made);
        return memcmp(address + 8, made, sizeof(made)) == 0;
}

static int is_accepting_advertisements(const struct network_interface *interface)
{
        int32_t accept = 0, autoconf = 0;

        for (size_t i = 0; i < NETWORK_SYSCTLS6; i++) {
                if (strcmp(network_sysctl_names6[i], "accept_ra") == 0)
                        accept = interface->sysctls.v6[i];
                if (strcmp(network_sysctl_names6[i], "autoconf") == 0)
                        autoconf = interface->sysctls.v6[i];
        }
        return accept != 0 && autoconf != 0;
}

/* What the guest's kernel makes by itself, and what only describes this machine. */
static int is_made_again(const struct network_reading *reading, const struct network_address *address, unsigned flags,
                         int made_by)
{
        const struct network_interface *interface;

        if (address->family != AF_INET6 || address->interface == NETWORK_LOOPBACK)
                return 0;
        interface = &reading->network->interfaces[address->interface];
        if (made_by == PROTO_KERNEL_LL ||
            (address->scope == RT_SCOPE_LINK && is_of_mac(address->local, interface->mac)))
                return 1;
        if (flags & IFA_F_PERMANENT || !is_accepting_advertisements(interface))
                return 0;
        /* A kernel before 5.18 does not say who made it. */
        return made_by == PROTO_KERNEL_RA || flags & (IFA_F_TEMPORARY | IFA_F_STABLE_PRIVACY) ||
               is_of_mac(address->local, interface->mac);
}

/* The host's kernel found it on another machine, and the guest's does not look. */
static int has_failed(const struct network_reading *reading, const struct network_address *address, unsigned flags)
{
        char text[NETWORK_TEXT_MAX];

        if (!(flags & IFA_F_DADFAILED))
                return 0;
        network_address_text(address, text);
        log_warning("network: %s: address %s is a duplicate of another machine's and not carried into the virtual "
                    "machine",
                    network_interface_name(reading->network, address->interface), text);
        return 1;
}

static void fill_address(struct nlmsghdr *message, struct network_address *address)
{
        struct nlattr *local = address_attribute(message, IFA_LOCAL);
        struct nlattr *peer = address_attribute(message, IFA_ADDRESS);
        struct nlattr *broadcast = address_attribute(message, IFA_BROADCAST);
        struct nlattr *metric = address_attribute(message, IFA_RT_PRIORITY);
        struct nlattr *label = address_attribute(message, IFA_LABEL);

        network_copy_ip(address->local, local ? local : peer);
        network_copy_ip(address->peer, peer);
        network_copy_ip(address->broadcast, broadcast);
        address->has_peer = local && peer && memcmp(address->local, address->peer, 16) != 0;
        address->has_broadcast = broadcast != NULL;
        address->metric = metric ? nla_get_u32(metric) : 0;
        if (label)
                nla_strlcpy(address->label, label, sizeof(address->label));
}

static int read_address(struct nlmsghdr *message, void *data)
{
        struct network_reading *reading = data;
        struct network *network = reading->network;
        const struct ifaddrmsg *header = nlmsg_data(message);
        struct nlattr *attribute = address_attribute(message, IFA_FLAGS),
                      *proto = address_attribute(message, IFA_PROTO);
        struct network_address address = {0}, *bigger;
        unsigned flags;

        if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, sizeof(*header)) ||
            (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
                return 0;
        flags = attribute ? nla_get_u32(attribute) : header->ifa_flags;
        address.interface = (uint8_t)network_place(reading, (int)header->ifa_index);
        address.family = header->ifa_family;
        address.prefix = header->ifa_prefixlen;
        address.scope = header->ifa_scope;
        address.flags = flags & CHOSEN_FLAGS;
        address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
        fill_address(message, &address);
        if (address.interface == NETWORK_NO_INTERFACE || has_failed(reading, &address, flags) ||
            is_made_again(reading, &address, flags, proto ? nla_get_u8(proto) : 0))
                return 0;
        if (address.interface != NETWORK_LOOPBACK &&
            strcmp(address.label, network->interfaces[address.interface].name) == 0)
                address.label[0] = '\0';
        bigger = network_grow(reading, network->addresses, network->n_addresses, NETWORK_ADDRESSES_MAX, sizeof(address),
                              "addresses");
        if (!bigger)
                return reading->refused;
        network->addresses = bigger;
        bigger[network->n_addresses++] = address;
        return 0;
}

int network_addresses_read(struct network_reading *reading)
{
        const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};

        return network_list(reading, RTM_GETADDR, &all, sizeof(all), read_address, "addresses");
}
