/* Properties of units from annotations. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "cgroups/systemd_properties.h"
#include "cgroups/systemd_variant.h"

#define NAME_LETTERS   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define NAME_LEAST     3
#define USEC_IN_SECOND 1000000

/* What makes a scope berth's own: the place of the container and its processes, how undoing knows it again. */
static const char *const own_properties[] = {"Description",         "Slice", "Delegate",
                                             "DelegateControllers", "PIDs",  "PIDFDs"};

static int check_name(const char *name, const struct systemd_properties *properties)
{
        if (strlen(name) < NAME_LEAST || name[strspn(name, NAME_LETTERS)])
                return refuse(EINVAL, "\"%s\" is no name of a property: three or more letters", name);
        for (size_t i = 0; i < ELEMENTS(own_properties); i++)
                if (strcmp(name, own_properties[i]) == 0)
                        return refuse(EINVAL, "berth sets this property itself");
        if (systemd_property_find(properties, name))
                return refuse(EINVAL, "this property is set already, by linux.resources or another annotation");
        return 0;
}

/* Units are written with TimeoutStopSec=, on the bus it is TimeoutStopUSec. */
static bool is_in_seconds(const char *name)
{
        size_t length = strlen(name);

        return length > 3 && strcmp(name + length - 3, "Sec") == 0 && name[length - 4] >= 'a' &&
               name[length - 4] <= 'z';
}

static const char *microseconds(const struct systemd_property *property, struct arena *arena)
{
        uint64_t seconds;
        double fraction;

        if (property->n != 1 || !strchr("ynqiuxtd", property->signature[0]))
                return NULL;
        if (property->signature[0] != 'd')
                return parse_u64(property->v[0], UINT64_MAX / USEC_IN_SECOND, &seconds) == 0
                               ? arena_printf(arena, "%" PRIu64, seconds * USEC_IN_SECOND)
                               : NULL;
        fraction = strtod(property->v[0], NULL) * USEC_IN_SECOND;
        return fraction >= 0 && fraction < (double)(UINT64_MAX / 2)
                       ? arena_printf(arena, "%" PRIu64, (uint64_t)fraction)
                       : NULL;
}

static int convert_seconds(struct systemd_property *property, struct arena *arena)
{
        const char **value = arena_array(arena, 1, sizeof(*value));
        char *name = arena_printf(arena, "%.*sUSec", (int)strlen(property->name) - 3, property->name);

        if (!value || !name)
                return fail(ENOMEM, "properties of the systemd unit");
        value[0] = microseconds(property, arena);
        if (!value[0])
                return refuse(EINVAL, "expected a number of seconds");
        *property = (struct systemd_property){name, "t", 1, value};
        return 0;
}

static int add(const char *name, const char *text, struct arena *arena, struct systemd_properties *properties)
{
        struct systemd_property property = {.name = name};
        int r = check_name(name, properties);

        if (r == 0)
                r = systemd_variant_parse(text, arena, &property);
        if (r == 0 && is_in_seconds(name)) {
                r = convert_seconds(&property, arena);
                if (r == 0)
                        r = check_name(property.name, properties);
        }
        return r == 0 ? systemd_property_set(properties, arena, &property) : r;
}

int systemd_properties_from_annotations(const struct oci_pairs *annotations, struct arena *arena,
                                        struct systemd_properties *properties)
{
        const size_t prefix = strlen(ANNOTATION_SYSTEMD_PROPERTY);

        for (size_t i = 0; i < annotations->n; i++) {
                const char *key = annotations->v[i].key;
                int r;

                if (strncmp(key, ANNOTATION_SYSTEMD_PROPERTY, prefix) != 0)
                        continue;
                r = add(key + prefix, annotations->v[i].value, arena, properties);
                if (r < 0)
                        return fail_in(r, "annotation %s", key);
        }
        return 0;
}
