/* The guest's initrd: the agent as /init, and the modules of the kernel that it loads. */
#pragma once

#include "vmmode/image/cpio.h"
#include "vmmode/image/source.h"

/* Contents: /init; /modules/NNN-NAME.ko, loaded at the start in the order of their names; /modules/late/NNN-NAME.ko,
 * loaded (in that order, too) when the guest gets network devices or wants them; empty /dev, /proc, /run and /sys. A
 * module that is built for another release than the kernel's is refused. The archive is the caller's. */
int initrd_make(const struct image_source *source, struct cpio *initrd);
