#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/output.h"

#define DEFAULT_INTERVAL_MS 5000

struct events_options {
        struct option_duration interval;
        bool stats;
};

static const struct option_spec specs[] = {
        OPTION_BETWEEN(struct events_options, interval, "interval", 0, "DURATION", 1, INT32_MAX,
                       "time between two statistics, such as 500ms or 1m30s (default: 5s)"),
        OPTION(struct events_options, stats, "stats", 0, NULL, "print the statistics once and end"),
};

static int write_line(const char *line, size_t size, void *data)
{
        (void)data;
        return output_write(line, size);
}

static int run(struct invocation *invocation)
{
        const struct events_options *options = invocation->options;
        const char *id = invocation->arguments[0];

        if (options->stats)
                return container_statistics(invocation->runtime, id, write_line, NULL);
        return container_events(invocation->runtime, id,
                                options->interval.set ? (int)options->interval.milliseconds : DEFAULT_INTERVAL_MS,
                                write_line, NULL);
}

const struct command command_events = {
        .name = "events",
        .arguments = "ID",
        .summary = "show what a container uses, and when it runs out of memory",
        .description = "Prints one JSON object a line: statistics of CPU, memory, I/O, processes and network at every "
                       "interval, and an 'oom' event each time the kernel kills for want of memory. Ends when the "
                       "container ends.",
        .examples = "berth events --stats web | jq .data.memory.usage\n"
                    "berth events --interval 1s web",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct events_options),
        .least = 1,
        .most = 1,
        .root = ROOT_READ,
        .run = run,
};
