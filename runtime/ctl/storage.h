/* Where the files of a container lie, and how much room they may take (settings disk and inodes):
 *   directory  `rootfs` in its directory; no limits
 *   project    the same as the root of a project with quotas, where the file system has them enforced; only for
 *              containers with ids of their own, because root of the host's user namespace can change the project
 *   layers     what it has changed of an image's layers (runtime/ctl/layers.h); `rootfs` is empty, and what all of it
 *              is mounted on at start. No limits, and until the whole root is replaced: restored, limited
 *   image      the file `disk`, a file system of its own (runtime/ctl/disk_image.h); `rootfs` is empty, and what the
 *              disk is mounted on at start. Needs root
 * What there is counts, not the settings. */
#pragma once

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

/* Its root as it is seen inside, but with the ids that it has on disk. Returns a descriptor (O_RDONLY); of layers only
 * for reading. */
int storage_open(const struct ctl *ctl, const struct ctl_container *container);

/* The same for writing, while nothing can run: it is being made or started. */
int storage_open_writable(const struct ctl *ctl, const struct ctl_container *container);

bool storage_has_layers(const struct ctl_container *container);

/* Makes the empty root of a new container, as its settings say. Returns a descriptor. */
int storage_make(const struct ctl *ctl, const struct ctl_container *container);

/* A detached mount of what is not just a directory, or -ENOENT without a message where it is. */
int storage_mount(const struct ctl *ctl, const struct ctl_container *container, bool writable);

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
