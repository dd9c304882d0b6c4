/* Intel RDT: what the resctrl file system says about a container's group (Linux Documentation/arch/x86/resctrl.rst). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "oci/spec.h"

struct rdt_monitor {
        bool occupancy_set, total_set, local_set;
        uint64_t llc_occupancy, total_bytes, local_bytes;
};

struct rdt_usage {
        bool set;
        const char *l3_cbm_mask, *l3_schema, *l3_schema_root; /* NULL: no cache allocation here */
        uint64_t l3_min_cbm_bits, l3_num_closids;
        const char *mb_schema, *mb_schema_root; /* NULL: no bandwidth allocation here */
        uint64_t mb_gran, mb_delay_linear, mb_min_bandwidth, mb_num_closids;
        struct oci_strings schemata; /* every line of the group's file */
        size_t n_monitors;           /* one for each L3 domain */
        struct rdt_monitor *monitors;
};

/* Reads the group at `path` in the resctrl file system at root_fd (its mount). What is absent stays unset. Only
 * -ENOMEM, with a message. */
int rdt_read(int root_fd, const char *path, struct arena *arena, struct rdt_usage *usage);
