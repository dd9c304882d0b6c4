/* A container's state as JSON, for `state` and for each item of `list`. */
#pragma once

#include "oci/json_write.h"
#include "runtime/life/container.h"

/* Added to the annotations of a container whose virtual machine ended by itself: why, from the file of that name in its
 * state directory (vmmode/proxy writes it). */
#define ANNOTATION_ENDED "berth.ended"
#define ENDED_FILE       "ended"

/* The members of one state: the specification's first, then what runc adds (rootfs, created, owner). */
void state_write(struct json_writer *json, const struct container *container);
