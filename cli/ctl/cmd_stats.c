/* stats and metrics: what running containers use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/size_text.h"
#include "cli/ctl/text_table.h"
#include "cli/ctl/usage_output.h"
#include "cli/output.h"
#include "oci/json_write.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/usage.h"

/* Calls `put` for each running container of those that are named, or of all. */
struct walk {
        struct invocation *invocation;
        int (*put)(const char *name, const struct usage *usage, void *data);
        void *data;
};

static bool is_named(const struct invocation *invocation, const char *name)
{
        for (size_t i = 0; i < invocation->n_arguments; i++)
                if (strcmp(invocation->arguments[i], name) == 0)
                        return true;
        return invocation->n_arguments == 0;
}

static int visit(struct ctl_container *container, void *data)
{
        struct walk *walk = data;
        struct ctl_status status;
        struct usage usage;
        int r;

        if (!is_named(walk->invocation, container->name))
                return 0;
        r = ctl_state(walk->invocation->ctl, container, &status);
        if (r < 0 || !status.pid)
                return r;
        r = usage_read(walk->invocation->ctl, container, true, &usage);
        if (r < 0) {
                /* It may have ended between two looks. */
                log_warning("%s", error_message());
                error_clear();
                return 0;
        }
        return walk->put(container->name, &usage, walk->data);
}

/* A name that is wrong is an error, and not an empty answer. */
static int check_names(struct invocation *invocation)
{
        for (size_t i = 0; i < invocation->n_arguments; i++) {
                _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
                int r = ctl_find_running(invocation->ctl, invocation->arguments[i], &container);

                if (r < 0)
                        return r;
        }
        return 0;
}

struct stats_options {
        bool json;
};

static const struct option_spec stats_specs[] = {
        OPTION(struct stats_options, json, "json", 'j', NULL, "an array of objects with plain numbers"),
};

static int put_json(const char *name, const struct usage *usage, void *data)
{
        struct json_writer *json = data;

        json_object(json, NULL);
        json_string(json, "name", name);
        usage_put_json(json, usage);
        json_object_end(json);
        return 0;
}

static int put_row(const char *name, const struct usage *usage, void *data)
{
        char cpu[SIZE_TEXT], memory[USAGE_TEXT] = "-", disk[USAGE_TEXT] = "-", pids[USAGE_TEXT] = "-";
        char read[SIZE_TEXT], written[SIZE_TEXT], received[SIZE_TEXT], sent[SIZE_TEXT];

        snprintf(cpu, sizeof(cpu), "%.2f s", (double)usage->cpu_ns / 1e9);
        if (usage->has_memory)
                usage_share(usage->memory, usage->memory_limit, memory);
        if (usage->has_disk)
                usage_share(usage->disk, usage->disk_limit, disk);
        if (usage->has_pids)
                usage_count(usage->pids, usage->pids_limit, pids);
        return text_table_add(data,
                              (const char *[]){name, cpu, memory, pids, disk, size_text(usage->read, read),
                                               size_text(usage->written, written), size_text(usage->received, received),
                                               size_text(usage->sent, sent)});
}

static int stats_json(struct invocation *invocation)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        struct walk walk = {invocation, put_json, &json};
        int r, finished;

        json_start(&json, "  ");
        json_array(&json, NULL);
        r = ctl_each(invocation->ctl, visit, &walk);
        json_array_end(&json);
        finished = json_finish(&json, &text);
        if (r < 0 || finished < 0)
                return r < 0 ? r : finished;
        return output_text(text);
}

static int stats_table(struct invocation *invocation)
{
        static const char *const titles[] = {"NAME", "CPU",     "MEMORY",   "PIDS", "DISK",
                                             "READ", "WRITTEN", "RECEIVED", "SENT"};
        _cleanup_(text_table_release) struct text_table table = {.n_columns = ELEMENTS(titles)};
        _cleanup_output_ struct output output = {0};
        struct walk walk = {invocation, put_row, &table};
        int r = output_begin(&output);

        if (r == 0)
                r = text_table_add(&table, titles);
        if (r == 0)
                r = ctl_each(invocation->ctl, visit, &walk);
        if (r < 0)
                return r;
        text_table_print(&table, output.stream);
        return output_end(&output);
}

static int run_stats(struct invocation *invocation)
{
        const struct stats_options *options = invocation->options;
        int r = check_names(invocation);

        if (r < 0)
                return r;
        return options->json ? stats_json(invocation) : stats_table(invocation);
}

const struct command ctl_command_stats = {
        .name = "stats",
        .arguments = "[NAME...]",
        .summary = "what running containers use",
        .description =
                "Prints CPU time, memory and processes and limited disk space with their limits, and what was read, "
                "written, received and sent since the start, of all running containers or of those that are named. "
                "What the host does not count is shown as -.",
        .options = OPTION_TABLE(stats_specs),
        .options_size = sizeof(struct stats_options),
        .least = 0,
        .most = SIZE_MAX,
        .root = ROOT_READ,
        .run = run_stats,
};

/* ---- Prometheus ---- */

struct sample {
        char name[CTL_NAME_MAX + 1];
        struct usage usage;
};

struct samples {
        size_t n;
        struct sample *v;
};

static int put_sample(const char *name, const struct usage *usage, void *data)
{
        struct samples *samples = data;
        struct sample *bigger = realloc(samples->v, (samples->n + 1) * sizeof(*bigger));

        if (!bigger)
                return fail(ENOMEM, "collect the metrics");
        samples->v = bigger;
        snprintf(bigger[samples->n].name, sizeof(bigger[0].name), "%s", name);
        bigger[samples->n++].usage = *usage;
        return 0;
}

/* Where a number is known; elsewhere its samples are left out. */
enum counted { ALWAYS, WITH_MEMORY, WITH_PIDS, WITH_DISK };

static const struct {
        const char *name, *type, *help;
        size_t offset;
        bool limit; /* left out where there is none */
        enum counted counted;
} metrics[] = {
        {"berth_memory_bytes", "gauge", "Memory in use.", offsetof(struct usage, memory), false, WITH_MEMORY},
        {"berth_memory_limit_bytes", "gauge", "Memory limit.", offsetof(struct usage, memory_limit), true, WITH_MEMORY},
        {"berth_processes", "gauge", "Processes and threads.", offsetof(struct usage, pids), false, WITH_PIDS},
        {"berth_processes_limit", "gauge", "Most processes and threads.", offsetof(struct usage, pids_limit), true,
         WITH_PIDS},
        {"berth_disk_used_bytes", "gauge", "Disk space in use.", offsetof(struct usage, disk), false, WITH_DISK},
        {"berth_disk_limit_bytes", "gauge", "Disk space limit.", offsetof(struct usage, disk_limit), true, WITH_DISK},
        {"berth_inodes", "gauge", "Inodes in use.", offsetof(struct usage, inodes), false, WITH_DISK},
        {"berth_inodes_limit", "gauge", "Most inodes.", offsetof(struct usage, inodes_limit), true, WITH_DISK},
        {"berth_disk_read_bytes_total", "counter", "Bytes read from disks.", offsetof(struct usage, read), false,
         ALWAYS},
        {"berth_disk_written_bytes_total", "counter", "Bytes written to disks.", offsetof(struct usage, written), false,
         ALWAYS},
        {"berth_network_received_bytes_total", "counter", "Bytes received.", offsetof(struct usage, received), false,
         ALWAYS},
        {"berth_network_sent_bytes_total", "counter", "Bytes sent.", offsetof(struct usage, sent), false, ALWAYS},
};

static bool is_counted(const struct usage *usage, enum counted counted)
{
        return counted == ALWAYS || (counted == WITH_MEMORY && usage->has_memory) ||
               (counted == WITH_PIDS && usage->has_pids) || (counted == WITH_DISK && usage->has_disk);
}

static void print_metric(FILE *out, const struct samples *samples, size_t metric)
{
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[metric].name, metrics[metric].help, metrics[metric].name,
                metrics[metric].type);
        for (size_t i = 0; i < samples->n; i++) {
                uint64_t value;

                memcpy(&value, (const char *)&samples->v[i].usage + metrics[metric].offset, sizeof(value));
                if (!is_counted(&samples->v[i].usage, metrics[metric].counted))
                        continue;
                if (!metrics[metric].limit || value != USAGE_UNLIMITED)
                        fprintf(out, "%s{container=\"%s\"} %" PRIu64 "\n", metrics[metric].name, samples->v[i].name,
                                value);
        }
}

/* Names of containers need no escape: ctl_name_valid. */
static int run_metrics(struct invocation *invocation)
{
        struct samples samples = {0};
        _cleanup_output_ struct output output = {0};
        struct walk walk = {invocation, put_sample, &samples};
        int r = output_begin(&output);

        if (r == 0)
                r = ctl_each(invocation->ctl, visit, &walk);
        if (r == 0) {
                fputs("# HELP berth_cpu_seconds_total CPU time.\n# TYPE berth_cpu_seconds_total counter\n",
                      output.stream);
                for (size_t i = 0; i < samples.n; i++)
                        fprintf(output.stream, "berth_cpu_seconds_total{container=\"%s\"} %.9f\n", samples.v[i].name,
                                (double)samples.v[i].usage.cpu_ns / 1e9);
                for (size_t i = 0; i < ELEMENTS(metrics); i++)
                        print_metric(output.stream, &samples, i);
        }
        free(samples.v);
        return r < 0 ? r : output_end(&output);
}

const struct command ctl_command_metrics = {
        .name = "metrics",
        .arguments = "",
        .summary = "what running containers use, for Prometheus",
        .description = "Prints what running containers use in the text format of Prometheus, for the textfile "
                       "collector of its node exporter for instance.",
        .examples = "berthctl metrics >/var/lib/prometheus/node-exporter/berth.prom",
        .least = 0,
        .most = 0,
        .root = ROOT_READ,
        .run = run_metrics,
};
