#include "namespaces/masks.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"

/* A missing path, or one below something that is no directory, needs no mask. */
static int open_target(int root, const char *path)
{
        int target = in_root_open(root, path, O_PATH);

        if (target == -ENOENT || target == -ENOTDIR) {
                error_clear();
                return -ENOENT;
        }
        return target;
}

static int null_device(void)
{
        _cleanup_close_ int tree = mount_clone(AT_FDCWD, "/dev/null", false, AT_SYMLINK_NOFOLLOW);
        struct stat st;

        if (tree < 0)
                return tree;
        if (fstat(tree, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                return refuse(ENODEV, "/dev/null of the host is not the null device");
        return take_fd(&tree);
}

static int empty_directory(const char *label, struct mask *mask)
{
        char data[512];

        if (mask->empty >= 0)
                return mount_clone(mask->empty, "", false, AT_EMPTY_PATH);
        snprintf(data, sizeof(data), "size=0k,nr_inodes=2%s%s%s", label ? ",context=\"" : "", label ? label : "",
                 label ? "\"" : "");
        return mount_new("tmpfs", "tmpfs", data, MS_RDONLY,
                         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int mask_path(int root, const char *path, const char *label, struct mask *mask)
{
        _cleanup_close_ int target = open_target(root, path), tree = -EBADF;
        int directory, r;

        if (target == -ENOENT)
                return 0;
        if (target < 0)
                return fail_in(target, "mask %s", path);
        directory = fd_is_directory(target);
        if (directory < 0)
                return fail(-directory, "mask %s", path);
        tree = directory ? empty_directory(label, mask) : null_device();
        if (tree < 0)
                return fail_in(tree, "mask %s", path);
        r = mount_attach(tree, target);
        if (r < 0)
                return fail_in(r, "mask %s", path);
        if (directory && mask->empty < 0)
                mask->empty = take_fd(&tree);
        return 0;
}

int mask_readonly(int root, const char *path)
{
        _cleanup_close_ int target = open_target(root, path), tree = -EBADF;
        int r;

        if (target == -ENOENT)
                return 0;
        if (target < 0)
                return fail_in(target, "make %s read-only", path);
        tree = mount_clone(target, "", true, AT_EMPTY_PATH);
        if (tree < 0)
                return fail_in(tree, "make %s read-only", path);
        r = mount_change(tree, MOUNT_ATTR_RDONLY, 0, false);
        if (r == 0)
                r = mount_attach(tree, target);
        return r < 0 ? fail_in(r, "make %s read-only", path) : 0;
}
