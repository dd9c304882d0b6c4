/* The parts of cgroup_plan_writes: each turns one object of linux.resources into writes. */
#pragma once

#include "base/arena.h"
#include "cgroups/cgroup.h"

struct write_list {
        struct arena *arena;
        struct cgroup_writes *writes;
        size_t room;
};

enum write_kind {
        WRITE_REQUIRED,
        WRITE_MAY_BE_MISSING,
        WRITE_UNLESS_BEFORE, /* stands for the write in front of it: one of the two must be possible */
};

/* Adds a write whose controller follows from the file's name. value and field are formatted into or already in the
 * arena; a NULL value (an allocation that failed on the way here) is -ENOMEM. */
int write_list_add(struct write_list *list, const char *file, const char *value, const char *field,
                   enum write_kind kind);

/* "max" for -1; NULL when memory is short. */
const char *write_list_limit(struct write_list *list, int64_t limit);

int plan_memory(struct write_list *list, const struct oci_memory *memory);
int plan_cpu(struct write_list *list, const struct oci_cpu *cpu);
int plan_block_io(struct write_list *list, const struct oci_block_io *io);
int plan_hugepages(struct write_list *list, const struct oci_hugepage_limits *limits);
int plan_rdma(struct write_list *list, const struct oci_rdmas *rdmas);
int plan_unified(struct write_list *list, const struct oci_pairs *unified);

/* linux.resources.cpu.shares (2 to 262144, 1024 by default) as cpu.weight (1 to 10000, 100 by default), by the curve
 * that the cgroups project of the Open Container Initiative settled on: with l = log2(shares), the weight is
 * 10^((l^2 + 125 l) / 612 - 7/34), rounded up. */
uint64_t cgroup_cpu_weight(uint64_t shares);

/* blockIO weight (10 to 1000) as io.weight (1 to 10000), linear. */
uint64_t cgroup_io_weight(uint64_t weight);
