/* Removing trees that a container has made: of any depth, with one descriptor at a time and no recursion, which it
 * could exhaust. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"

/* A directory on the way down. */
struct level {
        dev_t dev;
        ino_t ino;
        char name[]; /* in the one above */
};

/* fd: the directory at the end of the way, the last of `levels`. */
struct removal {
        int fd;
        struct level **levels;
        size_t n;
};

static void removal_release(struct removal *removal)
{
        replace_fd(&removal->fd, -EBADF);
        for (size_t i = 0; i < removal->n; i++)
                free(removal->levels[i]);
        free(removal->levels);
}

/* A directory that its owner has closed to himself is opened again: who may remove it may do that. */
static int open_directory(int dirfd, const char *name, uint64_t resolve)
{
        struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve};
        _cleanup_close_ int place = -EBADF;
        char path[64];
        int fd = sys_openat2(dirfd, name, &how);

        if (fd >= 0 && geteuid() != 0)
                (void)fchmod(fd, 0700);
        if (fd >= 0 || errno != EACCES)
                return fd < 0 ? -errno : fd;
        how.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        place = sys_openat2(dirfd, name, &how);
        if (place < 0)
                return -errno;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
        if (chmod(path, 0700) < 0)
                return -errno;
        how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        how.resolve = 0;
        fd = sys_openat2(place, ".", &how);
        return fd < 0 ? -errno : fd;
}

static int descend(struct removal *removal, int dirfd, const char *name, uint64_t resolve)
{
        struct level *level = malloc(sizeof(*level) + strlen(name) + 1);
        struct level **bigger = realloc(removal->levels, (removal->n + 1) * sizeof(*bigger));
        struct stat st;
        int fd;

        if (bigger)
                removal->levels = bigger;
        if (!level || !bigger) {
                free(level);
                return fail(ENOMEM, "remove %s", name);
        }
        strcpy(level->name, name);
        removal->levels[removal->n++] = level;
        fd = open_directory(dirfd, name, resolve);
        if (fd < 0)
                return fail(-fd, "open directory %s", name);
        replace_fd(&removal->fd, fd);
        if (fstat(fd, &st) < 0)
                return fail(errno, "look at directory %s", name);
        level->dev = st.st_dev;
        level->ino = st.st_ino;
        return 0;
}

/* The end of the way is empty: back to the directory above, if that is the one from which it was entered. */
static int ascend(struct removal *removal)
{
        _cleanup_free_ struct level *level = removal->levels[--removal->n];
        const struct level *above = removal->levels[removal->n - 1];
        int fd = openat(removal->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return fail(errno, "go back from directory %s", level->name);
        replace_fd(&removal->fd, fd);
        if (fstat(fd, &st) < 0 || st.st_dev != above->dev || st.st_ino != above->ino)
                return refuse(EBUSY, "directory %s was moved while it was being removed", level->name);
        if (unlinkat(fd, level->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return fail(errno, "remove directory %s", level->name);
        return 0;
}

/* 1: there is a directory at `name` that is not empty. */
static int remove_one(int dirfd, const char *name)
{
        int error;

        if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
                return 0;
        error = errno;
        if (error != EISDIR && error != EPERM)
                return fail(error, "remove %s", name);
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == EACCES)
                return 1;
        return fail(errno == ENOTDIR ? error : errno, "remove %s", name);
}

/* Removes what is in the directory up to the first that is not empty: *next, malloc'ed, the caller's; NULL: all. */
static int remove_entries(int fd, char **next)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;

        *next = NULL;
        if (!dir) {
                int error = errno;

                if (copy >= 0)
                        close(copy);
                return fail(error, "read a directory");
        }
        while ((entry = readdir(dir))) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = remove_one(fd, entry->d_name);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *next = strdup(entry->d_name);
                        return *next ? 0 : fail(ENOMEM, "remove %s", entry->d_name);
                }
        }
        return 0;
}

static int remove_below(struct removal *removal)
{
        for (;;) {
                _cleanup_free_ char *next = NULL;
                int r = remove_entries(removal->fd, &next);

                if (r == 0 && next)
                        r = descend(removal, removal->fd, next, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
                else if (r == 0 && removal->n == 1)
                        return 0;
                else if (r == 0)
                        r = ascend(removal);
                if (r < 0)
                        return r;
        }
}

int remove_tree_at(int dirfd, const char *name)
{
        _cleanup_(removal_release) struct removal removal = {.fd = -EBADF};
        int r = remove_one(dirfd, name);

        if (r <= 0)
                return r;
        r = descend(&removal, dirfd, name, 0);
        if (r < 0)
                return r;
        r = remove_below(&removal);
        if (r < 0)
                return fail_in(r, "%s", name);
        if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return fail(errno, "remove directory %s", name);
        return 0;
}
