/* What the parent opens for the init before it starts: namespaces to join, and the mount sources that the ids inside
 * could not reach or map. Their descriptors are the slots of the plan. */
#pragma once

#include "oci/spec.h"
#include "runtime/core/plan_inside.h"

struct sources {
        int fds[PLAN_SLOTS_MAX];
        size_t n;
        size_t n_mounts;
        plan_slot *mount_sources, *mount_user_namespaces; /* one for each mount */
        char **mount_links;                               /* likewise */
};

/* Opens everything and enters the slots into facts. trees: the root and the sources of bind mounts, too, as detached
 * trees, or, without privilege (CAP_SYS_ADMIN), as the places that these are to be made of. inside: whose mounts they
 * are. */
int sources_open(struct sources *sources, const struct oci_spec *spec, const struct oci_spec *inside,
                 struct plan_facts *facts, int procfs, bool trees, bool privileged);

/* Adds a descriptor, which belongs to sources from then on, and gives its slot. */
int sources_add(struct sources *sources, int fd, plan_slot *slot);

void sources_close(struct sources *sources);
