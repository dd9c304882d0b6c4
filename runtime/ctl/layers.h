/* Layers of images, each stored once and shared by overlayfs: DIRECTORY/layers/N is what a layer changes of those below
 * it, an upper directory of overlayfs, and N.about says which layer of which image it is, and on what it lies. A layer
 * is unpacked onto the others as a container would change them, so that its links and whiteouts mean there what they
 * mean in the image.
 *
 * A container that lies on layers has the file `layers`, their numbers with the top one first ("7:3:1"), and rw/upper
 * and rw/work. A layer that no container has any more is removed with the last one. */
#pragma once

#include "runtime/ctl/ctl.h"

#define LAYERS_FILE  "layers"
#define LAYERS_RW    "rw"
#define LAYERS_STORE "layers"
#define LAYERS_TEXT  128 /* bytes of a chain: options of a mount are at most 255 long */
#define LAYERS_MOST  64  /* numbers in one */

/* Layers that are being added, the store locked. */
struct layers {
        const struct ctl *ctl;
        int store;
        bool prepared;           /* for making some */
        char chain[LAYERS_TEXT]; /* "7:3:1" */
};

/* layers_end also after a failure. */
int layers_begin(const struct ctl *ctl, struct layers *layers);
void layers_end(struct layers *layers);
#define _cleanup_layers_ _cleanup_(layers_end)

/* Puts a layer on top, which `unpack` unpacks into `root` if it is not there yet. digest: of the archive. -E2BIG
 * without a message when there are too many, -EOPNOTSUPP without one where overlayfs cannot be had here. */
int layers_add(struct layers *layers, const char *digest, int (*unpack)(int root, void *data), void *data);

/* The container's from now on. */
int layers_give(const struct layers *layers, const struct ctl_container *container);

/* Where the container's root lies: root.overlay of its config.json. */
struct layers_root {
        struct oci_overlay overlay; /* its strings are in here */
        const char *lower[LAYERS_MOST];
        char paths[LAYERS_MOST][40];
};

/* -ENOENT without a message when it has none. */
int layers_read(const struct ctl_container *container, struct layers_root *root);

/* A detached mount of the container's root for reading, with ids as they are on disk. */
int layers_mount(const struct ctl *ctl, const struct ctl_container *container);

/* The same for writing, as only one may be at a time: of a locked container that does not run. brief: its end does not
 * wait for the disk, and layers_settle has to come before the next one. */
int layers_mount_writable(const struct ctl *ctl, const struct ctl_container *container, bool brief);
int layers_settle(const struct ctl_container *container);

/* Whether the container's root can be mounted with its ids mapped: tried once for each start of the host. */
bool layers_work(const struct ctl *ctl, const struct ctl_container *container);

/* Takes the container off its layers. */
int layers_forget(const struct ctl_container *container);

/* The container's chain, "" without one; and, once it has it no more, removes layers that nobody has, if they are of
 * it. Not while somebody is adding some. */
void layers_read_chain(const struct ctl_container *container, char chain[LAYERS_TEXT]);
void layers_release(const struct ctl *ctl, const char *chain);

/* The same whatever they are of: after a crash. */
void layers_sweep(const struct ctl *ctl);
