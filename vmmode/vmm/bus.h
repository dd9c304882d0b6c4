/* Who answers the guest's accesses to ports and device memory. Ranges are fixed before the first processor runs, so
 * that nothing needs a lock here; a device locks itself.
 *
 * An access reaches a device only whole inside its range, with a width of 1, 2, 4 or 8 bytes. What nobody answers reads
 * as all ones and swallows writes, as on a PC. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bus_range {
        uint64_t start, size;
        uint64_t (*read)(void *device, uint64_t offset, unsigned width);
        void (*write)(void *device, uint64_t offset, unsigned width, uint64_t value);
        void *device;
};

#define BUS_RANGES_MAX 40

struct bus {
        size_t n;
        struct bus_range v[BUS_RANGES_MAX];
};

/* -EEXIST with a message when it overlaps another range, -ENOSPC when there are too many. */
int bus_add(struct bus *bus, const struct bus_range *range);

void bus_read(const struct bus *bus, uint64_t address, void *data, unsigned width);
void bus_write(const struct bus *bus, uint64_t address, const void *data, unsigned width);
