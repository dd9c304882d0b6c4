/* Copying files between the host and a container. What is copied is what lies in the container's root on disk: volumes
 * and what the running container has mounted (/tmp of a tmpfs, /run) are not in it. Paths inside are resolved in the
 * container's root, and a link there never leads out of it. */
#pragma once

#include "runtime/ctl/ctl.h"

/* One end of a copy. */
struct copy_end {
        const char *container; /* NULL: the host */
        const char *path;      /* inside: absolute or relative to the root */
};

/* Copies a file or a directory with what is in it. As cp -a: into `to` when that is a directory, else as `to`. */
int ctl_copy(struct ctl *ctl, const struct copy_end *from, const struct copy_end *to);
