/* The kernel and the initrd of a virtual machine, ready to start. */
#pragma once

#include <errno.h>

#include "vmmode/host/config.h"
#include "vmmode/image/bzimage.h"

struct vm_image {
        int kernel, initrd; /* the caller's (vm_image_close) */
        char release[KERNEL_RELEASE_MAX];
};

#define VM_IMAGE_NONE                                                                                                  \
        {                                                                                                              \
                .kernel = -EBADF, .initrd = -EBADF                                                                     \
        }

/* kernel: a path, or NULL: the configuration's, or the host's newest. When the cache holds the image this takes a few
 * stat() calls; otherwise it is made by berth-kernel, in some tenths of a second (at most two minutes, -ETIMEDOUT).
 * Errors name the file: -ENOENT no kernel, no modules or no agent; -ENOEXEC what is none; -EPERM a cache that others
 * may write to; -EIO what berth-kernel refused. */
int vm_image_find(const struct vm_config *config, const char *kernel, struct vm_image *image);

void vm_image_close(struct vm_image *image);
