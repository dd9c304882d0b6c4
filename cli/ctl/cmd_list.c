#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/details.h"
#include "cli/ctl/text_table.h"
#include "cli/output.h"
#include "runtime/ctl/network.h"

struct list_options {
        bool json, quiet, running, stopped;
};

static const struct option_spec specs[] = {
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
        if (details_nets(settings, nets) && network_show(listing->net, container->name, nets[0].index, &result) &&
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
                details_put_json(&listing->json, &(struct details){container, status, listing->net, NULL, NULL});
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
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct list_options),
        .least = 0,
        .most = 0,
        .root = ROOT_READ,
        .run = run_list,
};
