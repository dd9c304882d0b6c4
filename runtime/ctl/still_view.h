/* Directories of a container that may run while they are read and written. */
#pragma once

#include <stddef.h>

/* The same directory on a mount of its own, which nobody else sees and on which the kernel follows no link, whatever
 * stands where a moment ago there was a directory or a file (MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14). Devices and programs
 * do nothing there. Returns a descriptor that can be entered and read. */
int still_view_open(int directory);

/* An ordinary user may make mounts in namespaces of his own only: enters some (but for the user namespace, where he is
 * root of one already) and opens these directories anew in them, where they are open; what is opened later lies in
 * them, too. */
int still_view_prepare(int **directories, size_t n);
