/* What systemd calls a container: linux.cgroupsPath as "slice:prefix:name" and the names that follow from it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct systemd_names {
        const char *slice; /* "system.slice": the unit that the scope lies in */
        const char *unit;  /* "berth-web.scope" */
        const char *path;  /* its group below that of the manager: "/system.slice/berth-web.scope" */
};

/* cgroups_path NULL or "": system.slice (user.slice for the manager of a user), prefix "berth", the id as name. What
 * systemd would refuse is refused here, with the part that is wrong. All texts are in the arena or the caller's. */
int systemd_names_for(const char *cgroups_path, const char *id, bool user, struct arena *arena,
                      struct systemd_names *names);

/* "a-b.slice" lies in "a.slice": "/a.slice/a-b.slice"; the root slice "-.slice" is "". In the arena, NULL when memory
 * is short. The name must be a valid one. */
const char *systemd_slice_path(const char *slice, struct arena *arena);

/* run.oci.systemd.subgroup: one component, which may not be one of the kernel's own files. "" and NULL are none. */
int systemd_check_subgroup(const char *name);
