/* Where the files of a container lie: in its directory `rootfs`. */
#pragma once

#include "runtime/ctl/ctl.h"

/* Its root as it is seen inside, but with the ids that it has on disk. Returns a descriptor (O_RDONLY). */
int storage_open(const struct ctl_container *container);

/* A root that is being made, to take the place of the one there is. */
struct storage_draft {
        int root; /* empty at first; -EBADF: none */
};

#define STORAGE_DRAFT_NONE                                                                                             \
        {                                                                                                              \
                .root = -EBADF                                                                                         \
        }

/* The container must be locked, and may not run until the draft is adopted or discarded. What a crash left is removed
 * first. */
int storage_draft(const struct ctl_container *container, struct storage_draft *draft);

/* Puts it into the place of the root, which is removed: a crash leaves the one or the other, whole. */
int storage_adopt(const struct ctl_container *container, struct storage_draft *draft);

/* Removes a draft, and what a crash left of one. */
int storage_discard(const struct ctl_container *container, struct storage_draft *draft);
