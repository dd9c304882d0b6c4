/* Snapshots of a container's files: CONTAINER/snapshots/NAME/ with `rootfs`, a copy of the root, and `about`, its date
 * and size. Settings, volumes and memory are not in them. They belong to the container: rename takes them along, clone
 * and export do not, destroy removes them. */
#pragma once

#include "runtime/ctl/ctl.h"

struct snapshot {
        char name[CTL_NAME_MAX + 1];
        char created[40]; /* RFC 3339 */
        uint64_t bytes;   /* of its files when it was made; shared with the container's where the file system can */
};

/* name: as ctl_name_valid; NULL: the present, as "20260801-123456". A container that runs is frozen meanwhile. A crash
 * leaves no half snapshot, and the container running. made, which may be NULL, gets its name. */
int ctl_snapshot_create(struct ctl *ctl, const char *container, const char *name, struct snapshot *made);

/* Sorted by date. malloc'ed, the caller's. */
int ctl_snapshot_list(struct ctl *ctl, const char *container, struct snapshot **snapshots, size_t *n);

/* Replaces the root of a stopped container by a copy of the snapshot: a crash leaves the one or the other. */
int ctl_snapshot_restore(struct ctl *ctl, const char *container, const char *name);

int ctl_snapshot_delete(struct ctl *ctl, const char *container, const char *name);
