/* What a container may use: settings as linux.resources. */
#pragma once

#include "oci/json_write.h"
#include "runtime/ctl/settings.h"

/* Puts the member "resources". directory: the container's, whose disk I/O limits are about; -EINVAL where that is no
 * disk of this machine. */
int resources_put(struct json_writer *json, const struct settings *settings, int directory);

/* The same as a whole JSON object, malloc'ed, the caller's. `changed` holds a bit for each row of setting_table that is
 * new: of these, limits that are not set are written as "no limit", to take away what there was. */
int resources_json(const struct settings *settings, int directory, uint64_t changed, char **text);
