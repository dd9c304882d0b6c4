/* The front end of vhost-user (QEMU, docs/interop/vhost-user.rst): a device whose queues another process serves, which
 * shares the guest's memory. One connection, requests in turn, each with a deadline. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/vmm/memory.h"
#include "vmmode/vmm/queue.h"

#define VHOST_USER_TIMEOUT_MS 10000

struct vhost_user {
        int socket;
        bool gone; /* the other side is: the connection is shut down, and whoever watches it hears of it */
        const char *name;
        int timeout_ms; /* of one request, VHOST_USER_TIMEOUT_MS */
};

/* Takes possession, and asks which features there are. */
int vhost_user_begin(struct vhost_user *back_end, uint64_t *features);

/* Tells it the features that the driver accepted, and where the guest's memory is. */
int vhost_user_configure(struct vhost_user *back_end, uint64_t features, const struct guest_memory *memory);

/* Hands a queue over: from now on the other side has it. kick and call are eventfds. */
int vhost_user_start_queue(struct vhost_user *back_end, unsigned index, const struct queue *queue, int kick, int call);

/* Takes a queue back; *next_available is where it stopped. */
int vhost_user_stop_queue(struct vhost_user *back_end, unsigned index, uint16_t *next_available);
