/* What is put into the guest's memory before it runs: parts of files, found first (image.c) and carried out by a thread
 * of its own, while the rest of the machine is made and jailed (jail.h). That thread has ended before there is a guest.
 *
 * Who adds parts sees to it that they lie in the file and in the memory; a file that becomes shorter meanwhile is an
 * error all the same. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/vmm/memory.h"

#define LOADER_PARTS_MAX 64

struct loader_part {
        const char *name; /* of the file, for messages */
        int fd;
        bool is_mapped; /* copy-on-write pages of the file: whole pages here and there */
        uint64_t offset, size;
        uint8_t *to; /* as a span has given it */
};

struct loader {
        const struct guest_memory *memory;
        size_t n;
        struct loader_part v[LOADER_PARTS_MAX];
        bool runs;
        pthread_t thread;
        int result; /* of the thread: a bare negative errno, with the part that it was at */
        const struct loader_part *failed;
};

/* In the order in which they are added. -ENOEXEC with a message: too many (Linux has a dozen). Nothing of a file is
 * read yet. */
int loader_add(struct loader *loader, const struct loader_part *part);

/* Starts the thread. */
int loader_begin(struct loader *loader);

/* Waits for its end, where it runs. */
void loader_wait(struct loader *loader);

/* The same; everything is in place then. -ENOEXEC or what reading failed with, with a message. */
int loader_end(struct loader *loader);
