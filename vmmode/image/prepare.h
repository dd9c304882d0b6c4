/* Makes the image of a virtual machine: the kernel as berth-vmm starts it, and the initrd with the guest's agent. */
#pragma once

#include "vmmode/image/source.h"

struct prepare_request {
        const char *cache;            /* directory, made when it is not there */
        const char *kernel, *modules; /* as image_source_find takes them, or NULL */
        const char *agent;
};

/* Makes the entry of the cache where it is not there, and removes stale ones. *source: what was found; path: the
 * entry's directory. */
int prepare_image(const struct prepare_request *request, struct image_source *source, char path[PATH_MAX]);
