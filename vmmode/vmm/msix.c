#include "vmmode/vmm/msix.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#define ENTRY_SIZE    16
#define CONTROL_ON    0x8000
#define CONTROL_MASK  0x4000
#define VECTOR_MASKED 1U

void msix_init(struct msix *msix, int vm, unsigned n)
{
        *msix = (struct msix){
                .vm = vm, .n = n < MSIX_VECTORS_MAX ? n : MSIX_VECTORS_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
        msix_reset(msix);
}

void msix_reset(struct msix *msix)
{
        msix->state = (struct msix_state){0};
        for (unsigned i = 0; i < msix->n; i++)
                msix->state.vectors[i].masked = true;
}

/* With the lock held. */
static void send_or_keep(struct msix *msix, unsigned vector)
{
        struct kvm_msi message = {0};

        if (!msix->state.enabled || msix->state.masked || msix->state.vectors[vector].masked) {
                msix->state.vectors[vector].pending = true;
                return;
        }
        msix->state.vectors[vector].pending = false;
        msix->sent++;
        message.address_lo = (uint32_t)msix->state.vectors[vector].address;
        message.address_hi = (uint32_t)(msix->state.vectors[vector].address >> 32);
        message.data = msix->state.vectors[vector].data;
        /* A message to nowhere is the guest's own loss. */
        if (msix->vm >= 0)
                (void)ioctl(msix->vm, KVM_SIGNAL_MSI, &message);
}

static void send_pending(struct msix *msix)
{
        for (unsigned i = 0; i < msix->n; i++)
                if (msix->state.vectors[i].pending)
                        send_or_keep(msix, i);
}

void msix_raise(struct msix *msix, uint16_t vector)
{
        if (vector >= msix->n)
                return;
        pthread_mutex_lock(&msix->lock);
        send_or_keep(msix, vector);
        pthread_mutex_unlock(&msix->lock);
}

void msix_control(struct msix *msix, uint16_t control)
{
        pthread_mutex_lock(&msix->lock);
        msix->state.enabled = control & CONTROL_ON;
        msix->state.masked = control & CONTROL_MASK;
        if (msix->state.enabled && !msix->state.masked)
                send_pending(msix);
        pthread_mutex_unlock(&msix->lock);
}

static uint32_t read_word(const struct msix *msix, uint64_t offset)
{
        unsigned vector = (unsigned)(offset / ENTRY_SIZE);

        if (vector >= msix->n)
                return 0;
        switch (offset % ENTRY_SIZE) {
        case 0:
                return (uint32_t)msix->state.vectors[vector].address;
        case 4:
                return (uint32_t)(msix->state.vectors[vector].address >> 32);
        case 8:
                return msix->state.vectors[vector].data;
        default:
                return msix->state.vectors[vector].masked ? VECTOR_MASKED : 0;
        }
}

static void write_word(struct msix *msix, uint64_t offset, uint32_t value)
{
        unsigned vector = (unsigned)(offset / ENTRY_SIZE);

        if (vector >= msix->n)
                return;
        switch (offset % ENTRY_SIZE) {
        case 0:
                msix->state.vectors[vector].address = (msix->state.vectors[vector].address & ~0xffffffffULL) | value;
                break;
        case 4:
                msix->state.vectors[vector].address =
                        (msix->state.vectors[vector].address & 0xffffffffULL) | (uint64_t)value << 32;
                break;
        case 8:
                msix->state.vectors[vector].data = value;
                break;
        default:
                msix->state.vectors[vector].masked = value & VECTOR_MASKED;
                if (msix->state.vectors[vector].pending)
                        send_or_keep(msix, vector);
                break;
        }
}

/* 6.8.2: accesses are of 4 or 8 aligned bytes; others are undefined, and here nothing. */
static bool is_word_access(uint64_t offset, unsigned width)
{
        return (width == 4 || width == 8) && offset % width == 0;
}

uint64_t msix_read_table(struct msix *msix, uint64_t offset, unsigned width)
{
        uint64_t value;

        if (!is_word_access(offset, width))
                return UINT64_MAX;
        pthread_mutex_lock(&msix->lock);
        value = read_word(msix, offset);
        if (width == 8)
                value |= (uint64_t)read_word(msix, offset + 4) << 32;
        pthread_mutex_unlock(&msix->lock);
        return value;
}

void msix_write_table(struct msix *msix, uint64_t offset, unsigned width, uint64_t value)
{
        if (!is_word_access(offset, width))
                return;
        pthread_mutex_lock(&msix->lock);
        write_word(msix, offset, (uint32_t)value);
        if (width == 8)
                write_word(msix, offset + 4, (uint32_t)(value >> 32));
        pthread_mutex_unlock(&msix->lock);
}

uint64_t msix_read_pending(struct msix *msix, uint64_t offset, unsigned width)
{
        uint64_t bits = 0;

        if (!is_word_access(offset, width))
                return UINT64_MAX;
        pthread_mutex_lock(&msix->lock);
        for (unsigned i = 0; i < msix->n; i++)
                if (msix->state.vectors[i].pending && i / 8 >= offset && i / 8 < offset + width)
                        bits |= 1ULL << (i - offset * 8);
        pthread_mutex_unlock(&msix->lock);
        return bits;
}
