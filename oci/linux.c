#include <ctype.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "oci/tables.h"

/* ---- namespaces ---- */

struct namespace_entry {
        enum oci_namespace_kind kind;
        const char *path;
};

static const struct decode_field namespace_fields[] = {
        DECODE_WORD(struct namespace_entry, kind, "type", &namespace_words, DECODE_REQUIRED),
        DECODE_STRING(struct namespace_entry, path, "path", DECODE_EMPTY_IS_ABSENT | DECODE_ABSOLUTE),
};
static const struct decode_table namespace_table = DECODE_TABLE(struct namespace_entry, namespace_fields, NULL);

static int namespace_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        struct oci_namespace *namespaces = data;
        struct namespace_entry entry = {0};
        int r = decode_object(decoder, &namespace_table, node, &entry);

        (void)index;
        if (r < 0)
                return r;
        if (namespaces[entry.kind].listed)
                return decode_refuse(decoder, NULL, "duplicate namespace \"%s\"",
                                     word_name(&namespace_words, entry.kind));
        namespaces[entry.kind] = (struct oci_namespace){.listed = true, .path = entry.path};
        return 0;
}

static int namespaces_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        return decode_each(decoder, node, namespace_element, value);
}

static const struct decode_field time_offset_fields[] = {
        DECODE_I64(struct oci_time_offset, secs, "secs", INT64_MIN, INT64_MAX, 0),
        DECODE_U32(struct oci_time_offset, nanosecs, "nanosecs", 0, 999999999, 0),
};
static const struct decode_table time_offset_table = DECODE_TABLE(struct oci_time_offset, time_offset_fields, NULL);

static const struct decode_field time_offsets_fields[] = {
        DECODE_OBJECT_SET(struct oci_linux, time_monotonic, time_monotonic.set, "monotonic", &time_offset_table, 0),
        DECODE_OBJECT_SET(struct oci_linux, time_boottime, time_boottime.set, "boottime", &time_offset_table, 0),
};
static const struct decode_table time_offsets_table = DECODE_TABLE(struct oci_linux, time_offsets_fields, NULL);

/* ---- devices ---- */

/* "u" is an unbuffered character device, which Linux does not tell from "c". */
static const struct word device_types[] = {{"c", S_IFCHR}, {"b", S_IFBLK}, {"u", S_IFCHR}, {"p", S_IFIFO}};
static const struct words device_type_words = {.n = ELEMENTS(device_types), .v = device_types};

/* Engines copy st_mode of the host's device, type and all. */
static int file_mode(struct decoder *decoder, const struct json_node *node, void *value)
{
        uint64_t mode = 0;
        int r = decode_unsigned(decoder, node, 0, S_IFMT | 07777, &mode);

        if (r == 0)
                *(struct optional_u64 *)value = (struct optional_u64){.set = true, .value = mode & 07777};
        return r;
}

struct device_entry {
        struct oci_device device;
        struct optional_u64 major, minor;
};

static const struct decode_field device_fields[] = {
        DECODE_WORD(struct device_entry, device.type, "type", &device_type_words, DECODE_REQUIRED),
        DECODE_STRING(struct device_entry, device.path, "path", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_OPTIONAL_U64(struct device_entry, major, "major", 0, UINT32_MAX, 0),
        DECODE_OPTIONAL_U64(struct device_entry, minor, "minor", 0, UINT32_MAX, 0),
        DECODE_CUSTOM(struct device_entry, device.file_mode, "fileMode", file_mode, 0),
        DECODE_U32(struct device_entry, device.uid, "uid", 0, ID_MOST, 0),
        DECODE_U32(struct device_entry, device.gid, "gid", 0, ID_MOST, 0),
};

static int check_device(struct decoder *decoder, void *structure)
{
        struct device_entry *entry = structure;

        if (entry->device.type == S_IFIFO)
                return 0;
        if (!entry->major.set)
                return decode_refuse(decoder, "major", "required field is missing");
        if (!entry->minor.set)
                return decode_refuse(decoder, "minor", "required field is missing");
        entry->device.major = (uint32_t)entry->major.value;
        entry->device.minor = (uint32_t)entry->minor.value;
        return 0;
}

static const struct decode_table device_table = DECODE_TABLE(struct device_entry, device_fields, check_device);

static int device_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        struct device_entry entry = {0};
        int r = decode_object(decoder, &device_table, node, &entry);

        if (r == 0)
                ((struct oci_device *)data)[index] = entry.device;
        return r;
}

static bool same_device(const struct oci_device *a, const struct oci_device *b)
{
        return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* The same path for two devices that differ can only end in the error that the specification demands for existing files
 * of another kind. The same device twice is harmless, and engines send it. */
static int check_device_paths(struct decoder *decoder, const struct oci_devices *devices)
{
        const char **paths = arena_array(decoder->arena, devices->n, sizeof(*paths));
        size_t twice;

        if (!paths)
                return decode_no_memory(decoder);
        for (size_t i = 0; i < devices->n; i++)
                paths[i] = devices->v[i].path;
        twice = duplicate_index(paths, devices->n);
        if (twice == SIZE_MAX)
                return decode_no_memory(decoder);
        for (size_t i = 0; twice < devices->n && i < twice; i++) {
                if (strcmp(paths[i], paths[twice]) != 0 || same_device(&devices->v[i], &devices->v[twice]))
                        continue;
                json_path_enter_index(&decoder->path, twice);
                return decode_refuse(decoder, "path", "[%zu] puts another device there", i);
        }
        return 0;
}

static int devices_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_devices *devices = value;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        devices->v = arena_array(decoder->arena, node->n, sizeof(*devices->v));
        if (!devices->v)
                return decode_no_memory(decoder);
        devices->n = node->n;
        r = decode_each(decoder, node, device_element, devices->v);
        return r < 0 ? r : check_device_paths(decoder, devices);
}

/* ---- memory policy, resctrl, personality ---- */

static int policy_mode(struct decoder *decoder, const struct json_node *node, void *value)
{
        uint64_t mode = 0;
        int r = decode_word(decoder, node, &memory_policy_mode_words, &mode);

        *(int *)value |= (int)mode;
        return r;
}

static int policy_flag(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        uint64_t flag = 0;
        int r = decode_word(decoder, node, &memory_policy_flag_words, &flag);

        (void)index;
        *(int *)data |= (int)flag;
        return r;
}

static int policy_flags(struct decoder *decoder, const struct json_node *node, void *value)
{
        return decode_each(decoder, node, policy_flag, value);
}

static const struct decode_field memory_policy_fields[] = {
        DECODE_CUSTOM(struct oci_memory_policy, mode, "mode", policy_mode, DECODE_REQUIRED),
        DECODE_STRING(struct oci_memory_policy, nodes, "nodes", DECODE_EMPTY_IS_ABSENT),
        DECODE_CUSTOM(struct oci_memory_policy, mode, "flags", policy_flags, 0),
};

/* The rules of mpol_new() in the kernel's mm/mempolicy.c. */
static int check_memory_policy(struct decoder *decoder, void *structure)
{
        const struct oci_memory_policy *policy = structure;
        int flags = policy->mode & MPOL_MODE_FLAGS, mode = policy->mode & ~MPOL_MODE_FLAGS;
        int relation = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
        bool without_nodes = mode == MPOL_DEFAULT || mode == MPOL_LOCAL;
        const char *name = word_name(&memory_policy_mode_words, (uint64_t)mode);

        if (without_nodes && policy->nodes)
                return decode_refuse(decoder, "nodes", "%s takes no nodes", name);
        if (without_nodes && flags)
                return decode_refuse(decoder, "flags", "%s takes no flags", name);
        if (!policy->nodes && !without_nodes && (mode != MPOL_PREFERRED || relation))
                return decode_refuse(decoder, "nodes", "%s needs nodes", name);
        if (relation == (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
                return decode_refuse(decoder, "flags",
                                     "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
        if ((flags & MPOL_F_NUMA_BALANCING) && mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
                return decode_refuse(decoder, "flags",
                                     "MPOL_F_NUMA_BALANCING belongs to MPOL_BIND and MPOL_PREFERRED_MANY");
        return number_list_check(decoder, "nodes", policy->nodes);
}

static const struct decode_table memory_policy_table =
        DECODE_TABLE(struct oci_memory_policy, memory_policy_fields, check_memory_policy);

static const struct decode_field intel_rdt_fields[] = {
        DECODE_STRING(struct oci_intel_rdt, clos_id, "closID", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_intel_rdt, l3_cache_schema, "l3CacheSchema", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_intel_rdt, mem_bw_schema, "memBwSchema", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRINGS(struct oci_intel_rdt, schemata, "schemata", 0),
        DECODE_BOOL(struct oci_intel_rdt, enable_monitoring, "enableMonitoring", 0),
};

/* closID becomes a directory of resctrl, a schema one line of its "schemata" file. */
static int check_intel_rdt(struct decoder *decoder, void *structure)
{
        const struct oci_intel_rdt *rdt = structure;
        const char *id = rdt->clos_id, *bandwidth = rdt->mem_bw_schema;
        char got[80];

        if (id && strcmp(id, "/") != 0 && (strpbrk(id, "/\n") || strcmp(id, ".") == 0 || strcmp(id, "..") == 0))
                return decode_refuse(decoder, "closID", "%s is no name of a group", json_quote(id, got, sizeof(got)));
        if (bandwidth && (strncmp(bandwidth, "MB:", 3) != 0 || strchr(bandwidth, '\n')))
                return decode_refuse(decoder, "memBwSchema", "expected one line that starts with \"MB:\", got %s",
                                     json_quote(bandwidth, got, sizeof(got)));
        for (size_t i = 0; i < rdt->schemata.n; i++) {
                if (strchr(rdt->schemata.v[i], '\n'))
                        return decode_refuse_at(decoder, "schemata", i, "holds a newline");
        }
        return 0;
}

static const struct decode_table intel_rdt_table =
        DECODE_TABLE(struct oci_intel_rdt, intel_rdt_fields, check_intel_rdt);

typedef __typeof__(((struct oci_linux *)NULL)->personality) personality_entry;

/* No flag is defined. */
static int personality_flags(struct decoder *decoder, const struct json_node *node, void *value)
{
        static const struct words none = {0};
        uint64_t flags = 0;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        (void)value;
        if (r < 0 || node->n == 0)
                return r;
        json_path_enter_index(&decoder->path, 0);
        r = decode_word(decoder, node->first, &none, &flags);
        json_path_leave(&decoder->path);
        return r;
}

static const struct decode_field personality_fields[] = {
        DECODE_WORD(personality_entry, value, "domain", &personality_words, DECODE_REQUIRED),
        DECODE_CUSTOM(personality_entry, value, "flags", personality_flags, 0),
};
static const struct decode_table personality_table = DECODE_TABLE(personality_entry, personality_fields, NULL);

/* ---- the whole ---- */

static const struct decode_field linux_fields[] = {
        DECODE_CUSTOM(struct oci_linux, namespaces, "namespaces", namespaces_decode, 0),
        DECODE_ARRAY(struct oci_linux, uid_mappings.n, uid_mappings.v, "uidMappings", &id_map_table, 0),
        DECODE_ARRAY(struct oci_linux, gid_mappings.n, gid_mappings.v, "gidMappings", &id_map_table, 0),
        DECODE_INLINE(struct oci_linux, "timeOffsets", &time_offsets_table, 0),
        DECODE_CUSTOM(struct oci_linux, devices, "devices", devices_decode, 0),
        DECODE_CUSTOM(struct oci_linux, net_devices, "netDevices", net_devices_decode, 0),
        DECODE_STRING(struct oci_linux, cgroups_path, "cgroupsPath", DECODE_EMPTY_IS_ABSENT),
        DECODE_OBJECT_SET(struct oci_linux, resources, resources_set, "resources", &resources_table, 0),
        DECODE_OBJECT_SET(struct oci_linux, intel_rdt, intel_rdt.set, "intelRdt", &intel_rdt_table, 0),
        DECODE_OBJECT_SET(struct oci_linux, memory_policy, memory_policy.set, "memoryPolicy", &memory_policy_table, 0),
        DECODE_CUSTOM(struct oci_linux, sysctl, "sysctl", sysctl_decode, 0),
        DECODE_CUSTOM(struct oci_linux, seccomp, "seccomp", seccomp_decode, 0),
        DECODE_WORD(struct oci_linux, rootfs_propagation, "rootfsPropagation", &propagation_words,
                    DECODE_EMPTY_IS_ABSENT),
        DECODE_STRINGS(struct oci_linux, masked_paths, "maskedPaths", DECODE_ABSOLUTE),
        DECODE_STRINGS(struct oci_linux, readonly_paths, "readonlyPaths", DECODE_ABSOLUTE),
        DECODE_STRING(struct oci_linux, mount_label, "mountLabel", DECODE_EMPTY_IS_ABSENT),
        DECODE_OBJECT_SET(struct oci_linux, personality, personality.set, "personality", &personality_table, 0),
};

/* A component ".." would leave the place that the path names; the systemd driver's "slice:prefix:name" has none. */
static int check_cgroups_path(const struct decoder *decoder, const char *path)
{
        char got[80];

        for (const char *at = path; at && *at; at += strspn(at, "/:")) {
                size_t length = strcspn(at, "/:");

                if ((length == 2 && memcmp(at, "..", 2) == 0) || memchr(at, '\n', length))
                        return decode_refuse(decoder, "cgroupsPath", "%s is no path of a cgroup",
                                             json_quote(path, got, sizeof(got)));
                at += length;
        }
        return 0;
}

static int check_linux(struct decoder *decoder, void *structure)
{
        const struct oci_linux *linux_ = structure;
        int r = check_cgroups_path(decoder, linux_->cgroups_path);

        if (r == 0)
                r = id_maps_check(decoder, "uidMappings", &linux_->uid_mappings);
        if (r == 0)
                r = id_maps_check(decoder, "gidMappings", &linux_->gid_mappings);
        return r;
}

const struct decode_table linux_table = DECODE_TABLE(struct oci_linux, linux_fields, check_linux);
