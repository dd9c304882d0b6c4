/* Which wall a container gets. The first of these that says something decides: the annotation berth.isolation, which
 * comes from strangers and may ask for the stronger wall, never for the weaker; the command (--isolation, or being
 * called berth-vm); the spec's vm object; the host's configuration. That one may also require a wall: who asks for the
 * other one is refused. */
#pragma once

#include "runtime/life/container.h"

#define ANNOTATION_ISOLATION "berth.isolation"

/* What the host's configuration says (vmmode/host/config.h). ISOLATION_UNSET: nothing. */
struct wall_policy {
        enum isolation usual;    /* for containers for which nothing else is said */
        enum isolation required; /* the only one that there may be */
};

/* -EINVAL for an annotation that is neither, -EPERM for a wall that the host forbids. */
int wall_choose(enum isolation asked, const struct oci_spec *spec, const struct wall_policy *policy,
                enum isolation *isolation);
