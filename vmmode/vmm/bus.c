#include "vmmode/vmm/bus.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

int bus_add(struct bus *bus, const struct bus_range *range)
{
        for (size_t i = 0; i < bus->n; i++)
                if (range->start < bus->v[i].start + bus->v[i].size && bus->v[i].start < range->start + range->size)
                        return refuse(EEXIST, "device range 0x%llx overlaps another", (unsigned long long)range->start);
        if (bus->n == BUS_RANGES_MAX)
                return refuse(ENOSPC, "too many device ranges");
        bus->v[bus->n++] = *range;
        return 0;
}

static const struct bus_range *find(const struct bus *bus, uint64_t address, unsigned width)
{
        if (width != 1 && width != 2 && width != 4 && width != 8)
                return NULL;
        for (size_t i = 0; i < bus->n; i++) {
                const struct bus_range *range = &bus->v[i];

                if (address >= range->start && address - range->start < range->size)
                        return width <= range->size - (address - range->start) ? range : NULL;
        }
        return NULL;
}

void bus_read(const struct bus *bus, uint64_t address, void *data, unsigned width)
{
        const struct bus_range *range = find(bus, address, width);
        uint64_t value = range && range->read ? range->read(range->device, address - range->start, width) : UINT64_MAX;

        memcpy(data, &value, width < sizeof(value) ? width : sizeof(value));
}

void bus_write(const struct bus *bus, uint64_t address, const void *data, unsigned width)
{
        const struct bus_range *range = find(bus, address, width);
        uint64_t value = 0;

        if (!range || !range->write)
                return;
        memcpy(&value, data, width);
        range->write(range->device, address - range->start, width, value);
}
