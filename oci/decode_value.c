#include "oci/decode_value.h"

#include <stdio.h>
#include <string.h>

int decode_string(struct decoder *decoder, const struct json_node *node, const char **value)
{
        int r = decode_expect(decoder, node, JSON_STRING);

        if (r < 0)
                return r;
        *value = arena_strndup(decoder->arena, node->text, node->length);
        return *value ? 0 : decode_no_memory(decoder);
}

static int decode_signed(struct decoder *decoder, const struct json_node *node, int64_t least, int64_t most,
                         int64_t *value)
{
        char got[80];
        bool fits = node->kind == JSON_INTEGER && (node->negative || node->natural <= INT64_MAX);
        int64_t number = !fits ? 0 : node->negative ? node->integer : (int64_t)node->natural;

        if (fits && number >= least && number <= most) {
                *value = number;
                return 0;
        }
        json_describe(node, got, sizeof(got));
        if (least == INT64_MIN && most == INT64_MAX)
                return decode_refuse(decoder, NULL, "expected an integer, got %s",
                                     node->kind == JSON_STRING ? json_kind_name(node->kind) : got);
        return decode_refuse(decoder, NULL, "expected a number from %lld to %lld, got %s", (long long)least,
                             (long long)most, got);
}

int decode_unsigned(struct decoder *decoder, const struct json_node *node, uint64_t least, uint64_t most,
                    uint64_t *value)
{
        char got[80];

        if (node->kind == JSON_INTEGER && !node->negative && node->natural >= least && node->natural <= most) {
                *value = node->natural;
                return 0;
        }
        return decode_refuse(decoder, NULL, "expected a number from %llu to %llu, got %s", (unsigned long long)least,
                             (unsigned long long)most, json_describe(node, got, sizeof(got)));
}

int decode_word(struct decoder *decoder, const struct json_node *node, const struct words *words, uint64_t *value)
{
        const struct word *word;
        char got[80];
        int r = decode_expect(decoder, node, JSON_STRING);

        if (r < 0)
                return r;
        word = word_find(words, node->text);
        if (!word)
                return decode_refuse(decoder, NULL, "unknown value %s", json_quote(node->text, got, sizeof(got)));
        *value = word->value;
        return 0;
}

typedef int (*child_decoder)(struct decoder *decoder, const struct json_node *node, size_t index, void *data);

static int each_child(struct decoder *decoder, const struct json_node *node, enum json_kind kind,
                      child_decoder child_of, void *data)
{
        size_t i = 0;
        int r = decode_expect(decoder, node, kind);

        if (r < 0)
                return r;
        for (const struct json_node *child = node->first; child; child = child->next, i++) {
                if (kind == JSON_OBJECT)
                        json_path_enter(&decoder->path, child->key);
                else
                        json_path_enter_index(&decoder->path, i);
                r = child_of(decoder, child, i, data);
                json_path_leave(&decoder->path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int decode_each_member(struct decoder *decoder, const struct json_node *node,
                       int (*member)(struct decoder *decoder, const struct json_node *node, size_t index, void *data),
                       void *data)
{
        return each_child(decoder, node, JSON_OBJECT, member, data);
}

int decode_each(struct decoder *decoder, const struct json_node *node,
                int (*element)(struct decoder *decoder, const struct json_node *node, size_t index, void *data),
                void *data)
{
        return each_child(decoder, node, JSON_ARRAY, element, data);
}

static int string_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        return decode_string(decoder, node, &((const char **)data)[index]);
}

static int decode_strings(struct decoder *decoder, const struct json_node *node, struct oci_strings *value)
{
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        value->n = node->n;
        value->v = arena_array(decoder->arena, node->n, sizeof(*value->v));
        if (!value->v)
                return decode_no_memory(decoder);
        return decode_each(decoder, node, string_element, value->v);
}

static int decode_pairs(struct decoder *decoder, const struct json_node *node, struct oci_pairs *value)
{
        size_t i = 0;
        int r = decode_expect(decoder, node, JSON_OBJECT);

        if (r < 0)
                return r;
        value->n = node->n;
        value->v = arena_array(decoder->arena, node->n, sizeof(*value->v));
        if (!value->v)
                return decode_no_memory(decoder);
        for (const struct json_node *member = node->first; member; member = member->next, i++) {
                if (!member->key[0])
                        return decode_refuse(decoder, NULL, "a key is empty");
                json_path_enter(&decoder->path, member->key);
                r = decode_string(decoder, member, &value->v[i].value);
                json_path_leave(&decoder->path);
                if (r < 0)
                        return r;
                value->v[i].key = arena_strdup(decoder->arena, member->key);
                if (!value->v[i].key)
                        return decode_no_memory(decoder);
        }
        return 0;
}

struct ids_target {
        uint32_t *ids;
        uint64_t most;
};

static int id_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        const struct ids_target *target = data;
        uint64_t number = 0;
        int r = decode_unsigned(decoder, node, 0, target->most, &number);

        if (r == 0)
                target->ids[index] = (uint32_t)number;
        return r;
}

static int decode_ids(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                      char *base)
{
        struct ids_target target = {.most = field->most};
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        target.ids = arena_array(decoder->arena, node->n, sizeof(*target.ids));
        if (!target.ids)
                return decode_no_memory(decoder);
        memcpy(base + field->offset, &node->n, sizeof(node->n));
        memcpy(base + field->second, &target.ids, sizeof(target.ids));
        return decode_each(decoder, node, id_element, &target);
}

/* The low `size` bytes of a number into a member of 4 or 8 bytes. */
static void store(char *member, size_t size, uint64_t value)
{
        uint32_t narrow = (uint32_t)value;

        if (size == sizeof(narrow))
                memcpy(member, &narrow, sizeof(narrow));
        else
                memcpy(member, &value, sizeof(value));
}

struct flags_target {
        const struct words *words;
        uint64_t flags;
};

static int flag_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        struct flags_target *target = data;
        uint64_t flag = 0;
        int r = decode_word(decoder, node, target->words, &flag);

        (void)index;
        if (r == 0)
                target->flags |= flag;
        return r;
}

static int decode_flags(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                        char *member)
{
        struct flags_target target = {.words = field->words};
        int r = decode_each(decoder, node, flag_element, &target);

        if (r == 0)
                store(member, field->size, target.flags);
        return r;
}

static int decode_string_field(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                               char *member)
{
        const char *text;
        char got[80];
        int r = decode_string(decoder, node, &text);

        if (r < 0)
                return r;
        if (!text[0] && (field->flags & DECODE_EMPTY_IS_ABSENT))
                return 0;
        if (!text[0] && (field->flags & DECODE_NONEMPTY))
                return decode_refuse(decoder, NULL, "must not be empty");
        if (text[0] != '/' && (field->flags & DECODE_ABSOLUTE))
                return decode_refuse(decoder, NULL, "expected an absolute path, got %s",
                                     json_quote(text, got, sizeof(got)));
        memcpy(member, &text, sizeof(text));
        return 0;
}

static int decode_number_field(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                               char *member)
{
        int64_t number = 0;
        uint64_t natural = 0;
        int r;

        if (field->kind == DECODE_KIND_SIGNED || field->kind == DECODE_KIND_OPTIONAL_I64)
                r = decode_signed(decoder, node, field->least, (int64_t)field->most, &number);
        else
                r = decode_unsigned(decoder, node, (uint64_t)field->least, field->most, &natural);
        if (r < 0)
                return r;
        if (field->kind == DECODE_KIND_OPTIONAL_I64)
                *(struct optional_i64 *)member = (struct optional_i64){.set = true, .value = number};
        else if (field->kind == DECODE_KIND_OPTIONAL_U64)
                *(struct optional_u64 *)member = (struct optional_u64){.set = true, .value = natural};
        else
                store(member, field->size, field->kind == DECODE_KIND_SIGNED ? (uint64_t)number : natural);
        return 0;
}

static int decode_strings_field(struct decoder *decoder, const struct decode_field *field, const struct json_node *node,
                                char *member)
{
        int r = decode_strings(decoder, node, (struct oci_strings *)member);

        if (r == 0 && node->n == 0 && (field->flags & DECODE_NONEMPTY))
                return decode_refuse(decoder, NULL, "must not be empty");
        if (r < 0 || !(field->flags & DECODE_ABSOLUTE))
                return r;
        for (size_t i = 0; i < node->n; i++) {
                const char *text = ((struct oci_strings *)member)->v[i];
                char got[80];

                if (text[0] == '/')
                        continue;
                json_path_enter_index(&decoder->path, i);
                r = decode_refuse(decoder, NULL, "expected an absolute path, got %s",
                                  json_quote(text, got, sizeof(got)));
                json_path_leave(&decoder->path);
                return r;
        }
        return 0;
}

int decode_value(struct decoder *decoder, const struct decode_field *field, const struct json_node *node, char *base)
{
        char *member = base + field->offset;
        uint64_t word = 0;
        int r;

        switch (field->kind) {
        case DECODE_KIND_STRING:
                return decode_string_field(decoder, field, node, member);
        case DECODE_KIND_BOOL:
        case DECODE_KIND_OPTIONAL_BOOL:
                r = decode_expect(decoder, node, JSON_BOOL);
                if (r == 0 && field->kind == DECODE_KIND_BOOL)
                        *(bool *)member = node->boolean;
                else if (r == 0)
                        *(struct optional_bool *)member = (struct optional_bool){.set = true, .value = node->boolean};
                return r;
        case DECODE_KIND_WORD:
                if (node->kind == JSON_STRING && node->length == 0 && (field->flags & DECODE_EMPTY_IS_ABSENT))
                        return 0;
                r = decode_word(decoder, node, field->words, &word);
                if (r == 0)
                        store(member, field->size, word);
                return r;
        case DECODE_KIND_FLAGS:
                return decode_flags(decoder, field, node, member);
        case DECODE_KIND_STRINGS:
                return decode_strings_field(decoder, field, node, member);
        case DECODE_KIND_PAIRS:
                return decode_pairs(decoder, node, (struct oci_pairs *)member);
        case DECODE_KIND_IDS:
                return decode_ids(decoder, field, node, base);
        default:
                return decode_number_field(decoder, field, node, member);
        }
}
