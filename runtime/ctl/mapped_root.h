/* The root of a container that is more than a directory: of an unprivileged one the files have on disk the ids that
 * they have inside, from 0 on, and the container sees them through an id-mapped mount; those of a disk image have to be
 * mounted. */
#pragma once

#include "runtime/ctl/ctl.h"

/* Whether the runtime maps the root (root.idmap in config.json): it is one mount. */
bool mapped_root_is_simple(const struct ctl_container *container);

/* Where the root is more than a directory, enters a mount namespace of this process's own and puts it over
 * CONTAINER/rootfs there, layers mapped: what the container's own namespace is copied from. The host never sees it, and
 * it needs no undoing. -EINVAL where the file system cannot be mapped. *before: the mount namespace before, the
 * caller's; unchanged where a directory is all there is. */
int mapped_root_attach(const struct ctl *ctl, const struct ctl_container *container, int *before);

/* Whether that can be done, and files have the right owners then: tried in a process of its own. */
bool mapped_root_works(const struct ctl *ctl, const struct ctl_container *container);

/* Goes back there: what is started from now on sees the host as it is. The working directory becomes "/". */
int mapped_root_leave(int before);
