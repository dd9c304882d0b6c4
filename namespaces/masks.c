#include "namespaces/masks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"

#define MASK_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int mask_note_mount(struct mask *mask, const char *destination, int mount)
{
        int *place = strcmp(destination, "/proc") == 0  ? &mask->proc
                     : strcmp(destination, "/sys") == 0 ? &mask->sys
                                                        : NULL;
        int copy;

        if (strcmp(destination, "/") == 0)
                mask_release(mask);
        if (!place)
                return 0;
        copy = fcntl(mount, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
                return fail(errno, "keep the mount at %s", destination);
        replace_fd(place, copy);
        return 0;
}

void mask_release(struct mask *mask)
{
        replace_fd(&mask->empty, -EBADF);
        replace_fd(&mask->empty_in_proc, -EBADF);
        replace_fd(&mask->proc, -EBADF);
        replace_fd(&mask->sys, -EBADF);
}

/* The path below a directory that `name` ("/proc/") stands for. NULL: it is not, or not by the text alone. */
static const char *below(const char *path, const char *name, int mount)
{
        size_t length = strlen(name);

        return mount >= 0 && strncmp(path, name, length) == 0 && path[length] && !strstr(path, "/..") ? path + length
                                                                                                      : NULL;
}

/* A missing path, or one below something that is no directory, needs no mask. */
static int open_target(int root, const char *path, const struct mask *mask)
{
        const char *in_proc = below(path, "/proc/", mask->proc), *in_sys = below(path, "/sys/", mask->sys);
        int target = in_proc  ? in_root_open(mask->proc, in_proc, O_PATH)
                     : in_sys ? in_root_open(mask->sys, in_sys, O_PATH)
                              : in_root_open(root, path, O_PATH);

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

/* Neither in it nor below it can anybody make anything: the kernel leaves it there for those who expect it
 * (fs/proc/proc_tty.c). On 64 bits the C library's entries are the kernel's; newer musls have no struct dirent64. */
static bool is_empty_procfs(int directory)
{
        struct statfs fs;
        _Alignas(struct dirent) char entries[512]; /* "." and ".." first */
        const struct dirent *entry;
        ssize_t n;

        if (fstatfs(directory, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
                return false;
        n = syscall(SYS_getdents64, directory, entries, sizeof(entries));
        for (ssize_t at = 0; at < n; at += entry->d_reclen) {
                entry = (const struct dirent *)(entries + at);
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return false;
        }
        return n > 0;
}

static int empty_in_proc(const struct mask *mask)
{
        _cleanup_close_ int directory = -EBADF, tree = -EBADF;
        int r;

        if (mask->empty_in_proc >= 0)
                return mount_clone(mask->empty_in_proc, "", false, AT_EMPTY_PATH);
        if (mask->proc < 0)
                return -ENOENT;
        directory = procfs_open_at(mask->proc, "tty/ldisc", O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
        if (directory < 0)
                return directory;
        if (!is_empty_procfs(directory))
                return -ENOENT;
        tree = mount_clone(directory, "", false, AT_EMPTY_PATH);
        if (tree < 0)
                return tree;
        r = mount_change(tree, MASK_ATTRIBUTES, 0, false);
        return r < 0 ? r : take_fd(&tree);
}

static int empty_tmpfs(const char *label, const struct mask *mask)
{
        char data[512];

        if (mask->empty >= 0)
                return mount_clone(mask->empty, "", false, AT_EMPTY_PATH);
        snprintf(data, sizeof(data), "size=0k,nr_inodes=2%s%s%s", label ? ",context=\"" : "", label ? label : "",
                 label ? "\"" : "");
        return mount_new("tmpfs", "tmpfs", data, MS_RDONLY, MASK_ATTRIBUTES);
}

/* Where the kernel makes the files, its own empty directory will do, which has no superblock of its own. Elsewhere a
 * program is to be told that the place is read-only, and procfs says that a file is not there. *kept: what to keep the
 * mount in once it is attached. */
static int empty_directory(const char *path, const char *label, struct mask *mask, int **kept)
{
        bool of_kernel = below(path, "/proc/", mask->proc) || below(path, "/sys/", mask->sys);
        int tree = of_kernel && !label ? empty_in_proc(mask) : -ENOENT;

        *kept = tree >= 0 ? &mask->empty_in_proc : &mask->empty;
        if (tree >= 0)
                return tree;
        error_clear();
        return empty_tmpfs(label, mask);
}

int mask_path(int root, const char *path, const char *label, struct mask *mask)
{
        _cleanup_close_ int target = open_target(root, path, mask), tree = -EBADF;
        int directory, r, *kept = NULL;

        if (target == -ENOENT)
                return 0;
        if (target < 0)
                return fail_in(target, "mask %s", path);
        directory = fd_is_directory(target);
        if (directory < 0)
                return fail(-directory, "mask %s", path);
        tree = directory ? empty_directory(path, label, mask, &kept) : null_device();
        if (tree < 0)
                return fail_in(tree, "mask %s", path);
        r = mount_attach(tree, target);
        if (r < 0)
                return fail_in(r, "mask %s", path);
        if (kept && *kept < 0)
                *kept = take_fd(&tree);
        return 0;
}

int mask_readonly(int root, const char *path, const struct mask *mask)
{
        _cleanup_close_ int target = open_target(root, path, mask), tree = -EBADF;
        uint64_t of_root, of_target;
        int r;

        if (target == -ENOENT)
                return 0;
        if (target < 0)
                return fail_in(target, "make %s read-only", path);
        r = mount_identify(target, &of_target);
        if (r > 0)
                r = mount_identify(root, &of_root);
        if (r < 0)
                return fail_in(r, "make %s read-only", path);
        /* Nobody whose root this is would see a mount on top of it; only who enters the namespace later does. */
        if (r > 0 && of_root == of_target) {
                r = mount_change(target, MOUNT_ATTR_RDONLY, 0, false);
                return r < 0 ? fail_in(r, "make %s read-only", path) : 0;
        }
        tree = mount_clone(target, "", true, AT_EMPTY_PATH);
        if (tree < 0)
                return fail_in(tree, "make %s read-only", path);
        r = mount_change(tree, MOUNT_ATTR_RDONLY, 0, false);
        if (r == 0)
                r = mount_attach(tree, target);
        return r < 0 ? fail_in(r, "make %s read-only", path) : 0;
}
