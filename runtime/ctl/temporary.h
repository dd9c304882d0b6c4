/* Places for what is only needed while an image is unpacked: below the directory of berthctl, where there is room for
 * images; /tmp is often memory. Each is locked by who has made it, so that what a crash left can be told from it. */
#pragma once

#include "runtime/ctl/ctl.h"

#define TEMPORARY_TEMPLATE "image-XXXXXX"

struct temporary {
        char name[sizeof(TEMPORARY_TEMPLATE)];
        char path[4096];
        const struct ctl *ctl;
        int fd; /* its directory; holds the lock */
};

/* temporary_remove also after a failure. */
int temporary_make(const struct ctl *ctl, struct temporary *temporary);
void temporary_remove(struct temporary *temporary);

/* Removes those that nobody has any more. What cannot be removed is a warning: nobody waits for it. */
void temporary_sweep(const struct ctl *ctl);
