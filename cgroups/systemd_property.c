#include "cgroups/systemd_property.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define VALUES_MOST  65536

const struct systemd_property *systemd_property_find(const struct systemd_properties *properties, const char *name)
{
        for (size_t i = 0; i < properties->n; i++)
                if (strcmp(properties->v[i].name, name) == 0)
                        return &properties->v[i];
        return NULL;
}

static struct systemd_property *place_for(struct systemd_properties *properties, struct arena *arena, const char *name)
{
        for (size_t i = 0; i < properties->n; i++)
                if (strcmp(properties->v[i].name, name) == 0)
                        return &properties->v[i];
        if (properties->n == properties->room) {
                size_t room = properties->room ? properties->room * 2 : 16;
                struct systemd_property *bigger = arena_array(arena, room, sizeof(*bigger));

                if (!bigger)
                        return NULL;
                if (properties->n)
                        memcpy(bigger, properties->v, properties->n * sizeof(*bigger));
                properties->v = bigger;
                properties->room = room;
        }
        return &properties->v[properties->n++];
}

static bool is_complete(const struct systemd_property *property)
{
        for (size_t i = 0; i < property->n; i++)
                if (!property->v || !property->v[i])
                        return false;
        return property->name && property->signature;
}

int systemd_property_set(struct systemd_properties *properties, struct arena *arena,
                         const struct systemd_property *property)
{
        struct systemd_property *place = is_complete(property) ? place_for(properties, arena, property->name) : NULL;

        if (!place)
                return fail(ENOMEM, "properties of the systemd unit");
        *place = *property;
        return 0;
}

int systemd_property_set_one(struct systemd_properties *properties, struct arena *arena, const char *name,
                             const char *signature, const char *value)
{
        const char **values = arena_array(arena, 1, sizeof(*values));

        if (values)
                values[0] = value;
        return systemd_property_set(properties, arena, &(struct systemd_property){name, signature, 1, values});
}

/* ---- values ---- */

static const struct {
        char type;
        int64_t least;
        uint64_t most;
} integers[] = {
        {'y', 0, UINT8_MAX},  {'n', INT16_MIN, INT16_MAX}, {'q', 0, UINT16_MAX}, {'i', INT32_MIN, INT32_MAX},
        {'u', 0, UINT32_MAX}, {'x', INT64_MIN, INT64_MAX}, {'t', 0, UINT64_MAX},
};

static int check_double(const char *text)
{
        char *end;
        double value = strtod(text, &end);

        return end != text && *end == '\0' && isfinite(value) && text[0] != ' ' ? 0 : -EINVAL;
}

int systemd_value_check(char type, const char *text)
{
        for (size_t i = 0; i < ELEMENTS(integers); i++) {
                int64_t number;
                uint64_t natural;

                if (integers[i].type != type)
                        continue;
                if (integers[i].least == 0)
                        return parse_u64(text, integers[i].most, &natural);
                return parse_i64(text, integers[i].least, (int64_t)integers[i].most, &number);
        }
        if (type == 'b')
                return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
        if (type == 'd')
                return check_double(text);
        return type == 's' || type == 'o' || type == 'g' ? 0 : -EINVAL;
}

/* ---- between two programs ---- */

int systemd_properties_encode(const struct systemd_properties *properties, char **data, size_t *size)
{
        FILE *out = open_memstream(data, size);

        if (!out)
                return fail(ENOMEM, "properties of the systemd unit");
        for (size_t i = 0; i < properties->n; i++) {
                const struct systemd_property *property = &properties->v[i];

                fprintf(out, "%s%c%s%c%zu%c", property->name, 0, property->signature, 0, property->n, 0);
                for (size_t j = 0; j < property->n; j++)
                        fprintf(out, "%s%c", property->v[j], 0);
        }
        if (fclose(out) == 0)
                return 0;
        free(*data);
        return fail(ENOMEM, "properties of the systemd unit");
}

struct reader {
        const char *at, *end;
};

static const char *next_field(struct reader *reader)
{
        const char *field = reader->at;
        const char *nul = reader->at < reader->end ? memchr(field, '\0', (size_t)(reader->end - field)) : NULL;

        if (!nul)
                return NULL;
        reader->at = nul + 1;
        return field;
}

/* How the parts of a value repeat: "t" for t, "t" again and again for at, "st" for a(st). NULL: not one that we know.
 */
static const char *types_of(const char *signature, bool *repeats)
{
        *repeats = signature[0] == 'a';
        if (strcmp(signature, "a(st)") == 0)
                return "st";
        signature += *repeats;
        return signature[0] && !signature[1] && strchr(SYSTEMD_BASIC_TYPES, signature[0]) ? signature : NULL;
}

static int check_values(const struct systemd_property *property, const char *types, bool repeats)
{
        size_t step = strlen(types);

        if (repeats ? property->n % step : property->n != 1)
                return refuse(EINVAL, "property %s: %zu values do not make a \"%s\"", property->name, property->n,
                              property->signature);
        for (size_t i = 0; i < property->n; i++)
                if (systemd_value_check(types[i % step], property->v[i]) < 0)
                        return refuse(EINVAL, "property %s: \"%s\" is no value of type \"%c\"", property->name,
                                      property->v[i], types[i % step]);
        return 0;
}

static int read_one(struct reader *reader, struct arena *arena, struct systemd_property *property)
{
        const char *name = next_field(reader), *signature = name ? next_field(reader) : NULL;
        const char *count = signature ? next_field(reader) : NULL, *types;
        const char **values;
        uint64_t n;
        bool repeats;

        if (!count || !name[0] || name[strspn(name, NAME_LETTERS)])
                return refuse(EINVAL, "the properties are no list of properties");
        types = types_of(signature, &repeats);
        if (!types || parse_u64(count, VALUES_MOST, &n) < 0)
                return refuse(EINVAL, "property %s: \"%s\" of %s values is unknown", name, signature, count);
        values = arena_array(arena, n + 1, sizeof(*values));
        if (!values)
                return fail(ENOMEM, "properties of the systemd unit");
        for (uint64_t i = 0; i < n; i++) {
                values[i] = next_field(reader);
                if (!values[i])
                        return refuse(EINVAL, "property %s: values are missing", name);
        }
        *property = (struct systemd_property){name, signature, n, values};
        return check_values(property, types, repeats);
}

int systemd_properties_decode(const char *data, size_t size, struct arena *arena, struct systemd_properties *properties)
{
        struct reader reader = {data, data + size};

        while (reader.at < reader.end) {
                struct systemd_property property = {0};
                int r = read_one(&reader, arena, &property);

                if (r == 0 && systemd_property_find(properties, property.name))
                        r = refuse(EINVAL, "property %s: more than once", property.name);
                if (r == 0)
                        r = systemd_property_set(properties, arena, &property);
                if (r < 0)
                        return r;
        }
        return 0;
}
