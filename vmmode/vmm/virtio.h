/* A virtio 1.2 device, whatever carries it: status, features, queues, and the operations of its kind. The transport
 * (virtio_pci.c) turns the guest's accesses into the calls below and holds `lock` meanwhile; the device's own handlers
 * run in its loop with the same lock held. So a reset never meets a request that is half done, and no register changes
 * under a handler. Handlers never block. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/vmm/loop.h"
#include "vmmode/vmm/memory.h"
#include "vmmode/vmm/msix.h"
#include "vmmode/vmm/queue.h"

#define VIRTIO_QUEUES_MAX 8

#define VIRTIO_VERSION_1       (1ULL << 32)
#define VIRTIO_CONFIG_SIZE_MAX 256

/* 2.1 device status */
#define VIRTIO_ACKNOWLEDGE 1
#define VIRTIO_DRIVER      2
#define VIRTIO_DRIVER_OK   4
#define VIRTIO_FEATURES_OK 8
#define VIRTIO_NEEDS_RESET 64
#define VIRTIO_FAILED      128

struct virtio;

struct virtio_ops {
        const char *name;
        uint16_t id;       /* virtio 1.2, chapter 5 */
        uint8_t pci_class; /* base class and subclass as PCI counts them */
        uint8_t pci_subclass;
        unsigned n_queues;
        /* The driver is ready: queues and features are final until the reset. -errno: the device needs a reset. */
        int (*activate)(struct virtio *virtio);
        /* The driver takes its hands off, or the machine ends: forget every request. */
        void (*reset)(struct virtio *virtio);
        /* The driver made requests available in a queue. */
        void (*kick)(struct virtio *virtio, unsigned queue);
        /* NULL: writes to the configuration are ignored. The range lies within config_size. */
        void (*write_config)(struct virtio *virtio, size_t offset, const void *data, size_t size);
};

/* What a snapshot stores of every device; its kind's own state follows. Version 1. */
struct virtio_state {
        uint32_t version;
        uint8_t status;
        uint8_t generation; /* of the configuration */
        uint64_t accepted;
        uint16_t config_vector;
        uint16_t queue_vectors[VIRTIO_QUEUES_MAX];
        struct queue_state queues[VIRTIO_QUEUES_MAX];
};

struct virtio {
        const struct virtio_ops *ops;
        void *device; /* the kind's own */
        const struct guest_memory *memory;
        struct loop *loop;
        struct msix *msix; /* the transport's */
        pthread_mutex_t lock;
        uint64_t offered; /* features */
        uint8_t config[VIRTIO_CONFIG_SIZE_MAX];
        size_t config_size;
        struct queue queues[VIRTIO_QUEUES_MAX];
        unsigned n_queues;
        struct virtio_state state; /* its queues are copied from and to `queues` for a snapshot only */
        struct virtio_kick {
                struct virtio *virtio;
                unsigned queue;
                struct watch watch; /* of the eventfd that the transport has KVM raise */
        } kicks[VIRTIO_QUEUES_MAX];
};

/* features: without the ring's own, which are always offered. */
int virtio_init(struct virtio *virtio, const struct virtio_ops *ops, void *device, const struct guest_memory *memory,
                struct loop *loop, uint64_t features);

void virtio_free(struct virtio *virtio);

/* ---- for the transport; with the lock held ---- */

void virtio_set_status(struct virtio *virtio, uint8_t status);
void virtio_accept_features(struct virtio *virtio, unsigned half, uint32_t bits);
void virtio_read_config(const struct virtio *virtio, size_t offset, void *data, size_t size);
void virtio_write_config(struct virtio *virtio, size_t offset, const void *data, size_t size);

/* True while the driver may set up queues: features are agreed on, and it is not ready yet. */
bool virtio_may_configure_queues(const struct virtio *virtio);

/* ---- for the device; with the lock held ---- */

bool virtio_is_active(const struct virtio *virtio);

/* Tells the driver of what was pushed, if it wants to know. */
void virtio_signal_queue(struct virtio *virtio, unsigned queue);

/* A queue is broken or the driver did what it must not: DEVICE_NEEDS_RESET (2.1.2). */
void virtio_needs_reset(struct virtio *virtio);

/* At the end of a turn: asks to be kicked for new requests, and comes back by itself when there are some already. */
void virtio_rekick(struct virtio *virtio, unsigned queue);

/* Kicks the queue in the driver's place: its handler runs once more, after what else its loop has to do. */
void virtio_come_back(struct virtio *virtio, unsigned queue);

/* A device that is busy looks again by itself this many times before it comes back: what the driver adds meanwhile
 * costs it no exit, and us no way through the loop. */
#define VIRTIO_TURNS 16

/* The next request of a queue; a broken queue is dealt with. */
bool virtio_pop(struct virtio *virtio, unsigned queue, struct queue_chain *chain);
