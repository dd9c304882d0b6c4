/* How commands tell what a running container uses. */
#pragma once

#include <stdio.h>

#include "oci/json_write.h"
#include "runtime/ctl/settings.h"
#include "runtime/ctl/usage.h"

/* Members of the object that is open: plain numbers, null for no limit; left out is what the host does not count. */
void usage_put_json(struct json_writer *json, const struct usage *usage);

#define USAGE_TEXT 64

/* "used / limit"; "-" for no limit. Returns text. */
const char *usage_share(uint64_t used, uint64_t limit, char text[USAGE_TEXT]);
const char *usage_count(uint64_t used, uint64_t limit, char text[USAGE_TEXT]);

/* Calls print for each line: its key, and "used / limit" with the limit of the group, or the rate that is set. */
void usage_lines(const struct usage *usage, const struct settings *settings,
                 void (*print)(FILE *out, const char *key, const char *value), FILE *out);
