/* top: what running containers do now, on a live screen or as rows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/top.h"
#include "cli/output.h"

#define INTERVAL_MS       2000
#define INTERVAL_LEAST_MS 100

struct top_options {
        bool all, batch, reverse;
        const char *sort;
        struct option_duration interval;
        struct option_number count;
};

static const struct option_spec top_specs[] = {
        OPTION(struct top_options, all, "all", 'a', NULL, "those that do not run, too"),
        OPTION(struct top_options, batch, "batch", 'b', NULL, "rows instead of a screen (as without a terminal)"),
        OPTION(struct top_options, sort, "sort", 's', "KEY", "cpu (the default), memory, pids, io, net, name or state"),
        OPTION(struct top_options, reverse, "reverse", 'r', NULL, "the other way round"),
        OPTION_BETWEEN(struct top_options, interval, "interval", 'i', "DURATION", 1, INT32_MAX,
                       "between two looks (default: 2s)"),
        OPTION_BETWEEN(struct top_options, count, "count", 'n', "N", 1, 1000000000,
                       "end after N looks (default: on a screen none, as rows 1)"),
};

static int parse_key(const char *text, enum top_key *key)
{
        for (size_t i = 0; text && i < TOP_KEYS; i++)
                if (strcmp(top_key_words[i].word, text) == 0) {
                        *key = (enum top_key)i;
                        return 0;
                }
        return text ? refuse(EINVAL,
                             "invalid value '%s' for flag --sort: expected cpu, memory, pids, io, net, name or state",
                             text)
                    : 0;
}

static int print_rows(const struct top_look *look, bool again)
{
        _cleanup_(text_table_release) struct text_table table = {0};
        _cleanup_output_ struct output output = {0};
        int r = output_begin(&output);

        if (r == 0)
                r = top_table(look, &table);
        if (r < 0)
                return r;
        if (again)
                fputc('\n', output.stream);
        text_table_print(&table, output.stream);
        return output_end(&output);
}

/* Rates need two looks: the first one is not printed. Who reads may go away at any time. */
static int print_batch(struct top_view *view)
{
        _cleanup_(top_release) struct top_look before = {0};
        int r = top_look(&view->wish, NULL, &before);

        for (int64_t i = 0; r == 0 && i < view->count; i++) {
                struct top_look look;

                r = wait_fd(STDOUT_FILENO, 0, (int)view->interval_ms);
                if (r != -ETIMEDOUT)
                        return r < 0 ? fail(-r, "wait for the next look") : 0;
                r = top_look(&view->wish, &before, &look);
                if (r < 0)
                        return r;
                top_release(&before);
                before = look;
                top_sort(&before, view->key, view->reverse);
                r = print_rows(&before, i > 0);
                top_sort(&before, TOP_NAME, false);
        }
        return r;
}

static int run_top(struct invocation *invocation)
{
        const struct top_options *options = invocation->options;
        bool screen = !options->batch && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        struct top_view view = {
                .wish = {.invocation = invocation, .stopped = options->all},
                .key = TOP_CPU,
                .reverse = options->reverse,
                .interval_ms = options->interval.set ? options->interval.milliseconds : INTERVAL_MS,
                .count = options->count.set ? options->count.value : !screen,
        };
        int r = parse_key(options->sort, &view.key);

        if (r == 0 && view.interval_ms < INTERVAL_LEAST_MS)
                r = refuse(EINVAL, "invalid value for flag --interval: expected at least %dms", INTERVAL_LEAST_MS);
        for (size_t i = 0; i < invocation->n_arguments && r == 0; i++) {
                _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;

                r = ctl_find(invocation->ctl, invocation->arguments[i], CTL_UNLOCKED, &container);
        }
        if (r < 0)
                return r;
        return screen ? top_show(&view) : print_batch(&view);
}

const struct command ctl_command_top = {
        .name = "top",
        .arguments = "[NAME...]",
        .summary = "what running containers do now",
        .description =
                "Shows CPU (percent of one), memory and processes with their limits, and what is read, written, "
                "received and sent in a second, of all running containers or of those that are named. At a terminal a "
                "screen that goes on: c, m, p, i, n, a and s sort by CPU, memory, processes, I/O, network, name and "
                "state, r turns the order round, arrows and page keys move, the space bar looks at once, q leaves. "
                "What the host does not count is shown as -.",
        .examples = "berthctl top --sort memory\n"
                    "berthctl top --batch --count 3 --interval 10s web",
        .options = OPTION_TABLE(top_specs),
        .options_size = sizeof(struct top_options),
        .least = 0,
        .most = SIZE_MAX,
        .root = ROOT_READ,
        .run = run_top,
};
