#include "vmmode/vmm/queue.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

/* The areas' layouts (virtio 1.2, 2.7.5 to 2.7.8). x86 is little-endian, as virtio is. */
#define AVAILABLE_FLAGS 0
#define AVAILABLE_INDEX 2
#define AVAILABLE_RING  4
#define USED_FLAGS      0
#define USED_INDEX      2
#define USED_RING       4

/* The driver writes these while we read: each is read once. */
static uint16_t load16(const uint8_t *at)
{
        return le16toh(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static void store16(uint8_t *at, uint16_t value)
{
        __atomic_store_n((uint16_t *)(void *)at, htole16(value), __ATOMIC_RELEASE);
}

static uint8_t *used_event(const struct queue *queue)
{
        return queue->available + AVAILABLE_RING + 2 * (size_t)queue->state.size;
}

static uint8_t *available_event(const struct queue *queue)
{
        return queue->used + USED_RING + 8 * (size_t)queue->state.size;
}

void queue_init(struct queue *queue, const struct guest_memory *memory)
{
        *queue = (struct queue){.memory = memory};
        queue_reset(queue);
}

void queue_reset(struct queue *queue)
{
        queue->state = (struct queue_state){.size = QUEUE_SIZE_MAX};
        queue->descriptors = NULL;
        queue->available = queue->used = NULL;
}

/* Finds the areas where the state says that they are. False: they cannot be there. */
static bool find_areas(struct queue *queue)
{
        const struct queue_state *state = &queue->state;
        size_t size = state->size;

        /* 2.7: alignment of the areas. An unaligned ring would make the atomic accesses above undefined. */
        if (size == 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)) || state->descriptors % 16 || state->driver % 2 ||
            state->device % 4)
                return false;
        queue->descriptors = guest_span(queue->memory, state->descriptors, 16 * size);
        queue->available = guest_span(queue->memory, state->driver, 6 + 2 * size);
        queue->used = guest_span(queue->memory, state->device, 6 + 8 * size);
        return queue->descriptors && queue->available && queue->used;
}

bool queue_enable(struct queue *queue, uint64_t features)
{
        struct queue_state *state = &queue->state;

        if (state->enabled)
                return true;
        state->event_idx = features & QUEUE_FEATURE_EVENT_IDX;
        state->enabled = find_areas(queue);
        state->broken = !state->enabled;
        return state->enabled;
}

static int break_queue(struct queue *queue)
{
        queue->state.broken = true;
        return -EBADMSG;
}

static bool is_in_flight(const struct queue *queue, uint16_t head)
{
        return queue->state.in_flight[head / 64] >> (head % 64) & 1;
}

/* Adds one buffer. -EBADMSG: not RAM, empty, or out of order. */
static int add_buffer(const struct queue *queue, struct queue_chain *chain, const struct vring_desc *descriptor)
{
        uint32_t length = le32toh(descriptor->len);
        void *host = guest_span(queue->memory, le64toh(descriptor->addr), length);

        if (!host)
                return -EBADMSG;
        if (le16toh(descriptor->flags) & VRING_DESC_F_WRITE) {
                chain->out[chain->n_out++] = (struct iovec){host, length};
                chain->out_size += length;
                return 0;
        }
        if (chain->n_out > 0)
                return -EBADMSG;
        chain->in[chain->n_in++] = (struct iovec){host, length};
        chain->in_size += length;
        return 0;
}

/* Walks a table of descriptors: the queue's own, or an indirect one. */
static int walk(const struct queue *queue, struct queue_chain *chain, const uint8_t *table, uint32_t size,
                uint16_t index, bool indirect)
{
        /* A chain longer than its table has a loop in it (2.7.5.3.1 forbids more than the queue size in all). */
        for (uint32_t steps = 0; steps < size && chain->n_in + chain->n_out < QUEUE_CHAIN_MAX; steps++) {
                struct vring_desc descriptor;
                uint16_t flags;
                int r;

                if (index >= size)
                        return -EBADMSG;
                memcpy(&descriptor, table + 16 * (size_t)index, sizeof(descriptor));
                flags = le16toh(descriptor.flags);
                if (flags & VRING_DESC_F_INDIRECT) {
                        uint32_t length = le32toh(descriptor.len);
                        const uint8_t *inner = guest_span(queue->memory, le64toh(descriptor.addr), length);

                        /* 2.7.5.3.1: not within another one, and the last of its chain. */
                        if (indirect || (flags & VRING_DESC_F_NEXT) || !inner || length % 16)
                                return -EBADMSG;
                        return walk(queue, chain, inner, length / 16, 0, true);
                }
                r = add_buffer(queue, chain, &descriptor);
                if (r < 0 || !(flags & VRING_DESC_F_NEXT))
                        return r;
                index = le16toh(descriptor.next);
        }
        return -EBADMSG;
}

int queue_pop(struct queue *queue, struct queue_chain *chain)
{
        struct queue_state *state = &queue->state;
        uint16_t waiting, head;

        if (!state->enabled || state->broken)
                return state->broken ? -EBADMSG : 0;
        waiting = (uint16_t)(load16(queue->available + AVAILABLE_INDEX) - state->next_available);
        if (waiting == 0)
                return 0;
        if (waiting > state->size)
                return break_queue(queue);
        head = load16(queue->available + AVAILABLE_RING + 2 * (size_t)(state->next_available % state->size));
        if (head >= state->size || is_in_flight(queue, head))
                return break_queue(queue);
        chain->head = head;
        chain->n_in = chain->n_out = chain->in_size = chain->out_size = 0;
        if (walk(queue, chain, queue->descriptors, state->size, head, false) < 0)
                return break_queue(queue);
        state->in_flight[head / 64] |= 1ULL << (head % 64);
        state->next_available++;
        return 1;
}

void queue_unpop(struct queue *queue, uint16_t head)
{
        queue->state.in_flight[head / 64] &= ~(1ULL << (head % 64));
        queue->state.next_available--;
}

void queue_fill(struct queue *queue, uint16_t head, uint32_t written, uint16_t place)
{
        struct queue_state *state = &queue->state;
        struct vring_used_elem element = {.id = htole32(head), .len = htole32(written)};
        uint16_t slot = (uint16_t)(state->next_used + place) % (state->size ? state->size : 1);

        if (!state->enabled || state->broken || head >= state->size || !is_in_flight(queue, head))
                return;
        state->in_flight[head / 64] &= ~(1ULL << (head % 64));
        memcpy(queue->used + USED_RING + sizeof(element) * slot, &element, sizeof(element));
}

void queue_flush(struct queue *queue, uint16_t n)
{
        struct queue_state *state = &queue->state;

        if (!state->enabled || state->broken)
                return;
        state->next_used = (uint16_t)(state->next_used + n);
        store16(queue->used + USED_INDEX, state->next_used);
}

void queue_push(struct queue *queue, uint16_t head, uint32_t written)
{
        queue_fill(queue, head, written, 0);
        queue_flush(queue, 1);
}

/* 2.7.7.2: with EVENT_IDX the driver names the entry at which it wants to hear from us. */
bool queue_wants_signal(struct queue *queue)
{
        struct queue_state *state = &queue->state;
        uint16_t before = state->signalled_used, event;
        bool first = !state->signalled;

        if (!state->enabled || state->broken)
                return false;
        /* The used index must be visible before the driver's wish is read, as the driver does it the other way round.
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!state->event_idx)
                return !(load16(queue->available + AVAILABLE_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
        state->signalled_used = state->next_used;
        state->signalled = true;
        event = load16(used_event(queue));
        return first || (uint16_t)(state->next_used - event - 1) < (uint16_t)(state->next_used - before);
}

bool queue_enable_kick(struct queue *queue)
{
        return queue_enable_kick_after(queue, 0);
}

bool queue_enable_kick_after(struct queue *queue, uint16_t n)
{
        struct queue_state *state = &queue->state;

        if (!state->enabled || state->broken)
                return false;
        if (state->event_idx)
                store16(available_event(queue), (uint16_t)(state->next_available + n));
        else
                store16(queue->used + USED_FLAGS, 0);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return (uint16_t)(load16(queue->available + AVAILABLE_INDEX) - state->next_available) > n;
}

/* ---- buffers ---- */

size_t buffers_slice(const struct iovec *v, size_t n, size_t offset, size_t length, struct iovec *part)
{
        size_t parts = 0;

        for (size_t i = 0; i < n && length > 0; i++) {
                size_t here;

                if (offset >= v[i].iov_len) {
                        offset -= v[i].iov_len;
                        continue;
                }
                here = v[i].iov_len - offset < length ? v[i].iov_len - offset : length;
                part[parts++] = (struct iovec){(uint8_t *)v[i].iov_base + offset, here};
                length -= here;
                offset = 0;
        }
        return parts;
}

size_t buffers_read(const struct iovec *v, size_t n, size_t offset, void *data, size_t length)
{
        size_t done = 0;

        for (size_t i = 0; i < n && done < length; i++) {
                size_t here;

                if (offset >= v[i].iov_len) {
                        offset -= v[i].iov_len;
                        continue;
                }
                here = v[i].iov_len - offset < length - done ? v[i].iov_len - offset : length - done;
                memcpy((uint8_t *)data + done, (const uint8_t *)v[i].iov_base + offset, here);
                done += here;
                offset = 0;
        }
        return done;
}

size_t buffers_write(const struct iovec *v, size_t n, size_t offset, const void *data, size_t length)
{
        size_t done = 0;

        for (size_t i = 0; i < n && done < length; i++) {
                size_t here;

                if (offset >= v[i].iov_len) {
                        offset -= v[i].iov_len;
                        continue;
                }
                here = v[i].iov_len - offset < length - done ? v[i].iov_len - offset : length - done;
                memcpy((uint8_t *)v[i].iov_base + offset, (const uint8_t *)data + done, here);
                done += here;
                offset = 0;
        }
        return done;
}
