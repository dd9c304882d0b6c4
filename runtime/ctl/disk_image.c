#include "runtime/ctl/disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/path.h"
#include "base/process.h"
#include "namespaces/mount.h"

#define MKFS_DEADLINE_MS (5 * 60 * 1000)
#define LOCK_SECONDS     60
#define ATTEMPTS         64
#define MOUNT_OPTIONS    "discard,errors=remount-ro"
/* Of ext4, which has no header of its own for it: the new number of blocks. */
#define EXT4_RESIZE _IOW('f', 16, uint64_t)

/* ---- making ---- */

static int run_mkfs(const char *path, uint64_t inodes)
{
        char count[24], output[512] = "";
        const char *args[12] = {"mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,root_owner=0:0"};
        size_t n = 7;
        int r;

        if (inodes) {
                snprintf(count, sizeof(count), "%" PRIu64, inodes);
                args[n++] = "-N";
                args[n++] = count;
        }
        args[n] = path;
        r = process_run("mkfs.ext4", args, MKFS_DEADLINE_MS, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "run mkfs.ext4 (package e2fsprogs)");
        for (char *p = output; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        return r == 0 ? 0 : refuse(EINVAL, "mkfs.ext4 failed: %s", output);
}

/* The directory for what e2fsck finds is none that belongs into a root; e2fsck makes another. */
static int empty(int dirfd, const char *name)
{
        _cleanup_close_ int mount = disk_image_mount(dirfd, name);

        if (mount < 0)
                return mount;
        return unlinkat(mount, "lost+found", AT_REMOVEDIR) < 0 && errno != ENOENT ? fail(errno, "empty the new disk")
                                                                                  : 0;
}

int disk_image_make(int dirfd, const char *name, const char *path, uint64_t size, uint64_t inodes)
{
        _cleanup_close_ int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = 0;

        if (fd < 0)
                return fail(errno, "make a disk");
        if (ftruncate(fd, (off_t)size) < 0)
                r = fail(errno, "make a disk of %" PRIu64 " bytes", size);
        if (r == 0)
                r = run_mkfs(path, inodes);
        if (r == 0)
                r = empty(dirfd, name);
        if (r < 0)
                (void)unlinkat(dirfd, name, 0);
        return r;
}

/* ---- loop devices ---- */

static bool is_bound_to(int loop, const struct stat *file)
{
        struct loop_info64 info;

        return ioctl(loop, LOOP_GET_STATUS64, &info) == 0 && info.lo_device == file->st_dev &&
               info.lo_inode == file->st_ino;
}

/* The one that has the file already; an open descriptor keeps it from going. -ENOENT without a message. */
static int find_loop(const struct stat *file, char *path, size_t size)
{
        _cleanup_closedir_ DIR *blocks = opendir("/sys/block");
        struct dirent *entry;

        while (blocks && (entry = readdir(blocks))) {
                _cleanup_close_ int fd = -EBADF;
                char backing[NAME_MAX + 32];

                snprintf(backing, sizeof(backing), "%s/loop/backing_file", entry->d_name);
                if (strncmp(entry->d_name, "loop", 4) != 0 || faccessat(dirfd(blocks), backing, F_OK, 0) < 0)
                        continue;
                snprintf(path, size, "/dev/%s", entry->d_name);
                fd = open(path, O_RDWR | O_CLOEXEC);
                if (fd >= 0 && is_bound_to(fd, file))
                        return take_fd(&fd);
        }
        return -ENOENT;
}

/* Another program may take the free one first. */
static int bind_loop(int file, char *path, size_t size)
{
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        const struct loop_config config = {.fd = (uint32_t)file,
                                           .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO};

        if (control < 0)
                return fail(errno, "open /dev/loop-control");
        for (int i = 0; i < ATTEMPTS; i++) {
                int number = ioctl(control, LOOP_CTL_GET_FREE);
                _cleanup_close_ int fd = -EBADF;

                if (number < 0)
                        return fail(errno, "find a free loop device");
                snprintf(path, size, "/dev/loop%d", number);
                fd = open(path, O_RDWR | O_CLOEXEC);
                if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0)
                        return take_fd(&fd);
                if (errno != EBUSY)
                        return fail(errno, "set up %s", path);
        }
        return refuse(EBUSY, "no loop device is free");
}

static int open_locked(int dirfd, const char *name, struct stat *st)
{
        _cleanup_close_ int file = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (file < 0 || fstat(file, st) < 0)
                return fail(errno, "open the disk");
        if (!S_ISREG(st->st_mode))
                return refuse(EINVAL, "the disk is no file");
        r = lock_file(file, LOCK_EX, LOCK_SECONDS);
        return r < 0 ? fail(-r, "lock the disk") : take_fd(&file);
}

/* The lock ends with this function, when the loop device that is held can be found. The loop device has the file by a
 * descriptor of its own: one with our lock would keep it. */
static int open_loop(int dirfd, const char *name, char *path, size_t size)
{
        struct stat st;
        _cleanup_close_ int lock = open_locked(dirfd, name, &st), file = -EBADF;
        int r;

        if (lock < 0)
                return lock;
        r = find_loop(&st, path, size);
        if (r != -ENOENT)
                return r;
        file = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        return file < 0 ? fail(errno, "open the disk") : bind_loop(file, path, size);
}

int disk_image_mount(int dirfd, const char *name)
{
        char path[NAME_MAX + 16];
        _cleanup_close_ int loop = open_loop(dirfd, name, path, sizeof(path));

        return loop < 0 ? loop : mount_new("ext4", path, MOUNT_OPTIONS, 0, 0);
}

/* ---- growing ---- */

static int resize(int file, int loop, int root, uint64_t size)
{
        struct statvfs fs;
        uint64_t blocks;

        if (fstatvfs(root, &fs) < 0 || ftruncate(file, (off_t)size) < 0 || ioctl(loop, LOOP_SET_CAPACITY) < 0)
                return -errno;
        blocks = size / fs.f_bsize;
        return ioctl(root, EXT4_RESIZE, &blocks) < 0 ? -errno : 0;
}

int disk_image_grow(int dirfd, const char *name, uint64_t size)
{
        char path[NAME_MAX + 16];
        _cleanup_close_ int loop = open_loop(dirfd, name, path, sizeof(path)), mount = -EBADF, root = -EBADF;
        _cleanup_close_ int file = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        struct stat before;
        int r;

        if (loop < 0)
                return loop;
        mount = mount_new("ext4", path, MOUNT_OPTIONS, 0, 0);
        if (mount < 0)
                return mount;
        root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (file < 0 || root < 0 || fstat(file, &before) < 0)
                return fail(errno, "open the disk");
        r = resize(file, loop, root, size);
        if (r == 0)
                return 0;
        /* Nothing lies behind the end that it had. */
        (void)!ftruncate(file, before.st_size);
        (void)ioctl(loop, LOOP_SET_CAPACITY);
        return r == -EPERM ? r : fail(-r, "let the disk grow to %" PRIu64 " bytes", size);
}
