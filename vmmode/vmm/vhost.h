/* vhost-net (linux/vhost.h): the host's kernel serves the two rings of a network device and moves packets between them
 * and the tap, in a thread of its own ("vhost-PID"), without a way through this process. It is told where the rings
 * lie while the driver is ready; kicks come to it from KVM, and its calls go to KVM, as events.
 *
 * The rings are read by the kernel then, not by queue.c: what a hostile guest writes into them is its attack surface
 * (CVE-2019-14835), so that berth.conf can do without. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmmode/vmm/virtio.h"

#define VHOST_QUEUES 2

struct vhost {
        int fd; /* of /dev/vhost-net, one for each device; -EBADF: none, the rings are this process's */
        /* ioctl, or what stands in for the kernel (tests): 0 or -errno */
        int (*ask)(int fd, unsigned long request, void *argument);
        int calls[VHOST_QUEUES]; /* eventfds: requests were answered */
        struct watch error;      /* of an eventfd: a ring is broken */
        struct virtio *virtio;
        bool running[VHOST_QUEUES];
};

/* No kernel yet. possible: it may come, so the events are made, which a jailed process cannot. */
int vhost_init(struct vhost *vhost, struct virtio *virtio, bool possible);

/* Takes possession and says all that does not change: memory, kicks, calls. The device's loop has the kicks no more.
 * Before the driver is there, with the device's lock held. -errno: this kernel's cannot be used; the device is as it
 * was, and fd the caller's, who had better close it. */
int vhost_begin(struct vhost *vhost, int fd);

bool vhost_serves(const struct vhost *vhost);

/* Hands the enabled queues over, or takes them back: then no packet is moved any more, and the queues' states say where
 * it stopped. With the device's lock held. */
int vhost_start(struct vhost *vhost, int tap);
void vhost_stop(struct vhost *vhost);

void vhost_free(struct vhost *vhost);
