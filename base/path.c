#include "base/path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

/* A rename somewhere above during the walk makes the kernel answer EAGAIN rather than risk an escape; trying again is
 * what openat2(2) asks for. An attacker who renames without end gets an error, not an endless loop. */
#define RESOLVE_TRIES 64
#define LINKS_MAX     40 /* as the kernel's own limit of links in one path */

static int resolve(int root, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };

        for (int i = 0; i < RESOLVE_TRIES; i++) {
                int fd = sys_openat2(root, path[0] ? path : ".", &how);

                if (fd >= 0)
                        return fd;
                if (errno != EAGAIN && errno != EINTR)
                        break;
        }
        return -errno;
}

int in_root_open(int root, const char *path, int flags)
{
        int fd = resolve(root, path, flags);

        return fd < 0 ? fail(-fd, "open %s", path) : fd;
}

char *path_from(const char *directory, const char *path)
{
        char *joined;

        if (path[0] == '/')
                return strdup(path);
        return asprintf(&joined, "%s/%s", directory, path) < 0 ? NULL : joined;
}

void path_clean(char *path)
{
        char *to = path;
        const char *from = path;

        while (*from) {
                size_t length;

                from += strspn(from, "/");
                length = strcspn(from, "/");
                if (length == 2 && from[0] == '.' && from[1] == '.') {
                        while (to > path && *--to != '/')
                                ;
                } else if (length && !(length == 1 && from[0] == '.')) {
                        *to++ = '/';
                        memmove(to, from, length);
                        to += length;
                }
                from += length;
        }
        if (to == path)
                *to++ = '/';
        *to = '\0';
}

int fd_path(int fd, char path[PATH_MAX])
{
        char link[64];
        ssize_t length;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        length = readlink(link, path, PATH_MAX - 1);
        if (length < 0)
                return -errno;
        path[length] = '\0';
        return 0;
}

int path_open_long(const char *path, int flags)
{
        _cleanup_close_ int directory = -EBADF;
        size_t length = strlen(path);
        int fd;

        while (length >= PATH_MAX) {
                char part[PATH_MAX];
                const char *slash;

                memcpy(part, path, PATH_MAX - 1);
                part[PATH_MAX - 1] = '\0';
                slash = strrchr(part + 1, '/');
                if (!slash)
                        return -ENAMETOOLONG;
                part[slash - part] = '\0';
                replace_fd(&directory, openat(directory < 0 ? AT_FDCWD : directory, part,
                                              O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
                if (directory < 0)
                        return -errno;
                length -= (size_t)(slash - part) + 1;
                path += slash - part + 1;
        }
        fd = openat(directory < 0 ? AT_FDCWD : directory, path, flags);
        return fd < 0 ? -errno : fd;
}

int fd_is_directory(int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode);
}

bool fd_is_ours_alone(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* The next component of *path, copied into name; *path is moved past it. 0 at the end. */
static int next_component(const char **path, char name[NAME_MAX + 1])
{
        size_t length;

        *path += strspn(*path, "/");
        length = strcspn(*path, "/");
        if (length > NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(name, *path, length);
        name[length] = '\0';
        *path += length;
        return length > 0;
}

/* Makes what is missing of the path one component at a time. The prefix is resolved in-root anew for each one, so
 * that a symlink in the image ("/var/run -> /run") leads where the container will see it. */
static int make_directories(int root, const char *path, mode_t mode, int links);

/* The name is a link that leads nowhere yet (an image's "/var/run -> /run"): what is missing is made where it points
 * to, which is inside the root again. */
static int make_link_target(int root, int parent, const char *link, size_t directory_length, mode_t mode, int links)
{
        _cleanup_free_ char *path = NULL;
        char target[PATH_MAX];
        ssize_t n = readlinkat(parent, link + directory_length + 1, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        if (links >= LINKS_MAX)
                return -ELOOP;
        target[n] = '\0';
        if (target[0] != '/' && asprintf(&path, "%.*s/%s", (int)directory_length, link, target) < 0)
                return -ENOMEM;
        return make_directories(root, path ? path : target, mode, links + 1);
}

static int make_directories(int root, const char *path, mode_t mode, int links)
{
        char name[NAME_MAX + 1], prefix[PATH_MAX];
        const char *rest = path;
        size_t used = 0;
        int r;

        if (strlen(path) + 2 > sizeof(prefix))
                return -ENAMETOOLONG;
        while ((r = next_component(&rest, name)) > 0) {
                _cleanup_close_ int parent = -EBADF;
                size_t length = strlen(name);
                int fd;

                prefix[used] = '\0';
                parent = resolve(root, used ? prefix : ".", O_PATH | O_DIRECTORY);
                if (parent < 0)
                        return parent;
                memcpy(prefix + used, "/", 1);
                memcpy(prefix + used + 1, name, length + 1);
                used += 1 + length;
                fd = resolve(root, prefix, O_PATH | O_DIRECTORY);
                if (fd >= 0) {
                        close(fd);
                        continue;
                }
                if (fd != -ENOENT)
                        return fd;
                if (strcmp(name, "..") == 0)
                        return -ENOENT;
                if (mkdirat(parent, name, mode) == 0)
                        continue;
                if (errno != EEXIST)
                        return -errno;
                fd = make_link_target(root, parent, prefix, used - length - 1, mode, links);
                if (fd < 0)
                        return fd;
        }
        return r;
}

int in_root_mkdir(int root, const char *path, mode_t mode)
{
        int fd = resolve(root, path, O_PATH | O_DIRECTORY);
        int r;

        if (fd >= 0)
                return fd;
        if (fd != -ENOENT)
                return fail(-fd, "open directory %s", path);
        r = make_directories(root, path, mode, 0);
        if (r < 0)
                return fail(-r, "create directory %s", path);
        fd = resolve(root, path, O_PATH | O_DIRECTORY);
        return fd < 0 ? fail(-fd, "open directory %s", path) : fd;
}

int in_root_parent(int root, const char *path, char *name, size_t name_size)
{
        size_t length = strlen(path);
        char parent[PATH_MAX], *slash;

        while (length > 0 && path[length - 1] == '/')
                length--;
        if (length >= sizeof(parent))
                return fail(ENAMETOOLONG, "split %s", path);
        memcpy(parent, path, length);
        parent[length] = '\0';
        slash = strrchr(parent, '/');
        if (strlen(slash ? slash + 1 : parent) >= name_size)
                return fail(ENAMETOOLONG, "split %s", path);
        strcpy(name, slash ? slash + 1 : parent);
        if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return refuse(EINVAL, "%s: does not name a file", path);
        if (slash)
                *slash = '\0';
        return in_root_mkdir(root, slash && parent[0] ? parent : "/", 0755);
}

/* Makes an empty file. A link that leads nowhere yet (an image's "/etc/resolv.conf -> ../run/resolv.conf") is followed
 * by hand, each step inside the root: with O_EXCL the kernel does not, and without it nobody makes the parents. */
static int make_file(int root, const char *path, int links)
{
        _cleanup_free_ char *joined = NULL;
        _cleanup_close_ int parent = -EBADF, fd = -EBADF;
        char name[NAME_MAX + 1], target[PATH_MAX];
        size_t directory = strlen(path);
        ssize_t n;

        while (directory > 0 && path[directory - 1] == '/')
                directory--;
        while (directory > 0 && path[directory - 1] != '/')
                directory--;
        parent = in_root_parent(root, path, name, sizeof(name));
        if (parent < 0)
                return parent;
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd >= 0)
                return 0;
        if (errno != EEXIST)
                return fail(errno, "create file %s", path);
        n = readlinkat(parent, name, target, sizeof(target) - 1);
        if (n < 0) /* somebody made it just now */
                return errno == EINVAL ? 0 : fail(errno, "create file %s", path);
        if (links >= LINKS_MAX)
                return fail(ELOOP, "create file %s", path);
        target[n] = '\0';
        if (target[0] != '/' && asprintf(&joined, "%.*s/%s", (int)directory, path, target) < 0)
                return fail(ENOMEM, "create file %s", path);
        return make_file(root, joined ? joined : target, links + 1);
}

int in_root_target(int root, const char *path, int is_directory)
{
        int fd = resolve(root, path, O_PATH), r;

        if (fd >= 0)
                return fd;
        if (fd != -ENOENT)
                return fail(-fd, "open %s", path);
        if (is_directory)
                return in_root_mkdir(root, path, 0755);
        r = make_file(root, path, 0);
        if (r < 0)
                return r;
        fd = resolve(root, path, O_PATH);
        return fd < 0 ? fail(-fd, "open %s", path) : fd;
}
