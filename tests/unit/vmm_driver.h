/* A driver for the devices of berth-vmm, as a guest's kernel would be: it speaks to the memory BAR and lays out rings
 * in guest memory, well or badly as the test wants. No KVM, no guest. */
#pragma once

#include <errno.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "vmmode/vmm/pci.h"

#define DRIVER_MEMORY  (4ULL << 20)
#define DRIVER_RINGS   0x10000ULL /* each queue takes 0x4000 */
#define DRIVER_BUFFERS 0x100000ULL
#define DRIVER_SIZE    64 /* entries of each queue */

struct driver {
        struct guest_memory memory;
        struct pci_function function;
        struct virtio *virtio;
        uint16_t available[VIRTIO_QUEUES_MAX], used[VIRTIO_QUEUES_MAX];
};

static inline uint64_t driver_read(struct driver *driver, uint64_t offset, unsigned width)
{
        return pci_read_bar(&driver->function, offset, width);
}

static inline void driver_write(struct driver *driver, uint64_t offset, unsigned width, uint64_t value)
{
        pci_write_bar(&driver->function, offset, width, value);
}

static inline void driver_attach(struct driver *driver, struct virtio *virtio)
{
        driver->virtio = virtio;
        driver->function = (struct pci_function){.virtio = virtio};
        pci_function_init(&driver->function, 0, -EBADF);
}

static inline uint64_t ring_address(unsigned queue)
{
        return DRIVER_RINGS + queue * 0x4000ULL;
}

static inline uint64_t available_address(unsigned queue)
{
        return ring_address(queue) + 0x1000;
}

static inline uint64_t used_address(unsigned queue)
{
        return ring_address(queue) + 0x2000;
}

static inline void driver_set_queue(struct driver *driver, unsigned queue, uint16_t size, uint64_t descriptors,
                                    uint64_t available, uint64_t used)
{
        driver_write(driver, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_MSIX, 2, queue + 1);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_DESCLO, 4, (uint32_t)descriptors);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_DESCHI, 4, descriptors >> 32);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, (uint32_t)available);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_AVAILHI, 4, available >> 32);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_USEDLO, 4, (uint32_t)used);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_USEDHI, 4, used >> 32);
        driver_write(driver, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static inline uint8_t driver_status(struct driver *driver)
{
        return (uint8_t)driver_read(driver, VIRTIO_PCI_COMMON_STATUS, 1);
}

static inline void driver_accept(struct driver *driver, uint64_t features)
{
        driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1, 0);
        driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
        for (unsigned half = 0; half < 2; half++) {
                driver_write(driver, VIRTIO_PCI_COMMON_GFSELECT, 4, half);
                driver_write(driver, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> (32 * half)));
        }
        driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
}

static inline void driver_ready(struct driver *driver)
{
        driver_write(driver, VIRTIO_PCI_COMMON_STATUS, 1,
                     VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* The whole of 3.1.1. */
static inline void driver_start(struct driver *driver, uint64_t features)
{
        driver_accept(driver, features | VIRTIO_VERSION_1);
        memset(driver->available, 0, sizeof(driver->available));
        memset(driver->used, 0, sizeof(driver->used));
        for (unsigned i = 0; i < driver->virtio->n_queues; i++) {
                memset(guest_span(&driver->memory, ring_address(i), 0x4000), 0, 0x4000);
                driver_set_queue(driver, i, DRIVER_SIZE, ring_address(i), available_address(i), used_address(i));
        }
        driver_ready(driver);
}

static inline struct vring_desc *driver_descriptor(struct driver *driver, unsigned queue, unsigned index)
{
        return guest_span(&driver->memory, ring_address(queue) + 16ULL * index, 16);
}

static inline void driver_describe(struct driver *driver, unsigned queue, unsigned index, uint64_t address,
                                   uint32_t length, uint16_t flags, uint16_t next)
{
        *driver_descriptor(driver, queue, index) =
                (struct vring_desc){.addr = address, .len = length, .flags = flags, .next = next};
}

static inline void driver_offer(struct driver *driver, unsigned queue, uint16_t head)
{
        uint16_t *available = guest_span(&driver->memory, available_address(queue), 4 + 2 * DRIVER_SIZE);

        available[2 + driver->available[queue]++ % DRIVER_SIZE] = head;
        available[1] = driver->available[queue];
}

/* Tells the device, in its own thread's place. */
static inline void driver_kick(struct driver *driver, unsigned queue)
{
        pthread_mutex_lock(&driver->virtio->lock);
        if (virtio_is_active(driver->virtio) && driver->virtio->queues[queue].state.enabled)
                driver->virtio->ops->kick(driver->virtio, queue);
        pthread_mutex_unlock(&driver->virtio->lock);
}

/* The next answer: false when there is none. */
static inline bool driver_take(struct driver *driver, unsigned queue, uint32_t *head, uint32_t *length)
{
        const uint16_t *used = guest_span(&driver->memory, used_address(queue), 4 + 8 * DRIVER_SIZE);
        struct vring_used_elem element;

        if (used[1] == driver->used[queue])
                return false;
        memcpy(&element, (const uint8_t *)used + 4 + 8 * (driver->used[queue]++ % DRIVER_SIZE), sizeof(element));
        *head = element.id;
        *length = element.len;
        return true;
}

/* Lets interrupts of the queues through; what is sent is counted in function.msix.sent. */
static inline void driver_hear(struct driver *driver)
{
        msix_control(&driver->function.msix, 0x8000);
        for (unsigned i = 0; i <= driver->virtio->n_queues; i++)
                driver_write(driver, PCI_BAR_MSIX + 16ULL * i + 12, 4, 0);
}

/* With the event index: whether a driver that has just made the last n requests available must tell the device. */
static inline bool driver_must_kick(struct driver *driver, unsigned queue, uint16_t n)
{
        const uint16_t *event = guest_span(&driver->memory, used_address(queue) + 4 + 8 * DRIVER_SIZE, 2);
        uint16_t now = driver->available[queue];

        return (uint16_t)(now - *event - 1) < n;
}
