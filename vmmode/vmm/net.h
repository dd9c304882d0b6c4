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

/* tap: a tap device's descriptor (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, not blocking); owned from here on. */
int net_init(struct net *net, const struct guest_memory *memory, struct loop *loop, int tap,
             const struct net_options *options);

void net_free(struct net *net);
