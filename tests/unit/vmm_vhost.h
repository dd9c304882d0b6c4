/* Stands in for the host's vhost-net: remembers what it is told, refuses what the kernel would, and has no mercy with
 * rings that do not lie in the guest's memory. It moves no packets. */
#pragma once

#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>

#include "vmmode/vmm/vhost.h"

#define FAKE_VHOST_FEATURES (0x13bULL << 24 | 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << 32) /* Linux 6.1's */

static struct fake_vhost {
        uint64_t offers, features;
        unsigned long refuses; /* this request, with -EFAULT */
        bool owned, knows_memory;
        uint64_t memory_begin, memory_end; /* addresses of this process */
        struct fake_ring {
                unsigned size, base;
                struct vhost_vring_addr address;
                int kick, call, error, backend; /* -1: none */
        } rings[VHOST_QUEUES];
        char order[512]; /* the requests, a letter each: see fake_letter */
        size_t n;
} fake_vhost;

static inline void fake_vhost_begin(void)
{
        fake_vhost = (struct fake_vhost){.offers = FAKE_VHOST_FEATURES};
        for (unsigned i = 0; i < VHOST_QUEUES; i++)
                fake_vhost.rings[i] = (struct fake_ring){.kick = -1, .call = -1, .error = -1, .backend = -1};
}

static const struct {
        unsigned long request;
        char letter;
} fake_letters[] = {
        {VHOST_SET_OWNER, 'O'},      {VHOST_GET_FEATURES, 'g'},    {VHOST_SET_MEM_TABLE, 'M'},
        {VHOST_SET_VRING_CALL, 'C'}, {VHOST_SET_VRING_ERR, 'E'},   {VHOST_SET_VRING_KICK, 'K'},
        {VHOST_SET_FEATURES, 'F'},   {VHOST_SET_VRING_NUM, 'N'},   {VHOST_SET_VRING_BASE, 'B'},
        {VHOST_SET_VRING_ADDR, 'A'}, {VHOST_NET_SET_BACKEND, 'T'}, {VHOST_GET_VRING_BASE, 'b'},
};

static inline char fake_letter(unsigned long request)
{
        for (size_t i = 0; i < sizeof(fake_letters) / sizeof(fake_letters[0]); i++)
                if (fake_letters[i].request == request)
                        return fake_letters[i].letter;
        __builtin_trap();
}

static inline void fake_check_span(uint64_t address, uint64_t size)
{
        if (address < fake_vhost.memory_begin || address > fake_vhost.memory_end ||
            size > fake_vhost.memory_end - address)
                __builtin_trap();
}

static inline int fake_set_address(struct fake_ring *ring, const struct vhost_vring_addr *address)
{
        fake_check_span(address->desc_user_addr, 16ULL * ring->size);
        fake_check_span(address->avail_user_addr, 6 + 2ULL * ring->size);
        fake_check_span(address->used_user_addr, 6 + 8ULL * ring->size);
        if (address->flags || address->avail_user_addr % 2 || address->used_user_addr % 4)
                return -EINVAL;
        ring->address = *address;
        return 0;
}

static inline int fake_set_backend(struct fake_ring *ring, const struct vhost_vring_file *file)
{
        if (file->fd != VHOST_FILE_UNBIND && (!ring->size || !ring->address.used_user_addr || !fake_vhost.features))
                return -EFAULT;
        /* A ring that is connected twice was never taken back. */
        if (file->fd != VHOST_FILE_UNBIND && ring->backend != -1)
                __builtin_trap();
        ring->backend = file->fd == VHOST_FILE_UNBIND ? -1 : file->fd;
        return 0;
}

static inline int fake_set_memory(const struct vhost_memory *memory)
{
        fake_vhost.memory_begin = memory->regions[0].userspace_addr;
        fake_vhost.memory_end = memory->regions[0].userspace_addr + memory->regions[0].memory_size;
        fake_vhost.knows_memory = memory->nregions == 1;
        return 0;
}

static inline int fake_ring_request(unsigned long request, void *argument)
{
        struct vhost_vring_state *state = argument;
        const struct vhost_vring_file *file = argument;
        struct fake_ring *ring;

        if (state->index >= VHOST_QUEUES)
                return -ENOBUFS;
        ring = &fake_vhost.rings[state->index];
        if (ring->backend != -1 && (request == VHOST_SET_VRING_NUM || request == VHOST_SET_VRING_BASE))
                return -EBUSY;
        switch (request) {
        case VHOST_SET_VRING_NUM:
                ring->size = state->num;
                return state->num && !(state->num & (state->num - 1)) ? 0 : -EINVAL;
        case VHOST_SET_VRING_BASE:
                ring->base = state->num;
                return 0;
        case VHOST_GET_VRING_BASE:
                state->num = ring->base;
                return 0;
        case VHOST_SET_VRING_ADDR:
                return fake_set_address(ring, argument);
        case VHOST_SET_VRING_KICK:
                ring->kick = file->fd;
                return 0;
        case VHOST_SET_VRING_CALL:
                ring->call = file->fd;
                return 0;
        case VHOST_SET_VRING_ERR:
                ring->error = file->fd;
                return 0;
        default:
                return fake_set_backend(ring, argument);
        }
}

/* For vhost->ask. */
static inline int fake_vhost_ask(int fd, unsigned long request, void *argument)
{
        (void)fd;
        if (fake_vhost.n < sizeof(fake_vhost.order) - 1)
                fake_vhost.order[fake_vhost.n++] = fake_letter(request);
        if (request == fake_vhost.refuses)
                return -EFAULT;
        if (request != VHOST_SET_OWNER && !fake_vhost.owned)
                return -EPERM;
        switch (request) {
        case VHOST_SET_OWNER:
                if (fake_vhost.owned)
                        return -EBUSY;
                fake_vhost.owned = true;
                return 0;
        case VHOST_GET_FEATURES:
                *(uint64_t *)argument = fake_vhost.offers;
                return 0;
        case VHOST_SET_FEATURES:
                fake_vhost.features = *(uint64_t *)argument;
                return fake_vhost.features & ~fake_vhost.offers ? -EOPNOTSUPP : 0;
        case VHOST_SET_MEM_TABLE:
                return fake_set_memory(argument);
        default:
                return fake_ring_request(request, argument);
        }
}
