#include "runtime/life/statistics_json.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "oci/json_write.h"

#define NUMBER_MOST 65535 /* of a CPU or memory node: runc prints them as 16 bits */

static void write_pressure_line(struct json_writer *json, const char *key, const struct pressure_line *line)
{
        json_object(json, key);
        json_decimal(json, "avg10", line->avg10);
        json_decimal(json, "avg60", line->avg60);
        json_decimal(json, "avg300", line->avg300);
        json_u64(json, "total", line->total);
        json_object_end(json);
}

static void write_pressure(struct json_writer *json, const struct pressure *pressure)
{
        if (!pressure->set)
                return;
        json_object(json, "psi");
        write_pressure_line(json, "some", &pressure->some);
        write_pressure_line(json, "full", &pressure->full);
        json_object_end(json);
}

static void write_cpu(struct json_writer *json, const struct cgroup_statistics *statistics)
{
        json_object(json, "cpu");
        json_object(json, "usage");
        json_u64(json, "total", statistics->cpu.total);
        json_u64(json, "kernel", statistics->cpu.kernel);
        json_u64(json, "user", statistics->cpu.user);
        json_object_end(json);
        json_object(json, "throttling");
        json_u64(json, "periods", statistics->cpu.periods);
        json_u64(json, "throttledPeriods", statistics->cpu.throttled_periods);
        json_u64(json, "throttledTime", statistics->cpu.throttled_time);
        json_object_end(json);
        write_pressure(json, &statistics->cpu.pressure);
        json_object_end(json);
}

/* The kernel's "0-3,7" as numbers. */
static void write_list(struct json_writer *json, const char *key, const char *list)
{
        if (!list || !*list)
                return;
        json_array(json, key);
        for (const char *p = list; *p >= '0' && *p <= '9';) {
                char *end;
                unsigned long first = strtoul(p, &end, 10), last = first;

                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                for (unsigned long i = first; i <= last && i <= NUMBER_MOST; i++)
                        json_u64(json, NULL, i);
                p = *end == ',' ? end + 1 : end;
        }
        json_array_end(json);
}

/* The rest are knobs that only cgroup v1 has; runc prints them as 0 on v2. */
static void write_cpuset(struct json_writer *json, const struct cgroup_statistics *statistics)
{
        static const char *const v1_only[] = {
                "cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
                "memory_migrate",  "memory_spread_page", "memory_spread_slab",
                "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
        };

        json_object(json, "cpuset");
        write_list(json, "cpus", statistics->cpuset.cpus);
        write_list(json, "mems", statistics->cpuset.mems);
        for (size_t i = 0; i < ELEMENTS(v1_only); i++)
                json_u64(json, v1_only[i], 0);
        json_object_end(json);
}

static void write_memory_entry(struct json_writer *json, const char *key, uint64_t limit, uint64_t usage, uint64_t max,
                               uint64_t fail_count)
{
        json_object(json, key);
        json_u64(json, "limit", limit);
        json_u64(json, "usage", usage);
        json_u64(json, "max", max);
        json_u64(json, "failcnt", fail_count);
        json_object_end(json);
}

static uint64_t add_limits(uint64_t left, uint64_t right)
{
        return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

static void write_memory(struct json_writer *json, const struct cgroup_statistics *statistics)
{
        const __typeof__(statistics->memory) *memory = &statistics->memory;

        json_object(json, "memory");
        json_u64(json, "cache", memory->cache);
        write_memory_entry(json, "usage", memory->limit, memory->usage, memory->max_usage, memory->fail_count);
        /* Memory and swap together, as cgroup v1 counted and runc prints; two maxima cannot be added. */
        write_memory_entry(json, "swap", add_limits(memory->swap_limit, memory->limit),
                           memory->swap_usage + memory->usage, 0, memory->swap_fail_count);
        write_memory_entry(json, "kernel", 0, 0, 0, 0);
        write_memory_entry(json, "kernelTCP", 0, 0, 0, 0);
        if (memory->n_raw) {
                json_object(json, "raw");
                for (size_t i = 0; i < memory->n_raw; i++)
                        json_u64(json, memory->raw[i].name, memory->raw[i].value);
                json_object_end(json);
        }
        write_pressure(json, &memory->pressure);
        json_object_end(json);
}

static void write_io_entry(struct json_writer *json, const struct io_counter *counter, const char *operation,
                           uint64_t value)
{
        json_object(json, NULL);
        json_u64(json, "major", counter->major);
        json_u64(json, "minor", counter->minor);
        json_string(json, "op", operation);
        json_u64(json, "value", value);
        json_object_end(json);
}

static void write_io(struct json_writer *json, const struct cgroup_statistics *statistics)
{
        json_object(json, "blkio");
        if (statistics->io.n) {
                json_array(json, "ioServiceBytesRecursive");
                for (size_t i = 0; i < statistics->io.n; i++) {
                        write_io_entry(json, &statistics->io.v[i], "Read", statistics->io.v[i].read_bytes);
                        write_io_entry(json, &statistics->io.v[i], "Write", statistics->io.v[i].write_bytes);
                }
                json_array_end(json);
                json_array(json, "ioServicedRecursive");
                for (size_t i = 0; i < statistics->io.n; i++) {
                        write_io_entry(json, &statistics->io.v[i], "Read", statistics->io.v[i].read_ops);
                        write_io_entry(json, &statistics->io.v[i], "Write", statistics->io.v[i].write_ops);
                }
                json_array_end(json);
        }
        write_pressure(json, &statistics->io.pressure);
        json_object_end(json);
}

static void write_pids_and_hugetlb(struct json_writer *json, const struct cgroup_statistics *statistics)
{
        json_object(json, "pids");
        json_u64(json, "current", statistics->pids.current);
        json_u64(json, "limit", statistics->pids.limit);
        json_object_end(json);
        json_object(json, "hugetlb");
        for (size_t i = 0; i < statistics->n_hugetlb; i++) {
                json_object(json, statistics->hugetlb[i].page_size);
                json_u64(json, "usage", statistics->hugetlb[i].usage);
                json_u64(json, "max", statistics->hugetlb[i].max);
                json_u64(json, "failcnt", statistics->hugetlb[i].fail_count);
                json_object_end(json);
        }
        json_object_end(json);
}

static void write_rdt_monitors(struct json_writer *json, const struct rdt_usage *rdt)
{
        if (rdt->n_monitors == 0)
                return;
        json_array(json, "mbm_stats");
        for (size_t i = 0; i < rdt->n_monitors; i++) {
                json_object(json, NULL);
                if (rdt->monitors[i].total_set)
                        json_u64(json, "mbm_total_bytes", rdt->monitors[i].total_bytes);
                if (rdt->monitors[i].local_set)
                        json_u64(json, "mbm_local_bytes", rdt->monitors[i].local_bytes);
                json_object_end(json);
        }
        json_array_end(json);
        json_array(json, "cmt_stats");
        for (size_t i = 0; i < rdt->n_monitors; i++) {
                json_object(json, NULL);
                if (rdt->monitors[i].occupancy_set)
                        json_u64(json, "llc_occupancy", rdt->monitors[i].llc_occupancy);
                json_object_end(json);
        }
        json_array_end(json);
}

static void write_rdt(struct json_writer *json, const struct rdt_usage *rdt)
{
        json_object(json, "intel_rdt");
        if (rdt->l3_cbm_mask) {
                json_object(json, "l3_cache_info");
                json_string(json, "cbm_mask", rdt->l3_cbm_mask);
                json_u64(json, "min_cbm_bits", rdt->l3_min_cbm_bits);
                json_u64(json, "num_closids", rdt->l3_num_closids);
                json_object_end(json);
        }
        json_string(json, "l3_cache_schema_root", rdt->l3_schema_root);
        json_string(json, "l3_cache_schema", rdt->l3_schema);
        if (rdt->mb_num_closids) {
                json_object(json, "mem_bw_info");
                json_u64(json, "bandwidth_gran", rdt->mb_gran);
                json_u64(json, "delay_linear", rdt->mb_delay_linear);
                json_u64(json, "min_bandwidth", rdt->mb_min_bandwidth);
                json_u64(json, "num_closids", rdt->mb_num_closids);
                json_object_end(json);
        }
        json_string(json, "mem_bw_schema_root", rdt->mb_schema_root);
        json_string(json, "mem_bw_schema", rdt->mb_schema);
        if (rdt->schemata.n)
                json_strings(json, "schemata", &rdt->schemata);
        write_rdt_monitors(json, rdt);
        json_object_end(json);
}

static void write_network(struct json_writer *json, const struct network_counters *counters)
{
        json_array(json, "network_interfaces");
        for (size_t i = 0; i < counters->n; i++) {
                const struct network_counter *counter = &counters->v[i];

                json_object(json, NULL);
                json_string(json, "Name", counter->name);
                json_u64(json, "RxBytes", counter->rx_bytes);
                json_u64(json, "RxPackets", counter->rx_packets);
                json_u64(json, "RxErrors", counter->rx_errors);
                json_u64(json, "RxDropped", counter->rx_dropped);
                json_u64(json, "TxBytes", counter->tx_bytes);
                json_u64(json, "TxPackets", counter->tx_packets);
                json_u64(json, "TxErrors", counter->tx_errors);
                json_u64(json, "TxDropped", counter->tx_dropped);
                json_object_end(json);
        }
        json_array_end(json);
}

static void begin_event(struct json_writer *json, const char *type, const char *id)
{
        json_start(json, NULL);
        json_object(json, NULL);
        json_string(json, "type", type);
        json_string(json, "id", id);
}

int usage_event_json(const char *id, const struct container_usage *usage, char **line)
{
        struct json_writer json;

        begin_event(&json, "stats", id);
        json_object(&json, "data");
        write_cpu(&json, &usage->cgroup);
        write_cpuset(&json, &usage->cgroup);
        write_memory(&json, &usage->cgroup);
        write_io(&json, &usage->cgroup);
        write_pids_and_hugetlb(&json, &usage->cgroup);
        write_rdt(&json, &usage->rdt);
        write_network(&json, &usage->network);
        json_object_end(&json);
        json_object_end(&json);
        return json_finish(&json, line);
}

int oom_event_json(const char *id, char **line)
{
        struct json_writer json;

        begin_event(&json, "oom", id);
        json_object_end(&json);
        return json_finish(&json, line);
}
