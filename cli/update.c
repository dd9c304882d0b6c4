#include "cli/update.h"

static void set_signed(struct optional_i64 *to, bool set, int64_t value)
{
        if (set)
                *to = (struct optional_i64){true, value};
}

static void set_unsigned(struct optional_u64 *to, const struct option_number *from)
{
        if (from->set)
                *to = (struct optional_u64){true, (uint64_t)from->value};
}

static void overlay_memory(const struct update_options *options, struct oci_memory *memory)
{
        set_signed(&memory->limit, options->memory.set, options->memory.value);
        set_signed(&memory->reservation, options->memory_reservation.set, options->memory_reservation.value);
        set_signed(&memory->swap, options->memory_swap.set, options->memory_swap.value);
        set_signed(&memory->kernel, options->kernel_memory.set, options->kernel_memory.value);
        set_signed(&memory->kernel_tcp, options->kernel_memory_tcp.set, options->kernel_memory_tcp.value);
        /* Engines send a swap of 0 for "not set". */
        if (memory->limit.set && memory->limit.value == -1 && (!memory->swap.set || memory->swap.value == 0))
                memory->swap = (struct optional_i64){true, -1};
}

static void overlay_cpu(const struct update_options *options, struct oci_cpu *cpu)
{
        set_unsigned(&cpu->shares, &options->cpu_share);
        set_signed(&cpu->quota, options->cpu_quota.set, options->cpu_quota.value);
        set_unsigned(&cpu->period, &options->cpu_period);
        set_unsigned(&cpu->burst, &options->cpu_burst);
        set_unsigned(&cpu->realtime_period, &options->cpu_rt_period);
        set_signed(&cpu->realtime_runtime, options->cpu_rt_runtime.set, options->cpu_rt_runtime.value);
        set_signed(&cpu->idle, options->cpu_idle.set, options->cpu_idle.value);
        if (options->cpuset_cpus)
                cpu->cpus = options->cpuset_cpus;
        if (options->cpuset_mems)
                cpu->mems = options->cpuset_mems;
}

void update_overlay(const struct update_options *options, struct oci_resources *resources)
{
        overlay_memory(options, &resources->memory);
        overlay_cpu(options, &resources->cpu);
        set_signed(&resources->pids_limit, options->pids_limit.set, options->pids_limit.value);
        if (options->blkio_weight.value > 0)
                set_unsigned(&resources->block_io.weight, &options->blkio_weight);
}
