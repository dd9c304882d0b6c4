#include "namespaces/devices.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"

/* Another container on the same root may put a link in its place at any moment: what is looked at is what is changed.
 */
static int check_existing(int parent, const char *name, const struct device_node *node)
{
        _cleanup_close_ int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char path[64];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(errno, "look at device %s", node->path);
        if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) ||
            (!S_ISFIFO(st.st_mode) && st.st_rdev != makedev(node->major, node->minor)))
                return refuse(EEXIST, "device %s: a different file is there already", node->path);
        /* fchmod(2) refuses O_PATH descriptors. The root is not changed yet: /proc is the host's. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (chmod(path, node->mode & 07777) < 0)
                return fail(errno, "set the mode of device %s", node->path);
        return 0;
}

int device_make(int root, const struct device_node *node)
{
        _cleanup_close_ int parent = -EBADF;
        char name[NAME_MAX + 1];
        int r = 0;

        parent = in_root_parent(root, node->path, name, sizeof(name));
        if (parent < 0)
                return fail_in(parent, "device %s", node->path);
        if (mknodat(parent, name, node->mode, makedev(node->major, node->minor)) < 0) {
                if (errno != EEXIST)
                        return fail(errno, "make device %s", node->path);
                r = check_existing(parent, name, node);
        }
        if (r == 0 && (node->uid || node->gid) && fchownat(parent, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(errno, "set the owner of device %s", node->path);
        return r;
}

/* An engine may have mounted it there (Podman's --privileged does, with all of the host's /dev). A node of the file
 * system around it would not serve: what a user namespace mounts has no working devices. */
static bool serves_already(int root, const struct device_node *node)
{
        char name[NAME_MAX + 1];
        _cleanup_close_ int parent = in_root_parent(root, node->path, name, sizeof(name));
        struct stat around, st;

        if (parent < 0) {
                error_clear();
                return false;
        }
        return fstat(parent, &around) == 0 && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               around.st_dev != st.st_dev && (st.st_mode & S_IFMT) == (node->mode & S_IFMT) &&
               st.st_rdev == makedev(node->major, node->minor);
}

int device_bind(int root, const struct device_node *node)
{
        _cleanup_close_ int tree = -EBADF, target = -EBADF;
        struct stat st;
        int r;

        if (S_ISFIFO(node->mode))
                return device_make(root, node);
        tree = mount_clone(AT_FDCWD, node->path, false, AT_SYMLINK_NOFOLLOW);
        if (tree < 0)
                return fail_in(tree, "device %s of the host", node->path);
        if (fstat(tree, &st) < 0)
                return fail(errno, "look at device %s of the host", node->path);
        if ((st.st_mode & S_IFMT) != (node->mode & S_IFMT) || st.st_rdev != makedev(node->major, node->minor))
                return refuse(ENODEV, "device %s: the host's is not %u:%u, and a user namespace can make no other",
                              node->path, node->major, node->minor);
        if (serves_already(root, node))
                return 0;
        target = in_root_target(root, node->path, 0);
        if (target < 0)
                return fail_in(target, "device %s", node->path);
        r = mount_attach(tree, target);
        return r < 0 ? fail_in(r, "device %s", node->path) : 0;
}

int device_link(int root, const char *path, const char *target)
{
        _cleanup_close_ int parent = -EBADF;
        char name[NAME_MAX + 1];

        parent = in_root_parent(root, path, name, sizeof(name));
        if (parent < 0)
                return fail_in(parent, "link %s", path);
        if (symlinkat(target, parent, name) < 0 && errno != EEXIST)
                return fail(errno, "make link %s", path);
        return 0;
}
