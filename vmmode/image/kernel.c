#include "vmmode/image/kernel.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "vmmode/image/bzimage.h"
#include "vmmode/image/source.h"
#include "vmmode/image/vmlinux.h"

#define SIZE_FIELD 4 /* the build puts the size of what was compressed at the end of the payload */

static size_t promised_size(const uint8_t *end)
{
        return end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 | (size_t)end[-1] << 24;
}

static int unpack_payload(const char *name, const uint8_t *data, const struct bzimage *image, struct bytes *vmlinux)
{
        const uint8_t *payload = data + image->payload;
        char what[PATH_MAX + 16];
        size_t promised;
        int r;

        if (image->payload_size <= SIZE_FIELD)
                return refuse(ENOEXEC, "kernel %s: damaged: its payload is empty", name);
        promised = promised_size(payload + image->payload_size);
        if (promised == 0 || promised > IMAGE_KERNEL_MOST)
                return refuse(ENOEXEC, "kernel %s: damaged: it claims to be %zu bytes large when decompressed", name,
                              promised);
        snprintf(what, sizeof(what), "kernel %s", name);
        /* One byte more than promised: a stream that goes on shows it. */
        r = decompress(what, payload, image->payload_size, promised + 1, vmlinux);
        if (r == 0 && vmlinux->size != promised)
                r = refuse(ENOEXEC, "kernel %s: damaged: decompressed it has %zu bytes, not %zu", name, vmlinux->size,
                           promised);
        return r;
}

int kernel_unpack(const char *name, const uint8_t *data, size_t size, struct bytes *vmlinux)
{
        struct bzimage image;
        size_t used = 0;
        int r;

        *vmlinux = (struct bytes){0};
        if (bzimage_is(data, size)) {
                r = bzimage_parse(name, data, size, &image);
                if (r == 0)
                        r = unpack_payload(name, data, &image, vmlinux);
        } else if (vmlinux_is(data, size)) {
                vmlinux->data = malloc(size);
                if (!vmlinux->data)
                        return fail(ENOMEM, "kernel %s", name);
                memcpy(vmlinux->data, data, size);
                vmlinux->size = size;
                r = 0;
        } else {
                r = refuse(ENOEXEC, "kernel %s: no kernel: neither a bzImage nor an ELF file", name);
        }
        if (r == 0)
                r = vmlinux_check(name, vmlinux->data, vmlinux->size, &used);
        if (r < 0)
                bytes_free(vmlinux);
        else
                vmlinux->size = used;
        return r;
}
