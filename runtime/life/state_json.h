/* A container's state as JSON, for `state` and for each item of `list`. */
#pragma once

#include "oci/json_write.h"
#include "runtime/life/container.h"

/* The members of one state: the specification's first, then what runc adds (rootfs, created, owner). */
void state_write(struct json_writer *json, const struct container *container);
