#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "oci/tables.h"

/* ---- devices ---- */

static const struct word rule_types[] = {{"a", 'a'}, {"b", 'b'}, {"c", 'c'}, {"p", 'p'}, {"u", 'c'}};
static const struct words rule_type_words = {.n = ELEMENTS(rule_types), .v = rule_types};

struct rule_entry {
        struct optional_bool allow;
        uint32_t type;
        const char *access;
        struct optional_i64 major, minor;
};

static const struct decode_field rule_fields[] = {
        {.name = "allow",
         .kind = DECODE_KIND_OPTIONAL_BOOL,
         .flags = DECODE_REQUIRED,
         .offset = offsetof(struct rule_entry, allow)},
        DECODE_WORD(struct rule_entry, type, "type", &rule_type_words, DECODE_EMPTY_IS_ABSENT),
        DECODE_OPTIONAL_I64(struct rule_entry, major, "major", -1, UINT32_MAX, 0),
        DECODE_OPTIONAL_I64(struct rule_entry, minor, "minor", -1, UINT32_MAX, 0),
        DECODE_STRING(struct rule_entry, access, "access", DECODE_EMPTY_IS_ABSENT),
};
static const struct decode_table rule_table = DECODE_TABLE(struct rule_entry, rule_fields, NULL);

static int rule_access(const struct decoder *decoder, const char *access, unsigned *bits)
{
        static const char letters[] = "rwm";
        char got[80];

        *bits = access ? 0 : OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD;
        for (const char *p = access; p && *p; p++) {
                const char *letter = strchr(letters, *p);

                if (letter)
                        *bits |= 1U << (letter - letters);
                else if (*p != 'a')
                        *bits = 0;
                if (*bits == 0)
                        return decode_refuse(decoder, "access", "expected letters of \"rwm\", got %s",
                                             json_quote(access, got, sizeof(got)));
        }
        return 0;
}

static int rule_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        struct oci_device_rule *rule = &((struct oci_device_rule *)data)[index];
        struct rule_entry entry = {0};
        int r = decode_object(decoder, &rule_table, node, &entry);

        if (r < 0)
                return r;
        rule->allow = entry.allow.value;
        rule->type = 'a';
        if (entry.type)
                rule->type = (char)entry.type;
        rule->major = entry.major.set ? entry.major.value : -1;
        rule->minor = entry.minor.set ? entry.minor.value : -1;
        return rule_access(decoder, entry.access, &rule->access);
}

static int rules_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_device_rules *rules = value;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        rules->v = arena_array(decoder->arena, node->n, sizeof(*rules->v));
        if (!rules->v)
                return decode_no_memory(decoder);
        rules->n = node->n;
        return decode_each(decoder, node, rule_element, rules->v);
}

/* ---- memory, cpu, pids ---- */

#define BYTES(member, json) DECODE_OPTIONAL_I64(struct oci_memory, member, json, -1, INT64_MAX, 0)

static const struct decode_field memory_fields[] = {
        BYTES(limit, "limit"),
        BYTES(reservation, "reservation"),
        BYTES(swap, "swap"),
        BYTES(kernel, "kernel"),
        BYTES(kernel_tcp, "kernelTCP"),
        DECODE_OPTIONAL_U64(struct oci_memory, swappiness, "swappiness", 0, 100, 0),
        DECODE_OPTIONAL_BOOL(struct oci_memory, disable_oom_killer, "disableOOMKiller"),
        DECODE_OPTIONAL_BOOL(struct oci_memory, use_hierarchy, "useHierarchy"),
        DECODE_OPTIONAL_BOOL(struct oci_memory, check_before_update, "checkBeforeUpdate"),
};

/* No container can live in 0 bytes; Docker and the CRI mean "no limit given". */
static int check_memory(struct decoder *decoder, void *structure)
{
        struct oci_memory *memory = structure;

        (void)decoder;
        if (memory->limit.value == 0)
                memory->limit.set = false;
        return 0;
}

static const struct decode_table memory_table = DECODE_TABLE(struct oci_memory, memory_fields, check_memory);

static const struct decode_field cpu_fields[] = {
        DECODE_OPTIONAL_U64(struct oci_cpu, shares, "shares", 0, UINT64_MAX, 0),
        DECODE_OPTIONAL_I64(struct oci_cpu, quota, "quota", -1, INT64_MAX, 0),
        DECODE_OPTIONAL_U64(struct oci_cpu, period, "period", 0, UINT64_MAX, 0),
        DECODE_OPTIONAL_U64(struct oci_cpu, burst, "burst", 0, UINT64_MAX, 0),
        DECODE_OPTIONAL_I64(struct oci_cpu, realtime_runtime, "realtimeRuntime", -1, INT64_MAX, 0),
        DECODE_OPTIONAL_U64(struct oci_cpu, realtime_period, "realtimePeriod", 0, UINT64_MAX, 0),
        DECODE_STRING(struct oci_cpu, cpus, "cpus", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_cpu, mems, "mems", DECODE_EMPTY_IS_ABSENT),
        DECODE_OPTIONAL_I64(struct oci_cpu, idle, "idle", 0, 1, 0),
};

static int check_cpu(struct decoder *decoder, void *structure)
{
        const struct oci_cpu *cpu = structure;
        int r = number_list_check(decoder, "cpus", cpu->cpus);

        return r < 0 ? r : number_list_check(decoder, "mems", cpu->mems);
}

static const struct decode_table cpu_table = DECODE_TABLE(struct oci_cpu, cpu_fields, check_cpu);

static const struct decode_field pids_fields[] = {
        DECODE_OPTIONAL_I64(struct oci_resources, pids_limit, "limit", -1, INT64_MAX, 0),
};
static const struct decode_table pids_table = DECODE_TABLE(struct oci_resources, pids_fields, NULL);

/* ---- block devices ---- */

#define WEIGHT(type, member, json) DECODE_OPTIONAL_U64(type, member, json, 0, 1000, 0)

/* 10 to 1000; 0 is how Docker says "unset". */
static int check_weight(const struct decoder *decoder, const char *field, struct optional_u64 *weight)
{
        if (weight->set && weight->value > 0 && weight->value < 10)
                return decode_refuse(decoder, field, "expected a number from 10 to 1000, got %llu",
                                     (unsigned long long)weight->value);
        if (weight->value == 0)
                weight->set = false;
        return 0;
}

static const struct decode_field weight_device_fields[] = {
        DECODE_U32(struct oci_weight_device, major, "major", 0, UINT32_MAX, DECODE_REQUIRED),
        DECODE_U32(struct oci_weight_device, minor, "minor", 0, UINT32_MAX, DECODE_REQUIRED),
        WEIGHT(struct oci_weight_device, weight, "weight"),
        WEIGHT(struct oci_weight_device, leaf_weight, "leafWeight"),
};

static int check_weight_device(struct decoder *decoder, void *structure)
{
        struct oci_weight_device *device = structure;
        int r;

        if (!device->weight.set && !device->leaf_weight.set)
                return decode_refuse(decoder, NULL, "needs weight or leafWeight");
        r = check_weight(decoder, "weight", &device->weight);
        return r < 0 ? r : check_weight(decoder, "leafWeight", &device->leaf_weight);
}

static const struct decode_table weight_device_table =
        DECODE_TABLE(struct oci_weight_device, weight_device_fields, check_weight_device);

static const struct decode_field throttle_fields[] = {
        DECODE_U32(struct oci_throttle_device, major, "major", 0, UINT32_MAX, DECODE_REQUIRED),
        DECODE_U32(struct oci_throttle_device, minor, "minor", 0, UINT32_MAX, DECODE_REQUIRED),
        DECODE_U64(struct oci_throttle_device, rate, "rate", 0, UINT64_MAX, DECODE_REQUIRED),
};
static const struct decode_table throttle_table = DECODE_TABLE(struct oci_throttle_device, throttle_fields, NULL);

static const struct decode_field block_io_fields[] = {
        WEIGHT(struct oci_block_io, weight, "weight"),
        WEIGHT(struct oci_block_io, leaf_weight, "leafWeight"),
        DECODE_ARRAY(struct oci_block_io, weight_device.n, weight_device.v, "weightDevice", &weight_device_table, 0),
        DECODE_ARRAY(struct oci_block_io, read_bps.n, read_bps.v, "throttleReadBpsDevice", &throttle_table, 0),
        DECODE_ARRAY(struct oci_block_io, write_bps.n, write_bps.v, "throttleWriteBpsDevice", &throttle_table, 0),
        DECODE_ARRAY(struct oci_block_io, read_iops.n, read_iops.v, "throttleReadIOPSDevice", &throttle_table, 0),
        DECODE_ARRAY(struct oci_block_io, write_iops.n, write_iops.v, "throttleWriteIOPSDevice", &throttle_table, 0),
};

static int check_block_io(struct decoder *decoder, void *structure)
{
        struct oci_block_io *io = structure;
        int r = check_weight(decoder, "weight", &io->weight);

        return r < 0 ? r : check_weight(decoder, "leafWeight", &io->leaf_weight);
}

static const struct decode_table block_io_table = DECODE_TABLE(struct oci_block_io, block_io_fields, check_block_io);

/* ---- huge pages, network, rdma ---- */

static const struct decode_field hugepage_fields[] = {
        DECODE_STRING(struct oci_hugepage_limit, page_size, "pageSize", DECODE_REQUIRED),
        DECODE_U64(struct oci_hugepage_limit, limit, "limit", 0, UINT64_MAX, DECODE_REQUIRED),
};

/* "<number><K|M|G>B" without a leading zero: it becomes part of a file's name. */
static int check_hugepage(struct decoder *decoder, void *structure)
{
        const struct oci_hugepage_limit *limit = structure;
        size_t digits = strspn(limit->page_size, "0123456789");
        const char *unit = limit->page_size + digits;
        char got[80];

        if (digits == 0 || digits > 10 || limit->page_size[0] == '0' || strlen(unit) != 2 || !strchr("KMG", unit[0]) ||
            unit[1] != 'B')
                return decode_refuse(decoder, "pageSize", "expected a size like \"2MB\", got %s",
                                     json_quote(limit->page_size, got, sizeof(got)));
        return 0;
}

static const struct decode_table hugepage_table =
        DECODE_TABLE(struct oci_hugepage_limit, hugepage_fields, check_hugepage);

struct network_priority {
        const char *name;
        uint32_t priority;
};

static const struct decode_field priority_fields[] = {
        DECODE_STRING(struct network_priority, name, "name", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_U32(struct network_priority, priority, "priority", 0, UINT32_MAX, DECODE_REQUIRED),
};
static const struct decode_table priority_table = DECODE_TABLE(struct network_priority, priority_fields, NULL);

static int priority_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        struct oci_pair *pair = &((struct oci_pair *)data)[index];
        struct network_priority entry = {0};
        int r = decode_object(decoder, &priority_table, node, &entry);

        if (r < 0)
                return r;
        pair->key = entry.name;
        pair->value = arena_printf(decoder->arena, "%u", entry.priority);
        return pair->value ? 0 : decode_no_memory(decoder);
}

static int priorities_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_pairs *pairs = value;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        pairs->v = arena_array(decoder->arena, node->n, sizeof(*pairs->v));
        if (!pairs->v)
                return decode_no_memory(decoder);
        pairs->n = node->n;
        return decode_each(decoder, node, priority_element, pairs->v);
}

static const struct decode_field network_fields[] = {
        DECODE_OPTIONAL_U64(struct oci_resources, network_class_id, "classID", 0, UINT32_MAX, 0),
        DECODE_CUSTOM(struct oci_resources, network_priorities, "priorities", priorities_decode, 0),
};
static const struct decode_table network_table = DECODE_TABLE(struct oci_resources, network_fields, NULL);

static const struct decode_field rdma_fields[] = {
        DECODE_OPTIONAL_U64(struct oci_rdma, hca_handles, "hcaHandles", 0, UINT32_MAX, 0),
        DECODE_OPTIONAL_U64(struct oci_rdma, hca_objects, "hcaObjects", 0, UINT32_MAX, 0),
};

static int check_rdma(struct decoder *decoder, void *structure)
{
        const struct oci_rdma *rdma = structure;

        if (!rdma->hca_handles.set && !rdma->hca_objects.set)
                return decode_refuse(decoder, NULL, "needs hcaHandles or hcaObjects");
        return 0;
}

static const struct decode_table rdma_table = DECODE_TABLE(struct oci_rdma, rdma_fields, check_rdma);

/* The device's name becomes the first word of a line in rdma.max. */
static int decode_rdma(struct decoder *decoder, const struct json_node *member, size_t index, void *data)
{
        struct oci_rdma *rdma = (struct oci_rdma *)data + index;
        int r = decode_object(decoder, &rdma_table, member, rdma);

        if (r < 0)
                return r;
        if (!member->key[0] || strpbrk(member->key, " \t\n\r"))
                return decode_refuse(decoder, NULL, "this is no name of a device");
        rdma->device = arena_strdup(decoder->arena, member->key);
        return rdma->device ? 0 : decode_no_memory(decoder);
}

static int rdmas_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_rdmas *rdmas = value;
        int r = decode_expect(decoder, node, JSON_OBJECT);

        if (r < 0)
                return r;
        rdmas->v = arena_array(decoder->arena, node->n, sizeof(*rdmas->v));
        if (!rdmas->v)
                return decode_no_memory(decoder);
        rdmas->n = node->n;
        return decode_each_member(decoder, node, decode_rdma, rdmas->v);
}

/* ---- the whole ---- */

static const struct decode_field resources_fields[] = {
        DECODE_CUSTOM(struct oci_resources, devices, "devices", rules_decode, 0),
        DECODE_OBJECT(struct oci_resources, memory, "memory", &memory_table, 0),
        DECODE_OBJECT(struct oci_resources, cpu, "cpu", &cpu_table, 0),
        DECODE_INLINE(struct oci_resources, "pids", &pids_table, 0),
        DECODE_OBJECT(struct oci_resources, block_io, "blockIO", &block_io_table, 0),
        DECODE_ARRAY(struct oci_resources, hugepage_limits.n, hugepage_limits.v, "hugepageLimits", &hugepage_table, 0),
        DECODE_INLINE(struct oci_resources, "network", &network_table, 0),
        DECODE_CUSTOM(struct oci_resources, rdma, "rdma", rdmas_decode, 0),
        DECODE_PAIRS(struct oci_resources, unified, "unified", 0),
};

static int check_hugepage_duplicates(const struct decoder *decoder, const struct oci_hugepage_limits *limits)
{
        for (size_t i = 0; i < limits->n; i++) {
                /* No kernel has more than a handful of sizes. */
                if (i == 16)
                        return decode_refuse(decoder, "hugepageLimits", "%zu sizes are too many", limits->n);
                for (size_t j = 0; j < i; j++) {
                        if (strcmp(limits->v[i].page_size, limits->v[j].page_size) == 0)
                                return decode_refuse_at(decoder, "hugepageLimits", i, "%s is given twice",
                                                        limits->v[i].page_size);
                }
        }
        return 0;
}

static int check_resources(struct decoder *decoder, void *structure)
{
        const struct oci_resources *resources = structure;

        for (size_t i = 0; i < resources->unified.n; i++) {
                const char *file = resources->unified.v[i].key;

                if (!strchr(file, '/') && !strchr(file, '\n') && strcmp(file, ".") != 0 && strcmp(file, "..") != 0)
                        continue;
                json_path_enter(&decoder->path, "unified");
                return decode_refuse(decoder, file, "this is no name of a cgroup file");
        }
        return check_hugepage_duplicates(decoder, &resources->hugepage_limits);
}

const struct decode_table resources_table = DECODE_TABLE(struct oci_resources, resources_fields, check_resources);

int oci_resources_parse(const char *text, size_t size, struct arena *arena, struct oci_resources *resources)
{
        return decode_text(&resources_table, "resources", text, size, arena, resources);
}
