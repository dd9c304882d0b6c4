/* Which wall a container gets: the command (--isolation, or being called berth-vm), then the spec's vm object, then the
 * annotation berth.isolation. An annotation comes from strangers: it may ask for the stronger wall, never for the
 * weaker. */
#pragma once

#include "runtime/life/container.h"

#define ANNOTATION_ISOLATION "berth.isolation"

int wall_choose(enum isolation asked, const struct oci_spec *spec, enum isolation *isolation);
