#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/children.h"
#include "cgroups/files.h"

#define PROCS_MOST ((size_t)64 * 1024 * 1024)

struct pid_list {
        pid_t *v;
        size_t n, room;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
        if (list->n == list->room) {
                size_t room = list->room ? list->room * 2 : 16;
                pid_t *bigger = reallocarray(list->v, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                list->v = bigger;
                list->room = room;
        }
        list->v[list->n++] = pid;
        return 0;
}

/* A process of a pid namespace that is not below ours is listed as 0. It is no pid for anyone: kill(0, ...) would hit
 * our own process group. */
static int add_pids(struct pid_list *list, const char *text)
{
        uint64_t pid;

        while (cgroup_scan_number(text, &pid, &text)) {
                if (pid > 0 && pid <= INT_MAX) {
                        int r = add_pid(list, (pid_t)pid);

                        if (r < 0)
                                return r;
                }
                text += *text == '\n';
        }
        return 0;
}

static int collect(int cgroup_fd, struct pid_list *list);

static int collect_child(int parent_fd, const char *name, void *data)
{
        _cleanup_close_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : -errno;
        return collect(fd, data);
}

static int collect(int cgroup_fd, struct pid_list *list)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_file_at(cgroup_fd, "cgroup.procs", PROCS_MOST, &text, &size);

        if (cgroup_is_gone(r))
                return 0;
        /* EOPNOTSUPP: a threaded group, whose processes the domain above it lists. */
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        if (r == 0) {
                r = add_pids(list, text);
                if (r < 0)
                        return r;
        }
        return cgroup_each_child(cgroup_fd, collect_child, list);
}

int cgroup_processes(int cgroup_fd, pid_t **pids, size_t *n)
{
        struct pid_list list = {0};
        int r = collect(cgroup_fd, &list);

        if (r < 0) {
                free(list.v);
                return fail(-r, "list the processes of the cgroup");
        }
        *pids = list.v;
        *n = list.n;
        return 0;
}
