/* The kernel as an ELF file: is it one that berth-vmm can start? Pure: nothing is read but the bytes given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/image/bzimage.h"

bool vmlinux_is(const uint8_t *data, size_t size);

/* -ENOEXEC with a message for what is not for x86-64, is damaged, or has neither Xen's PVH note nor, where it lies at a
 * fixed place, Linux's own 64-bit entry. *used: how much of the file its loaded parts, headers and table of sections
 * take; what follows (relocations) no one needs to start it. name: for messages. */
int vmlinux_check(const char *name, const uint8_t *data, size_t size, size_t *used);

/* Looks for the text "Linux version RELEASE". -ENOENT, without a message, when there is none. */
int vmlinux_release(const uint8_t *data, size_t size, char release[KERNEL_RELEASE_MAX]);
