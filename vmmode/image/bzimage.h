/* The head of a bzImage: where the compressed kernel lies in it, and what it calls itself (boot.rst, "The Real-Mode
 * Kernel Header"). Pure: nothing is read but the bytes given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BZIMAGE_HEAD 0x290 /* bytes of the file that bzimage_parse looks at */

#define KERNEL_RELEASE_MAX 65 /* as in struct utsname, with its NUL */

struct bzimage {
        uint64_t payload, payload_size; /* the compressed kernel, in the file */
        uint64_t version;               /* the text "RELEASE (builder) #1 ...", in the file; 0 none */
};

bool bzimage_is(const uint8_t *head, size_t size);

/* head: the first BZIMAGE_HEAD bytes of a file of `size` bytes. -ENOEXEC with a message for a kernel that has no 64-bit
 * entry, or whose payload does not lie in the file. name: for messages. */
int bzimage_parse(const char *name, const uint8_t *head, uint64_t size, struct bzimage *image);

/* Takes the release, the first word, out of a version text. It is used as the name of a directory: -ENOEXEC, without a
 * message, for one that holds anything but letters, digits and "._+~-", or that starts with a dot. */
int kernel_release_parse(const char *text, size_t size, char release[KERNEL_RELEASE_MAX]);
