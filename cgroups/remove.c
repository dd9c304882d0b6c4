#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/children.h"
#include "cgroups/files.h"
#include "cgroups/parents.h"
#include "cgroups/undo.h"

/* A group that is empty by cgroup.events can still be busy when a process enters or a sub-group appears just then. */
#define REMOVE_TRIES 64

#define RDMA_FILE "rdma.max"

static int keep_name(int parent_fd, const char *name, void *data)
{
        (void)parent_fd;
        snprintf(data, 256, "%s", name);
        return -EEXIST; /* one is enough */
}

static bool is_occupied(int err)
{
        return err == EBUSY || err == ENOTEMPTY;
}

static int rmdir_at(int dirfd, const char *name)
{
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(-errno))
                return 0;
        /* A read-only tree refuses before it looks whether there is anything to remove. */
        if (errno == EROFS)
                return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT ? 0 : -EROFS;
        return -errno;
}

/* The kernel (seen in 6.1) forgets to take a removed group with RDMA limits off the device's list, and falls over what
 * the group was when the device goes. */
static void lift_rdma_limits(int dirfd, const char *name)
{
        char path[4096], limits[4096], reset[512];
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        if (snprintf(path, sizeof(path), "%s/" RDMA_FILE, name) >= (int)sizeof(path))
                return;
        fd = openat(dirfd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, limits, sizeof(limits) - 1);
        if (n <= 0)
                return;
        limits[n] = '\0';
        for (char *rest = limits, *line; (line = strsep(&rest, "\n"));)
                if (*line && cgroup_undo_text(RDMA_FILE, line, "", reset, sizeof(reset)))
                        (void)!write(fd, reset, strlen(reset));
}

/* A container's group, or one below it: not a parent, which may stay, with limits that are not ours. */
static int remove_group(int dirfd, const char *name)
{
        lift_rdma_limits(dirfd, name);
        return rmdir_at(dirfd, name);
}

/* Removes everything below a group, deepest first. Not by recursion: a container with a writable cgroup may nest its
 * groups as deep as it likes, and must not exhaust our stack or descriptors when it is deleted. -EBUSY: a sub-group
 * holds processes. */
static int remove_below(int cgroup_fd)
{
        _cleanup_close_ int here = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool came_up = false;
        size_t depth = 0;

        if (here < 0)
                return cgroup_is_gone(-errno) ? 0 : -errno;
        for (;;) {
                char name[256];
                int r = cgroup_each_child(here, keep_name, name);
                int next;

                if (r == -EEXIST) {
                        r = remove_group(here, name);
                        if (r == 0) {
                                came_up = false;
                                continue;
                        }
                        if (!is_occupied(-r))
                                return r;
                        if (came_up) /* its sub-groups are gone and it is still occupied */
                                return -EBUSY;
                        next = openat(here, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                        depth++;
                } else if (r == 0 && depth > 0) {
                        next = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        came_up = true;
                        depth--;
                } else {
                        return r;
                }
                if (next < 0)
                        return -errno;
                replace_fd(&here, next);
        }
}

static int remove_occupied(const struct cgroup_host *host, const char *name, int64_t deadline)
{
        _cleanup_close_ int fd = openat(host->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : fail(errno, "open cgroup %s/%s", host->mount_point, name);
        for (int i = 0; i < REMOVE_TRIES; i++) {
                int r = cgroup_wait_empty(fd, deadline);

                if (r < 0)
                        return fail_in(r, "remove cgroup %s/%s", host->mount_point, name);
                r = remove_below(fd);
                if (r < 0 && !is_occupied(-r))
                        return fail(-r, "remove the sub-groups of cgroup %s/%s", host->mount_point, name);
                r = remove_group(host->root_fd, name);
                if (r == 0)
                        return 0;
                if (!is_occupied(-r))
                        return fail(-r, "remove cgroup %s/%s", host->mount_point, name);
        }
        return refuse(EBUSY, "remove cgroup %s/%s: new processes or sub-groups keep appearing in it", host->mount_point,
                      name);
}

static int depth_of(const char *name)
{
        int depth = 1;

        for (const char *p = name; *p; p++)
                depth += *p == '/';
        return depth;
}

static int empty_group(const struct cgroup_host *host, const char *name, int64_t deadline)
{
        _cleanup_close_ int fd = openat(host->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : fail(errno, "open cgroup %s/%s", host->mount_point, name);
        r = cgroup_wait_empty(fd, deadline);
        if (r == 0) {
                r = remove_below(fd);
                if (r < 0)
                        r = fail(-r, "remove the sub-groups of cgroup %s/%s", host->mount_point, name);
        }
        return r;
}

/* Several containers may share parents that the first of them made, and the last to go removes them: the group itself
 * carries the mark that berth made it. Kernels before 5.7 have no attributes there; what is left then is empty. */
#define MADE_BY_BERTH "user.berth"

void cgroup_mark_parent(int root_fd, const char *name)
{
        _cleanup_close_ int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0)
                (void)fsetxattr(fd, MADE_BY_BERTH, "1", 1, 0);
}

static bool is_marked(int root_fd, const char *name)
{
        _cleanup_close_ int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char value;

        return fd >= 0 && fgetxattr(fd, MADE_BY_BERTH, &value, sizeof(value)) == 1;
}

/* Parents that create made. Somebody else may use them by now: that is no error. */
static void remove_parents(const struct cgroup_host *host, char *name, int existing_depth)
{
        for (int depth = depth_of(name) - 1; depth > 0; depth--) {
                int r;

                *strrchr(name, '/') = '\0';
                if (depth <= existing_depth && !is_marked(host->root_fd, name))
                        return;
                r = rmdir_at(host->root_fd, name);
                if (r < 0) {
                        log_debug("cgroup %s/%s stays: %s", host->mount_point, name, strerror(-r));
                        return;
                }
        }
}

int cgroup_remove(const struct cgroup_host *host, const char *path, int existing_depth, int64_t deadline)
{
        char name[4096];
        int r;

        path += strspn(path, "/");
        if (snprintf(name, sizeof(name), "%s", path) >= (int)sizeof(name))
                return fail(ENAMETOOLONG, "remove cgroup %s", path);
        if (!name[0])
                return refuse(EINVAL, "remove cgroup %s: this is the root of the tree", host->mount_point);
        /* A group that was there before the container stays, emptied. */
        if (depth_of(name) <= existing_depth)
                return empty_group(host, name, deadline);
        r = remove_group(host->root_fd, name);
        if (is_occupied(-r))
                r = remove_occupied(host, name, deadline);
        else if (r < 0)
                r = fail(-r, "remove cgroup %s/%s", host->mount_point, name);
        if (r < 0)
                return r;
        remove_parents(host, name, existing_depth);
        return 0;
}
