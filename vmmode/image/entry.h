/* An entry of the image cache: a directory RELEASE-HASH that holds
 *
 *      vmlinux         the kernel, decompressed
 *      initrd          the agent and the modules
 *      about           what both were made from, and their sizes
 *
 * Its name follows from its source alone. It appears whole (renamed into place, after its bytes are on the disk) and is
 * never changed. Nobody but its owner, who is root or the caller, may write to the cache or anything in it. */
#pragma once

#include <stdbool.h>

#include "vmmode/image/source.h"

#define ENTRY_KERNEL "vmlinux"
#define ENTRY_INITRD "initrd"
#define ENTRY_ABOUT  "about"

#define ENTRY_NAME_MAX  (KERNEL_RELEASE_MAX + 20)
#define ENTRY_ABOUT_MAX (3 * (PATH_MAX + 128) + 256)

struct image_entry {
        int kernel, initrd; /* -EBADF: none */
};

#define IMAGE_ENTRY_NONE                                                                                               \
        {                                                                                                              \
                .kernel = -EBADF, .initrd = -EBADF                                                                     \
        }

/* The first part of `about`: all that the entry depends on, a line each. Returns its length. Pure. */
size_t image_entry_identity(const struct image_source *source, char text[ENTRY_ABOUT_MAX]);
/* The entry's name, from that text. Pure. */
void image_entry_name(const struct image_source *source, const char *identity, char name[ENTRY_NAME_MAX]);

/* Reads a whole `about`. False for what image_entry_identity and the sizes behind it did not write. Pure. */
bool image_about_parse(const char *text, struct image_source *source, uint64_t *kernel_size, uint64_t *initrd_size);
/* Appends the sizes to an identity of that length. Returns the whole length. */
size_t image_about_finish(char text[ENTRY_ABOUT_MAX], size_t length, uint64_t kernel_size, uint64_t initrd_size);

/* Opens the cache's directory. -EPERM with a message when others could write to it; -ENOENT. */
int image_cache_open(const char *path, int *cache);

/* Opens what lies in the entry of this source. -ENOENT without a message when there is none, or none that is whole; the
 * descriptors in *entry are the caller's. */
int image_entry_open(int cache, const struct image_source *source, struct image_entry *entry);
void image_entry_close(struct image_entry *entry);
