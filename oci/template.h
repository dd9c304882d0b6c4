/* The config.json that `berth spec` writes: an ordinary container that runs "sh" in "rootfs". */
#pragma once

#include <stdbool.h>

#include "oci/json_write.h"

/* rootless: one that needs no privileges, with the caller's ids mapped to root. Indented JSON with a newline at the
 * end, malloc'ed, the caller's. NULL when memory is short. */
char *oci_template_json(bool rootless);

/* ---- its pieces, for whoever else writes a config.json ---- */

#define TEMPLATE_OPTIONS_MOST 8

struct template_mount {
        const char *destination, *type, *source;
        const char *options[TEMPLATE_OPTIONS_MOST]; /* up to the first NULL */
};

void template_put_mount(struct json_writer *json, const struct template_mount *mount);

/* key: "uidMappings" or "gidMappings". */
void template_put_mapping(struct json_writer *json, const char *key, const struct oci_id_maps *maps);
