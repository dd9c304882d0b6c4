#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/text_table.h"
#include "cli/output.h"
#include "netdev/ctlnet.h"
#include "oci/json_write.h"
#include "runtime/ctl/ctl.h"

struct network_options {
        const char *mode, *parent, *subnet, *subnet6, *gateway, *gateway6;
        bool no_ipv6, no_nat, no_dns, internal, json;
        struct option_number mtu;
};

static const struct option_spec specs[] = {
        OPTION(struct network_options, mode, "mode", 0, "MODE",
               "create: bridge (default), routed (no bridge, for more than 1000 members) or macvlan"),
        OPTION(struct network_options, parent, "parent", 0, "LINK",
               "create: the host's link beside which macvlan is, or on which routed answers for its members"),
        OPTION(struct network_options, subnet, "subnet", 0, "SUBNET", "create: IPv4 subnet (default: a free one)"),
        OPTION(struct network_options, subnet6, "subnet6", 0, "SUBNET", "create: IPv6 subnet (default: a random one)"),
        OPTION(struct network_options, gateway, "gateway", 0, "ADDRESS", "create: the host's IPv4 address in it"),
        OPTION(struct network_options, gateway6, "gateway6", 0, "ADDRESS", "create: the host's IPv6 address in it"),
        OPTION_BETWEEN(struct network_options, mtu, "mtu", 0, "N", 576, 65535, "create: size of packets"),
        OPTION(struct network_options, no_ipv6, "no-ipv6", 0, NULL, "create: IPv4 only"),
        OPTION(struct network_options, no_nat, "no-nat", 0, NULL, "create: members keep their addresses outside"),
        OPTION(struct network_options, no_dns, "no-dns", 0, NULL, "create: no names of members"),
        OPTION(struct network_options, internal, "internal", 0, NULL, "create: no way out of it"),
        OPTION(struct network_options, json, "json", 'j', NULL, "list, show: JSON"),
};

static const char *const modes[] = {
        [CTLNET_BRIDGE] = "bridge", [CTLNET_ROUTED] = "routed", [CTLNET_MACVLAN] = "macvlan"};

static int read_mode(const char *text, enum ctlnet_mode *mode)
{
        for (size_t i = 0; text && i < ELEMENTS(modes); i++)
                if (strcmp(modes[i], text) == 0) {
                        *mode = (enum ctlnet_mode)i;
                        return 0;
                }
        return text ? refuse(EINVAL, "invalid value '%s' for flag --mode: expected bridge, routed or macvlan", text)
                    : 0;
}

static int read_address(const char *option, const char *text, struct ctlnet_address *address)
{
        if (text && ctlnet_parse_address(text, address) < 0)
                return refuse(EINVAL, "invalid value '%s' for flag --%s: expected %s", text, option,
                              strncmp(option, "subnet", 6) == 0 ? "a subnet such as 10.20.0.0/24 or fd00:20::/64"
                                                                : "an address");
        return 0;
}

static int create(const struct network_options *options, struct ctlnet *net, const char *name)
{
        struct ctlnet_network network = {
                .no_ipv6 = options->no_ipv6,
                .no_nat = options->no_nat,
                .no_dns = options->no_dns,
                .internal = options->internal,
                .mtu = (unsigned)options->mtu.value,
        };
        int r = read_mode(options->mode, &network.mode);

        if (strlen(name) > CTLNET_NAME_MAX)
                return refuse(EINVAL, "'%.40s' is no name of a network: at most %d characters", name, CTLNET_NAME_MAX);
        snprintf(network.name, sizeof(network.name), "%s", name);
        if (options->parent && strlen(options->parent) >= sizeof(network.parent))
                return refuse(EINVAL, "--parent '%.40s' is no name of a link", options->parent);
        snprintf(network.parent, sizeof(network.parent), "%s", options->parent ? options->parent : "");
        if (r == 0)
                r = read_address("subnet", options->subnet, &network.subnet4);
        if (r == 0)
                r = read_address("subnet6", options->subnet6, &network.subnet6);
        if (r == 0)
                r = read_address("gateway", options->gateway, &network.gateway4);
        if (r == 0)
                r = read_address("gateway6", options->gateway6, &network.gateway6);
        return r < 0 ? r : ctlnet_network_create(net, &network);
}

static void put_network(struct json_writer *json, const struct ctlnet_network *network)
{
        char text[CTLNET_ADDRESS_TEXT];

        json_object(json, NULL);
        json_string(json, "name", network->name);
        json_string(json, "mode", modes[network->mode]);
        if (*network->parent)
                json_string(json, "parent", network->parent);
        json_string(json, "subnet4", ctlnet_format_address(&network->subnet4, true, text));
        json_string(json, "gateway4", ctlnet_format_address(&network->gateway4, false, text));
        if (network->subnet6.family) {
                json_string(json, "subnet6", ctlnet_format_address(&network->subnet6, true, text));
                json_string(json, "gateway6", ctlnet_format_address(&network->gateway6, false, text));
        }
        json_bool(json, "nat", !network->no_nat);
        json_bool(json, "dns", !network->no_dns);
        json_bool(json, "internal", network->internal);
        json_u64(json, "mtu", network->mtu);
        json_u64(json, "members", network->members);
        json_object_end(json);
}

static int print_json(const struct ctlnet_network *networks, size_t n, bool array)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        int r;

        json_start(&json, "  ");
        if (array)
                json_array(&json, NULL);
        for (size_t i = 0; i < n; i++)
                put_network(&json, &networks[i]);
        if (array)
                json_array_end(&json);
        r = json_finish(&json, &text);
        return r < 0 ? r : output_text(text);
}

static int add_row(struct text_table *table, const struct ctlnet_network *network)
{
        char subnet4[CTLNET_ADDRESS_TEXT], subnet6[CTLNET_ADDRESS_TEXT], members[24];

        snprintf(members, sizeof(members), "%zu", network->members);
        return text_table_add(
                table,
                (const char *[]){
                        network->name, modes[network->mode], ctlnet_format_address(&network->subnet4, true, subnet4),
                        network->subnet6.family ? ctlnet_format_address(&network->subnet6, true, subnet6) : "-",
                        network->no_nat ? "no" : "yes", network->internal ? "yes" : "no", members});
}

static int print_table(const struct ctlnet_network *networks, size_t n)
{
        static const char *const titles[] = {"NAME", "MODE", "IPV4", "IPV6", "NAT", "INTERNAL", "MEMBERS"};
        _cleanup_(text_table_release) struct text_table table = {.n_columns = ELEMENTS(titles)};
        _cleanup_output_ struct output output = {0};
        int r = output_begin(&output);

        if (r == 0)
                r = text_table_add(&table, titles);
        for (size_t i = 0; i < n && r == 0; i++)
                r = add_row(&table, &networks[i]);
        if (r < 0)
                return r;
        text_table_print(&table, output.stream);
        return output_end(&output);
}

static void print_line(FILE *out, const char *key, const char *value)
{
        fprintf(out, "%-10s ", key);
        output_printable(value, out);
        fputc('\n', out);
}

static void print_subnet(FILE *out, const struct ctlnet_address *subnet, const struct ctlnet_address *gateway)
{
        char text[CTLNET_ADDRESS_TEXT];

        if (!subnet->family)
                return;
        print_line(out, "subnet", ctlnet_format_address(subnet, true, text));
        print_line(out, "gateway", ctlnet_format_address(gateway, false, text));
}

/* The size of packets where none was set: ctlnet_network.mtu. */
static const char *default_mtu(const struct ctlnet_network *network)
{
        return network->mode == CTLNET_MACVLAN ? "the parent's" : "1500";
}

static int print_lines(const struct ctlnet_network *network)
{
        _cleanup_output_ struct output output = {0};
        char number[24];
        int r = output_begin(&output);

        if (r < 0)
                return r;
        print_line(output.stream, "name", network->name);
        print_line(output.stream, "mode", modes[network->mode]);
        if (*network->parent)
                print_line(output.stream, "parent", network->parent);
        print_subnet(output.stream, &network->subnet4, &network->gateway4);
        print_subnet(output.stream, &network->subnet6, &network->gateway6);
        print_line(output.stream, "nat", network->no_nat ? "no" : "yes");
        print_line(output.stream, "dns", network->no_dns ? "no" : "yes");
        print_line(output.stream, "internal", network->internal ? "yes" : "no");
        snprintf(number, sizeof(number), "%u", network->mtu);
        print_line(output.stream, "mtu", network->mtu ? number : default_mtu(network));
        snprintf(number, sizeof(number), "%zu", network->members);
        print_line(output.stream, "members", number);
        return output_end(&output);
}

static int list(const struct network_options *options, struct ctlnet *net, const char *name)
{
        _cleanup_free_ struct ctlnet_network *networks = NULL;
        size_t n = 0;
        int r = ctlnet_network_list(net, &networks, &n), printed;

        (void)name;
        if (r < 0 && !networks)
                return r;
        printed = options->json ? print_json(networks, n, true) : print_table(networks, n);
        return printed < 0 ? printed : r;
}

static int show(const struct network_options *options, struct ctlnet *net, const char *name)
{
        struct ctlnet_network network;
        int r = ctlnet_network_show(net, name, &network);

        if (r < 0)
                return r;
        return options->json ? print_json(&network, 1, false) : print_lines(&network);
}

static int delete (const struct network_options *options, struct ctlnet *net, const char *name)
{
        (void)options;
        return ctlnet_network_delete(net, name);
}

/* "connect NET CONTAINER" */
static int change_member(struct invocation *invocation,
                         int (*change)(struct ctl *ctl, struct ctl_container *container, const char *net, bool *later))
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        bool later = false;
        int r = ctl_find(invocation->ctl, invocation->arguments[2], CTL_LOCKED, &container);

        if (r == 0)
                r = change(invocation->ctl, &container, invocation->arguments[1], &later);
        if (r == 0 && later)
                fprintf(stderr, "%s runs: this counts from its next start\n", container.name);
        return r;
}

static const struct {
        const char *name;
        int (*change)(struct ctl *ctl, struct ctl_container *container, const char *net, bool *later);
} changes[] = {{"connect", ctl_connect}, {"disconnect", ctl_disconnect}};

static const struct {
        const char *name;
        bool names; /* wants the name of a network */
        int (*act)(const struct network_options *options, struct ctlnet *net, const char *name);
} actions[] = {{"create", true, create}, {"list", false, list}, {"show", true, show}, {"delete", true, delete}};

static int run(struct invocation *invocation)
{
        const char *word = invocation->arguments[0];

        if (geteuid() != 0 && strcmp(word, "list") != 0 && strcmp(word, "show") != 0)
                return refuse(EPERM, "network %s: networks are root's; an ordinary user's containers have --net pasta",
                              word);
        if (strcmp(word, "repair") == 0 && invocation->n_arguments == 1)
                return ctl_repair_networks(invocation->ctl);
        for (size_t i = 0; i < ELEMENTS(changes); i++) {
                if (strcmp(changes[i].name, word) != 0)
                        continue;
                if (invocation->n_arguments != 3)
                        return refuse(EINVAL, "network %s: expected a network and the name of a container", word);
                return change_member(invocation, changes[i].change);
        }

        for (size_t i = 0; i < ELEMENTS(actions); i++) {
                struct ctlnet *net;
                int r;

                if (strcmp(actions[i].name, word) != 0)
                        continue;
                if (actions[i].names != (invocation->n_arguments == 2))
                        return refuse(EINVAL, "network %s: expected %s", word,
                                      actions[i].names ? "the name of a network" : "no name");
                r = ctlnet_open(invocation->ctl->directory, &net);
                if (r < 0)
                        return r;
                r = actions[i].act(invocation->options, net, invocation->arguments[1]);
                ctlnet_close(net);
                return r;
        }
        return refuse(EINVAL,
                      "network: unknown word '%s': expected create, list, show, delete, connect, disconnect or repair",
                      word);
}

const struct command ctl_command_network = {
        .name = "network",
        .arguments = "create|list|show|delete [NAME] or connect|disconnect NET CONTAINER or repair",
        .summary = "the networks that containers join",
        .description =
                "Makes, lists, shows and deletes networks. Members of a network reach each other, by their names, "
                "too, and the world by NAT; networks are kept apart from each other. berth0 is made on first use. A "
                "network that has members cannot be deleted.\nconnect gives a container one interface more, at once "
                "when it runs: NET is what --net of create takes. disconnect takes one away, by its network or its "
                "name inside (eth1); the first one only while the container is stopped.\nrepair makes bridges, "
                "firewall tables and names anew, and undoes what crashes left.",
        .examples = "berthctl network create lab --subnet 10.20.0.0/24\n"
                    "berthctl create web --image busybox --net lab --ip 10.20.0.5\n"
                    "berthctl network connect lab,ip=10.20.0.9 db\n"
                    "berthctl network list",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct network_options),
        .least = 1,
        .most = 3,
        .root = ROOT_MAKE,
        .run = run,
};
