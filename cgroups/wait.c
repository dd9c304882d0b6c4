#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/events.h"
#include "cgroups/files.h"

#define NAMED_MOST 5

/* The state letter of /proc/PID/stat: D tells the reader that the kernel, not the process, is what hangs. */
static char process_state(pid_t pid)
{
        char path[32], text[512];
        const char *end;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
                return '?';
        end = strrchr(text, ')');
        return end && end[1] == ' ' && end[2] ? end[2] : '?';
}

static int tell_who_is_left(int cgroup_fd)
{
        _cleanup_free_ pid_t *pids = NULL;
        char names[NAMED_MOST * 24] = "";
        size_t n = 0, used = 0;

        if (cgroup_processes(cgroup_fd, &pids, &n) < 0 || n == 0)
                return refuse(ETIMEDOUT, "processes are left in the cgroup that this pid namespace does not show");
        for (size_t i = 0; i < n && i < NAMED_MOST; i++)
                used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%d (state %c)", i ? ", " : "",
                                         (int)pids[i], process_state(pids[i]));
        return refuse(ETIMEDOUT, "%zu process%s left in the cgroup: %s%s", n, n == 1 ? " is" : "es are", names,
                      n > NAMED_MOST ? ", ..." : "");
}

int cgroup_wait_empty(int cgroup_fd, int64_t deadline)
{
        int r = cgroup_wait_event(cgroup_fd, "populated", 0, deadline);

        if (r == 0 || cgroup_is_gone(r))
                return 0;
        if (r == -ETIMEDOUT)
                return tell_who_is_left(cgroup_fd);
        return fail(-r, "wait for the end of the cgroup's processes");
}

/* The directory above says it: a watch on the group itself would hold it. */
static int watch_parent(const struct cgroup_host *host, const char *path)
{
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        const char *slash = strrchr(path, '/');
        char parent[4096 + 64];

        if (fd < 0)
                return -errno;
        if (snprintf(parent, sizeof(parent), "/proc/self/fd/%d%.*s", host->root_fd, slash ? (int)(slash - path) : 0,
                     path) >= (int)sizeof(parent))
                return -ENAMETOOLONG;
        if (inotify_add_watch(fd, parent, IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR) < 0)
                return -errno;
        return take_fd(&fd);
}

int cgroup_wait_removed(const struct cgroup_host *host, const char *path, int64_t deadline)
{
        _cleanup_close_ int watch = -EBADF;
        const char *name = path + strspn(path, "/");

        if (faccessat(host->root_fd, name, F_OK, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        watch = watch_parent(host, path);
        if (watch < 0)
                return watch == -ENOENT ? 0 : watch;
        for (;;) {
                char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
                int r;

                if (faccessat(host->root_fd, name, F_OK, 0) < 0)
                        return errno == ENOENT ? 0 : -errno;
                r = wait_fd(watch, POLLIN, until_ms(deadline));
                if (r < 0)
                        return r;
                if (read(watch, events, sizeof(events)) < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
}
