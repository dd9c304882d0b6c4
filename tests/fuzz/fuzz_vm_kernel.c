/* Kernel files for virtual machines: bzImages with their compressed payloads, and ELF files. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "vmmode/image/kernel.h"
#include "vmmode/image/vmlinux.h"

#define PROMISED_MOST (8U << 20) /* more is only slower */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int promises_too_much(const uint8_t *data, size_t size)
{
        struct bzimage image;
        uint32_t promised;

        if (!bzimage_is(data, size) || bzimage_parse("fuzz", data, size, &image) < 0 || image.payload_size < 4)
                return 0;
        memcpy(&promised, data + image.payload + image.payload_size - 4, 4);
        return promised > PROMISED_MOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes vmlinux;
        size_t used;
        int r;

        if (promises_too_much(data, size))
                return 0;
        error_clear();
        r = kernel_unpack("fuzz", data, size, &vmlinux);
        /* What is taken is cut where it ends, and what is refused has a message. */
        if (r == 0 && (!vmlinux_is(vmlinux.data, vmlinux.size) ||
                       (vmlinux_check("fuzz", vmlinux.data, vmlinux.size, &used) == 0 && used != vmlinux.size)))
                __builtin_trap();
        if (r < 0 && (!error_message()[0] || vmlinux.data))
                __builtin_trap();
        bytes_free(&vmlinux);
        error_clear();
        return 0;
}
