/* A split virtqueue as the device sees it (virtio 1.2, 2.7). The driver is hostile:
 * - where the rings lie and how long they are is copied and checked once, when the queue is enabled, and does not
 * change until the device is reset (Firecracker's CVE-2026-5747);
 * - every descriptor is read once into a private copy; indices, chains (loops too) and lengths are bounded;
 * - a head that is in flight is not accepted again (Cloud Hypervisor's CVE-2026-45782);
 * - what breaks a rule breaks the queue: it stays silent until the driver resets the device (2.1.2 DEVICE_NEEDS_RESET).
 *
 * One thread at a time; whoever shares a queue between threads locks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmmode/vmm/memory.h"

#define QUEUE_SIZE_MAX  256 /* entries we offer; a power of two */
#define QUEUE_CHAIN_MAX 256 /* descriptors of one chain, indirect ones included */

#define QUEUE_FEATURE_INDIRECT  (1ULL << 28) /* VIRTIO_F_RING_INDIRECT_DESC */
#define QUEUE_FEATURE_EVENT_IDX (1ULL << 29) /* VIRTIO_F_RING_EVENT_IDX */

/* All that a queue is between two requests: one plain, versioned record of it is what a snapshot stores. */
struct queue_state {
        uint16_t size; /* entries; set by the driver, a power of two up to QUEUE_SIZE_MAX */
        bool enabled;
        bool broken;
        bool event_idx;
        uint64_t descriptors, driver, device; /* guest-physical addresses of the three areas */
        uint16_t next_available;              /* the entry of the available ring that is read next */
        uint16_t next_used;
        uint16_t signalled_used; /* next_used when the driver was last told */
        bool signalled;          /* it was told at all */
        uint64_t in_flight[QUEUE_SIZE_MAX / 64];
};

struct queue {
        const struct guest_memory *memory;
        struct queue_state state;
        /* Host addresses of the areas while the queue is enabled. */
        const uint8_t *descriptors;
        uint8_t *available, *used;
};

/* One request: what the driver made available under one head. Buffers the device reads come before those it writes
 * (2.7.4.2); `in` and `out` are from the device's point of view. */
struct queue_chain {
        uint16_t head;
        size_t n_in, n_out;
        size_t in_size, out_size;          /* bytes */
        struct iovec in[QUEUE_CHAIN_MAX];  /* device-readable */
        struct iovec out[QUEUE_CHAIN_MAX]; /* device-writable */
};

void queue_init(struct queue *queue, const struct guest_memory *memory);

/* Back to what it was before the driver touched it. */
void queue_reset(struct queue *queue);

/* The driver enables the queue: false when size or addresses are not possible; the queue is broken then. */
bool queue_enable(struct queue *queue, uint64_t features);

/* The next request: 1, 0 when there is none, -EBADMSG when the queue is (now) broken. */
int queue_pop(struct queue *queue, struct queue_chain *chain);

/* Gives the last popped request back to the ring as if it had not been taken: no buffer was big enough, try later. */
void queue_unpop(struct queue *queue, uint16_t head);

/* Returns a request with the number of bytes that were written into its `out` buffers. */
void queue_push(struct queue *queue, uint16_t head, uint32_t written);

/* The same without telling the driver of it yet, `n` requests at a time (net's merged buffers): queue_fill for each
 * with its place, then queue_flush. */
void queue_fill(struct queue *queue, uint16_t head, uint32_t written, uint16_t place);
void queue_flush(struct queue *queue, uint16_t n);

/* True when the driver wants to be told of what was pushed since the last time. */
bool queue_wants_signal(struct queue *queue);

/* Asks the driver to tell us of new requests, or not to: while we look ourselves there is no need. Returns true when
 * something came meanwhile, so that one more look is due. */
bool queue_enable_kick(struct queue *queue);

/* The same for who cannot use the n requests that wait without more of them. */
bool queue_enable_kick_after(struct queue *queue, uint16_t n);

/* ---- buffers ---- */

/* Copies out of, into a list of buffers, from byte `offset` on. Return the number of bytes copied, at most `length`. */
size_t buffers_read(const struct iovec *v, size_t n, size_t offset, void *data, size_t length);
size_t buffers_write(const struct iovec *v, size_t n, size_t offset, const void *data, size_t length);

/* The part of a list from `offset` on, at most `length` bytes, into `part` (room for n). Returns how many. */
size_t buffers_slice(const struct iovec *v, size_t n, size_t offset, size_t length, struct iovec *part);
