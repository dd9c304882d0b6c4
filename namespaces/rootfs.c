#include "namespaces/rootfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "namespaces/mountinfo.h"

#define MOUNTINFO_MOST ((size_t)16 << 20)

/* The mount that `path` lies on is the first of its parents that is a mount point. */
static int make_parent_private(const char *path)
{
        _cleanup_free_ char *parent = strdup(path);

        if (!parent)
                return fail(ENOMEM, "copy a path");
        for (;;) {
                char *slash;

                if (sys_mount(NULL, parent[0] ? parent : "/", NULL, MS_PRIVATE, NULL) == 0)
                        return 0;
                if (errno != EINVAL || !parent[0])
                        return fail(errno, "make the mount of %s private", path);
                slash = strrchr(parent, '/');
                if (!slash)
                        return refuse(EINVAL, "root %s is not absolute", path);
                *slash = '\0';
        }
}

int rootfs_detach_propagation(unsigned long propagation, const char *path)
{
        if (sys_mount(NULL, "/", NULL, propagation, NULL) < 0)
                return fail(errno, "set the propagation of the mount namespace");
        if (!(propagation & MS_SHARED))
                return 0;
        /* Where it will be hung on: rootfs_attach. */
        return make_parent_private(faccessat(AT_FDCWD, path, F_OK, 0) == 0 ? path : "/");
}

int rootfs_attach(const char *path, int tree, unsigned long propagation)
{
        _cleanup_close_ int cloned = -EBADF, target = -EBADF;
        int r;

        if (tree < 0) {
                cloned = mount_clone(AT_FDCWD, path, true, 0);
                if (cloned < 0)
                        return fail_in(cloned, "root file system");
                tree = cloned;
        }
        /* A root that keeps following the host is what rootfsPropagation "slave" means; all else begins private. */
        r = mount_propagate(tree, propagation & MS_SLAVE ? MS_SLAVE | MS_REC : MS_PRIVATE | MS_REC);
        if (r < 0)
                return fail_in(r, "root file system");
        target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        /* The path may not be reachable by an id of the user namespace, and a machine does not have it: any directory
         * will do to hang it on. */
        if (target < 0 && propagation)
                target = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (target < 0)
                return fail(errno, "open root file system %s", path);
        r = mount_attach(tree, target);
        /* On a shared mount it has become shared itself; what is mounted on it is not for the others. */
        if (r == 0 && !propagation)
                r = mount_propagate(tree, MS_PRIVATE | MS_REC);
        if (r < 0)
                return fail_in(r, "root file system %s", path);
        r = fcntl(tree, F_DUPFD_CLOEXEC, 0);
        return r < 0 ? fail(errno, "keep the root file system") : r;
}

int rootfs_mount_id(const char *path, uint64_t *id)
{
        _cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = root < 0 ? fail(errno, "open root file system %s", path) : mount_identify(root, id);

        return r < 0 ? r : 0;
}

int rootfs_detach(const char *path, uint64_t below)
{
        _cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char name[64];
        uint64_t id;
        int r;

        if (root < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : fail(errno, "open root file system %s", path);
        r = mount_identify(root, &id);
        if (r <= 0 || id == below)
                return r < 0 ? r : 0;
        snprintf(name, sizeof(name), "/proc/self/fd/%d", root);
        return sys_umount2(name, MNT_DETACH) < 0 ? fail(errno, "unmount the root file system %s", path) : 0;
}

int rootfs_pivot(int root, bool host_is_shared)
{
        _cleanup_close_ int old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (old_root < 0)
                return fail(errno, "open the old root");
        if (fchdir(root) < 0)
                return fail(errno, "enter the root file system");
        /* Both arguments the same directory: the old root is stacked on the new one, no put_old directory is needed
         * (pivot_root(2), NOTES). */
        if (sys_pivot_root(".", ".") < 0)
                return fail(errno, "pivot_root");
        if (fchdir(old_root) < 0)
                return fail(errno, "return to the old root");
        /* Without this the umount would travel to the host. */
        if (host_is_shared && sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return fail(errno, "cut the old root's propagation");
        if (sys_umount2(".", MNT_DETACH) < 0)
                return fail(errno, "drop the old root");
        if (chdir("/") < 0)
                return fail(errno, "chdir to /");
        return 0;
}

/* A mount of the new root, or the one that it was moved over: entries are in no order that could be relied on. */
static bool is_kept(const struct mountinfo *entries, size_t n, const struct mountinfo *entry, uint64_t root)
{
        uint64_t id = entry->id;

        for (size_t hops = 0; hops < n && id != root; hops++) {
                const struct mountinfo *found = NULL;

                for (size_t i = 0; i < n && !found; i++)
                        found = entries[i].id == id ? &entries[i] : NULL;
                if (!found || found->parent == id)
                        return false;
                id = found->parent;
        }
        return id == root;
}

/* A cover becomes locked for whoever makes the next user namespace, and what is below a locked one does not count. */
static int cover_mount(const struct mountinfo *entry)
{
        if (strcmp(entry->type, "proc") != 0 && strcmp(entry->type, "sysfs") != 0)
                return 0;
        if (sys_mount(NULL, entry->mount_point, NULL, MS_SLAVE, NULL) < 0 && (errno == EINVAL || errno == ENOENT))
                return 0; /* it went with the mount that it was on */
        if (sys_mount("tmpfs", entry->mount_point, "tmpfs", MS_RDONLY, "size=0,nr_inodes=1") < 0)
                return fail(errno, "cover %s of the host", entry->mount_point);
        return 0;
}

/* pivot_root drops the host's mounts; a move leaves them behind the new root, and there they count: the kernel lets an
 * unprivileged user namespace mount a procfs without masks when it finds such a one anywhere in the mount namespace.
 * Called between move and chroot: paths lead through the old root only. */
static int drop_old_mounts(uint64_t root, int mountinfo, bool host_is_shared)
{
        _cleanup_free_ struct mountinfo *entries = NULL;
        _cleanup_free_ char *text = NULL;
        struct mountinfo entry;
        uint64_t old_root = 0;
        size_t size, lines = 1, n = 0;
        char *rest;
        int r = read_all(mountinfo, MOUNTINFO_MOST, &text, &size);

        if (r < 0)
                return fail(-r, "read the list of mounts");
        for (size_t i = 0; i < size; i++)
                lines += text[i] == '\n';
        entries = calloc(lines, sizeof(*entries));
        if (!entries)
                return fail(ENOMEM, "read the list of mounts");
        for (rest = text; mountinfo_next(&rest, &entry); entries[n++] = entry)
                old_root = entry.id == root ? entry.parent : old_root;
        /* Where mounts are shared with the host's, an umount would travel there: what is stacked or hidden cannot be
         * reached to end that. In a user namespace, what a more privileged one has mounted is locked. */
        for (size_t i = n; i > 0; i--) {
                struct mountinfo *old = &entries[i - 1];

                if (old->id == old_root || is_kept(entries, n, old, root) ||
                    (!host_is_shared && sys_umount2(old->mount_point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0))
                        old->type = NULL;
        }
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = entries[i].type ? cover_mount(&entries[i]) : 0;
        return r;
}

int rootfs_move(int root, int mountinfo, bool host_is_shared)
{
        uint64_t mount_id;
        int r = mount_identify(root, &mount_id);

        if (r < 0)
                return r;
        if (fchdir(root) < 0)
                return fail(errno, "enter the root file system");
        /* Or the root would be moved over the host's "/", too, where that is shared with ours. */
        if (sys_mount(NULL, "/", NULL, MS_SLAVE, NULL) < 0)
                return fail(errno, "cut the old root's propagation");
        /* ELOOP: it is there already (rootfs_attach). */
        if (sys_mount(".", "/", NULL, MS_MOVE, NULL) < 0 && errno != ELOOP)
                return fail(errno, "move the root file system over /");
        r = drop_old_mounts(mount_id, mountinfo, host_is_shared);
        if (r < 0)
                return r;
        if (chroot(".") < 0 || chdir("/") < 0)
                return fail(errno, "chroot");
        return 0;
}

int rootfs_make_readonly(void)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (root < 0)
                return fail(errno, "open /");
        r = mount_change(root, MOUNT_ATTR_RDONLY, 0, false);
        return r < 0 ? fail_in(r, "make the root read-only") : 0;
}

int rootfs_check_directory(int root, const char *name)
{
        struct stat st;

        if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : fail(errno, "look at /%s of the root file system", name);
        if (!S_ISDIR(st.st_mode))
                return refuse(EINVAL, "/%s must be mounted on ordinary directory, but in the root file system it is %s",
                              name, S_ISLNK(st.st_mode) ? "a symbolic link" : "none");
        return 0;
}
