#include <string.h>

#include "oci/tables.h"

/* The kernel's dev_valid_name(): at most IFNAMSIZ - 1 bytes, no '/', ':' or space, not "." or "..". */
#define NAME_MOST 15

static bool is_device_name(const char *name)
{
        size_t length = strlen(name);

        if (length == 0 || length > NAME_MOST || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return false;
        return strpbrk(name, "/: \t\n\v\f\r") == NULL;
}

static const struct decode_field device_fields[] = {
        DECODE_STRING(struct oci_net_device, new_name, "name", DECODE_EMPTY_IS_ABSENT),
};

/* "%d" is where the kernel puts the first free number; it knows no other conversion (dev_alloc_name()). */
static int check_device(struct decoder *decoder, void *structure)
{
        const struct oci_net_device *device = structure;
        const char *percent = device->new_name ? strchr(device->new_name, '%') : NULL;
        char got[80];

        if (!device->new_name)
                return 0;
        if (!is_device_name(device->new_name) || (percent && (percent[1] != 'd' || strchr(percent + 1, '%'))))
                return decode_refuse(decoder, "name", "%s is no name of a network device",
                                     json_quote(device->new_name, got, sizeof(got)));
        return 0;
}

static const struct decode_table device_table = DECODE_TABLE(struct oci_net_device, device_fields, check_device);

static int decode_one(struct decoder *decoder, const struct json_node *member, size_t index, void *data)
{
        struct oci_net_device *device = (struct oci_net_device *)data + index;
        int r = decode_object(decoder, &device_table, member, device);

        if (r < 0)
                return r;
        if (!is_device_name(member->key) || strchr(member->key, '%'))
                return decode_refuse(decoder, NULL, "this is no name of a network device");
        device->name = arena_strdup(decoder->arena, member->key);
        return device->name ? 0 : decode_no_memory(decoder);
}

/* Two devices cannot have one name in the container. */
static int check_new_names(struct decoder *decoder, const struct oci_net_devices *devices)
{
        const char **names = arena_array(decoder->arena, devices->n, sizeof(*names));
        size_t n = 0, twice;
        char got[80];

        if (!names)
                return decode_no_memory(decoder);
        for (size_t i = 0; i < devices->n; i++) {
                const char *name = devices->v[i].new_name ? devices->v[i].new_name : devices->v[i].name;

                if (!strchr(name, '%'))
                        names[n++] = name;
        }
        twice = duplicate_index(names, n);
        if (twice == SIZE_MAX)
                return decode_no_memory(decoder);
        if (twice < n)
                return decode_refuse(decoder, NULL, "two devices are to be called %s in the container",
                                     json_quote(names[twice], got, sizeof(got)));
        return 0;
}

int net_devices_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_net_devices *devices = value;
        int r = decode_expect(decoder, node, JSON_OBJECT);

        if (r < 0)
                return r;
        devices->v = arena_array(decoder->arena, node->n, sizeof(*devices->v));
        if (!devices->v)
                return decode_no_memory(decoder);
        devices->n = node->n;
        r = decode_each_member(decoder, node, decode_one, devices->v);
        return r < 0 ? r : check_new_names(decoder, devices);
}
