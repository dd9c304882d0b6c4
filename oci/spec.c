#include <errno.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "oci/tables.h"

/* What has a meaning in the options of an overlay. */
static bool is_plain(const char *name)
{
        return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, ",:\\");
}

static int check_overlay(struct decoder *decoder, void *structure)
{
        const struct oci_overlay *overlay = structure;
        size_t place;

        if (overlay->lower.n > OCI_OVERLAY_LOWER_MOST)
                return decode_refuse(decoder, "lower", "more than %d directories", OCI_OVERLAY_LOWER_MOST);
        if (!overlay->upper != !overlay->work)
                return decode_refuse(decoder, overlay->upper ? "work" : "upper", "neither goes without the other");
        if (!overlay->upper)
                return 0;
        place = oci_overlay_place(overlay->upper);
        if (oci_overlay_place(overlay->work) != place || strncmp(overlay->upper, overlay->work, place) != 0 ||
            strcmp(overlay->upper, overlay->work) == 0)
                return decode_refuse(decoder, "work", "has to lie beside upper, in the same directory");
        if (!is_plain(overlay->upper + place) || !is_plain(overlay->work + place))
                return decode_refuse(decoder, "upper", "these names cannot be told to an overlay");
        return 0;
}

static const struct decode_field overlay_fields[] = {
        DECODE_STRINGS(struct oci_overlay, lower, "lower", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_STRING(struct oci_overlay, upper, "upper", DECODE_NONEMPTY),
        DECODE_STRING(struct oci_overlay, work, "work", DECODE_NONEMPTY),
};
static const struct decode_table overlay_table = DECODE_TABLE(struct oci_overlay, overlay_fields, check_overlay);

static const struct decode_field root_fields[] = {
        DECODE_STRING(struct oci_spec, root_path, "path", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_BOOL(struct oci_spec, root_readonly, "readonly", 0),
        DECODE_BOOL(struct oci_spec, root_idmap, "idmap", 0),
        DECODE_OBJECT_SET(struct oci_spec, root_overlay, root_overlay_set, "overlay", &overlay_table, 0),
};
static const struct decode_table root_table = DECODE_TABLE(struct oci_spec, root_fields, NULL);

static const struct decode_field spec_fields[] = {
        DECODE_STRING(struct oci_spec, oci_version, "ociVersion", DECODE_REQUIRED),
        DECODE_INLINE(struct oci_spec, "root", &root_table, DECODE_REQUIRED),
        DECODE_OBJECT_SET(struct oci_spec, process, process_set, "process", &process_table, 0),
        DECODE_STRING(struct oci_spec, hostname, "hostname", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_spec, domainname, "domainname", DECODE_EMPTY_IS_ABSENT),
        DECODE_ARRAY(struct oci_spec, mounts.n, mounts.v, "mounts", &mount_table, 0),
        DECODE_INLINE(struct oci_spec, "hooks", &hooks_table, 0),
        DECODE_PAIRS(struct oci_spec, annotations, "annotations", 0),
        DECODE_OBJECT(struct oci_spec, linux_, "linux", &linux_table, 0),
        DECODE_CUSTOM(struct oci_spec, vm, "vm", vm_decode, 0),
};
static const struct decode_table spec_table = DECODE_TABLE(struct oci_spec, spec_fields, spec_validate);

int oci_spec_parse(const char *text, size_t size, struct oci_spec **spec)
{
        struct oci_spec *parsed = calloc(1, sizeof(*parsed));
        struct arena arena = {0};
        int r;

        if (!parsed)
                return fail(ENOMEM, "read the configuration");
        r = decode_text(&spec_table, "JSON", text, size, &arena, parsed);
        parsed->arena = arena;
        if (r < 0) {
                oci_spec_free(parsed);
                return r;
        }
        *spec = parsed;
        return 0;
}

void oci_spec_free(struct oci_spec *spec)
{
        if (!spec)
                return;
        arena_free(&spec->arena);
        free(spec);
}

int oci_process_parse(const char *text, size_t size, struct arena *arena, struct oci_process *process)
{
        return decode_text(&process_table, "process", text, size, arena, process);
}

const char *oci_annotation(const struct oci_spec *spec, const char *key)
{
        for (size_t i = 0; i < spec->annotations.n; i++) {
                if (strcmp(spec->annotations.v[i].key, key) == 0)
                        return spec->annotations.v[i].value;
        }
        return NULL;
}

bool oci_mounts_cgroup_writable(const struct oci_spec *spec)
{
        for (size_t i = 0; i < spec->mounts.n; i++) {
                const struct oci_mount *mount = &spec->mounts.v[i];

                if (mount->type && strncmp(mount->type, "cgroup", 6) == 0 &&
                    !(mount->options.attr_set & MOUNT_ATTR_RDONLY))
                        return true;
        }
        return false;
}
