/* The bus and the configuration space of its functions. */
#include "vmmode/vmm/pci.h"

#include <errno.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "vmmode/vmm/layout.h"
#include "vmmode/vmm/vm.h"

#define VENDOR_VIRTIO   0x1af4
#define DEVICE_VIRTIO   0x1040 /* and the kind's number on top (4.1.2.1) */
#define SUBSYSTEM_BERTH 0x1100
#define ECAM_FUNCTION   4096
#define CAPABILITIES    0x40
#define BAR_MEMORY      0
#define BAR_PORTS       1

static void set16(uint8_t *at, uint16_t value)
{
        memcpy(at, &value, sizeof(value));
}

static void set32(uint8_t *at, uint32_t value)
{
        memcpy(at, &value, sizeof(value));
}

/* ---- layout ---- */

/* 4.1.4: where a structure of the device lies, in which BAR. Returns the next free byte. */
static unsigned add_virtio_capability(uint8_t *config, unsigned at, uint8_t type, uint8_t bar, uint32_t offset,
                                      uint32_t length, bool last)
{
        unsigned size = sizeof(struct virtio_pci_cap);

        if (type == VIRTIO_PCI_CAP_NOTIFY_CFG || type == VIRTIO_PCI_CAP_PCI_CFG)
                size += 4;
        config[at] = PCI_CAP_ID_VNDR;
        config[at + 1] = last ? 0 : (uint8_t)(at + size);
        config[at + offsetof(struct virtio_pci_cap, cap_len)] = (uint8_t)size;
        config[at + offsetof(struct virtio_pci_cap, cfg_type)] = type;
        config[at + offsetof(struct virtio_pci_cap, bar)] = bar;
        set32(config + at + offsetof(struct virtio_pci_cap, offset), offset);
        set32(config + at + offsetof(struct virtio_pci_cap, length), length);
        if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
                set32(config + at + sizeof(struct virtio_pci_cap), PCI_NOTIFY_STRIDE);
        return at + size;
}

static unsigned add_msix_capability(struct pci_function *function, unsigned at)
{
        uint8_t *config = function->config;

        config[at] = PCI_CAP_ID_MSIX;
        config[at + 1] = (uint8_t)(at + PCI_CAP_MSIX_SIZEOF);
        set16(config + at + PCI_MSIX_FLAGS, (uint16_t)(function->msix.n - 1));
        set32(config + at + PCI_MSIX_TABLE, PCI_BAR_MSIX);
        set32(config + at + PCI_MSIX_PBA, PCI_BAR_PENDING);
        set16(function->writable + at + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
        return at + PCI_CAP_MSIX_SIZEOF;
}

static uint32_t bar_address(unsigned slot)
{
        return (uint32_t)(LAYOUT_BAR_START + slot * PCI_BAR_SIZE);
}

static uint32_t port_address(unsigned slot)
{
        return LAYOUT_PORTS_START + slot * PCI_PORTS;
}

/* Of several structures of a kind a driver takes the first that it can use (4.1.4). */
static void add_capabilities(struct pci_function *function)
{
        const struct virtio *virtio = function->virtio;
        uint32_t notify = virtio->n_queues * PCI_NOTIFY_STRIDE;
        uint8_t *config = function->config;
        unsigned at = add_msix_capability(function, CAPABILITIES);

        at = add_virtio_capability(config, at, VIRTIO_PCI_CAP_COMMON_CFG, BAR_MEMORY, PCI_BAR_COMMON,
                                   sizeof(struct virtio_pci_common_cfg), false);
        at = add_virtio_capability(config, at, VIRTIO_PCI_CAP_ISR_CFG, BAR_MEMORY, PCI_BAR_ISR, 4, false);
        at = add_virtio_capability(config, at, VIRTIO_PCI_CAP_DEVICE_CFG, BAR_MEMORY, PCI_BAR_DEVICE,
                                   (uint32_t)(virtio->config_size ? virtio->config_size : 4), false);
        at = add_virtio_capability(config, at, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_PORTS, 0, notify, false);
        at = add_virtio_capability(config, at, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_MEMORY, PCI_BAR_NOTIFY, notify, true);
}

void pci_function_init(struct pci_function *function, unsigned slot, int vm)
{
        struct virtio *virtio = function->virtio;
        uint8_t *config = function->config;

        memset(config, 0, sizeof(function->config));
        memset(function->writable, 0, sizeof(function->writable));
        function->slot = slot;
        /* One vector for each queue and one for changes of the configuration. */
        msix_init(&function->msix, vm, virtio->n_queues + 1);
        virtio->msix = &function->msix;
        set16(config + PCI_VENDOR_ID, VENDOR_VIRTIO);
        set16(config + PCI_DEVICE_ID, (uint16_t)(DEVICE_VIRTIO + virtio->ops->id));
        set16(config + PCI_STATUS, PCI_STATUS_CAP_LIST);
        config[PCI_REVISION_ID] = 1;
        config[PCI_CLASS_DEVICE] = virtio->ops->pci_subclass;
        config[PCI_CLASS_DEVICE + 1] = virtio->ops->pci_class;
        set16(config + PCI_SUBSYSTEM_VENDOR_ID, VENDOR_VIRTIO);
        set16(config + PCI_SUBSYSTEM_ID, SUBSYSTEM_BERTH);
        set32(config + PCI_BASE_ADDRESS_0, bar_address(slot));
        set32(config + PCI_BASE_ADDRESS_1, port_address(slot) | PCI_BASE_ADDRESS_SPACE_IO);
        set16(config + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
        set16(function->writable + PCI_COMMAND,
              PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
        function->writable[PCI_INTERRUPT_LINE] = 0xff;
        config[PCI_CAPABILITY_LIST] = CAPABILITIES;
        add_capabilities(function);
}

/* ---- the bus ---- */

/* The size of a BAR as the guest asks for it: ones where an address could differ. */
static uint32_t bar_size(unsigned bar)
{
        return bar == BAR_MEMORY ? (uint32_t) ~(PCI_BAR_SIZE - 1)
                                 : (uint32_t) ~(PCI_PORTS - 1U) | PCI_BASE_ADDRESS_SPACE_IO;
}

static bool is_bar(uint64_t at, unsigned width, unsigned *bar)
{
        *bar = (unsigned)(at - PCI_BASE_ADDRESS_0) / 4;
        return width == 4 && (at == PCI_BASE_ADDRESS_0 || at == PCI_BASE_ADDRESS_1);
}

static struct pci_function *function_at(struct pci *pci, uint64_t offset)
{
        uint64_t devfn = offset / ECAM_FUNCTION;

        /* Function 0 of bus 0's devices only. */
        return devfn % 8 == 0 && devfn / 8 < pci->n ? pci->functions[devfn / 8] : NULL;
}

uint64_t pci_read_config(void *bus, uint64_t offset, unsigned width)
{
        struct pci_function *function = function_at(bus, offset);
        uint64_t at = offset % ECAM_FUNCTION, value = 0;
        unsigned bar;

        if (!function || width > 4 || at % width)
                return UINT64_MAX;
        if (at + width > sizeof(function->config))
                return 0; /* no extended capabilities */
        pthread_mutex_lock(&function->virtio->lock);
        memcpy(&value, function->config + at, width);
        if (is_bar(at, width, &bar) && (function->bar_sizing >> bar & 1))
                value = bar_size(bar);
        pthread_mutex_unlock(&function->virtio->lock);
        return value;
}

void pci_write_config(void *bus, uint64_t offset, unsigned width, uint64_t value)
{
        struct pci_function *function = function_at(bus, offset);
        uint64_t at = offset % ECAM_FUNCTION;
        uint16_t control;
        unsigned bar;

        if (!function || width > 4 || at % width || at + width > sizeof(function->config))
                return;
        pthread_mutex_lock(&function->virtio->lock);
        if (is_bar(at, width, &bar))
                function->bar_sizing = (uint8_t)((function->bar_sizing & ~(1U << bar)) |
                                                 ((uint32_t)value == UINT32_MAX ? 1U << bar : 0));
        for (unsigned i = 0; i < width; i++) {
                uint8_t mask = function->writable[at + i];

                function->config[at + i] =
                        (uint8_t)((function->config[at + i] & ~mask) | ((uint8_t)(value >> (8 * i)) & mask));
        }
        memcpy(&control, function->config + CAPABILITIES + PCI_MSIX_FLAGS, sizeof(control));
        pthread_mutex_unlock(&function->virtio->lock);
        if (at <= CAPABILITIES + PCI_MSIX_FLAGS + 1 && at + width > CAPABILITIES + PCI_MSIX_FLAGS)
                msix_control(&function->msix, control);
}

int pci_init(struct pci *pci, struct vm *vm)
{
        const struct bus_range range = {LAYOUT_ECAM, LAYOUT_ECAM_SIZE, pci_read_config, pci_write_config, pci};

        *pci = (struct pci){.vm = vm->fd};
        return bus_add(&vm->mmio, &range);
}

/* A write to a queue's notification address becomes an event of its loop without leaving the kernel. Where any length
 * will do (0), KVM on Intel's processors need not even look at the instruction. */
static int connect_kick(int vm, struct kvm_ioeventfd *kick)
{
        kick->len = 0;
        if (ioctl(vm, KVM_IOEVENTFD, kick) == 0)
                return 0;
        kick->len = 2;
        return ioctl(vm, KVM_IOEVENTFD, kick);
}

static int connect_kicks(const struct pci_function *function, int vm)
{
        for (unsigned i = 0; i < function->virtio->n_queues; i++) {
                struct kvm_ioeventfd kick = {
                        .addr = bar_address(function->slot) + PCI_BAR_NOTIFY + i * PCI_NOTIFY_STRIDE,
                        .fd = function->virtio->kicks[i].watch.fd,
                };
                struct kvm_ioeventfd port = {
                        .addr = port_address(function->slot) + i * PCI_NOTIFY_STRIDE,
                        .fd = kick.fd,
                        .flags = KVM_IOEVENTFD_FLAG_PIO,
                };

                if (connect_kick(vm, &kick) < 0 || connect_kick(vm, &port) < 0)
                        return fail(errno, "connect the notifications of %s", function->virtio->ops->name);
        }
        return 0;
}

int pci_add(struct pci *pci, struct vm *vm, struct pci_function *function, struct virtio *virtio)
{
        const struct bus_range range = {bar_address(pci->n), PCI_BAR_SIZE, pci_read_bar, pci_write_bar, function};
        const struct bus_range ports = {port_address(pci->n), PCI_PORTS, NULL, pci_write_port, function};
        int r;

        if (pci->n == PCI_SLOTS)
                return refuse(ENOSPC, "%s: all %d slots of the machine are taken", virtio->ops->name, PCI_SLOTS);
        *function = (struct pci_function){.virtio = virtio};
        pci_function_init(function, pci->n, vm->fd);
        function->msix.routes = &vm->routes;
        r = bus_add(&vm->mmio, &range);
        if (r == 0)
                r = bus_add(&vm->ports, &ports);
        if (r == 0)
                r = connect_kicks(function, vm->fd);
        if (r == 0)
                pci->functions[pci->n++] = function;
        return r;
}
