#include "namespaces/copyup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

#define COPY_DEPTH_MAX 256

static int copy_directory(int from, int to, int depth);

static int copy_xattrs(int from, int to)
{
        char names[4096], value[4096];
        ssize_t size = flistxattr(from, names, sizeof(names));

        for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
                ssize_t n = fgetxattr(from, names + at, value, sizeof(value));

                if (n >= 0 && fsetxattr(to, names + at, value, (size_t)n, 0) < 0 && errno != ENOTSUP && errno != EPERM)
                        return -errno;
        }
        return 0;
}

static int copy_data(int from, int to)
{
        for (;;) {
                char buffer[16384];
                ssize_t n = sendfile(to, from, NULL, (size_t)1 << 20);

                if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
                        n = read(from, buffer, sizeof(buffer));
                        if (n > 0 && write_all(to, buffer, (size_t)n) < 0)
                                return -errno;
                }
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
        }
}

/* Another container on the same files may put a device of the host in the file's place at any moment, and nothing keeps
 * us from reading that yet: what is looked at is what is opened. */
static int open_regular(int from, const char *name)
{
        _cleanup_close_ int place = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char path[64];
        struct stat st;
        int fd;

        if (place < 0 || fstat(place, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBUSY;
        /* The root is not changed yet: /proc is the host's. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
        _cleanup_close_ int source = open_regular(from, name), target = -EBADF;
        int r;

        if (source < 0)
                return source;
        target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (target < 0)
                return -errno;
        r = copy_data(source, target);
        if (r == 0 && (fchown(target, st->st_uid, st->st_gid) < 0 || fchmod(target, st->st_mode & 07777) < 0))
                r = -errno;
        return r == 0 ? copy_xattrs(source, target) : r;
}

static int copy_link(int from, int to, const char *name)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = '\0';
        return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_subdirectory(int from, int to, const char *name, const struct stat *st, int depth)
{
        _cleanup_close_ int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_close_ int target = -EBADF;
        int r;

        if (source < 0)
                return -errno;
        if (mkdirat(to, name, 0700) < 0)
                return -errno;
        target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return -errno;
        r = copy_directory(source, target, depth + 1);
        if (r == 0 && (fchown(target, st->st_uid, st->st_gid) < 0 || fchmod(target, st->st_mode & 07777) < 0))
                r = -errno;
        return r == 0 ? copy_xattrs(source, target) : r;
}

static int copy_entry(int from, int to, const char *name, dev_t device, int depth)
{
        struct timespec times[2];
        struct stat st;
        int r = 0;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                /* Another file system mounted there stays out; its mount point is copied empty. */
                r = st.st_dev == device           ? copy_subdirectory(from, to, name, &st, depth)
                    : mkdirat(to, name, 0755) < 0 ? -errno
                                                  : 0;
        else if (S_ISREG(st.st_mode))
                r = copy_file(from, to, name, &st);
        else if (S_ISLNK(st.st_mode))
                r = copy_link(from, to, name);
        else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISFIFO(st.st_mode))
                r = mknodat(to, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
        else
                return 0;
        if (r < 0)
                return r;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) &&
            fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_directory(int from, int to, int depth)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;
        struct stat st;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                int r = -errno;

                close(fd);
                return r;
        }
        if (depth > COPY_DEPTH_MAX)
                return -ELOOP;
        if (fstat(fd, &st) < 0)
                return -errno;
        while ((entry = readdir(dir))) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = copy_entry(fd, to, entry->d_name, st.st_dev, depth);
                if (r < 0)
                        return depth == 0 ? fail(-r, "copy %s into the tmpfs", entry->d_name) : r;
        }
        return 0;
}

int copy_tree(int from, int to)
{
        _cleanup_close_ int target = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (target < 0)
                return fail(errno, "open the tmpfs");
        r = copy_directory(from, target, 0);
        if (r < 0 && !error_message()[0])
                return fail(-r, "copy into the tmpfs");
        return r;
}
