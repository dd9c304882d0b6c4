#include "vmmode/vmm/msix.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "vmmode/vmm/routes.h"

#define ENTRY_SIZE    16
#define CONTROL_ON    0x8000
#define CONTROL_MASK  0x4000
#define VECTOR_MASKED 1U

void msix_init(struct msix *msix, int vm, unsigned n)
{
        *msix = (struct msix){
                .vm = vm, .n = n < MSIX_VECTORS_MAX ? n : MSIX_VECTORS_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
        for (unsigned i = 0; i < MSIX_CALLS_MAX; i++)
                msix->calls[i] = (struct msix_call){.fd = -EBADF, .vector = MSIX_NO_VECTOR, .route = -1};
        for (unsigned i = 0; i < msix->n; i++)
                msix->state.vectors[i].masked = true;
}

/* All of these with the lock held. */

static bool is_open(const struct msix *msix, unsigned vector)
{
        return msix->state.enabled && !msix->state.masked && !msix->state.vectors[vector].masked;
}

static void send_or_keep(struct msix *msix, unsigned vector)
{
        struct kvm_msi message = {0};

        if (!is_open(msix, vector)) {
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

/* ---- calls ---- */

/* What the eventfd has counted while KVM did not listen is one interrupt that waits. */
static void collect(struct msix *msix, const struct msix_call *call)
{
        eventfd_t count;

        if (call->fd >= 0 && !call->connected && eventfd_read(call->fd, &count) == 0)
                msix->state.vectors[call->vector].pending = true;
}

static int set_route(struct msix *msix, struct msix_call *call)
{
        int r = call->route;

        if (r < 0)
                r = routes_add(msix->routes);
        if (r < 0)
                return r;
        call->route = r;
        return routes_set(msix->routes, (unsigned)r, msix->state.vectors[call->vector].address,
                          msix->state.vectors[call->vector].data);
}

/* Has KVM send the message, or keeps it from that, as the masks want it now. Where KVM cannot send the guest's message,
 * the guest hears nothing. */
static int follow_masks(struct msix *msix, struct msix_call *call)
{
        bool open = call->fd >= 0 && is_open(msix, call->vector);
        int r = 0;

        if (open && msix->routes)
                r = set_route(msix, call);
        if (open && r == 0 && !call->connected) {
                collect(msix, call);
                /* What comes from here on KVM finds in the eventfd. */
                if (msix->routes)
                        r = routes_connect(msix->routes, (unsigned)call->route, call->fd);
                call->connected = r == 0;
        } else if ((!open || r < 0) && call->connected) {
                if (msix->routes)
                        (void)routes_disconnect(msix->routes, (unsigned)call->route, call->fd);
                call->connected = false;
        }
        return r;
}

/* Before what waits is sent: it may wait in an eventfd. */
static void follow_all(struct msix *msix)
{
        for (unsigned i = 0; i < MSIX_CALLS_MAX; i++)
                if (msix->calls[i].fd >= 0)
                        (void)follow_masks(msix, &msix->calls[i]);
}

int msix_connect(struct msix *msix, unsigned call, uint16_t vector, int fd)
{
        int r = 0;

        if (vector >= msix->n)
                return 0;
        pthread_mutex_lock(&msix->lock);
        msix->calls[call].fd = fd;
        msix->calls[call].vector = vector;
        r = follow_masks(msix, &msix->calls[call]);
        if (msix->state.vectors[vector].pending)
                send_or_keep(msix, vector);
        pthread_mutex_unlock(&msix->lock);
        return r < 0 ? fail(-r, "have KVM send an interrupt") : 0;
}

void msix_disconnect(struct msix *msix, unsigned call)
{
        struct msix_call *known = &msix->calls[call];
        eventfd_t count;
        int fd;

        pthread_mutex_lock(&msix->lock);
        fd = known->fd;
        known->fd = -EBADF;
        if (known->connected && msix->routes)
                (void)routes_disconnect(msix->routes, (unsigned)known->route, fd);
        known->connected = false;
        if (fd >= 0)
                (void)eventfd_read(fd, &count);
        pthread_mutex_unlock(&msix->lock);
}

/* ---- what the guest and the device do ---- */

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
        follow_all(msix);
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
                follow_all(msix);
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
        for (unsigned i = 0; i < MSIX_CALLS_MAX; i++)
                collect(msix, &msix->calls[i]);
        for (unsigned i = 0; i < msix->n; i++)
                if (msix->state.vectors[i].pending && i / 8 >= offset && i / 8 < offset + width)
                        bits |= 1ULL << (i - offset * 8);
        pthread_mutex_unlock(&msix->lock);
        return bits;
}
