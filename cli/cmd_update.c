#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/update.h"
#include "cli/values.h"

#define RESOURCES_MOST ((size_t)4 * 1024 * 1024)

static const struct option_spec specs[] = {
        OPTION(struct update_options, resources, "resources", 'r', "FILE",
               "take the limits from a JSON file, the OCI resources object; - is standard input. Other options win"),
        OPTION(struct update_options, memory, "memory", 0, "BYTES", "memory limit; -1 lifts it, and the one of swap"),
        OPTION(struct update_options, memory_reservation, "memory-reservation", 0, "BYTES",
               "memory that is protected under pressure"),
        OPTION(struct update_options, memory_swap, "memory-swap", 0, "BYTES",
               "limit of memory and swap together; -1 lifts it"),
        OPTION_BETWEEN(struct update_options, pids_limit, "pids-limit", 0, "N", -1, INT64_MAX,
                       "most processes and threads; -1 lifts it"),
        OPTION_BETWEEN(struct update_options, cpu_period, "cpu-period", 0, "USEC", 0, INT64_MAX,
                       "length of a CPU period"),
        OPTION_BETWEEN(struct update_options, cpu_quota, "cpu-quota", 0, "USEC", -1, INT64_MAX,
                       "CPU time in each period; -1 lifts it"),
        OPTION_BETWEEN(struct update_options, cpu_burst, "cpu-burst", 0, "USEC", 0, INT64_MAX,
                       "CPU time that may be saved up"),
        OPTION_BETWEEN(struct update_options, cpu_share, "cpu-share", 0, "N", 0, INT64_MAX,
                       "CPU weight beside others, 2 to 262144"),
        OPTION_BETWEEN(struct update_options, cpu_idle, "cpu-idle", 0, "0|1", 0, 1, "1: only when nobody else runs"),
        OPTION(struct update_options, cpuset_cpus, "cpuset-cpus", 0, "LIST", "CPUs that may be used, such as 0-3,7"),
        OPTION(struct update_options, cpuset_mems, "cpuset-mems", 0, "LIST", "memory nodes that may be used"),
        OPTION_BETWEEN(struct update_options, cpu_rt_period, "cpu-rt-period", 0, "USEC", 0, INT64_MAX,
                       "length of a realtime period"),
        OPTION_BETWEEN(struct update_options, cpu_rt_runtime, "cpu-rt-runtime", 0, "USEC", -1, INT64_MAX,
                       "realtime CPU time in each period"),
        OPTION_BETWEEN(struct update_options, blkio_weight, "blkio-weight", 0, "N", 0, 1000,
                       "I/O weight beside others, 10 to 1000"),
        OPTION(struct update_options, l3_cache_schema, "l3-cache-schema", 0, "SCHEMA", "Intel RDT: share of L3 cache"),
        OPTION(struct update_options, mem_bw_schema, "mem-bw-schema", 0, "SCHEMA", "Intel RDT: memory bandwidth"),
        OPTION(struct update_options, kernel_memory, "kernel-memory", 0, "BYTES", "accepted, no effect"),
        OPTION(struct update_options, kernel_memory_tcp, "kernel-memory-tcp", 0, "BYTES", "accepted, no effect"),
};

static int read_resources(const char *path, struct arena *arena, struct oci_resources *resources)
{
        bool is_stdin = strcmp(path, "-") == 0;
        const char *name = is_stdin ? "standard input" : path;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = is_stdin ? read_all(STDIN_FILENO, RESOURCES_MOST, &text, &size)
                         : read_file_at(AT_FDCWD, path, RESOURCES_MOST, &text, &size);

        if (r < 0)
                return fail(-r, "read resources from %s", name);
        r = oci_resources_parse(text, size, arena, resources);
        return r < 0 ? fail_in(r, "resources in %s", name) : 0;
}

static int run(struct invocation *invocation)
{
        const struct update_options *options = invocation->options;
        _cleanup_(arena_free) struct arena arena = {0};
        struct oci_resources resources = {0};
        int r = 0;

        /* 0 is no weight, as in a configuration and with runc. */
        if (options->blkio_weight.value > 0 && options->blkio_weight.value < 10)
                return refuse(EINVAL, "invalid value '%d' for flag --blkio-weight: expected a number from 10 to 1000",
                              (int)options->blkio_weight.value);
        if (options->resources)
                r = read_resources(options->resources, &arena, &resources);
        if (r < 0)
                return r;
        update_overlay(options, &resources);
        return container_update(invocation->runtime, invocation->arguments[0], &resources,
                                unless_empty(options->l3_cache_schema), unless_empty(options->mem_bw_schema));
}

const struct command command_update = {
        .name = "update",
        .arguments = "ID",
        .summary = "change the limits of a container",
        .description = "Changes the resources of a created, running or paused container. What is not named stays. "
                       "BYTES is a number with an optional k, m, g or t (powers of 1024). When one limit is refused "
                       "all keep their old values.",
        .examples = "berth update --memory 512m --pids-limit 200 web\n"
                    "berth update --cpu-period 100000 --cpu-quota 150000 web    one and a half CPUs\n"
                    "echo '{\"memory\":{\"limit\":536870912}}' | berth update -r - web",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct update_options),
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
