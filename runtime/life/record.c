#include "runtime/life/record.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "oci/decode.h"
#include "oci/json_write.h"

#define STRING_MOST  ((size_t)4096) /* PATH_MAX: the longest of the strings are paths */
#define CREATED_MOST ((size_t)64)

/* The file: a version, and a record. */
struct stored_record {
        uint32_t version;
        struct record record;
};

static const struct word isolation_word[] = {{"process", ISOLATION_PROCESS}, {"vm", ISOLATION_VM}};
static const struct words isolation_words = {ELEMENTS(isolation_word), isolation_word};

static const struct word manager_word[] = {
        {"cgroupfs", CGROUP_MANAGER_CGROUPFS},
        {"systemd", CGROUP_MANAGER_SYSTEMD},
        {"disabled", CGROUP_MANAGER_DISABLED},
};
static const struct words manager_words = {ELEMENTS(manager_word), manager_word};

/* berth writes it first, so that it is judged first: another version may mean anything by the rest. */
static int decode_version(struct decoder *decoder, const struct json_node *node, void *value)
{
        uint64_t version;
        int r = decode_unsigned(decoder, node, 1, UINT32_MAX, &version);

        if (r < 0)
                return r;
        if (version != RECORD_VERSION)
                return decode_refuse(decoder, NULL, "unknown version %u: another version of berth wrote it",
                                     (unsigned)version);
        *(uint32_t *)value = (uint32_t)version;
        return 0;
}

static int decode_boot_id(struct decoder *decoder, const struct json_node *node, void *value)
{
        const char *text;
        int r = decode_string(decoder, node, &text);

        if (r < 0)
                return r;
        if (strlen(text) != 36 || strspn(text, "0123456789abcdef-") != 36)
                return decode_refuse(decoder, NULL, "expected a boot id");
        memcpy(value, text, 37);
        return 0;
}

static int decode_one_namespace(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        uint64_t kind;
        int r = decode_word(decoder, node, &namespace_words, &kind);

        (void)index;
        if (r == 0)
                *(uint32_t *)data |= UINT32_C(1) << kind;
        return r;
}

static int decode_namespaces(struct decoder *decoder, const struct json_node *node, void *value)
{
        return decode_each(decoder, node, decode_one_namespace, value);
}

static int check_length(const struct decoder *decoder, const char *field, const char *text, size_t most)
{
        if (text && strlen(text) > most)
                return decode_refuse(decoder, field, "longer than %zu bytes", most);
        return 0;
}

static int check_id(const struct decoder *decoder, const char *field, const char *id)
{
        return container_id_check(id) < 0 ? decode_refuse(decoder, field, "no container ID") : 0;
}

/* A component of a path, and an argument of the helper. */
static int check_component(const struct decoder *decoder, const char *field, const char *name)
{
        if (name && (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
                return decode_refuse(decoder, field, "no name of a group");
        return check_length(decoder, field, name, NAME_MAX);
}

/* Undoing removes what these paths name: one that climbs out of where it seems to lie is no path of ours. */
static int check_path(const struct decoder *decoder, const char *field, const char *path)
{
        int r = check_length(decoder, field, path, STRING_MOST);

        for (const char *p = path; r == 0 && p; p = strchr(p, '/')) {
                p += *p == '/';
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        r = decode_refuse(decoder, field, "a component is \"..\"");
        }
        return r;
}

static int check_stored(struct decoder *decoder, void *structure)
{
        const struct record *record = &((struct stored_record *)structure)->record;
        int r = check_id(decoder, "id", record->id);

        if (r == 0)
                r = check_id(decoder, "sandbox", record->sandbox);
        if (r == 0)
                r = check_length(decoder, "bundle", record->bundle, STRING_MOST);
        if (r == 0)
                r = check_length(decoder, "rootfs", record->rootfs, STRING_MOST);
        if (r == 0)
                r = check_length(decoder, "ociVersion", record->oci_version, STRING_MOST);
        if (r == 0)
                r = check_length(decoder, "created", record->created, CREATED_MOST);
        if (r == 0)
                r = check_path(decoder, "cgroup", record->cgroup);
        if (r == 0)
                r = check_path(decoder, "resctrl", record->resctrl);
        if (r == 0)
                r = check_component(decoder, "subgroup", record->subgroup);
        if (r == 0)
                r = check_component(decoder, "systemdUnit", record->systemd_unit);
        if (r == 0 && record->init.pid > 0 && !record->init.boot_id[0])
                r = decode_refuse(decoder, "init.bootId", "missing");
        return r;
}

static const struct decode_field identity_fields[] = {
        DECODE_I32(struct process_identity, pid, "pid", 1, INT32_MAX, DECODE_REQUIRED),
        DECODE_U64(struct process_identity, start_time, "startTime", 0, UINT64_MAX, DECODE_REQUIRED),
        DECODE_CUSTOM(struct process_identity, boot_id, "bootId", decode_boot_id, DECODE_REQUIRED),
};
static const struct decode_table identity_table = DECODE_TABLE(struct process_identity, identity_fields, NULL);

#define NAME (DECODE_REQUIRED | DECODE_NONEMPTY)
#define PATH (NAME | DECODE_ABSOLUTE)

static const struct decode_field stored_fields[] = {
        DECODE_CUSTOM(struct stored_record, version, "version", decode_version, DECODE_REQUIRED),
        DECODE_STRING(struct stored_record, record.id, "id", NAME),
        DECODE_STRING(struct stored_record, record.oci_version, "ociVersion", NAME),
        DECODE_STRING(struct stored_record, record.bundle, "bundle", PATH),
        DECODE_STRING(struct stored_record, record.rootfs, "rootfs", PATH),
        DECODE_STRING(struct stored_record, record.created, "created", NAME),
        DECODE_WORD(struct stored_record, record.isolation, "isolation", &isolation_words, DECODE_REQUIRED),
        DECODE_STRING(struct stored_record, record.sandbox, "sandbox", NAME),
        DECODE_OBJECT(struct stored_record, record.init, "init", &identity_table, 0),
        DECODE_U32(struct stored_record, record.owner, "owner", 0, UINT32_MAX - 1, DECODE_REQUIRED),
        DECODE_CUSTOM(struct stored_record, record.namespaces, "namespaces", decode_namespaces, DECODE_REQUIRED),
        DECODE_CUSTOM(struct stored_record, record.new_namespaces, "newNamespaces", decode_namespaces, DECODE_REQUIRED),
        DECODE_WORD(struct stored_record, record.cgroup_manager, "cgroupManager", &manager_words, DECODE_REQUIRED),
        DECODE_STRING(struct stored_record, record.cgroup, "cgroup", DECODE_NONEMPTY | DECODE_ABSOLUTE),
        DECODE_I32(struct stored_record, record.cgroup_existing_depth, "cgroupExistingDepth", 0, INT32_MAX, 0),
        DECODE_STRING(struct stored_record, record.subgroup, "subgroup", DECODE_NONEMPTY),
        DECODE_STRING(struct stored_record, record.systemd_unit, "systemdUnit", DECODE_NONEMPTY),
        DECODE_BOOL(struct stored_record, record.systemd_user, "systemdUser", 0),
        DECODE_U64(struct stored_record, record.root_below, "rootBelow", 0, UINT64_MAX, 0),
        DECODE_STRING(struct stored_record, record.resctrl, "resctrl", DECODE_NONEMPTY | DECODE_ABSOLUTE),
        DECODE_PAIRS(struct stored_record, record.annotations, "annotations", 0),
};
static const struct decode_table stored_table = DECODE_TABLE(struct stored_record, stored_fields, check_stored);

int record_parse(const char *text, size_t size, struct record **record)
{
        struct stored_record stored = {0};
        struct arena arena = {0};
        struct record *result;
        int r = decode_text(&stored_table, "record", text, size, &arena, &stored);

        if (r < 0) {
                arena_free(&arena);
                return r;
        }
        result = malloc(sizeof(*result));
        if (!result) {
                arena_free(&arena);
                return fail(ENOMEM, "keep the record of a container");
        }
        *result = stored.record;
        result->arena = arena;
        *record = result;
        return 0;
}

int record_read(int dir_fd, struct record **record)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_regular_file_at(dir_fd, RECORD_FILE, JSON_SIZE_MAX, &text, &size);

        if (r < 0)
                return fail(-r, "read " RECORD_FILE);
        r = record_parse(text, size, record);
        return r < 0 ? fail_in(r, RECORD_FILE) : 0;
}

static void write_namespaces(struct json_writer *json, const char *key, uint32_t bits)
{
        json_array(json, key);
        for (uint32_t kind = 0; kind < OCI_NS_KINDS; kind++)
                if (bits & (UINT32_C(1) << kind))
                        json_string(json, NULL, word_name(&namespace_words, kind));
        json_array_end(json);
}

static void write_identity(struct json_writer *json, const char *key, const struct process_identity *identity)
{
        if (identity->pid == 0)
                return;
        json_object(json, key);
        json_i64(json, "pid", identity->pid);
        json_u64(json, "startTime", identity->start_time);
        json_string(json, "bootId", identity->boot_id);
        json_object_end(json);
}

/* JSON holds text, a path holds bytes. One that would come back changed must not be written. */
static int check_text(const char *field, const char *path)
{
        if (path && utf8_prefix(path, strlen(path)) != strlen(path))
                return refuse(EINVAL, "%s '%s': a path that is no UTF-8 cannot be recorded", field, path);
        return 0;
}

static int check_paths(const struct record *record)
{
        int r = check_text("bundle", record->bundle);

        if (r == 0)
                r = check_text("rootfs", record->rootfs);
        if (r == 0)
                r = check_text("cgroup", record->cgroup);
        if (r == 0)
                r = check_text("subgroup", record->subgroup);
        return r;
}

static void write_members(struct json_writer *json, const struct record *record)
{
        json_u64(json, "version", RECORD_VERSION);
        json_string(json, "id", record->id);
        json_string(json, "ociVersion", record->oci_version);
        json_string(json, "bundle", record->bundle);
        json_string(json, "rootfs", record->rootfs);
        json_string(json, "created", record->created);
        json_string(json, "isolation", word_name(&isolation_words, record->isolation));
        json_string(json, "sandbox", record->sandbox);
        write_identity(json, "init", &record->init);
        json_u64(json, "owner", record->owner);
        write_namespaces(json, "namespaces", record->namespaces);
        write_namespaces(json, "newNamespaces", record->new_namespaces);
        json_string(json, "cgroupManager", word_name(&manager_words, record->cgroup_manager));
        json_string(json, "cgroup", record->cgroup);
        json_i64(json, "cgroupExistingDepth", record->cgroup_existing_depth);
        json_string(json, "subgroup", record->subgroup);
        json_string(json, "systemdUnit", record->systemd_unit);
        if (record->systemd_unit)
                json_bool(json, "systemdUser", record->systemd_user);
        if (record->root_below)
                json_u64(json, "rootBelow", record->root_below);
        json_string(json, "resctrl", record->resctrl);
        json_pairs(json, "annotations", &record->annotations);
}

int record_format(const struct record *record, char **text)
{
        struct json_writer json;
        int r = check_paths(record);

        if (r < 0)
                return r;
        json_start(&json, NULL);
        json_object(&json, NULL);
        write_members(&json, record);
        json_object_end(&json);
        return json_finish(&json, text);
}

int record_write(int dir_fd, const struct record *record)
{
        _cleanup_free_ char *text = NULL;
        int r = record_format(record, &text);

        if (r < 0)
                return fail_in(r, "write " RECORD_FILE);
        if (strlen(text) > JSON_SIZE_MAX)
                return refuse(E2BIG, "write " RECORD_FILE ": the annotations are too large");
        r = replace_file_at(dir_fd, RECORD_FILE, text, strlen(text), 0600);
        return r < 0 ? fail(-r, "write " RECORD_FILE) : 0;
}

void record_free(struct record *record)
{
        if (!record)
                return;
        arena_free(&record->arena);
        free(record);
}

bool record_group_existed(const char *cgroup, int existing_depth)
{
        int depth = 0;

        for (const char *p = cgroup; p && *p; p++)
                depth += p[0] == '/' && p[1];
        return depth > 0 && existing_depth >= depth;
}

bool record_reuses_cgroup(const struct record *record)
{
        return record_group_existed(record->cgroup, record->cgroup_existing_depth);
}
