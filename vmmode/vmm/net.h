/* virtio-net (virtio 1.2, 5.1) over a tap device with offloads: segmentation and checksums are done once, at the end
 * of the way, and packets of up to 64 KiB cross in one piece. The packets are moved by the host's kernel where there is
 * vhost-net, else here. */
#pragma once

#include "vmmode/vmm/vhost.h"
#include "vmmode/vmm/virtio.h"

struct net {
        struct virtio virtio;
        struct watch tap;
        bool starved; /* packets wait in the tap, the guest offers no buffer */
        struct vhost vhost;
};

struct net_options {
        uint8_t mac[6];
        uint16_t mtu; /* 0: Ethernet's */
};

#define NET_MTU_MIN 68

/* What a device's packets go to. */
struct net_ends {
        int tap; /* a tap device's descriptor (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR). -EBADF: none yet, the link is down,
                    what the guest sends is lost */
        int vhost; /* a descriptor of /dev/vhost-net, or -EBADF. Where it cannot be used, packets are moved here */
};

/* Both ends are owned from here on. vhost_possible: it may come with net_set_ends. */
int net_init(struct net *net, const struct guest_memory *memory, struct loop *loop, const struct net_ends *ends,
             const struct net_options *options, bool vhost_possible);

/* Gives a device its tap, from the main thread; both ends are owned from here on unless it fails. Bare negative errno:
 * -EBUSY when it has one, or when the guest's driver is there already. */
int net_set_ends(struct net *net, const struct net_ends *ends, const struct net_options *options);

void net_free(struct net *net);
