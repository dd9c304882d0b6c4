/* Directories of a container that may run while they are read and written. */
#pragma once

#include <stdbool.h>

/* The same directory on a mount of its own, which nobody else sees and on which the kernel follows no link, whatever
 * stands where a moment ago there was a directory or a file (MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14). Devices and programs
 * do nothing there. root: the container's root, above it. A root that is a mount of this process's alone (a disk
 * image's) becomes such a mount itself. Returns a descriptor that can be entered and read. */
int still_view_open(int root, int directory);

/* An ordinary user may make mounts in namespaces of his own only; what is open before is none of theirs and has to be
 * opened anew: 1 says so. mapped: this process is in a user namespace of his already. For root nothing happens: 0. */
int still_view_prepare(bool mapped);

/* Opens a directory anew by its path; -EBADF stays what it is. */
int still_view_reopen(int *directory);
