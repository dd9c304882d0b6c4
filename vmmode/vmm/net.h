/* virtio-net (virtio 1.2, 5.1) over a tap device with offloads: segmentation and checksums are done once, at the end
 * of the way, and packets of up to 64 KiB cross in one piece. */
#pragma once

#include "vmmode/vmm/virtio.h"

struct net {
        struct virtio virtio;
        struct watch tap;
        bool starved; /* packets wait in the tap, the guest offers no buffer */
};

struct net_options {
        uint8_t mac[6];
        uint16_t mtu; /* 0: Ethernet's */
};

#define NET_MTU_MIN 68

/* tap: a tap device's descriptor (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR); owned from here on. -EBADF: none yet, the link
 * is down, what the guest sends is lost. */
int net_init(struct net *net, const struct guest_memory *memory, struct loop *loop, int tap,
             const struct net_options *options);

/* Gives a device its tap, from any thread; owned from here on unless it fails. Bare negative errno: -EBUSY when it has
 * one, or when the guest's driver is there already. */
int net_set_tap(struct net *net, int tap, const struct net_options *options);

void net_free(struct net *net);
