/* Kernel images: ELF (vmlinux, also for PVH) and bzImage, into guest memory.
 *
 * The image comes from the operator, not from the guest; a damaged one is refused with a message all the same, and
 * nothing outside of the guest's memory is ever touched. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmmode/vmm/loader.h"

enum image_protocol {
        IMAGE_LINUX64, /* 64-bit entry, %rsi = zero page (boot.rst, "64-bit Boot Protocol") */
        IMAGE_PVH,     /* 32-bit entry, %ebx = hvm_start_info (Xen's pvh.markdown) */
};

struct image {
        enum image_protocol protocol;
        uint64_t entry;      /* guest-physical */
        uint64_t start, end; /* what the kernel takes before it reads its memory map */
        uint64_t initrd_max; /* the highest address that a byte of the initrd may have */
        uint32_t cmdline_max;
        bool has_header;
        uint8_t header[0x290 - 0x1f1]; /* bzImage: its setup header, to be put at 0x1f1 of the zero page */
};

/* Finds what the file is and what of it goes where, and gives the loader that to do. Of an ELF file the pages of Linux
 * that never change hands are mapped copy-on-write, not read. -ENOEXEC with a message for what is no kernel for this
 * machine, -ENOSPC when the memory is too small (the message says how much it takes). */
int image_load(int fd, const char *name, struct loader *loader, struct image *image);

/* The same for the initrd, which goes as high as it may lie; *address is where. -ENOSPC when it does not fit between
 * the kernel and there. */
int image_load_initrd(int fd, const char *name, struct loader *loader, const struct image *image, uint64_t *address,
                      uint64_t *size);
