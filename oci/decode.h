/* JSON trees into C structures by tables: one line for each field says its name, where it goes and what it may be.
 * Every message starts with the field's JSON path ("process.rlimits[2].type: unknown value \"RLIMIT_FOO\"").
 *
 * How to use it:
 *
 *         struct door {
 *                 const char *name;
 *                 uint32_t width;
 *                 struct optional_i64 weight;
 *                 struct { size_t n; struct lock *v; } locks;
 *         };
 *
 *         static const struct decode_field door_fields[] = {
 *                 DECODE_STRING(struct door, name, "name", DECODE_REQUIRED | DECODE_NONEMPTY),
 *                 DECODE_U32(struct door, width, "width", 1, 65535, 0),
 *                 DECODE_OPTIONAL_I64(struct door, weight, "weight", 0, INT64_MAX, 0),
 *                 DECODE_ARRAY(struct door, locks.n, locks.v, "locks", &lock_table, 0),
 *         };
 *         static const struct decode_table door_table = DECODE_TABLE(struct door, door_fields, check_door);
 *
 *         int door_parse(const char *text, size_t size, struct arena *arena, struct door *door)
 *         {
 *                 return decode_text(&door_table, "door.json", text, size, arena, door);
 *         }
 *
 * Rules that hold for every field: unknown members are ignored (the spec's MUST); null is the same as absent; a missing
 * field leaves the structure's bytes as they are (decode_text zeroes the top one, arrays come zeroed); an unknown
 * value of a known field is -EINVAL. Strings and arrays live in the arena given. `check`, which may be NULL, sees the
 * whole structure after its fields, with the path still there for decode_refuse().
 *
 * The macros check at compile time that the member has the type that they fill. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "oci/json.h"
#include "oci/spec.h"
#include "oci/vocabulary.h"

struct decoder {
        struct arena *arena;
        struct json_path path;
};

enum decode_kind {
        DECODE_KIND_STRING,
        DECODE_KIND_BOOL,
        DECODE_KIND_OPTIONAL_BOOL,
        DECODE_KIND_SIGNED,   /* int32_t or int64_t, by size */
        DECODE_KIND_UNSIGNED, /* uint32_t or uint64_t, by size */
        DECODE_KIND_OPTIONAL_I64,
        DECODE_KIND_OPTIONAL_U64,
        DECODE_KIND_WORD,
        DECODE_KIND_FLAGS,
        DECODE_KIND_STRINGS,
        DECODE_KIND_PAIRS,
        DECODE_KIND_IDS,
        DECODE_KIND_OBJECT,
        DECODE_KIND_ARRAY,
        DECODE_KIND_CUSTOM,
};

enum decode_flags {
        DECODE_REQUIRED = 1 << 0, /* absent is an error */
        DECODE_NONEMPTY = 1 << 1, /* "" or [] is an error */
        DECODE_ABSOLUTE = 1 << 2, /* the string must start with '/' */
        /* "" is the same as absent: Go programs print unset strings so. */
        DECODE_EMPTY_IS_ABSENT = 1 << 3,
};

struct decode_table;

typedef int (*decode_custom)(struct decoder *decoder, const struct json_node *node, void *value);

struct decode_field {
        const char *name;
        enum decode_kind kind;
        unsigned flags;
        size_t offset;
        size_t size;                      /* of the member */
        size_t second;                    /* ARRAY, IDS: offset of the pointer; `offset` is the count's */
        size_t present;                   /* 1 + offset of a bool that becomes true; 0: none */
        int64_t least;                    /* numbers */
        uint64_t most;                    /* numbers */
        const struct words *words;        /* WORD, FLAGS */
        const struct decode_table *table; /* OBJECT, ARRAY */
        decode_custom custom;             /* CUSTOM: gets the node and the member's address */
};

struct decode_table {
        size_t size; /* of the structure */
        const struct decode_field *fields;
        size_t n;
        int (*check)(struct decoder *decoder, void *structure);
};

#define DECODE_TABLE(type, field_array, check_function)                                                                \
        {                                                                                                              \
                .size = sizeof(type), .fields = (field_array), .n = sizeof(field_array) / sizeof((field_array)[0]),    \
                .check = (check_function)                                                                              \
        }

#define DECODE_OFFSET(type, member, wanted)                                                                            \
        (offsetof(type, member) +                                                                                      \
         0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)NULL)->member), wanted) ? 1 : -1]))
#define DECODE_MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define DECODE_NUMBER_(type, member, wanted, json, kind_, least_, most_, flags_)                                       \
        {                                                                                                              \
                .name = (json), .kind = (kind_), .flags = (flags_), .offset = DECODE_OFFSET(type, member, wanted),     \
                .size = sizeof(((type *)NULL)->member), .least = (least_), .most = (most_)                             \
        }
#define DECODE_PLAIN_(type, member, wanted, json, kind_, flags_)                                                       \
        {                                                                                                              \
                .name = (json), .kind = (kind_), .flags = (flags_), .offset = DECODE_OFFSET(type, member, wanted)      \
        }

/* const char * */
#define DECODE_STRING(type, member, json, flags)                                                                       \
        DECODE_PLAIN_(type, member, const char *, json, DECODE_KIND_STRING, flags)
/* bool, struct optional_bool */
#define DECODE_BOOL(type, member, json, flags) DECODE_PLAIN_(type, member, bool, json, DECODE_KIND_BOOL, flags)
#define DECODE_OPTIONAL_BOOL(type, member, json)                                                                       \
        DECODE_PLAIN_(type, member, struct optional_bool, json, DECODE_KIND_OPTIONAL_BOOL, 0)
/* Numbers from least to most. */
#define DECODE_I32(type, member, json, least, most, flags)                                                             \
        DECODE_NUMBER_(type, member, int32_t, json, DECODE_KIND_SIGNED, least, most, flags)
#define DECODE_I64(type, member, json, least, most, flags)                                                             \
        DECODE_NUMBER_(type, member, int64_t, json, DECODE_KIND_SIGNED, least, most, flags)
#define DECODE_U32(type, member, json, least, most, flags)                                                             \
        DECODE_NUMBER_(type, member, uint32_t, json, DECODE_KIND_UNSIGNED, least, most, flags)
#define DECODE_U64(type, member, json, least, most, flags)                                                             \
        DECODE_NUMBER_(type, member, uint64_t, json, DECODE_KIND_UNSIGNED, least, most, flags)
#define DECODE_OPTIONAL_I64(type, member, json, least, most, flags)                                                    \
        DECODE_NUMBER_(type, member, struct optional_i64, json, DECODE_KIND_OPTIONAL_I64, least, most, flags)
#define DECODE_OPTIONAL_U64(type, member, json, least, most, flags)                                                    \
        DECODE_NUMBER_(type, member, struct optional_u64, json, DECODE_KIND_OPTIONAL_U64, least, most, flags)
/* A word of a vocabulary into an integer or enum of 4 or 8 bytes. */
#define DECODE_WORD(type, member, json, vocabulary, flags_)                                                            \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_WORD, .flags = (flags_), DECODE_MEMBER(type, member),              \
                .words = (vocabulary)                                                                                  \
        }
/* An array of words, their values or'ed into an integer of 4 or 8 bytes. */
#define DECODE_FLAGS(type, member, json, vocabulary)                                                                   \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_FLAGS, DECODE_MEMBER(type, member), .words = (vocabulary)          \
        }
/* struct oci_strings, struct oci_pairs (an object of strings; empty keys are refused) */
#define DECODE_STRINGS(type, member, json, flags)                                                                      \
        DECODE_PLAIN_(type, member, struct oci_strings, json, DECODE_KIND_STRINGS, flags)
#define DECODE_PAIRS(type, member, json, flags)                                                                        \
        DECODE_PLAIN_(type, member, struct oci_pairs, json, DECODE_KIND_PAIRS, flags)
/* size_t count and uint32_t *ids: an array of numbers 0 to most. */
#define DECODE_IDS(type, count, pointer, json, most_)                                                                  \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_IDS, .offset = DECODE_OFFSET(type, count, size_t),                 \
                .second = DECODE_OFFSET(type, pointer, uint32_t *), .most = (most_)                                    \
        }
/* A structure inside the structure. With _SET, the bool `flag` of `type` becomes true when the object is there. */
#define DECODE_OBJECT(type, member, json, table_, flags_)                                                              \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_OBJECT, .flags = (flags_), DECODE_MEMBER(type, member),            \
                .table = (table_)                                                                                      \
        }
#define DECODE_OBJECT_SET(type, member, flag, json, table_, flags_)                                                    \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_OBJECT, .flags = (flags_), DECODE_MEMBER(type, member),            \
                .present = 1 + DECODE_OFFSET(type, flag, bool), .table = (table_)                                      \
        }
/* An object whose fields belong to `type` itself. */
#define DECODE_INLINE(type, json, table_, flags_)                                                                      \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_OBJECT, .flags = (flags_), .offset = 0, .size = sizeof(type),      \
                .table = (table_)                                                                                      \
        }
/* size_t count and a pointer to structures of the table: an array of objects. */
#define DECODE_ARRAY(type, count, pointer, json, table_, flags_)                                                       \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_ARRAY, .flags = (flags_),                                          \
                .offset = DECODE_OFFSET(type, count, size_t), .second = offsetof(type, pointer), .table = (table_)     \
        }
/* Anything else: the function reads the node and fills the member. */
#define DECODE_CUSTOM(type, member, json, function, flags_)                                                            \
        {                                                                                                              \
                .name = (json), .kind = DECODE_KIND_CUSTOM, .flags = (flags_), DECODE_MEMBER(type, member),            \
                .custom = (function)                                                                                   \
        }

/* Parses the text and decodes its object. The structure is zeroed first. name: what messages call the text when it is
 * no JSON at all. Returns 0, -EINVAL, -ENOMEM. After a failure the structure's content is of no use. */
int decode_text(const struct decode_table *table, const char *name, const char *text, size_t size, struct arena *arena,
                void *structure);

/* ---- for custom fields and checks ---- */

/* Decodes an object at the decoder's present path. */
int decode_object(struct decoder *decoder, const struct decode_table *table, const struct json_node *node,
                  void *structure);

/* One value, as the fields of the same kind do it. Strings are copied into the arena. */
int decode_string(struct decoder *decoder, const struct json_node *node, const char **value);
int decode_unsigned(struct decoder *decoder, const struct json_node *node, uint64_t least, uint64_t most,
                    uint64_t *value);
int decode_word(struct decoder *decoder, const struct json_node *node, const struct words *words, uint64_t *value);

/* Calls `member` for each member of an object, with the path at that member. */
int decode_each_member(struct decoder *decoder, const struct json_node *node,
                       int (*member)(struct decoder *decoder, const struct json_node *node, size_t index, void *data),
                       void *data);

/* Calls `element` for each element of an array, with the path at that element. */
int decode_each(struct decoder *decoder, const struct json_node *node,
                int (*element)(struct decoder *decoder, const struct json_node *node, size_t index, void *data),
                void *data);

/* -EINVAL unless the node is of the kind. */
int decode_expect(struct decoder *decoder, const struct json_node *node, enum json_kind kind);

/* "<path>[.<field>]: <text>" and -EINVAL. field may be NULL. */
int decode_refuse(const struct decoder *decoder, const char *field, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same for element `index` of the array `field`. */
int decode_refuse_at(const struct decoder *decoder, const char *field, size_t index, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
int decode_no_memory(const struct decoder *decoder);
