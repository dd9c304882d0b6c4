#include "oci/decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "oci/decode_value.h"

/* ---- messages ---- */

static int refuse_path(const struct json_path *path, const char *format, va_list args)
{
        char where[512], text[2048];

        json_path_print(path, where, sizeof(where));
        vsnprintf(text, sizeof(text), format, args);
        return refuse(EINVAL, "%s%s%s", where, where[0] ? ": " : "", text);
}

int decode_refuse(const struct decoder *decoder, const char *field, const char *format, ...)
{
        struct json_path path = decoder->path;
        va_list args;
        int r;

        if (field)
                json_path_enter(&path, field);
        va_start(args, format);
        r = refuse_path(&path, format, args);
        va_end(args);
        return r;
}

int decode_refuse_at(const struct decoder *decoder, const char *field, size_t index, const char *format, ...)
{
        struct json_path path = decoder->path;
        va_list args;
        int r;

        json_path_enter(&path, field);
        json_path_enter_index(&path, index);
        va_start(args, format);
        r = refuse_path(&path, format, args);
        va_end(args);
        return r;
}

int decode_no_memory(const struct decoder *decoder)
{
        char where[512];

        json_path_print(&decoder->path, where, sizeof(where));
        return fail(ENOMEM, "%s", where[0] ? where : "configuration");
}

int decode_expect(struct decoder *decoder, const struct json_node *node, enum json_kind kind)
{
        char got[80];

        if (node->kind == kind)
                return 0;
        return decode_refuse(decoder, NULL, "expected %s, got %s", json_kind_name(kind),
                             json_describe(node, got, sizeof(got)));
}

/* ---- objects ---- */

static const struct decode_field *find_field(const struct decode_table *table, const char *name)
{
        for (size_t i = 0; i < table->n; i++) {
                if (strcmp(table->fields[i].name, name) == 0)
                        return &table->fields[i];
        }
        return NULL;
}

static int decode_array(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                        char *base)
{
        char *elements;
        size_t i = 0;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        if (node->n == 0)
                return (field->flags & DECODE_NONEMPTY) ? decode_refuse(decoder, NULL, "must not be empty") : 0;
        elements = arena_array(decoder->arena, node->n, field->table->size);
        if (!elements)
                return decode_no_memory(decoder);
        for (const struct json_node *element = node->first; element; element = element->next, i++) {
                json_path_enter_index(&decoder->path, i);
                r = decode_object(decoder, field->table, element, elements + i * field->table->size);
                json_path_leave(&decoder->path);
                if (r < 0)
                        return r;
        }
        memcpy(base + field->offset, &node->n, sizeof(node->n));
        memcpy(base + field->second, &elements, sizeof(elements));
        return 0;
}

static int decode_member(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                         char *base)
{
        switch (field->kind) {
        case DECODE_KIND_OBJECT:
                return decode_object(decoder, field->table, node, base + field->offset);
        case DECODE_KIND_ARRAY:
                return decode_array(decoder, field, node, base);
        case DECODE_KIND_CUSTOM:
                return field->custom(decoder, node, base + field->offset);
        default:
                return decode_value(decoder, field, node, base);
        }
}

static int require_fields(struct decoder *decoder, const struct decode_table *table, const struct json_node *node)
{
        for (size_t i = 0; i < table->n; i++) {
                const struct json_node *member;

                if (!(table->fields[i].flags & DECODE_REQUIRED))
                        continue;
                member = json_member(node, table->fields[i].name);
                if (!member || member->kind == JSON_NULL)
                        return decode_refuse(decoder, table->fields[i].name, "required field is missing");
        }
        return 0;
}

int decode_object(struct decoder *decoder, const struct decode_table *table, const struct json_node *node,
                  void *structure)
{
        int r = decode_expect(decoder, node, JSON_OBJECT);

        if (r < 0)
                return r;
        for (const struct json_node *member = node->first; member; member = member->next) {
                const struct decode_field *field = find_field(table, member->key);

                if (!field || member->kind == JSON_NULL)
                        continue;
                json_path_enter(&decoder->path, field->name);
                r = decode_member(decoder, field, member, structure);
                json_path_leave(&decoder->path);
                if (r < 0)
                        return r;
                if (field->present)
                        *((bool *)((char *)structure + field->present - 1)) = true;
        }
        r = require_fields(decoder, table, node);
        if (r < 0)
                return r;
        return table->check ? table->check(decoder, structure) : 0;
}

int decode_text(const struct decode_table *table, const char *name, const char *text, size_t size, struct arena *arena,
                void *structure)
{
        struct decoder decoder = {.arena = arena};
        struct arena nodes = {0};
        struct json_node *root;
        int r;

        memset(structure, 0, table->size);
        r = json_parse(&nodes, name, text, size, &root);
        /* As for a member: nothing is said. */
        if (r == 0 && root->kind == JSON_NULL)
                *root = (struct json_node){.kind = JSON_OBJECT};
        if (r == 0 && root->kind != JSON_OBJECT)
                r = refuse(EINVAL, "%s: expected an object, got %s", name, json_kind_name(root->kind));
        if (r == 0)
                r = decode_object(&decoder, table, root, structure);
        arena_free(&nodes);
        return r;
}
