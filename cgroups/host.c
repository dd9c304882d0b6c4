#include "cgroups/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"

#define MEMBERSHIP_MOST ((size_t)64 * 1024)

static const char *const mount_points[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

static int open_root(struct cgroup_host *host)
{
        for (size_t i = 0; i < ELEMENTS(mount_points); i++) {
                _cleanup_close_ int fd = open(mount_points[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
                struct statfs fs;

                if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
                        continue;
                snprintf(host->mount_point, sizeof(host->mount_point), "%s", mount_points[i]);
                return take_fd(&fd);
        }
        return refuse(ENOENT, "no cgroup v2 tree: looked for a cgroup2 file system at %s and %s", mount_points[0],
                      mount_points[1]);
}

/* "0::/user.slice/x" -> own_path. Seen from a cgroup namespace the path of a process outside starts with "/..", which
 * names nothing below our root; a removed group's ends in " (deleted)". */
static int keep_own_path(struct cgroup_host *host, const char *path, size_t length)
{
        static const char deleted[] = " (deleted)";
        size_t suffix = sizeof(deleted) - 1;

        if (length > suffix && memcmp(path + length - suffix, deleted, suffix) == 0)
                length -= suffix;
        if (length >= sizeof(host->own_path))
                return -ENAMETOOLONG;
        if (length == 0 || strncmp(path, "/..", 3) == 0) {
                path = "/";
                length = 1;
        }
        memcpy(host->own_path, path, length);
        host->own_path[length] = '\0';
        return 0;
}

int cgroup_host_read_membership(struct cgroup_host *host, const char *text)
{
        host->hybrid = false;
        snprintf(host->own_path, sizeof(host->own_path), "/");
        while (*text) {
                size_t length = strcspn(text, "\n");
                const char *names = memchr(text, ':', length);

                if (strncmp(text, "0::", 3) == 0) {
                        int r = keep_own_path(host, text + 3, length - 3);

                        if (r < 0)
                                return r;
                } else if (names && strncmp(names, ":name=", 6) != 0) {
                        host->hybrid = true;
                }
                text += length;
                text += *text == '\n';
        }
        return 0;
}

int cgroup_host_probe(struct cgroup_host *host)
{
        _cleanup_close_ int root = -EBADF;
        _cleanup_free_ char *membership = NULL;
        char controllers[256];
        size_t size;
        ssize_t n;
        int r;

        memset(host, 0, sizeof(*host));
        host->root_fd = -EBADF;
        root = open_root(host);
        if (root < 0)
                return root;
        n = read_small_file_at(root, "cgroup.controllers", controllers, sizeof(controllers));
        if (n < 0)
                return fail((int)-n, "read %s/cgroup.controllers", host->mount_point);
        host->controllers = cgroup_controllers_parse(controllers);
        r = read_file_at(AT_FDCWD, "/proc/self/cgroup", MEMBERSHIP_MOST, &membership, &size);
        if (r >= 0)
                r = cgroup_host_read_membership(host, membership);
        if (r < 0)
                return fail(-r, "read /proc/self/cgroup");
        host->root_fd = take_fd(&root);
        return 0;
}

int cgroup_path_of(pid_t pid, char *path, size_t size)
{
        _cleanup_free_ char *membership = NULL;
        struct cgroup_host found;
        char file[64];
        size_t length;
        int r;

        snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
        r = read_file_at(AT_FDCWD, file, MEMBERSHIP_MOST, &membership, &length);
        if (r >= 0)
                r = cgroup_host_read_membership(&found, membership);
        if (r < 0)
                return fail(-r, "read %s", file);
        if (strlen(found.own_path) >= size)
                return fail(ENAMETOOLONG, "cgroup of process %d", (int)pid);
        strcpy(path, found.own_path);
        return 0;
}
