#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "oci/tables.h"

/* The kernel's UID_GID_MAP_MAX_EXTENTS (4.15). */
#define ID_MAP_LINES 340

int id_maps_check(const struct decoder *decoder, const char *field, const struct oci_id_maps *maps)
{
        if (maps->n > ID_MAP_LINES)
                return decode_refuse(decoder, field, "%zu ranges are too many, the kernel takes %d", maps->n,
                                     ID_MAP_LINES);
        for (size_t i = 0; i < maps->n; i++) {
                const struct oci_id_map *a = &maps->v[i];

                for (size_t j = 0; j < i; j++) {
                        const struct oci_id_map *b = &maps->v[j];

                        if ((uint64_t)a->container_id < (uint64_t)b->container_id + b->size &&
                            (uint64_t)b->container_id < (uint64_t)a->container_id + a->size)
                                return decode_refuse_at(decoder, field, i, "container ids overlap those of [%zu]", j);
                        if ((uint64_t)a->host_id < (uint64_t)b->host_id + b->size &&
                            (uint64_t)b->host_id < (uint64_t)a->host_id + a->size)
                                return decode_refuse_at(decoder, field, i, "host ids overlap those of [%zu]", j);
                }
        }
        return 0;
}

struct named_index {
        const char *name;
        size_t length;
        size_t index;
};

static int compare_named(const void *a, const void *b)
{
        const struct named_index *x = a, *y = b;
        size_t shorter = x->length < y->length ? x->length : y->length;
        int order = shorter ? memcmp(x->name, y->name, shorter) : 0;

        if (order)
                return order;
        if (x->length != y->length)
                return x->length < y->length ? -1 : 1;
        return x->index < y->index ? -1 : 1;
}

static bool same_name(const struct named_index *a, const struct named_index *b)
{
        return a->length == b->length && memcmp(a->name, b->name, a->length) == 0;
}

size_t duplicate_index(const char *const *strings, size_t n)
{
        _cleanup_free_ struct named_index *names = NULL;
        size_t found = n;

        if (n < 2)
                return n;
        names = calloc(n, sizeof(*names));
        if (!names)
                return SIZE_MAX;
        for (size_t i = 0; i < n; i++)
                names[i] = (struct named_index){.name = strings[i], .length = strlen(strings[i]), .index = i};
        qsort(names, n, sizeof(*names), compare_named);
        for (size_t i = 1; i < n; i++) {
                if (same_name(&names[i - 1], &names[i]) && names[i].index < found)
                        found = names[i].index;
        }
        return found;
}

int environment_keep_last(const struct decoder *decoder, struct oci_strings *env)
{
        _cleanup_free_ struct named_index *names = NULL;
        size_t n = 0, kept = 0;

        if (env->n < 2)
                return 0;
        names = calloc(env->n, sizeof(*names));
        if (!names)
                return decode_no_memory(decoder);
        for (size_t i = 0; i < env->n; i++) {
                size_t length = strcspn(env->v[i], "=");

                if (env->v[i][length])
                        names[n++] = (struct named_index){.name = env->v[i], .length = length, .index = i};
        }
        qsort(names, n, sizeof(*names), compare_named);
        for (size_t i = 1; i < n; i++) {
                if (same_name(&names[i - 1], &names[i]))
                        env->v[names[i - 1].index] = NULL;
        }
        for (size_t i = 0; i < env->n; i++) {
                if (env->v[i])
                        env->v[kept++] = env->v[i];
        }
        env->n = kept;
        return 0;
}

int environment_check(const struct decoder *decoder, const char *field, struct oci_strings *env)
{
        char got[80];

        for (size_t i = 0; i < env->n; i++) {
                size_t name = strcspn(env->v[i], "=");

                if (name == 0 || env->v[i][name] == '\0')
                        return decode_refuse_at(decoder, field, i, "expected NAME=VALUE, got %s",
                                                json_quote(env->v[i], got, sizeof(got)));
        }
        return environment_keep_last(decoder, env);
}

/* The largest NR_CPUS that Linux can be built for. */
#define LIST_MOST 8191

/* Reads the number at *at and moves *at behind it. */
static bool take_number(const char **at, uint64_t *value)
{
        size_t length = strspn(*at, "0123456789");
        char text[8];

        if (length >= sizeof(text))
                return false;
        memcpy(text, *at, length);
        text[length] = '\0';
        *at += length;
        return parse_u64(text, LIST_MOST, value) == 0;
}

static bool is_number_list(const char *at)
{
        for (;; at++) {
                uint64_t first, last;

                if (!take_number(&at, &first))
                        return false;
                if (*at == '-') {
                        at++;
                        if (!take_number(&at, &last) || last < first)
                                return false;
                }
                if (*at == '\0')
                        return true;
                if (*at != ',')
                        return false;
        }
}

int number_list_check(const struct decoder *decoder, const char *field, const char *list)
{
        char got[80];

        if (!list || is_number_list(list))
                return 0;
        return decode_refuse(decoder, field, "expected a list like \"0-3,7\" of numbers up to %d, got %s", LIST_MOST,
                             json_quote(list, got, sizeof(got)));
}
