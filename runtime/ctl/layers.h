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

/* Layers that are being added, the store locked. */
struct layers {
        const struct ctl *ctl;
        int store;
        char chain[LAYERS_TEXT]; /* "7:3:1" */
};

/* -EOPNOTSUPP without a message where overlayfs cannot be had here; layers_end also then. */
int layers_begin(const struct ctl *ctl, struct layers *layers);
void layers_end(struct layers *layers);
#define _cleanup_layers_ _cleanup_(layers_end)

/* Puts a layer on top, which `unpack` unpacks into `root` if it is not there yet. digest: of the archive. -E2BIG
 * without a message when there are too many. */
int layers_add(struct layers *layers, const char *digest, int (*unpack)(int root, void *data), void *data);

/* The container's from now on. */
int layers_give(const struct layers *layers, const struct ctl_container *container);

/* A detached mount of the container's root with ids as they are on disk, in the writable case as only one may be at a
 * time: of a locked container that does not run. */
int layers_mount(const struct ctl *ctl, const struct ctl_container *container, bool writable);

/* The same in the mount namespace of this process, with each part id-mapped by the user namespace, for which
 * `directory`, a path, becomes the place of mounts that nobody needs to see. */
int layers_mount_mapped(const struct ctl *ctl, const struct ctl_container *container, const char *directory, int user);

/* Takes the container off its layers. */
int layers_forget(const struct ctl_container *container);

/* Removes layers that no container has, unless somebody is adding some. */
void layers_sweep(const struct ctl *ctl);
