#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/ps_table.h"

struct ps_options {
        const char *format;
};

static const struct option_spec specs[] = {
        OPTION(struct ps_options, format, "format", 'f', "table|json", "how to print it (default: table)"),
};

static int print_json(const pid_t *pids, size_t n)
{
        _cleanup_output_ struct output output = {0};
        int r = output_begin(&output);

        if (r < 0)
                return r;
        fputc('[', output.stream);
        for (size_t i = 0; i < n; i++)
                fprintf(output.stream, "%s%d", i ? "," : "", (int)pids[i]);
        fputs("]\n", output.stream);
        return output_end(&output);
}

static int print_table(const pid_t *pids, size_t n, const char **arguments, size_t n_arguments)
{
        _cleanup_free_ char *listing = NULL;
        _cleanup_output_ struct output output = {0};
        int r = ps_run(arguments, n_arguments, &listing);

        if (r < 0 && r != -ENOENT)
                return r;
        if (output_begin(&output) < 0)
                return -ENOMEM;
        if (r == -ENOENT) {
                ps_plain(pids, n, output.stream);
                return output_end(&output);
        }
        r = ps_filter(listing, pids, n, output.stream);
        return r < 0 ? r : output_end(&output);
}

static int run(struct invocation *invocation)
{
        const struct ps_options *options = invocation->options;
        const char *format = options->format ? options->format : "table";
        bool is_json = strcmp(format, "json") == 0;
        _cleanup_free_ pid_t *pids = NULL;
        size_t n;
        int r;

        if (!is_json && strcmp(format, "table") != 0)
                return refuse(EINVAL, "invalid format option '%s': expected table or json", format);
        if (!is_json) {
                _cleanup_free_ char *text = NULL;

                r = container_process_table(invocation->runtime, invocation->arguments[0], invocation->n_arguments > 1,
                                            &text);
                if (r < 0 || text)
                        return r < 0 ? r : output_text(text);
        }
        r = container_processes(invocation->runtime, invocation->arguments[0], &pids, &n);
        if (r < 0)
                return r;
        if (is_json)
                return print_json(pids, n);
        return print_table(pids, n, invocation->arguments + 1, invocation->n_arguments - 1);
}

const struct command command_ps = {
        .name = "ps",
        .arguments = "ID [PS-OPTION...]",
        .summary = "list the processes of a container",
        .description = "Lists the container's processes, with the pids of the host. The table is what the host's ps "
                       "says about them; everything after ID is given to ps (default: -ef), which must show a column "
                       "PID. Without a ps on the host only the pids are shown. The processes of a VM are those of "
                       "the guest, with its pids, and ps takes no options then.",
        .examples = "berth ps web\n"
                    "berth ps web -o pid,rss,args\n"
                    "berth ps -f json web",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct ps_options),
        .least = 1,
        .most = SIZE_MAX,
        .stop_at_first = true,
        .root = ROOT_READ,
        .run = run,
};
