#include "oci/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "oci/json_text.h"

#define NUMBER_MAX 64 /* bytes of a number's text; longer ones are refused */

struct parser {
        struct arena *arena;
        const char *name;
        char *text; /* a private copy: strings without escapes stay where they are and get their NUL in place */
        size_t size;
        yajl_handle yajl;
        struct json_node *root;
        const char *key; /* of the member whose value comes next */
        size_t nodes;
        size_t depth;
        struct {
                struct json_node *container, *last;
        } stack[JSON_DEPTH_MAX];
        int error; /* what a callback left; its message is already in the chain */
};

static void cleanup_yajl(yajl_handle *yajl)
{
        if (*yajl)
                yajl_free(*yajl);
}

/* The last byte of the token that yajl has just read. */
static size_t last_byte(const struct parser *parser)
{
        size_t consumed = yajl_get_bytes_consumed(parser->yajl);

        return consumed ? consumed - 1 : 0;
}

/* Every callback that stops the parser goes through here. Returns what yajl takes for "stop". */
static int stop_at(struct parser *parser, const char *what)
{
        parser->error = json_text_refuse(parser->name, parser->text, last_byte(parser), what);
        return 0;
}

static int out_of_memory(struct parser *parser)
{
        parser->error = fail(ENOMEM, "%s", parser->name);
        return 0;
}

static struct json_node *append(struct parser *parser, enum json_kind kind)
{
        struct json_node *node;

        if (parser->nodes++ == JSON_NODES_MAX) {
                stop_at(parser, "too many values");
                return NULL;
        }
        node = arena_alloc(parser->arena, sizeof(*node));
        if (!node) {
                out_of_memory(parser);
                return NULL;
        }
        node->kind = kind;
        node->key = parser->key;
        parser->key = NULL;
        if (parser->depth == 0) {
                parser->root = node;
        } else {
                struct json_node *container = parser->stack[parser->depth - 1].container;
                struct json_node **last = &parser->stack[parser->depth - 1].last;

                if (*last)
                        (*last)->next = node;
                else
                        container->first = node;
                *last = node;
                container->n++;
        }
        return node;
}

/* A NUL-terminated string from what yajl hands out. It points into our copy unless yajl had to undo escapes; then the
 * byte after it is the closing quote, which the lexer has passed. */
static const char *keep_string(struct parser *parser, const unsigned char *bytes, size_t length)
{
        uintptr_t at = (uintptr_t)bytes, from = (uintptr_t)parser->text;
        char *kept;

        if (at > from && at - from < parser->size) {
                kept = parser->text + (at - from);
                kept[length] = '\0';
                return kept;
        }
        kept = arena_strndup(parser->arena, length ? (const char *)bytes : "", length);
        if (!kept)
                out_of_memory(parser);
        return kept;
}

static int on_null(void *context)
{
        return append(context, JSON_NULL) != NULL;
}

static int on_boolean(void *context, int value)
{
        struct json_node *node = append(context, JSON_BOOL);

        if (!node)
                return 0;
        node->boolean = value;
        return 1;
}

static int on_number(void *context, const char *bytes, size_t length)
{
        struct parser *parser = context;
        struct json_node *node = append(parser, JSON_INTEGER);
        char text[NUMBER_MAX];
        int r;

        if (!node)
                return 0;
        if (length >= sizeof(text))
                return stop_at(parser, "a number is too long");
        memcpy(text, bytes, length);
        text[length] = '\0';
        node->negative = text[0] == '-';
        if (node->negative)
                r = parse_i64(text, INT64_MIN, INT64_MAX, &node->integer);
        else
                r = parse_u64(text, UINT64_MAX, &node->natural);
        if (r == 0 && node->negative && node->integer == 0)
                node->negative = false; /* -0 */
        if (r == 0)
                return 1;
        node->kind = JSON_NUMBER;
        node->negative = false;
        node->length = length;
        node->text = arena_strndup(parser->arena, text, length);
        return node->text ? 1 : out_of_memory(parser);
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
        struct parser *parser = context;
        struct json_node *node = append(parser, JSON_STRING);

        if (!node)
                return 0;
        if (length && memchr(bytes, '\0', length)) {
                node->kind = JSON_NUL_STRING;
                return 1;
        }
        node->text = keep_string(parser, bytes, length);
        node->length = length;
        return node->text != NULL;
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
        struct parser *parser = context;

        if (length && memchr(bytes, '\0', length)) {
                stop_at(parser, "a key holds a NUL byte");
                return 0;
        }
        parser->key = keep_string(parser, bytes, length);
        return parser->key != NULL;
}

static int open_container(struct parser *parser, enum json_kind kind)
{
        struct json_node *node = append(parser, kind);

        if (!node)
                return 0;
        if (parser->depth == JSON_DEPTH_MAX)
                return stop_at(parser, "nested too deep");
        parser->stack[parser->depth].container = node;
        parser->stack[parser->depth].last = NULL;
        parser->depth++;
        return 1;
}

static int on_object(void *context)
{
        return open_container(context, JSON_OBJECT);
}

static int on_array(void *context)
{
        return open_container(context, JSON_ARRAY);
}

static int on_array_end(void *context)
{
        ((struct parser *)context)->depth--;
        return 1;
}

/* The path of the container on top of the stack. */
static void path_of_top(const struct parser *parser, struct json_path *path)
{
        path->depth = 0;
        for (size_t i = 1; i < parser->depth; i++) {
                const struct json_node *node = parser->stack[i].container;

                if (node->key)
                        json_path_enter(path, node->key);
                else
                        json_path_enter_index(path, parser->stack[i - 1].container->n - 1);
        }
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that stands twice in the object, NULL when there is none. keys: room for all. By sorting: comparing each with
 * each would make a large object of a stranger expensive. */
static const char *duplicate_in(const struct json_node *object, const char **keys)
{
        size_t n = 0;

        for (const struct json_node *member = object->first; member; member = member->next)
                keys[n++] = member->key;
        qsort(keys, n, sizeof(*keys), compare_keys);
        for (size_t i = 1; i < n; i++) {
                if (strcmp(keys[i - 1], keys[i]) == 0)
                        return keys[i];
        }
        return NULL;
}

/* Most objects are small and need no memory of their own. -ENOMEM. */
static int find_duplicate(const struct json_node *object, const char **duplicate)
{
        const char *few[32];
        _cleanup_free_ const char **many = NULL;

        if (object->n <= ELEMENTS(few)) {
                *duplicate = duplicate_in(object, few);
                return 0;
        }
        many = malloc(object->n * sizeof(*many));
        if (!many)
                return -ENOMEM;
        *duplicate = duplicate_in(object, many);
        return 0;
}

static int on_object_end(void *context)
{
        struct parser *parser = context;
        const char *duplicate;
        char where[256], quoted[80];
        struct json_path path;

        if (find_duplicate(parser->stack[parser->depth - 1].container, &duplicate) < 0)
                return out_of_memory(parser);
        if (duplicate) {
                path_of_top(parser, &path);
                json_path_print(&path, where, sizeof(where));
                json_quote(duplicate, quoted, sizeof(quoted));
                parser->error =
                        refuse(EINVAL, "%s: %s%sduplicate key %s", parser->name, where, where[0] ? ": " : "", quoted);
                return 0;
        }
        parser->depth--;
        return 1;
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_object_end,
        .yajl_start_array = on_array,
        .yajl_end_array = on_array_end,
};

/* yajl's own words for a syntax error ("parse error: premature EOF\n") without its prefix and newline. */
static int refuse_syntax(struct parser *parser, size_t offset)
{
        unsigned char *message = yajl_get_error(parser->yajl, 0, NULL, 0);
        const char *words = message ? strstr((const char *)message, "error: ") : NULL;
        char what[160];
        int r;

        if (!words)
                return fail(ENOMEM, "%s", parser->name);
        strncpy(what, words + strlen("error: "), sizeof(what) - 1);
        what[sizeof(what) - 1] = '\0';
        what[strcspn(what, "\n")] = '\0';
        r = json_text_refuse(parser->name, parser->text, offset, what);
        yajl_free_error(parser->yajl, message);
        return r;
}

int json_parse(struct arena *arena, const char *name, const char *text, size_t size, struct json_node **root)
{
        struct parser parser = {.arena = arena, .name = name, .size = size};
        _cleanup_(cleanup_yajl) yajl_handle yajl = NULL;
        yajl_status status;
        size_t where;
        int r;

        if (size > JSON_SIZE_MAX)
                return refuse(EINVAL, "%s: %zu bytes are too many, at most %zu are read", name, size, JSON_SIZE_MAX);
        r = json_text_check(name, text, size);
        if (r < 0)
                return r;
        parser.text = arena_strndup(arena, size ? text : "", size);
        yajl = parser.text ? yajl_alloc(&callbacks, NULL, &parser) : NULL;
        if (!yajl)
                return fail(ENOMEM, "%s", name);
        yajl_config(yajl, yajl_dont_validate_strings, 1); /* done above, and more strictly */
        parser.yajl = yajl;
        status = yajl_parse(yajl, (const unsigned char *)parser.text, size);
        where = last_byte(&parser);
        if (status == yajl_status_ok) {
                status = yajl_complete_parse(yajl);
                where = size;
        }
        if (parser.error)
                return parser.error;
        if (status != yajl_status_ok)
                return refuse_syntax(&parser, where);
        if (!parser.root)
                return json_text_refuse(name, text, size, "the text is empty");
        *root = parser.root;
        return 0;
}
