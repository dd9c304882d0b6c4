/* The options of `berth update` as resources. */
#pragma once

#include "cli/command.h"
#include "oci/spec.h"

struct update_options {
        const char *resources, *cpuset_cpus, *cpuset_mems, *l3_cache_schema, *mem_bw_schema;
        struct option_bytes memory, memory_reservation, memory_swap, kernel_memory, kernel_memory_tcp;
        struct option_number blkio_weight, cpu_period, cpu_quota, cpu_burst, cpu_share, cpu_rt_period, cpu_rt_runtime,
                cpu_idle, pids_limit;
};

/* Puts what the options say over what a file said. A memory limit that is lifted lifts the one of swap with it, unless
 * swap has a word of its own: limit + swap below "no limit" would be a contradiction. */
void update_overlay(const struct update_options *options, struct oci_resources *resources);
