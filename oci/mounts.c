#include <string.h>

#include "base/path.h"
#include "oci/tables.h"

static const struct decode_field id_map_fields[] = {
        DECODE_U32(struct oci_id_map, container_id, "containerID", 0, ID_MOST, DECODE_REQUIRED),
        DECODE_U32(struct oci_id_map, host_id, "hostID", 0, ID_MOST, DECODE_REQUIRED),
        DECODE_U32(struct oci_id_map, size, "size", 1, UINT32_MAX, DECODE_REQUIRED),
};

static int check_id_map(struct decoder *decoder, void *structure)
{
        const struct oci_id_map *map = structure;

        if (map->size > UINT32_MAX - map->container_id || map->size > UINT32_MAX - map->host_id)
                return decode_refuse(decoder, "size", "the range reaches beyond the last id %u", ID_MOST);
        return 0;
}

const struct decode_table id_map_table = DECODE_TABLE(struct oci_id_map, id_map_fields, check_id_map);

static const struct decode_field mount_fields[] = {
        DECODE_STRING(struct oci_mount, destination, "destination", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_STRING(struct oci_mount, source, "source", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_mount, type, "type", DECODE_EMPTY_IS_ABSENT),
        DECODE_CUSTOM(struct oci_mount, options, "options", mount_options_decode, 0),
        DECODE_ARRAY(struct oci_mount, uid_mappings.n, uid_mappings.v, "uidMappings", &id_map_table, 0),
        DECODE_ARRAY(struct oci_mount, gid_mappings.n, gid_mappings.v, "gidMappings", &id_map_table, 0),
};

static bool type_is(const struct oci_mount *mount, const char *type)
{
        return mount->type && strcmp(mount->type, type) == 0;
}

/* The options decide; a type of "bind" without the option means the same. */
static void digest_type(struct oci_mount *mount)
{
        if (type_is(mount, "rbind"))
                mount->options.recursive = true;
        if (type_is(mount, "bind") || type_is(mount, "rbind"))
                mount->options.bind = true;
}

static int check_mappings(struct decoder *decoder, struct oci_mount *mount)
{
        int r;

        if (mount->uid_mappings.n == 0 && mount->gid_mappings.n == 0)
                return 0;
        if (mount->uid_mappings.n == 0 || mount->gid_mappings.n == 0)
                return decode_refuse(decoder, mount->uid_mappings.n ? "gidMappings" : "uidMappings",
                                     "uidMappings and gidMappings need each other");
        r = id_maps_check(decoder, "uidMappings", &mount->uid_mappings);
        if (r == 0)
                r = id_maps_check(decoder, "gidMappings", &mount->gid_mappings);
        if (r == 0 && mount->options.idmap == OCI_IDMAP_NONE)
                mount->options.idmap = OCI_IDMAP;
        return r;
}

static int check_mount(struct decoder *decoder, void *structure)
{
        struct oci_mount *mount = structure;
        /* The specification made relative destinations legal again in 1.2: they start at the root. */
        char *destination = arena_printf(decoder->arena, "/%s", mount->destination);

        if (!destination)
                return decode_no_memory(decoder);
        path_clean(destination);
        mount->destination = destination;
        digest_type(mount);
        if (mount->options.bind && !mount->options.remount && !mount->source)
                return decode_refuse(decoder, "source", "required field is missing (the mount is a bind mount)");
        if (!mount->options.bind && !mount->options.remount && !mount->type)
                return decode_refuse(decoder, "type", "required field is missing (the mount is no bind mount)");
        if (mount->options.tmpcopyup && !type_is(mount, "tmpfs"))
                return decode_refuse(decoder, "options", "tmpcopyup belongs to mounts of type tmpfs");
        return check_mappings(decoder, mount);
}

const struct decode_table mount_table = DECODE_TABLE(struct oci_mount, mount_fields, check_mount);
