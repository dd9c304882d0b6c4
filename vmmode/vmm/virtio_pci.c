/* The BARs of a virtio function: common, device and notification structures (virtio 1.2, 4.1.4), MSI-X tables. */
#include <linux/virtio_pci.h>
#include <string.h>

#include "vmmode/vmm/pci.h"

static struct queue *selected(struct pci_function *function)
{
        return function->queue_select < function->virtio->n_queues ? &function->virtio->queues[function->queue_select]
                                                                   : NULL;
}

static uint64_t half_of(uint64_t value, uint32_t half)
{
        return half == 0 ? (uint32_t)value : half == 1 ? value >> 32 : 0;
}

static uint64_t read_queue_register(struct pci_function *function, uint64_t offset)
{
        const struct queue *queue = selected(function);

        /* 4.1.4.3.1: a queue that there is not has size 0. */
        if (!queue)
                return offset == VIRTIO_PCI_COMMON_Q_MSIX ? MSIX_NO_VECTOR : 0;
        switch (offset) {
        case VIRTIO_PCI_COMMON_Q_SIZE:
                return queue->state.size;
        case VIRTIO_PCI_COMMON_Q_MSIX:
                return function->virtio->state.queue_vectors[function->queue_select];
        case VIRTIO_PCI_COMMON_Q_ENABLE:
                return queue->state.enabled;
        case VIRTIO_PCI_COMMON_Q_NOFF:
                return function->queue_select;
        case VIRTIO_PCI_COMMON_Q_DESCLO:
                return (uint32_t)queue->state.descriptors;
        case VIRTIO_PCI_COMMON_Q_DESCHI:
                return queue->state.descriptors >> 32;
        case VIRTIO_PCI_COMMON_Q_AVAILLO:
                return (uint32_t)queue->state.driver;
        case VIRTIO_PCI_COMMON_Q_AVAILHI:
                return queue->state.driver >> 32;
        case VIRTIO_PCI_COMMON_Q_USEDLO:
                return (uint32_t)queue->state.device;
        case VIRTIO_PCI_COMMON_Q_USEDHI:
                return queue->state.device >> 32;
        default:
                return 0;
        }
}

static uint64_t read_common(struct pci_function *function, uint64_t offset)
{
        const struct virtio *virtio = function->virtio;

        switch (offset) {
        case VIRTIO_PCI_COMMON_DFSELECT:
                return function->device_feature_select;
        case VIRTIO_PCI_COMMON_DF:
                return half_of(virtio->offered, function->device_feature_select);
        case VIRTIO_PCI_COMMON_GFSELECT:
                return function->driver_feature_select;
        case VIRTIO_PCI_COMMON_GF:
                return half_of(virtio->state.accepted, function->driver_feature_select);
        case VIRTIO_PCI_COMMON_MSIX:
                return virtio->state.config_vector;
        case VIRTIO_PCI_COMMON_NUMQ:
                return virtio->n_queues;
        case VIRTIO_PCI_COMMON_STATUS:
                return virtio->state.status;
        case VIRTIO_PCI_COMMON_CFGGENERATION:
                return virtio->state.generation;
        case VIRTIO_PCI_COMMON_Q_SELECT:
                return function->queue_select;
        default:
                return read_queue_register(function, offset);
        }
}

static uint16_t checked_vector(const struct pci_function *function, uint64_t value)
{
        return value < function->msix.n ? (uint16_t)value : MSIX_NO_VECTOR;
}

static void set_half(uint64_t *address, uint64_t value, bool high)
{
        *address = high ? (*address & 0xffffffffULL) | value << 32 : (*address & ~0xffffffffULL) | (uint32_t)value;
}

static void write_queue_register(struct pci_function *function, uint64_t offset, uint64_t value)
{
        struct virtio *virtio = function->virtio;
        struct queue *queue = selected(function);

        /* What a queue is may be said once, at its time: afterwards the device relies on it. */
        if (!queue || !virtio_may_configure_queues(virtio) || queue->state.enabled)
                return;
        switch (offset) {
        case VIRTIO_PCI_COMMON_Q_SIZE:
                queue->state.size = (uint16_t)value;
                break;
        case VIRTIO_PCI_COMMON_Q_MSIX:
                virtio->state.queue_vectors[function->queue_select] = checked_vector(function, value);
                break;
        case VIRTIO_PCI_COMMON_Q_ENABLE:
                if (value == 1 && !queue_enable(queue, virtio->state.accepted))
                        virtio_needs_reset(virtio);
                break;
        case VIRTIO_PCI_COMMON_Q_DESCLO:
        case VIRTIO_PCI_COMMON_Q_DESCHI:
                set_half(&queue->state.descriptors, value, offset == VIRTIO_PCI_COMMON_Q_DESCHI);
                break;
        case VIRTIO_PCI_COMMON_Q_AVAILLO:
        case VIRTIO_PCI_COMMON_Q_AVAILHI:
                set_half(&queue->state.driver, value, offset == VIRTIO_PCI_COMMON_Q_AVAILHI);
                break;
        case VIRTIO_PCI_COMMON_Q_USEDLO:
        case VIRTIO_PCI_COMMON_Q_USEDHI:
                set_half(&queue->state.device, value, offset == VIRTIO_PCI_COMMON_Q_USEDHI);
                break;
        default:
                break;
        }
}

static void write_common(struct pci_function *function, uint64_t offset, uint64_t value)
{
        struct virtio *virtio = function->virtio;

        switch (offset) {
        case VIRTIO_PCI_COMMON_DFSELECT:
                function->device_feature_select = (uint32_t)value;
                break;
        case VIRTIO_PCI_COMMON_GFSELECT:
                function->driver_feature_select = (uint32_t)value;
                break;
        case VIRTIO_PCI_COMMON_GF:
                virtio_accept_features(virtio, function->driver_feature_select, (uint32_t)value);
                break;
        case VIRTIO_PCI_COMMON_MSIX:
                virtio->state.config_vector = checked_vector(function, value);
                break;
        case VIRTIO_PCI_COMMON_STATUS:
                virtio_set_status(virtio, (uint8_t)value);
                break;
        case VIRTIO_PCI_COMMON_Q_SELECT:
                function->queue_select = (uint16_t)value;
                break;
        default:
                write_queue_register(function, offset, value);
        }
}

static bool within(uint64_t offset, unsigned width, uint64_t start, uint64_t size)
{
        return offset >= start && offset - start < size && width <= size - (offset - start);
}

/* The widths that the registers have (4.1.3.1); a driver must use them. */
static unsigned common_width(uint64_t offset)
{
        switch (offset) {
        case VIRTIO_PCI_COMMON_STATUS:
        case VIRTIO_PCI_COMMON_CFGGENERATION:
                return 1;
        case VIRTIO_PCI_COMMON_MSIX:
        case VIRTIO_PCI_COMMON_NUMQ:
        case VIRTIO_PCI_COMMON_Q_SELECT:
        case VIRTIO_PCI_COMMON_Q_SIZE:
        case VIRTIO_PCI_COMMON_Q_MSIX:
        case VIRTIO_PCI_COMMON_Q_ENABLE:
        case VIRTIO_PCI_COMMON_Q_NOFF:
                return 2;
        default:
                return offset % 4 == 0 && offset < sizeof(struct virtio_pci_common_cfg) ? 4 : 0;
        }
}

uint64_t pci_read_bar(void *owner, uint64_t offset, unsigned width)
{
        struct pci_function *function = owner;
        struct virtio *virtio = function->virtio;
        uint64_t value = 0;

        if (within(offset, width, PCI_BAR_MSIX, (uint64_t)function->msix.n * 16))
                return msix_read_table(&function->msix, offset - PCI_BAR_MSIX, width);
        if (within(offset, width, PCI_BAR_PENDING, 8))
                return msix_read_pending(&function->msix, offset - PCI_BAR_PENDING, width);
        pthread_mutex_lock(&virtio->lock);
        if (offset < PCI_BAR_ISR && common_width(offset) == width)
                value = read_common(function, offset);
        else if (within(offset, width, PCI_BAR_DEVICE, VIRTIO_CONFIG_SIZE_MAX))
                virtio_read_config(virtio, offset - PCI_BAR_DEVICE, &value, width);
        pthread_mutex_unlock(&virtio->lock);
        return value;
}

void pci_write_bar(void *owner, uint64_t offset, unsigned width, uint64_t value)
{
        struct pci_function *function = owner;
        struct virtio *virtio = function->virtio;

        if (within(offset, width, PCI_BAR_MSIX, (uint64_t)function->msix.n * 16)) {
                msix_write_table(&function->msix, offset - PCI_BAR_MSIX, width, value);
                return;
        }
        pthread_mutex_lock(&virtio->lock);
        if (offset < PCI_BAR_ISR && common_width(offset) == width)
                write_common(function, offset, value);
        else if (within(offset, width, PCI_BAR_DEVICE, VIRTIO_CONFIG_SIZE_MAX))
                virtio_write_config(virtio, offset - PCI_BAR_DEVICE, &value, width);
        else if (within(offset, width, PCI_BAR_NOTIFY, (uint64_t)virtio->n_queues * PCI_NOTIFY_STRIDE))
                /* Only where KVM did not take it (another width, or a test without KVM). */
                virtio_come_back(virtio, (unsigned)(offset - PCI_BAR_NOTIFY) / PCI_NOTIFY_STRIDE);
        pthread_mutex_unlock(&virtio->lock);
}

void pci_write_port(void *owner, uint64_t offset, unsigned width, uint64_t value)
{
        struct virtio *virtio = ((struct pci_function *)owner)->virtio;

        (void)value;
        pthread_mutex_lock(&virtio->lock);
        if (within(offset, width, 0, (uint64_t)virtio->n_queues * PCI_NOTIFY_STRIDE))
                virtio_come_back(virtio, (unsigned)offset / PCI_NOTIFY_STRIDE);
        pthread_mutex_unlock(&virtio->lock);
}
