/* Mounting overlays (overlayfs). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

/* How the parts of one are mapped (id-mapped mounts, Linux 5.12; below an overlay 5.19). */
struct overlay_map {
        int user;          /* a user namespace, which stays the caller's */
        uint32_t uid, gid; /* whom it knows: the overlay's own work is done as they */
};

/* A detached mount of the overlay, its parts beginning at the directory `base`. What the kernel was built to do by
 * default counts for nothing: no index, no metacopy, no redirects, no xino. map: NULL: ids are as on disk. brief: what
 * is written need not be on the disk when the mount ends (the option volatile, Linux 5.10), which else syncs the whole
 * file system; for who has another way to know that it is not whole. With a map in a mount namespace of its own
 * meanwhile (namespaces/private_mounts.h). */
int overlay_mount(const char *base, const struct oci_overlay *overlay, const struct overlay_map *map, bool brief);
