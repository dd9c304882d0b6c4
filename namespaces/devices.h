/* Device nodes and links of a container, made in its root. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct device_node {
        const char *path;
        mode_t mode; /* type and permissions */
        uint32_t major, minor;
        uid_t uid, gid; /* as the caller's user namespace sees them */
};

/* Makes the node with mknod. One that is there already must be the same device and gets its owner and mode. The umask
 * must be 0. */
int device_make(int root, const struct device_node *node);

/* Binds the host's node of the same path: in a user namespace mknod(2) of devices is refused. A mount of the same
 * device that is there already serves. Must be called before the root is changed. */
int device_bind(int root, const struct device_node *node);

/* A symbolic link unless something is there already. */
int device_link(int root, const char *path, const char *target);
