/* Directories of a container that may run while they are read and written. */
#pragma once

#include "runtime/ctl/ctl.h"

/* The same directory on a mount of its own, which nobody else sees and on which the kernel follows no link, whatever
 * stands where a moment ago there was a directory or a file (MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14). Devices and programs
 * do nothing there. Returns a descriptor that can be entered and read. */
int still_view_open(int directory);

/* An ordinary user may make mounts in namespaces of his own only; what he opens later lies in them, and ctl's own
 * descriptors are opened anew. For root nothing happens. */
int still_view_prepare(struct ctl *ctl);
