/* MSI-X (PCI 3.0, 6.8.2): a table of messages, one a vector, which the guest fills in; raising a vector sends its
 * message to the local APICs. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define MSIX_VECTORS_MAX 16
#define MSIX_NO_VECTOR   0xffff /* virtio's "none" */
#define MSIX_CALLS_MAX   2

struct msix_state {
        bool enabled, masked; /* the function's, from the message control word */
        struct {
                uint64_t address;
                uint32_t data;
                bool masked;
                bool pending;
        } vectors[MSIX_VECTORS_MAX];
};

/* An eventfd by which somebody else raises a vector, without a way through this process while nothing masks it. */
struct msix_call {
        int fd; /* the owner's; -EBADF: none */
        uint16_t vector;
        int route;      /* in the machine's table; -1: none yet */
        bool connected; /* KVM sends the message; else the eventfd counts, and nobody hears it */
};

struct routes;

struct msix {
        int vm;                /* KVM's descriptor of the machine; -EBADF: messages are counted only (tests) */
        struct routes *routes; /* the machine's; NULL: calls are marked as connected only (tests) */
        unsigned n;
        pthread_mutex_t lock;
        struct msix_state state;
        struct msix_call calls[MSIX_CALLS_MAX];
        uint64_t sent;
};

void msix_init(struct msix *msix, int vm, unsigned n);

/* The guest's accesses to the table and the pending bits, 4 or 8 bytes wide. */
uint64_t msix_read_table(struct msix *msix, uint64_t offset, unsigned width);
void msix_write_table(struct msix *msix, uint64_t offset, unsigned width, uint64_t value);
uint64_t msix_read_pending(struct msix *msix, uint64_t offset, unsigned width);

/* The message control word: bit 15 enable, bit 14 mask all. */
void msix_control(struct msix *msix, uint16_t control);

/* Raises a vector; what is masked stays pending. From any thread. A vector that there is not is ignored. */
void msix_raise(struct msix *msix, uint16_t vector);

/* Has call number `call` (from 0) raise a vector whenever the eventfd is raised; what comes while the vector is masked
 * stays pending. The eventfd must not block, and stays the caller's. */
int msix_connect(struct msix *msix, unsigned call, uint16_t vector, int fd);

/* No more; what the eventfd has counted is forgotten. Nothing for a call that is not connected. */
void msix_disconnect(struct msix *msix, unsigned call);
