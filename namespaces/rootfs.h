/* The root file system of a container: made a mount, entered, closed behind. Called inside the new mount namespace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets the propagation of everything that the new mount namespace has copied (MS_* | MS_REC), so that nothing mounted
 * here reaches the host; MS_SHARED keeps the ties (Docker asks for it when a volume is shared) and then only the mount
 * that the root lies on is made private, because pivot_root(2) refuses a shared parent. */
int rootfs_detach_propagation(unsigned long propagation, const char *path);

/* Makes the root a mount of its own: `tree` is a detached tree of it, or -EBADF to clone the one at path. Attached at
 * path. propagation: what was set for the namespace; 0: it is others' too. Returns a descriptor (O_PATH) of its root.
 */
int rootfs_attach(const char *path, int tree, unsigned long propagation);

/* In a mount namespace that is others' too: the mount that the root file system at path lies on, and later the end of
 * the one that rootfs_attach has put there since, with all that is on it. Without one, and where the path is gone,
 * nothing is done. */
int rootfs_mount_id(const char *path, uint64_t *id);
int rootfs_detach(const char *path, uint64_t below);

/* Makes root the root of the mount namespace and drops the old one. */
int rootfs_pivot(int root, bool host_is_shared);

/* The way without pivot_root, for hosts whose root is a ramfs: move over "/", drop the host's mounts behind it, chroot.
 * mountinfo: this process's list of mounts, open. */
int rootfs_move(int root, int mountinfo, bool host_is_shared);

/* root.readonly, after everything else is in place. "/" must be the container's root. */
int rootfs_make_readonly(void);

/* /proc, /sys and /dev of the image must be directories, not symbolic links, or what is mounted and written there goes
 * elsewhere (CVE-2019-19921, CVE-2023-28642, CVE-2026-41579). Missing ones are fine. */
int rootfs_check_directory(int root, const char *name);
