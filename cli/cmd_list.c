#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/container_table.h"
#include "cli/output.h"
#include "runtime/life/record.h"
#include "runtime/life/state_json.h"

struct list_options {
        const char *format;
        bool quiet;
};

static const struct option_spec specs[] = {
        OPTION(struct list_options, format, "format", 'f', "table|json", "how to print it (default: table)"),
        OPTION(struct list_options, quiet, "quiet", 'q', NULL, "only the IDs"),
};

static int add_id(const struct container *container, void *data)
{
        fprintf(data, "%s\n", container->record->id);
        return 0;
}

static int list_ids(struct runtime *runtime)
{
        _cleanup_output_ struct output output = {0};
        int r = output_begin(&output);

        if (r == 0)
                r = container_each(runtime, add_id, output.stream);
        return r == 0 ? output_end(&output) : r;
}

static int add_json(const struct container *container, void *data)
{
        state_write(data, container);
        return 0;
}

static int list_json(struct runtime *runtime)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        int r, finished;

        json_start(&json, NULL);
        json_array(&json, NULL);
        r = container_each(runtime, add_json, &json);
        json_array_end(&json);
        finished = json_finish(&json, &text);
        if (r == 0)
                r = finished;
        return r == 0 ? output_text(text) : r;
}

static int add_row(const struct container *container, void *data)
{
        return container_table_add(data, container);
}

static int list_table(struct runtime *runtime)
{
        _cleanup_(container_table_release) struct container_table table = {0};
        _cleanup_output_ struct output output = {0};
        int r = container_each(runtime, add_row, &table);

        if (r == 0)
                r = output_begin(&output);
        if (r < 0)
                return r;
        container_table_print(&table, output.stream);
        return output_end(&output);
}

static int run(struct invocation *invocation)
{
        const struct list_options *options = invocation->options;
        const char *format = options->format ? options->format : "table";
        bool is_json = strcmp(format, "json") == 0;

        if (!is_json && strcmp(format, "table") != 0)
                return refuse(EINVAL, "invalid format option '%s': expected table or json", format);
        if (options->quiet)
                return list_ids(invocation->runtime);
        return is_json ? list_json(invocation->runtime) : list_table(invocation->runtime);
}

const struct command command_list = {
        .name = "list",
        .arguments = "",
        .summary = "list all containers",
        .description = "Lists the containers of the state directory (--root), sorted by ID. An entry that cannot be "
                       "read is left out; --log-level warning says which.",
        .examples = "berth list\n"
                    "berth list -q | xargs -n 1 berth delete -f\n"
                    "berth list -f json | jq -r '.[] | select(.status == \"running\").id'",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct list_options),
        .least = 0,
        .most = 0,
        .root = ROOT_READ,
        .run = run,
};
