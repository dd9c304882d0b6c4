/* list and info: what there is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/size_text.h"
#include "cli/ctl/text_table.h"
#include "cli/ctl/usage_output.h"
#include "cli/output.h"
#include "oci/json_write.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/network.h"
#include "runtime/ctl/storage.h"

struct list_options {
        bool json, quiet, running, stopped;
};

static const struct option_spec list_specs[] = {
        OPTION(struct list_options, json, "json", 'j', NULL, "an array of objects instead of a table"),
        OPTION(struct list_options, quiet, "quiet", 'q', NULL, "only the names"),
        OPTION(struct list_options, running, "running", 'r', NULL, "only those that run"),
        OPTION(struct list_options, stopped, "stopped", 's', NULL, "only those that do not"),
};

/* What is being collected, of all containers or of half of them. */
struct listing {
        struct ctl *ctl;
        const struct list_options *options;
        struct ctlnet *net; /* NULL: no addresses */
        struct json_writer json;
        struct output output; /* names, or cells of the table, each ended by a NUL */
        bool begun;
};

static const char *const titles[] = {"NAME", "STATE", "PID", "ADDRESS", "CPUS", "MEMORY", "AUTOSTART", "IMAGE"};

static void put_status(struct json_writer *json, const struct ctl_status *status)
{
        json_string(json, "state", ctl_state_name(status->state));
        if (status->pid) {
                json_i64(json, "pid", status->pid);
                json_string(json, "started", status->started);
        }
        json_bool(json, "keeper", status->keeper);
        if (status->ended) {
                json_object(json, "last");
                json_i64(json, "status", status->exit_status);
                json_string(json, "time", status->ended_at);
                json_object_end(json);
        }
}

static void put_setting(struct json_writer *json, const struct settings *settings, const struct setting *setting)
{
        const char *member = (const char *)settings + setting->offset;

        switch (setting->kind) {
        case SETTING_TEXT:
                json_string(json, setting->key, *(const char *const *)(const void *)member);
                return;
        case SETTING_FLAG:
                json_bool(json, setting->key, *(const bool *)(const void *)member);
                return;
        case SETTING_LIST:
                json_strings(json, setting->key, (const struct oci_strings *)(const void *)member);
                return;
        default:
                if (!((const struct optional_i64 *)(const void *)member)->set)
                        return;
                if (setting->kind == SETTING_CPUS)
                        json_decimal(json, setting->key,
                                     (double)((const struct optional_i64 *)(const void *)member)->value / 1000);
                else
                        json_i64(json, setting->key, ((const struct optional_i64 *)(const void *)member)->value);
        }
}

static void put_interface(struct json_writer *json, const char *key, const char *net,
                          const struct ctlnet_result *result)
{
        char address[CTLNET_ADDRESS_TEXT], mac[CTLNET_MAC_TEXT];

        json_object(json, key);
        json_string(json, "net", net);
        json_string(json, "interface", result->interface);
        json_string(json, "mac", ctlnet_format_mac(result->mac, mac));
        if (result->ipv4.family)
                json_string(json, "ipv4", ctlnet_format_address(&result->ipv4, true, address));
        if (result->ipv6.family)
                json_string(json, "ipv6", ctlnet_format_address(&result->ipv6, true, address));
        if (*result->host_link)
                json_string(json, "hostLink", result->host_link);
        json_object_end(json);
}

/* None where settings are damaged, or say host, none or another container's. */
static size_t read_nets(const struct settings *settings, struct net_setting nets[CTLNET_INTERFACES_MAX])
{
        size_t n;

        if (net_settings_read(settings, nets, &n) == 0)
                return n;
        error_clear();
        return 0;
}

/* "network" is the first of "interfaces". */
static void put_network(struct json_writer *json, struct ctlnet *net, const struct ctl_container *container)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n = read_nets(&container->settings, nets);
        struct ctlnet_result result;

        if (n == 0 || !network_show(net, container->name, nets[0].index, &result))
                return;
        put_interface(json, "network", nets[0].net, &result);
        json_array(json, "interfaces");
        for (size_t i = 0; i < n; i++)
                if (i == 0 || network_show(net, container->name, nets[i].index, &result))
                        put_interface(json, NULL, nets[i].net, &result);
        json_array_end(json);
}

/* What limits of disk space and inodes leave. */
static void put_storage(struct json_writer *json, const struct storage_usage *usage)
{
        json_object(json, "storage");
        json_string(json, "kind", storage_kind_name(usage->kind));
        if (usage->kind == STORAGE_PROJECT || usage->kind == STORAGE_IMAGE) {
                json_u64(json, "used", usage->used);
                json_u64(json, "limit", usage->limit);
                json_u64(json, "inodes", usage->inodes);
                json_u64(json, "inodesLimit", usage->inodes_limit);
        }
        json_object_end(json);
}

/* What is told of a container. */
struct details {
        const struct ctl_container *container;
        struct ctl_status status;
        struct ctlnet *net;            /* NULL: no addresses */
        struct storage_usage *storage; /* NULL: not looked at */
        struct usage *usage;           /* NULL: not looked at, or it does not run */
};

static void put_container(struct json_writer *json, const struct details *details)
{
        const struct ctl_container *container = details->container;

        json_object(json, NULL);
        json_string(json, "name", container->name);
        put_status(json, &details->status);
        put_network(json, details->net, container);
        if (details->storage)
                put_storage(json, details->storage);
        if (details->usage) {
                json_object(json, "usage");
                usage_put_json(json, details->usage);
                json_object_end(json);
        }
        json_object(json, "settings");
        for (size_t i = 0; i < n_settings && !container->partial; i++)
                put_setting(json, &container->settings, &setting_table[i]);
        json_object_end(json);
        json_object_end(json);
}

static bool is_wanted(const struct list_options *options, const struct ctl_status *status)
{
        bool lives = status->state == CTL_RUNNING || status->state == CTL_PAUSED || status->state == CTL_RESTARTING;

        return (!options->running && !options->stopped) || (options->running && lives) || (options->stopped && !lives);
}

static int put_row(struct listing *listing, const struct ctl_container *container, const struct ctl_status *status)
{
        const struct settings *settings = &container->settings;
        _cleanup_free_ char *memory = setting_text(settings, setting_find("memory"));
        _cleanup_free_ char *cpus = setting_text(settings, setting_find("cpus"));
        char pid[16] = "-", address[CTLNET_ADDRESS_TEXT] = "-";
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        struct ctlnet_result result;

        if (!memory || !cpus)
                return fail(ENOMEM, "list the containers");
        if (status->pid)
                snprintf(pid, sizeof(pid), "%d", (int)status->pid);
        if (read_nets(settings, nets) && network_show(listing->net, container->name, nets[0].index, &result) &&
            result.ipv4.family)
                (void)ctlnet_format_address(&result.ipv4, false, address);
        for (size_t i = 0; i < ELEMENTS(titles); i++) {
                const char *cells[ELEMENTS(titles)] = {container->name,
                                                       ctl_state_name(status->state),
                                                       pid,
                                                       address,
                                                       *cpus ? cpus : "-",
                                                       *memory ? memory : "-",
                                                       settings->autostart ? "yes" : "no",
                                                       settings->image ? settings->image : "-"};

                fwrite(cells[i], 1, strlen(cells[i]) + 1, listing->output.stream);
        }
        return 0;
}

static int begin(struct listing *listing)
{
        if (listing->begun)
                return 0;
        listing->begun = true;
        if (!listing->options->json)
                return output_begin(&listing->output);
        json_start(&listing->json, "  ");
        json_array(&listing->json, NULL);
        return 0;
}

static int visit(struct ctl_container *container, void *data)
{
        struct listing *listing = data;
        struct ctl_status status;
        int r = begin(listing);

        if (r == 0)
                r = ctl_state(listing->ctl, container, &status);
        if (r < 0)
                return r;
        if (!is_wanted(listing->options, &status))
                return 0;
        if (listing->options->json) {
                ctl_state_details(listing->ctl, container, &status);
                put_container(&listing->json, &(struct details){container, status, listing->net, NULL, NULL});
        } else if (listing->options->quiet)
                fprintf(listing->output.stream, "%s\n", container->name);
        else
                return put_row(listing, container, &status);
        return 0;
}

static int tell(void *data, struct ctl_told *told)
{
        struct listing *listing = data;
        int r = begin(listing);

        if (r < 0)
                return r;
        listing->begun = false;
        if (!listing->options->json)
                return output_take(&listing->output, &told->text, &told->size);
        json_array_end(&listing->json);
        r = json_finish(&listing->json, &told->text);
        told->size = r < 0 ? 0 : strlen(told->text);
        return r;
}

/* Both are "[]\n", or "[\n", objects and "\n]\n". */
static int print_arrays(const struct ctl_told told[2])
{
        _cleanup_output_ struct output output = {0};
        bool first = told[0].size > strlen("[]\n"), second = told[1].size > strlen("[]\n");
        int r = output_begin(&output);

        if (r < 0)
                return r;
        if (first && second)
                fprintf(output.stream, "%.*s,%s", (int)(told[0].size - strlen("\n]\n")), told[0].text,
                        told[1].text + strlen("["));
        else
                fputs(told[second].text, output.stream);
        return output_end(&output);
}

static int add_rows(struct text_table *table, const struct ctl_told *told)
{
        const char *cells[ELEMENTS(titles)];
        size_t n = 0;
        int r = 0;

        for (const char *p = told->text; p < told->text + told->size && r == 0; p += strlen(p) + 1) {
                cells[n++] = p;
                if (n == ELEMENTS(cells))
                        r = text_table_add(table, cells);
                n %= ELEMENTS(cells);
        }
        return r;
}

static int print_table(const struct ctl_told told[2])
{
        _cleanup_output_ struct output output = {0};
        struct text_table table = {.n_columns = ELEMENTS(titles)};
        int r = output_begin(&output);

        if (r == 0)
                r = text_table_add(&table, titles);
        for (int i = 0; i < 2 && r == 0; i++)
                r = add_rows(&table, &told[i]);
        if (r == 0)
                text_table_print(&table, output.stream);
        text_table_release(&table);
        return r < 0 ? r : output_end(&output);
}

static int print_names(const struct ctl_told told[2])
{
        int r = output_write(told[0].text, told[0].size);

        return r < 0 || !told[1].text ? r : output_write(told[1].text, told[1].size);
}

static int run_list(struct invocation *invocation)
{
        struct listing listing = {.ctl = invocation->ctl, .options = invocation->options};
        struct ctl_told told[2];
        int r;

        listing.net = network_open_quietly(invocation->ctl);
        r = ctl_each_shared(listing.ctl, visit, tell, &listing, told);
        if (r == 0)
                r = (listing.options->json ? print_arrays : listing.options->quiet ? print_names : print_table)(told);
        ctl_told_release(told);
        if (listing.net)
                ctlnet_close(listing.net);
        return r;
}

const struct command ctl_command_list = {
        .name = "list",
        .arguments = "",
        .summary = "the containers, and what they do",
        .description =
                "Lists the containers with their states: running, paused, stopped, restarting (it ended, and its "
                "policy starts it again), busy (another command makes or removes it) or partial (a crash came while "
                "it was made; destroy removes it).",
        .examples = "berthctl list\n"
                    "berthctl list --running --quiet\n"
                    "berthctl list --json | jq '.[].name'",
        .options = OPTION_TABLE(list_specs),
        .options_size = sizeof(struct list_options),
        .least = 0,
        .most = 0,
        .root = ROOT_READ,
        .run = run_list,
};

struct info_options {
        bool json;
};

static const struct option_spec info_specs[] = {
        OPTION(struct info_options, json, "json", 'j', NULL, "an object instead of lines"),
};

static int info_json(const struct details *details)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        int r;

        json_start(&json, "  ");
        put_container(&json, details);
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
        size_t n = read_nets(&container->settings, nets);
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
        .description = "Prints the state and the settings of a container, and what it uses beside the limit of each: "
                       "of CPU time, memory, "
                       "swap, processes, bytes read, written, received and sent, disk space and inodes. What the host "
                       "does not count is "
                       "left out.",
        .options = OPTION_TABLE(info_specs),
        .options_size = sizeof(struct info_options),
        .least = 1,
        .most = 1,
        .root = ROOT_READ,
        .run = run_info,
};
