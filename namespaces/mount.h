/* Building mounts detached (fsopen, open_tree) and attaching them to a descriptor (move_mount): a path is resolved
 * once, in the root, and never again. Mounts are descriptors until attached; closing an unattached one undoes it.
 * Linux 5.12 for mount_setattr(2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A new file system instance. data: comma separated options of the file system, or NULL; with a value of more than 255
 * bytes (overlay's lowerdir) at most 4095 in all, and it is made by mount(2) for a moment. sb_flags: MS_RDONLY,
 * MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME (MS_SILENT changes nothing here; MS_I_VERSION is handed on as
 * the option "iversion"). attributes: MOUNT_ATTR_*. The message carries what the file system wrote into its log.
 * Returns a detached mount. */
int mount_new(const char *type, const char *source, const char *data, uint64_t sb_flags, uint64_t attributes);

/* A detached copy of the mount tree at path (dirfd and flags as open_tree(2); AT_EMPTY_PATH with ""). */
int mount_clone(int dirfd, const char *path, bool recursive, unsigned at_flags);

/* The id of the mount that fd is on (STATX_MNT_ID, Linux 5.8). 1: and fd is the root of it; 0: it is not. */
int mount_identify(int fd, uint64_t *id);

/* Changes attributes of one mount, or of all below too. */
int mount_change(int mount, uint64_t set, uint64_t clear, bool recursive);

/* Propagation MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE, with MS_REC for all below. */
int mount_propagate(int mount, unsigned long propagation);

/* Id-maps a detached mount by a user namespace. The error names file systems that cannot. */
int mount_idmap(int mount, int user_namespace, bool recursive);

/* Attaches at the object that `target` refers to. */
int mount_attach(int mount, int target);

/* Changes super block flags of the file system behind `mount` (the "remount" option). */
int mount_reconfigure(int mount, const char *data, uint64_t sb_set, uint64_t sb_clear);
