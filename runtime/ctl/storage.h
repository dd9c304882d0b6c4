/* Where the files of a container lie, and how much room they may take (settings disk and inodes):
 *   directory  `rootfs` in its directory; no limits
 *   project    the same as the root of a project with quotas, where the file system has them enforced; only for
 *              containers with ids of their own, because root of the host's user namespace can change the project
 *   layers     what it has changed of an image's layers (runtime/ctl/layers.h); `rootfs` is empty, and the overlay is
 *              the runtime's to make (root.overlay in config.json). No limits, only for processes, and until the whole
 *              root is replaced: restored, limited, behind the other wall
 *   image      the file `disk`, a file system of its own (runtime/ctl/disk_image.h); `rootfs` is empty, and what the
 *              disk is mounted on at start. Needs root
 * What there is counts, not the settings. */
#pragma once

#include "namespaces/private_mounts.h"
#include "runtime/ctl/ctl.h"

#define STORAGE_DISK "disk"

enum storage_kind { STORAGE_DIRECTORY, STORAGE_PROJECT, STORAGE_LAYERS, STORAGE_IMAGE };

const char *storage_kind_name(enum storage_kind kind);

/* What of it is used. */
struct storage_usage {
        enum storage_kind kind;
        uint64_t used, limit, inodes, inodes_limit; /* 0: no limit; of a directory or layers nothing is known */
};

int storage_read_usage(const struct ctl *ctl, const struct ctl_container *container, struct storage_usage *usage);

/* What a root is opened for, which of layers is another mount. To be written to, nothing may run: */
enum storage_access {
        STORAGE_READ,
        STORAGE_WRITE, /* it is locked */
        STORAGE_MAKE, /* it is being made, and a crash leaves only what destroy removes: storage_made comes behind it */
};

/* Its root as it is seen inside, but with the ids that it has on disk. Returns a descriptor (O_RDONLY). */
int storage_open(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access);
int storage_made(const struct ctl_container *container);

/* Opens it for reading once for all who do that until the container is released. */
int storage_hold(const struct ctl *ctl, struct ctl_container *container);

bool storage_has_layers(const struct ctl_container *container);

/* Makes the empty root of a new container, as its settings say. Returns a descriptor. */
int storage_make(const struct ctl *ctl, const struct ctl_container *container);

/* Whether its files may lie on layers that it shares with others. */
bool storage_may_share(const struct settings *settings);

/* Before the runtime is called: enters a mount namespace of this process's own and puts a disk image over
 * CONTAINER/rootfs there, what the container's own namespace is copied from. The host never sees it, and it needs no
 * undoing. Nothing where there is none; private_mounts_leave comes in any case. */
int storage_attach(const struct ctl *ctl, const struct ctl_container *container, struct private_mounts *before);

/* A detached mount of what is not just a directory, or -ENOENT without a message where it is. */
int storage_mount(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access);

/* Takes quotas away that go by the container's ids. For destroy. */
void storage_forget(const struct ctl_container *container);

/* Lets the limits be as the settings say: at once where that is possible, in a stopped container else by moving the
 * files into another root. inodes: their limit is another than it was. -EBUSY for what cannot be done while it runs,
 * -EDQUOT when it uses more already. */
int storage_change(struct ctl *ctl, const struct ctl_container *container, bool inodes, bool runs);

/* The same before a start, for settings that were changed by hand, and removes what a crash left. */
int storage_settle(struct ctl *ctl, struct ctl_container *container);

/* Puts a copy of `from`, stored as the settings say, into the place of the root. The container must be locked and may
 * not run. A crash leaves the one or the other, whole; after a failure all is as before. */
int storage_replace(struct ctl *ctl, const struct ctl_container *container, int from);
