/* linux.maskedPaths and linux.readonlyPaths. Called before the root is changed, while the host's /dev/null is the one
 * that /dev/null names: an image's own, or a link in its place, never masks anything (CVE-2025-31133). */
#pragma once

struct mask {
        /* Read-only, empty directories that the masked ones share, -EBADF until the first: a tmpfs, and for what is
         * below /proc and /sys the procfs' own /proc/tty/ldisc. */
        int empty, empty_in_proc;
        /* What was mounted there, -EBADF: nothing. Paths below are looked up from these: whoever shares the root's
         * files may have given /proc another name since, with the mount on it, and put something else in its place. */
        int proc, sys;
};

#define MASK_NONE                                                                                                      \
        {                                                                                                              \
                .empty = -EBADF, .empty_in_proc = -EBADF, .proc = -EBADF, .sys = -EBADF                                \
        }

/* Of a mount that was attached at destination: keeps a descriptor of it if masks are to be found by it. "/" covers all
 * that was before. */
int mask_note_mount(struct mask *mask, const char *destination, int mount);

void mask_release(struct mask *mask);

/* Hides path in root: a file behind /dev/null, a directory behind an empty read-only one. A missing path is fine.
 * label: SELinux context of that directory, or NULL. */
int mask_path(int root, const char *path, const char *label, struct mask *mask);

/* Makes path read-only by a bind mount of itself, the root itself by its own mount; mounts below keep their own flags.
 * A missing path is fine. */
int mask_readonly(int root, const char *path, const struct mask *mask);
