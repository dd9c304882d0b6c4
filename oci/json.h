/* JSON texts as trees: yajl does the lexing, the nodes live in an arena. Strict where the standard leaves room, because
 * a configuration that two readers understand differently is an attack: duplicate keys, comments, trailing text, NUL
 * bytes and bytes that are no UTF-8 are refused, integers stay exact.
 *
 * Bounds (texts may come from strangers): JSON_SIZE_MAX bytes, JSON_NODES_MAX nodes, JSON_DEPTH_MAX levels. Nothing
 * here recurses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define JSON_SIZE_MAX  ((size_t)4 * 1024 * 1024)
#define JSON_NODES_MAX ((size_t)256 * 1024)
#define JSON_DEPTH_MAX 64

enum json_kind {
        JSON_NULL,
        JSON_BOOL,
        JSON_INTEGER, /* in the range of int64_t or uint64_t; see json_integer */
        JSON_NUMBER,  /* every other number: a fraction, an exponent, too large */
        JSON_STRING,
        JSON_NUL_STRING, /* one with a NUL byte: C would read less than what was written. Nobody accepts it */
        JSON_ARRAY,
        JSON_OBJECT,
};

struct json_node {
        enum json_kind kind;
        bool negative;          /* JSON_INTEGER: look at `integer`, else at `natural` */
        const char *key;        /* the member's name inside an object, else NULL */
        struct json_node *next; /* the next member or element */
        union {
                bool boolean;
                int64_t integer;
                uint64_t natural;
                struct {
                        const char *text; /* JSON_STRING: NUL-terminated; JSON_NUMBER: as written */
                        size_t length;
                };
                struct {
                        struct json_node *first; /* JSON_ARRAY, JSON_OBJECT: in the order of the text */
                        size_t n;
                };
        };
};

/* Parses one JSON value. text need not outlive the call; nodes and strings live in `arena` (also after a failure). name
 * is what messages call the text ("config.json: line 12, column 5: ..."). -EINVAL with such a message, -ENOMEM. */
int json_parse(struct arena *arena, const char *name, const char *text, size_t size, struct json_node **root);

/* An object's member, NULL when there is none (or the node is no object). Linear: for a few look-ups; the decoder
 * (oci/decode.h) is the way to read a whole object. */
const struct json_node *json_member(const struct json_node *object, const char *key);

/* An array's element, NULL when there is none. Linear. */
const struct json_node *json_element(const struct json_node *array, size_t index);

/* "an object", "a string"...: for messages. */
const char *json_kind_name(enum json_kind kind);

/* What stands there, for a message: "a string" for what would be long, the value itself for numbers, literals and
 * strings, quoted, escaped and cut. Returns buffer. */
const char *json_describe(const struct json_node *node, char *buffer, size_t size);

/* "text" in quotes, control characters escaped, cut to fit with "...". Returns buffer (size at least 8). */
const char *json_quote(const char *text, char *buffer, size_t size);

/* How many bytes at the start of the text are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
size_t utf8_prefix(const char *text, size_t size);

/* Takes the space between the words out of a text that json_parse took. Returns how many bytes are left. */
size_t json_squeeze(char *text, size_t size);

/* ---- where we are, for messages ---- */

/* A place in a JSON text, "linux.resources.devices[3].type", kept while a reader goes down and up. Steps beyond the
 * depth are counted and not kept. */
struct json_path {
        size_t depth;
        struct {
                const char *key; /* NULL: an element of an array */
                size_t index;
        } steps[JSON_DEPTH_MAX];
};

void json_path_enter(struct json_path *path, const char *key);
void json_path_enter_index(struct json_path *path, size_t index);
void json_path_leave(struct json_path *path);

/* Prints the path; a key that is no plain word is printed as ["key"]. "" at the top. Returns buffer. */
const char *json_path_print(const struct json_path *path, char *buffer, size_t size);
