/* The PCI bus: one bus, up to 32 functions, configuration by memory (ECAM) only. Every function is a virtio device
 * (virtio 1.2, 4.1) with a memory BAR and one of ports, whose places are decided here and do not move: the kernel is
 * told so by _DSM, and a guest that writes another address there only misleads itself. The ports are for notifications
 * alone: on AMD's processors an exit for a port says which one, while one for memory has KVM fetch and decode the
 * instruction. */
#pragma once

#include <stdint.h>

#include "vmmode/vmm/msix.h"
#include "vmmode/vmm/virtio.h"

#define PCI_SLOTS 32

/* A virtio device on the bus. */
struct pci_function {
        struct virtio *virtio;
        struct msix msix;
        unsigned slot;
        uint8_t config[256];
        uint8_t writable[256]; /* bits that the guest may change */
        uint8_t bar_sizing;    /* bits: the guest wrote ones to learn the size */
        /* Registers of the common configuration that select what the others mean. */
        uint32_t device_feature_select, driver_feature_select;
        uint16_t queue_select;
};

struct pci {
        int vm; /* KVM's machine, -EBADF for tests */
        unsigned n;
        struct pci_function *functions[PCI_SLOTS];
};

struct vm;

/* Puts the configuration space on the machine's memory bus. */
int pci_init(struct pci *pci, struct vm *vm);

/* Puts a device into the next slot, its BAR on the memory bus, and has KVM raise its kicks. */
int pci_add(struct pci *pci, struct vm *vm, struct pci_function *function, struct virtio *virtio);

/* The guest's accesses, as the memory bus hands them on (for tests and fuzzers too). */
uint64_t pci_read_config(void *pci, uint64_t offset, unsigned width);
void pci_write_config(void *pci, uint64_t offset, unsigned width, uint64_t value);
uint64_t pci_read_bar(void *function, uint64_t offset, unsigned width);
void pci_write_bar(void *function, uint64_t offset, unsigned width, uint64_t value);
void pci_write_port(void *function, uint64_t offset, unsigned width, uint64_t value);

/* Lays out the configuration space of a function whose virtio device is set. */
void pci_function_init(struct pci_function *function, unsigned slot, int vm);

/* Where things lie in the BAR. */
#define PCI_BAR_SIZE      0x10000ULL
#define PCI_BAR_COMMON    0x0000
#define PCI_BAR_ISR       0x1000
#define PCI_BAR_DEVICE    0x2000
#define PCI_BAR_NOTIFY    0x3000
#define PCI_BAR_MSIX      0x8000
#define PCI_BAR_PENDING   0xc000
#define PCI_NOTIFY_STRIDE 4
#define PCI_PORTS         (VIRTIO_QUEUES_MAX * PCI_NOTIFY_STRIDE) /* of a function */
