#include "namespaces/rootfs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"

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
        return propagation & MS_SHARED ? make_parent_private(path) : 0;
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
        if (target < 0) {
                /* The path may not be reachable by an id of the user namespace: any directory will do to hang it on. */
                target = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (target < 0)
                        return fail(errno, "open /");
        }
        r = mount_attach(tree, target);
        if (r < 0)
                return fail_in(r, "root file system %s", path);
        r = fcntl(tree, F_DUPFD_CLOEXEC, 0);
        return r < 0 ? fail(errno, "keep the root file system") : r;
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

int rootfs_move(int root)
{
        if (fchdir(root) < 0)
                return fail(errno, "enter the root file system");
        if (sys_mount(".", "/", NULL, MS_MOVE, NULL) < 0)
                return fail(errno, "move the root file system over /");
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
                return refuse(EINVAL, "/%s of the root file system is not a directory%s", name,
                              S_ISLNK(st.st_mode) ? " but a symbolic link" : "");
        return 0;
}
