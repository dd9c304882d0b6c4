#include "oci/json_write.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "base/error.h"
#include "oci/json.h"

static void note(struct json_writer *json, yajl_gen_status status)
{
        if (json->error == 0 && status != yajl_gen_status_ok)
                json->error = -EINVAL;
}

void json_start(struct json_writer *json, const char *indent)
{
        yajl_gen generator = yajl_gen_alloc(NULL);

        *json = (struct json_writer){.generator = generator, .error = generator ? 0 : -ENOMEM};
        if (!generator)
                return;
        yajl_gen_config(generator, yajl_gen_beautify, indent != NULL);
        if (indent)
                yajl_gen_config(generator, yajl_gen_indent_string, indent);
}

/* A copy with every byte that is no UTF-8 replaced. NULL when memory is short. */
static char *replace_invalid(const char *text, size_t size)
{
        static const char replacement[] = "\xef\xbf\xbd";
        char *copy = malloc(size * 3 + 1), *to = copy;

        while (copy && size) {
                size_t good = utf8_prefix(text, size);

                memcpy(to, text, good);
                to += good;
                text += good;
                size -= good;
                if (size) {
                        memcpy(to, replacement, 3);
                        to += 3;
                        text++;
                        size--;
                }
        }
        if (copy)
                *to = '\0';
        return copy;
}

static void put_clean(struct json_writer *json, const char *text, size_t size)
{
        note(json, yajl_gen_string(json->generator, (const unsigned char *)text, size));
}

static void put_text(struct json_writer *json, const char *text)
{
        size_t size = strlen(text);
        char *clean;

        if (json->error)
                return;
        if (utf8_prefix(text, size) == size) {
                put_clean(json, text, size);
                return;
        }
        clean = replace_invalid(text, size);
        if (clean)
                put_clean(json, clean, strlen(clean));
        else
                json->error = -ENOMEM;
        free(clean);
}

/* yajl breaks the line inside of empty arrays and objects: the bracket is printed with the first value. */
static void open_waiting(struct json_writer *json)
{
        char opened = json->opened;

        json->opened = '\0';
        if (json->error == 0 && opened)
                note(json, opened == '{' ? yajl_gen_map_open(json->generator) : yajl_gen_array_open(json->generator));
}

/* Every value begins here. False: an earlier call failed and the writer is not to be used. */
static bool begin(struct json_writer *json, const char *key)
{
        open_waiting(json);
        if (json->error == 0 && key)
                put_text(json, key);
        return json->error == 0;
}

/* What is a JSON value already. */
static void put_raw(struct json_writer *json, const char *value)
{
        note(json, yajl_gen_number(json->generator, value, strlen(value)));
}

void json_object(struct json_writer *json, const char *key)
{
        if (begin(json, key))
                json->opened = '{';
}

void json_object_end(struct json_writer *json)
{
        if (json->error)
                return;
        if (json->opened == '{')
                put_raw(json, "{}");
        else
                note(json, json->opened ? yajl_gen_in_error_state : yajl_gen_map_close(json->generator));
        json->opened = '\0';
}

void json_array(struct json_writer *json, const char *key)
{
        if (begin(json, key))
                json->opened = '[';
}

void json_array_end(struct json_writer *json)
{
        if (json->error)
                return;
        if (json->opened == '[')
                put_raw(json, "[]");
        else
                note(json, json->opened ? yajl_gen_in_error_state : yajl_gen_array_close(json->generator));
        json->opened = '\0';
}

void json_null(struct json_writer *json, const char *key)
{
        if (begin(json, key))
                note(json, yajl_gen_null(json->generator));
}

void json_string(struct json_writer *json, const char *key, const char *value)
{
        if (!value && key)
                return;
        if (!value)
                json_null(json, NULL);
        else if (begin(json, key))
                put_text(json, value);
}

void json_bool(struct json_writer *json, const char *key, bool value)
{
        if (begin(json, key))
                note(json, yajl_gen_bool(json->generator, value));
}

void json_i64(struct json_writer *json, const char *key, int64_t value)
{
        char text[32];

        snprintf(text, sizeof(text), "%lld", (long long)value);
        if (begin(json, key))
                put_raw(json, text);
}

void json_u64(struct json_writer *json, const char *key, uint64_t value)
{
        char text[32];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
        if (begin(json, key))
                put_raw(json, text);
}

void json_decimal(struct json_writer *json, const char *key, double value)
{
        char text[512];

        snprintf(text, sizeof(text), "%.2f", isfinite(value) ? value : 0.0);
        if (begin(json, key))
                put_raw(json, text);
}

void json_strings(struct json_writer *json, const char *key, const struct oci_strings *strings)
{
        json_array(json, key);
        for (size_t i = 0; i < strings->n; i++)
                json_string(json, NULL, strings->v[i]);
        json_array_end(json);
}

void json_pairs(struct json_writer *json, const char *key, const struct oci_pairs *pairs)
{
        json_object(json, key);
        for (size_t i = 0; i < pairs->n; i++)
                json_string(json, pairs->v[i].key, pairs->v[i].value);
        json_object_end(json);
}

/* The finished text with one newline at its end. */
static int copy_text(struct json_writer *json, char **text)
{
        const unsigned char *bytes;
        size_t size;

        /* Another value is refused as one too many only when the text is whole. */
        open_waiting(json);
        if (json->error || yajl_gen_null(json->generator) != yajl_gen_generation_complete ||
            yajl_gen_get_buf(json->generator, &bytes, &size) != yajl_gen_status_ok)
                return -EINVAL;
        while (size && bytes[size - 1] == '\n')
                size--;
        *text = malloc(size + 2);
        if (!*text)
                return -ENOMEM;
        memcpy(*text, bytes, size);
        memcpy(*text + size, "\n", 2);
        return 0;
}

int json_finish(struct json_writer *json, char **text)
{
        if (json->error == 0)
                json->error = copy_text(json, text);
        if (json->generator)
                yajl_gen_free(json->generator);
        json->generator = NULL;
        return json->error ? fail(-json->error, "print JSON") : 0;
}
