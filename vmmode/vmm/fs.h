/* virtio-fs (virtio 1.2, 5.11): folders of the host for the guest. The files are served by another process, which is
 * jailed on its own; here is only what connects it with the guest. */
#pragma once

#include "vmmode/vmm/vhost_user.h"
#include "vmmode/vmm/virtio.h"

#define FS_TAG_MAX 36

struct fs {
        struct virtio virtio;
        struct vhost_user server;
        struct fs_call {
                struct fs *fs;
                unsigned queue;
                struct watch watch; /* of the eventfd by which the server says that it has answered */
        } calls[2];
        struct watch hangup; /* of the connection: the server must not end while the machine runs */
        bool running;
};

/* server: a connected vhost-user socket; owned from here on. tag: by what the guest mounts it, at most FS_TAG_MAX
 * bytes. Says nothing to the server yet, which may not be there. */
int fs_init(struct fs *fs, const struct guest_memory *memory, struct loop *loop, int server, const char *tag);

/* Agrees with the server on what the driver is offered, waiting until it is there. With the device's lock held, since
 * before the guest could look. */
int fs_meet(struct fs *fs);

void fs_free(struct fs *fs);
