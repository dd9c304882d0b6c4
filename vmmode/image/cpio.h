/* Builds a cpio archive in the form "newc", as the kernel unpacks it (initramfs buffer format). In memory: what berth
 * puts into an initrd are a few megabytes. Owners are root, times 0: the same content is the same archive. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cpio {
        uint8_t *data; /* malloc'ed */
        size_t size, room;
        uint32_t entries;
};

void cpio_free(struct cpio *cpio);

#define _cleanup_cpio_ __attribute__((cleanup(cpio_free)))

/* name: without a leading slash; its directory comes before it. mode: permissions. Bare negative errno: -ENOMEM, -EFBIG
 * for what the format cannot hold, -EINVAL for a name that is empty, absolute, or longer than a path may be. */
int cpio_add_directory(struct cpio *cpio, const char *name, uint32_t mode);
int cpio_add_file(struct cpio *cpio, const char *name, uint32_t mode, const void *data, size_t size);

/* Ends the archive; nothing may be added after it. */
int cpio_finish(struct cpio *cpio);
