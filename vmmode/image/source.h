/* What an image is made from: a kernel, its modules and the agent. berth and berth-kernel both look here, so that berth
 * knows by itself, with a few stat() calls, which entry of the cache it wants. */
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vmmode/image/bzimage.h"

#define IMAGE_KERNEL_MOST ((size_t)1 << 30) /* a kernel file, bytes */
#define MODULES_BUILT_IN  "none"            /* in place of the modules' directory */

/* Which file it is, and which state of it. The change time moves with every write and every replacement, also where
 * the modification time was set back. */
struct image_file {
        char path[PATH_MAX];
        uint64_t device, inode, size;
        int64_t seconds, nanoseconds; /* st_ctim */
};

struct image_source {
        struct image_file kernel, agent;
        struct image_file modules; /* modules.dep; or the path "none" and nothing else */
        char release[KERNEL_RELEASE_MAX];
};

/* kernel: a path, or NULL: the newest /boot/vmlinuz-*-cloud-amd64, then the running kernel's, then the newest
 * /boot/vmlinuz-*, then /vmlinuz, of those whose modules are here; /lib/modules/RELEASE/vmlinuz for what /boot does
 * not have. modules: the directory of that kernel's modules, with modules.dep in it; "none": it needs none; or NULL:
 * /lib/modules/RELEASE. The paths are absolute. Errors, with a message that names the file: -ENOENT no kernel, no
 * modules; -ENOEXEC what is no kernel. */
int image_source_find(const char *kernel, const char *modules, const char *agent, struct image_source *source);

/* True while the file is still there as it was. */
bool image_file_is(const struct image_file *file);
