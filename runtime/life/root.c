#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/life/container.h"
#include "runtime/life/messages.h"

#define ID_MOST    255 /* NAME_MAX: it names the state directory */
#define ID_FIRST   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-"
#define ID_FURTHER ID_FIRST "."

static bool is_root_path(const char *path)
{
        return strspn(path, "/.") == strlen(path);
}

static int check_not_root(int root_fd, const char *path)
{
        struct stat root, top;

        if (fstat(root_fd, &root) < 0 || stat("/", &top) < 0)
                return fail(errno, "check state directory %s", path);
        if (root.st_dev == top.st_dev && root.st_ino == top.st_ino)
                return refuse(EINVAL, "state directory %s is the root directory", path);
        return 0;
}

/* Makes the directory and its missing parents. A parent is an ordinary directory; the last one is ours alone. */
static int make_directory(const char *path, mode_t mode)
{
        char partial[4096];
        size_t length = strlen(path);

        if (length >= sizeof(partial))
                return fail(ENAMETOOLONG, "make state directory %s", path);
        memcpy(partial, path, length + 1);
        for (char *p = partial + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(partial, 0755) < 0 && errno != EEXIST)
                        return fail(errno, "make directory %s", partial);
                *p = '/';
        }
        if (mkdir(path, 0700) < 0)
                return errno == EEXIST ? 0 : fail(errno, "make state directory %s", path);
        /* mkdir(2) drops the sticky bit under some umasks and file systems: set it by itself. */
        if (mode != 0700 && chmod(path, mode) < 0)
                return fail(errno, "make state directory %s sticky", path);
        return 0;
}

int runtime_open_root(struct runtime *runtime, bool make)
{
        const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (is_root_path(runtime->root))
                return refuse(EINVAL, "state directory %s is the root directory", runtime->root);
        fd = open(runtime->root, flags);
        if (fd < 0 && errno == ENOENT) {
                if (!make)
                        return 0;
                r = make_directory(runtime->root, runtime->root_sticky ? 01700 : 0700);
                if (r < 0)
                        return r;
                fd = open(runtime->root, flags);
        }
        if (fd < 0)
                return fail(errno, "open state directory %s", runtime->root);
        if (make) {
                r = check_not_root(fd, runtime->root);
                if (r < 0)
                        return r;
        }
        runtime->root_fd = take_fd(&fd);
        return 0;
}

int container_id_check(const char *id)
{
        size_t length = strlen(id);

        if (length > ID_MOST)
                return refuse(EINVAL, "%s: '%.64s...' is longer than %d bytes", MESSAGE_INVALID_ID, id, ID_MOST);
        if (length == 0 || !strchr(ID_FIRST, id[0]) || strspn(id, ID_FURTHER) != length)
                return refuse(EINVAL, "%s: '%.64s'", MESSAGE_INVALID_ID, id);
        return 0;
}
