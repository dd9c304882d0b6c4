#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "netdev/ctl/host.h"
#include "netdev/ctl/keys.h"
#include "netdev/ctl/state.h"
#include "netdev/ctl/subnet.h"

#define DEFINITION "network"
#define FILE_MAX   4096

#define ROW(text, kind, member)                                                                                        \
        {                                                                                                              \
                text, kind, offsetof(struct ctlnet_network, member), sizeof(((struct ctlnet_network *)0)->member)      \
        }

static const struct key keys[] = {
        ROW("mode", KEY_MODE, mode),           ROW("parent", KEY_TEXT, parent),
        ROW("subnet", KEY_ADDRESS, subnet4),   ROW("subnet6", KEY_ADDRESS, subnet6),
        ROW("gateway", KEY_ADDRESS, gateway4), ROW("gateway6", KEY_ADDRESS, gateway6),
        ROW("no-ipv6", KEY_BOOL, no_ipv6),     ROW("no-nat", KEY_BOOL, no_nat),
        ROW("no-dns", KEY_BOOL, no_dns),       ROW("internal", KEY_BOOL, internal),
        ROW("mtu", KEY_UNSIGNED, mtu),
};

/* ---- on disk ---- */

int network_load(struct ctlnet *net, const char *name, struct ctlnet_network *network)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int dir = -EBADF;
        size_t size;
        int r;

        *network = (struct ctlnet_network){0};
        if (!names_network_is_good(name))
                return -ENOENT;
        memcpy(network->name, name, strlen(name));
        dir = openat(net->networks, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = dir < 0 ? -errno : read_regular_file_at(dir, DEFINITION, FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return r;
        if (r == 0)
                r = keys_parse(keys, ELEMENTS(keys), text, NULL, network);
        else
                fail(-r, "read its definition");
        return r < 0 ? fail_in(r, "network %s", name) : 0;
}

int network_directory(struct ctlnet *net, const char *name)
{
        int fd = openat(net->networks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open the directory of network %s", name) : fd;
}

int network_room(struct ctlnet *net, const char *name, const char *room)
{
        _cleanup_close_ int dir = network_directory(net, name);
        int r = dir < 0 ? dir : state_directory(dir, room);

        return r < 0 && dir >= 0 ? fail_in(r, "network %s", name) : r;
}

static int write_definition(int dir, const struct ctlnet_network *network)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -ENOMEM;
        keys_print(keys, ELEMENTS(keys), network, file);
        if (fclose(file) != 0)
                return -ENOMEM;
        return replace_file_durably_at(dir, DEFINITION, text, size, 0644);
}

/* Beside its place first: a network exists whole or not. What a crash left is in the way of nobody. */
static int write_network(struct ctlnet *net, const struct ctlnet_network *network)
{
        char draft[CTLNET_NAME_MAX + 8];
        _cleanup_close_ int dir = -EBADF;
        int r;

        snprintf(draft, sizeof(draft), ".new-%s", network->name);
        r = remove_tree_at(net->networks, draft);
        if (r < 0)
                return r;
        dir = state_directory(net->networks, draft);
        if (dir < 0)
                return dir;
        r = write_definition(dir, network);
        if (r == 0 && (renameat(net->networks, draft, net->networks, network->name) < 0 || fsync(net->networks) < 0))
                r = -errno;
        return r < 0 ? fail(-r, "write network %s", network->name) : 0;
}

/* ---- what is free ---- */

struct search {
        const struct ctlnet_address *subnet;
        const char *except; /* a network that does not count */
        char with[80];      /* what overlaps; "" for nothing */
};

static int compare_network(struct ctlnet *net, const char *name, void *data)
{
        struct search *search = data;
        struct ctlnet_network other;
        int r = network_load(net, name, &other);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (!search->with[0] && strcmp(name, search->except) != 0 &&
            (subnet_overlaps(search->subnet, &other.subnet4) || subnet_overlaps(search->subnet, &other.subnet6)))
                snprintf(search->with, sizeof(search->with), "network %s", name);
        return 0;
}

/* 0 and what the subnet overlaps, "" for nothing. */
static int find_overlap(struct ctlnet *net, const struct ctlnet_network *network, const struct ctlnet_address *subnet,
                        char with[80])
{
        struct search search = {.subnet = subnet, .except = network->name};
        int r = network_each(net, compare_network, &search);

        if (r == 0 && !search.with[0])
                r = host_overlap(net, subnet, network->parent, network->name, search.with, sizeof(search.with));
        memcpy(with, search.with, sizeof(search.with));
        return r;
}

static int take_subnet4(struct ctlnet *net, struct ctlnet_network *network)
{
        char with[80];

        for (unsigned n = 0; n < SUBNET_CANDIDATES; n++) {
                struct ctlnet_address subnet = subnet_candidate4(network->name, n);
                int r = find_overlap(net, network, &subnet, with);

                if (r < 0)
                        return r;
                if (!with[0]) {
                        network->subnet4 = subnet;
                        return 0;
                }
        }
        return refuse(EADDRNOTAVAIL, "network %s: no /20 of 10.64.0.0/10 is free; give it a subnet", network->name);
}

/* "This network", loopback, multicast: the kernel takes none of them for a gateway. IPv4's addresses written as IPv6's
 * nobody can listen at, and whose the link-local ones are is not checked (nft_tables.c). */
static bool is_unicast(const struct ctlnet_address *subnet)
{
        static const struct ctlnet_address others[] = {
                {.family = AF_INET, .prefix = 8, .bytes = {0}},
                {.family = AF_INET, .prefix = 8, .bytes = {127}},
                {.family = AF_INET, .prefix = 4, .bytes = {224}},
                {.family = AF_INET6, .prefix = 8, .bytes = {0xff}},
                {.family = AF_INET6, .prefix = 96, .bytes = {[10] = 0xff, [11] = 0xff}},
                {.family = AF_INET6, .prefix = 10, .bytes = {0xfe, 0x80}},
        };

        for (size_t i = 0; i < ELEMENTS(others); i++)
                if (subnet_overlaps(&others[i], subnet))
                        return false;
        return true;
}

static int check_subnet(struct ctlnet *net, const struct ctlnet_network *network, const struct ctlnet_address *subnet)
{
        struct ctlnet_address first = subnet_first(subnet);
        char text[CTLNET_ADDRESS_TEXT], with[80];
        int r;

        ctlnet_format_address(subnet, true, text);
        if (!subnet_same_ip(&first, subnet))
                return refuse(EINVAL, "network %s: %s has bits behind its prefix", network->name, text);
        if (!is_unicast(subnet))
                return refuse(EINVAL, "network %s: the addresses of %s are not those of hosts", network->name, text);
        if (subnet_hosts(subnet) < 2)
                return refuse(EINVAL, "network %s: %s has no room for a gateway and a container", network->name, text);
        r = find_overlap(net, network, subnet, with);
        if (r == 0 && with[0])
                return refuse(EADDRINUSE, "network %s: %s overlaps %s", network->name, text, with);
        return r;
}

static int complete_gateway(const struct ctlnet_network *network, const struct ctlnet_address *subnet,
                            struct ctlnet_address *gateway)
{
        char text[CTLNET_ADDRESS_TEXT];

        if (!subnet->family)
                return 0;
        if (!gateway->family)
                *gateway = subnet_host(subnet, 1);
        gateway->prefix = subnet->prefix;
        if (!subnet_is_host(subnet, gateway))
                return refuse(EINVAL, "network %s: gateway %s is no address of its subnet", network->name,
                              ctlnet_format_address(gateway, false, text));
        return 0;
}

/* Fills in subnets and gateways. */
static int complete(struct ctlnet *net, struct ctlnet_network *network)
{
        uint8_t random[5];
        int r;

        /* A host that was started without IPv6 has none to give. */
        network->no_ipv6 |= !network->subnet6.family && access("/proc/sys/net/ipv6", F_OK) < 0;
        r = network->subnet4.family ? check_subnet(net, network, &network->subnet4) : take_subnet4(net, network);

        if (r == 0 && !network->subnet6.family && !network->no_ipv6 && network->mode != CTLNET_MACVLAN) {
                if (getrandom(random, sizeof(random), 0) != sizeof(random))
                        return fail(errno, "network %s: random bits for its IPv6 subnet", network->name);
                network->subnet6 = subnet_ula(random);
        }
        if (r == 0 && network->subnet6.family)
                r = check_subnet(net, network, &network->subnet6);
        if (r == 0)
                r = complete_gateway(network, &network->subnet4, &network->gateway4);
        return r < 0 ? r : complete_gateway(network, &network->subnet6, &network->gateway6);
}

/* ---- commands ---- */

static int check_network(const struct ctlnet_network *network)
{
        const char *name = network->name;

        if (!names_network_is_good(name))
                return refuse(EINVAL,
                              "network \"%s\": a name has 1 to %d letters, digits, '-', '.', '_', and is not "
                              "lo, all, default, host, none or pasta",
                              name, CTLNET_NAME_MAX);
        if (network->mode != CTLNET_BRIDGE && network->mode != CTLNET_ROUTED && network->mode != CTLNET_MACVLAN)
                return refuse(EINVAL, "network %s: its mode is bridge, routed or macvlan", name);
        if (network->mode == CTLNET_MACVLAN && (!network->parent[0] || !network->subnet4.family))
                return refuse(EINVAL, "network %s: macvlan needs a parent link and its subnet", name);
        if (network->parent[0] && !names_link_is_good(network->parent))
                return refuse(EINVAL, "network %s: \"%s\" is no name of a link", name, network->parent);
        if (network->mode == CTLNET_BRIDGE && network->parent[0])
                return refuse(EINVAL, "network %s: a bridge has no parent link", name);
        if (network->subnet4.family && network->subnet4.family != AF_INET)
                return refuse(EINVAL, "network %s: the subnet is not IPv4", name);
        if (network->subnet6.family && (network->subnet6.family != AF_INET6 || network->no_ipv6))
                return refuse(EINVAL, "network %s: the IPv6 subnet is none, or not wanted", name);
        if (network->mtu && (network->mtu < 576 || network->mtu > 65535))
                return refuse(EINVAL, "network %s: an MTU of %u is not between 576 and 65535", name, network->mtu);
        return 0;
}

int network_define(struct ctlnet *net, const struct ctlnet_network *network)
{
        struct ctlnet_network whole = *network, other;
        int r = check_network(network);

        if (r == 0) {
                r = network_load(net, network->name, &other);
                if (r == 0)
                        return refuse(EEXIST, "network %s exists", network->name);
                r = r == -ENOENT ? complete(net, &whole) : r;
        }
        return r < 0 ? r : write_network(net, &whole);
}

int network_need(struct ctlnet *net, const char *name, struct ctlnet_network *network)
{
        int r = network_load(net, name, network);

        if (r == -ENOENT && strcmp(name, CTLNET_DEFAULT) == 0) {
                struct ctlnet_network standard = {.name = CTLNET_DEFAULT, .mode = CTLNET_BRIDGE};

                r = network_define(net, &standard);
                return r < 0 ? r : network_load(net, name, network);
        }
        return r == -ENOENT ? refuse(ENOENT, "there is no network %s", name) : r;
}
