/* From a kernel's file to what berth-vmm starts. */
#pragma once

#include "vmmode/image/decompress.h"

/* Takes a whole kernel file, a bzImage or an ELF file, and gives the ELF file: decompressed, checked, and cut behind
 * what is loaded of it. -ENOEXEC with a message for what is none or is damaged. name: for messages. Pure. */
int kernel_unpack(const char *name, const uint8_t *data, size_t size, struct bytes *vmlinux);
