/* What a boot loader leaves for the kernel: command line, memory map, zero page or hvm_start_info, and the first
 * processor's registers. */
#pragma once

#include "vmmode/vmm/image.h"
#include "vmmode/vmm/memory.h"

struct kvm_regs;
struct kvm_sregs;

struct boot {
        const struct image *image;
        const char *cmdline;
        uint64_t initrd, initrd_size; /* size 0: none */
        uint64_t rsdp;
};

/* Writes all of it. -E2BIG when the command line is longer than the kernel takes. */
int boot_prepare(const struct guest_memory *memory, const struct boot *boot);

/* The registers at the kernel's entry; sregs holds what the processor has after a reset. */
void boot_registers(const struct image *image, struct kvm_regs *regs, struct kvm_sregs *sregs);
