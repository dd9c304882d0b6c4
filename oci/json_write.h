/* Printing JSON: state, features, events, records, log lines. Everything is remembered and nothing fails until
 * json_finish(), so that callers read like the text that they print:
 *
 *         struct json_writer json;
 *         char *text;
 *
 *         json_start(&json, "  ");
 *         json_object(&json, NULL);
 *         json_string(&json, "id", id);
 *         json_strings(&json, "hooks", &hooks);
 *         json_object(&json, "memory");
 *         json_u64(&json, "usage", usage);
 *         json_object_end(&json);
 *         json_object_end(&json);
 *         return json_finish(&json, &text);
 *
 * key: the member's name inside an object, NULL inside an array and at the top. Bytes that are no UTF-8 (paths may hold
 * some) are printed as U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/spec.h"

struct json_writer {
        void *generator;
        char opened; /* '{' or '[' that waits for its first value, so that empty ones stay on one line */
        int error;   /* the first failure, a negative errno */
};

/* indent: what one level is indented by ("  ", "\t"); NULL: all on one line. The string must live until json_finish. */
void json_start(struct json_writer *json, const char *indent);

void json_object(struct json_writer *json, const char *key);
void json_object_end(struct json_writer *json);
void json_array(struct json_writer *json, const char *key);
void json_array_end(struct json_writer *json);

/* value NULL: the member is left out (in an array: null). */
void json_string(struct json_writer *json, const char *key, const char *value);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_i64(struct json_writer *json, const char *key, int64_t value);
void json_u64(struct json_writer *json, const char *key, uint64_t value);
/* Two digits after the point; what is no number becomes 0. */
void json_decimal(struct json_writer *json, const char *key, double value);
void json_null(struct json_writer *json, const char *key);

/* Whole arrays and objects, "[]" and "{}" when empty. */
void json_strings(struct json_writer *json, const char *key, const struct oci_strings *strings);
void json_pairs(struct json_writer *json, const char *key, const struct oci_pairs *pairs);

/* Ends the text and frees the writer. *text is malloc'ed, the caller's, NUL-terminated with a newline before.
 * -ENOMEM, or -EINVAL when the calls did not make a whole JSON text (a bug); both with a message. */
int json_finish(struct json_writer *json, char **text);
