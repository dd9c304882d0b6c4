#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/details.h"
#include "cli/ctl/size_text.h"
#include "cli/ctl/usage_output.h"
#include "cli/output.h"
#include "runtime/ctl/network.h"

struct info_options {
        bool json;
};

static const struct option_spec specs[] = {
        OPTION(struct info_options, json, "json", 'j', NULL, "an object instead of lines"),
};

static int info_json(const struct details *details)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        int r;

        json_start(&json, "  ");
        details_put_json(&json, details);
        r = json_finish(&json, &text);
        return r < 0 ? r : output_text(text);
}

/* Values come from images, too: what would steer a terminal is shown as a question mark. */
static void print_line(FILE *out, const char *key, const char *value)
{
        fprintf(out, "%-14s ", key);
        output_printable(value, out);
        fputc('\n', out);
}

/* Each element of a list on a line of its own, and no more than one: what has lines itself shows them as question
 * marks. */
static int print_setting(FILE *out, const struct settings *settings, const struct setting *setting)
{
        const void *member = (const char *)settings + setting->offset;
        const struct oci_strings *list = member;
        _cleanup_free_ char *text = NULL;

        if (setting->kind == SETTING_LIST) {
                for (size_t i = 0; i < list->n; i++)
                        print_line(out, setting->key, list->v[i]);
                return 0;
        }
        text = setting_text(settings, setting);
        if (!text)
                return fail(ENOMEM, "print the settings");
        if (*text)
                print_line(out, setting->key, text);
        return 0;
}

static void print_address(FILE *out, const struct ctlnet_result *result, const struct ctlnet_address *address)
{
        char text[CTLNET_ADDRESS_TEXT], line[CTLNET_ADDRESS_TEXT + CTLNET_LINK_SIZE + 4];

        if (!address->family)
                return;
        snprintf(line, sizeof(line), "%s, %s", ctlnet_format_address(address, true, text), result->interface);
        print_line(out, "address", line);
}

static void print_network(FILE *out, struct ctlnet *net, const struct ctl_container *container)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n = details_nets(&container->settings, nets);
        struct ctlnet_result result;

        for (size_t i = 0; i < n; i++) {
                if (!network_show(net, container->name, nets[i].index, &result))
                        continue;
                print_address(out, &result, &result.ipv4);
                print_address(out, &result, &result.ipv6);
        }
}

static void print_storage(FILE *out, const struct storage_usage *usage)
{
        char used[SIZE_TEXT], limit[SIZE_TEXT], text[3 * SIZE_TEXT];

        if (usage->kind != STORAGE_PROJECT && usage->kind != STORAGE_IMAGE)
                return;
        snprintf(text, sizeof(text), "%s / %s (%s)", size_text(usage->used, used),
                 usage->limit ? size_text(usage->limit, limit) : "-", storage_kind_name(usage->kind));
        print_line(out, "disk used", text);
        snprintf(text, sizeof(text), usage->inodes_limit ? "%" PRIu64 " / %" PRIu64 : "%" PRIu64 " / -", usage->inodes,
                 usage->inodes_limit);
        print_line(out, "inodes used", text);
}

static int info_lines(const struct details *details)
{
        const struct ctl_container *container = details->container;
        const struct ctl_status *status = &details->status;
        _cleanup_output_ struct output output = {0};
        char text[128];
        int r = output_begin(&output);

        if (r < 0)
                return r;
        print_line(output.stream, "name", container->name);
        print_line(output.stream, "state", ctl_state_name(status->state));
        if (status->pid) {
                snprintf(text, sizeof(text), "%d", (int)status->pid);
                print_line(output.stream, "pid", text);
                print_line(output.stream, "started", status->started);
        }
        if (status->ended) {
                snprintf(text, sizeof(text), "%d, %s", status->exit_status, status->ended_at);
                print_line(output.stream, "last end", text);
        }
        print_network(output.stream, details->net, container);
        if (details->usage)
                usage_lines(details->usage, &container->settings, print_line, output.stream);
        print_storage(output.stream, details->storage);
        for (size_t i = 0; i < n_settings && r == 0; i++)
                r = print_setting(output.stream, &container->settings, &setting_table[i]);
        return r < 0 ? r : output_end(&output);
}

static int run_info(struct invocation *invocation)
{
        const struct info_options *options = invocation->options;
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct storage_usage storage;
        struct usage usage;
        struct details details = {.container = &container, .storage = &storage};
        int r = ctl_find(invocation->ctl, invocation->arguments[0], CTL_UNLOCKED, &container);

        if (r == 0)
                r = ctl_status(invocation->ctl, &container, &details.status);
        if (r == 0)
                r = storage_read_usage(invocation->ctl, &container, &storage);
        if (r < 0)
                return r;
        /* It may have ended between two looks. */
        if (details.status.pid && usage_read(invocation->ctl, &container, false, &usage) == 0)
                details.usage = &usage;
        error_clear();
        details.net = network_open_quietly(invocation->ctl);
        r = options->json ? info_json(&details) : info_lines(&details);
        if (details.net)
                ctlnet_close(details.net);
        return r;
}

const struct command ctl_command_info = {
        .name = "info",
        .arguments = "NAME",
        .summary = "everything about one container",
        .description =
                "Prints the state and the settings of a container, and what it uses beside the limit of each: of CPU "
                "time, memory, swap, processes, bytes read, written, received and sent, disk space and inodes. What "
                "the host does not count is left out.",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct info_options),
        .least = 1,
        .most = 1,
        .root = ROOT_READ,
        .run = run_info,
};
