#include <stdio.h>
#include <string.h>

#include "oci/json.h"

const struct json_node *json_member(const struct json_node *object, const char *key)
{
        if (!object || object->kind != JSON_OBJECT)
                return NULL;
        for (const struct json_node *member = object->first; member; member = member->next) {
                if (strcmp(member->key, key) == 0)
                        return member;
        }
        return NULL;
}

const struct json_node *json_element(const struct json_node *array, size_t index)
{
        const struct json_node *element;

        if (!array || array->kind != JSON_ARRAY)
                return NULL;
        element = array->first;
        for (size_t i = 0; i < index && element; i++)
                element = element->next;
        return element;
}

const char *json_kind_name(enum json_kind kind)
{
        static const char *const names[] = {
                [JSON_NULL] = "null",          [JSON_BOOL] = "a boolean",
                [JSON_INTEGER] = "an integer", [JSON_NUMBER] = "a number",
                [JSON_STRING] = "a string",    [JSON_ARRAY] = "an array",
                [JSON_OBJECT] = "an object",   [JSON_NUL_STRING] = "a string with a NUL byte",
        };

        return names[kind];
}

const char *json_describe(const struct json_node *node, char *buffer, size_t size)
{
        switch (node->kind) {
        case JSON_BOOL:
                snprintf(buffer, size, "%s", node->boolean ? "true" : "false");
                break;
        case JSON_INTEGER:
                if (node->negative)
                        snprintf(buffer, size, "%lld", (long long)node->integer);
                else
                        snprintf(buffer, size, "%llu", (unsigned long long)node->natural);
                break;
        case JSON_NUMBER:
                snprintf(buffer, size, "%s", node->text);
                break;
        case JSON_STRING:
                json_quote(node->text, buffer, size);
                break;
        default:
                snprintf(buffer, size, "%s", json_kind_name(node->kind));
                break;
        }
        return buffer;
}

const char *json_quote(const char *text, char *buffer, size_t size)
{
        size_t used = 0, limit = size - 5; /* the closing "...", the quote and the NUL stay free */
        const char *p = text;

        buffer[used++] = '"';
        while (*p) {
                unsigned char byte = (unsigned char)*p;
                char piece[8];
                size_t length = 1;

                /* Bytes above 0x7f are well-formed UTF-8 when they come from json_parse; whole sequences are cut. */
                if (byte == '"' || byte == '\\') {
                        length = (size_t)snprintf(piece, sizeof(piece), "\\%c", byte);
                } else if (byte < 0x20 || byte == 0x7f) {
                        length = (size_t)snprintf(piece, sizeof(piece), "\\u%04x", byte);
                } else {
                        while (byte >= 0xc0 && length < 4 && ((unsigned char)p[length] & 0xc0) == 0x80)
                                length++;
                        memcpy(piece, p, length);
                }
                if (used + length > limit)
                        break;
                memcpy(buffer + used, piece, length);
                used += length;
                p += byte >= 0xc0 ? length : 1;
        }
        snprintf(buffer + used, size - used, "%s\"", *p ? "..." : "");
        return buffer;
}

void json_path_enter(struct json_path *path, const char *key)
{
        if (path->depth < JSON_DEPTH_MAX)
                path->steps[path->depth].key = key;
        path->depth++;
}

void json_path_enter_index(struct json_path *path, size_t index)
{
        if (path->depth < JSON_DEPTH_MAX) {
                path->steps[path->depth].key = NULL;
                path->steps[path->depth].index = index;
        }
        path->depth++;
}

void json_path_leave(struct json_path *path)
{
        path->depth--;
}

static int is_plain_word(const char *key)
{
        static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

        return key[0] && key[strspn(key, word)] == '\0' && strlen(key) <= 64;
}

const char *json_path_print(const struct json_path *path, char *buffer, size_t size)
{
        size_t used = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < path->depth && i < JSON_DEPTH_MAX && used < size; i++) {
                const char *key = path->steps[i].key;
                char quoted[80];
                int n;

                if (!key)
                        n = snprintf(buffer + used, size - used, "[%zu]", path->steps[i].index);
                else if (is_plain_word(key))
                        n = snprintf(buffer + used, size - used, "%s%s", i ? "." : "", key);
                else
                        n = snprintf(buffer + used, size - used, "[%s]", json_quote(key, quoted, sizeof(quoted)));
                used += (size_t)n;
        }
        return buffer;
}
