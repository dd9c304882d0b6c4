#include "vmmode/vmm/routes.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

/* As KVM wants it: a head, and its entries behind it. */
union table {
        struct kvm_irq_routing head;
        char room[sizeof(struct kvm_irq_routing) + ROUTES_MAX * sizeof(struct kvm_irq_routing_entry)];
};

void routes_init(struct routes *routes, int vm)
{
        *routes = (struct routes){.vm = vm, .lock = PTHREAD_MUTEX_INITIALIZER};
}

int routes_add(struct routes *routes)
{
        int number = -ENOSPC;

        pthread_mutex_lock(&routes->lock);
        if (routes->n < ROUTES_MAX)
                number = (int)routes->n++;
        pthread_mutex_unlock(&routes->lock);
        return number;
}

/* The whole table: KVM has no other way. With the lock held. */
static int tell_kvm(const struct routes *routes)
{
        union table table = {0};

        for (unsigned i = 0; i < routes->n; i++) {
                const struct route *route = &routes->v[i];

                if (route->address)
                        table.head.entries[table.head.nr++] = (struct kvm_irq_routing_entry){
                                .gsi = ROUTES_PINS + i,
                                .type = KVM_IRQ_ROUTING_MSI,
                                .u.msi = {.address_lo = (uint32_t)route->address,
                                          .address_hi = (uint32_t)(route->address >> 32),
                                          .data = route->data},
                        };
        }
        return ioctl(routes->vm, KVM_SET_GSI_ROUTING, &table.head) < 0 ? -errno : 0;
}

int routes_set(struct routes *routes, unsigned number, uint64_t address, uint32_t data)
{
        struct route *route = &routes->v[number], before;
        int r = 0;

        pthread_mutex_lock(&routes->lock);
        before = *route;
        /* A change waits for all processors of the host. */
        if (before.address != address || before.data != data) {
                *route = (struct route){address, data};
                r = tell_kvm(routes);
                if (r < 0)
                        *route = before;
        }
        pthread_mutex_unlock(&routes->lock);
        return r;
}

static int set_irqfd(const struct routes *routes, unsigned number, int call, uint32_t flags)
{
        struct kvm_irqfd request = {.fd = (uint32_t)call, .gsi = ROUTES_PINS + number, .flags = flags};

        return ioctl(routes->vm, KVM_IRQFD, &request) < 0 ? -errno : 0;
}

int routes_connect(const struct routes *routes, unsigned number, int call)
{
        return set_irqfd(routes, number, call, 0);
}

int routes_disconnect(const struct routes *routes, unsigned number, int call)
{
        return set_irqfd(routes, number, call, KVM_IRQFD_FLAG_DEASSIGN);
}
