/* Guest RAM: at most two ranges of guest-physical addresses, one file in memory behind all of them, so
 * that a file server can map it too.
 *
 * guest_span is the only way from an address that a guest gave to a pointer of ours: a span must lie whole in one range
 * (Firecracker's CVE-2019-18960 checked only where it began). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* x86: the addresses from 3 to 4 GiB are for devices. RAM that does not fit below goes on above. */
#define GUEST_HOLE_START 0xc0000000ULL
#define GUEST_HOLE_END   0x100000000ULL

#define GUEST_PAGE       4096ULL
#define GUEST_MEMORY_MIN (128ULL << 20) /* Debian's kernel needs 70 MiB besides its initrd */

struct guest_range {
        uint64_t address; /* guest-physical, page-aligned */
        uint64_t size;    /* bytes, whole pages */
        uint64_t offset;  /* in the memory file */
        uint8_t *host;
};

struct guest_memory {
        int fd; /* the memory file; -EBADF for one that is private (tests) */
        uint64_t size;
        size_t n;
        struct guest_range v[2];
};

#define GUEST_MEMORY_NONE                                                                                              \
        {                                                                                                              \
                .fd = -EBADF                                                                                           \
        }

/* Makes the RAM: `size` bytes (whole pages, at least one). Pages are taken from the host when they are first used. */
int guest_memory_make(struct guest_memory *memory, uint64_t size);

void guest_memory_free(struct guest_memory *memory);

/* The bytes from `address` on, or NULL when not all `length` of them are RAM of one range. A length of 0 is NULL. */
void *guest_span(const struct guest_memory *memory, uint64_t address, uint64_t length);

/* How many bytes of RAM there are from `address` on without a gap; 0: none. */
uint64_t guest_room(const struct guest_memory *memory, uint64_t address);

/* Fills `size` bytes of RAM from a host address on, which a span has given, before anybody runs in it: through the
 * memory's file, so that pages which are filled whole are not cleared first (of a kernel's 20 MiB that takes as long as
 * the rest of its loading). Bare negative errno: -EFAULT when data is a mapping whose file became shorter. */
int guest_fill(const struct guest_memory *memory, uint8_t *to, const void *data, size_t size);

/* Copies; false when the span is not RAM. */
bool guest_write(const struct guest_memory *memory, uint64_t address, const void *data, size_t length);
bool guest_read(const struct guest_memory *memory, uint64_t address, void *data, size_t length);
