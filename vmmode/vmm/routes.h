/* The messages that KVM sends by itself when an eventfd is raised (KVM_SET_GSI_ROUTING, KVM_IRQFD): one numbered entry
 * for each such eventfd, in one table of the machine. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define ROUTES_MAX 16 /* two queues of eight network devices */

/* Entries begin behind the pins that the interrupt controller has in user space: KVM looks through those of them that
 * are messages at every change, for an I/O APIC that there is not. */
#define ROUTES_PINS 24

struct routes {
        int vm;
        pthread_mutex_t lock;
        unsigned n;
        struct route {
                uint64_t address; /* 0: never set; no message can be sent there */
                uint32_t data;
        } v[ROUTES_MAX];
};

void routes_init(struct routes *routes, int vm);

/* A new entry's number, for routes_set and routes_connect. -ENOSPC. */
int routes_add(struct routes *routes);

/* What is sent from now on. Bare negative errno: the guest's message cannot be; the entry is as it was. */
int routes_set(struct routes *routes, unsigned number, uint64_t address, uint32_t data);

/* KVM sends the entry's message whenever the eventfd `call` is raised, and at once when it has been; or no more: then
 * the eventfd counts. Bare negative errno. */
int routes_connect(const struct routes *routes, unsigned number, int call);
int routes_disconnect(const struct routes *routes, unsigned number, int call);
