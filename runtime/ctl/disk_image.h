/* A file system of a container's own in one file: ext4 on a loop device. The file is sparse, and what the container
 * deletes is given back (discard). Nothing is mounted on the host: mounts are detached, and go with the descriptor or
 * with the mount namespace that they are attached in; the loop device goes with its last mount. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Makes the file with an empty file system in it, by mkfs.ext4. size: bytes. inodes: 0 for what ext4 thinks right. path
 * is the file's own, for mkfs; it must not be there. On failure nothing is left. */
int disk_image_make(int dirfd, const char *name, const char *path, uint64_t size, uint64_t inodes);

/* A detached mount of it. However often it is mounted, it is through one loop device: two would destroy it. */
int disk_image_mount(int dirfd, const char *name);

/* Lets the file and the mounted file system in it grow. -EPERM without a message where the host forbids that while it
 * is mounted (CAP_SYS_RESOURCE). */
int disk_image_grow(int dirfd, const char *name, uint64_t size);
