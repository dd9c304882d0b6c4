/* Threads of the kernel's own in a container's group. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"

#define REFUGE    "berth.kernel"
#define LIST_MOST ((size_t)16 << 20) /* bytes of pids */

#define PF_KTHREAD 0x00200000 /* linux/sched.h; the seventh field behind the name in /proc/PID/stat */

/* employer: of a thread that works for one process and says so in its name, as vhost's do ("vhost-PID"); else 0. */
static bool is_kernel_thread(pid_t pid, pid_t *employer)
{
        char path[32], text[1024];
        const char *behind;
        unsigned flags;

        *employer = 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
                return false;
        behind = strrchr(text, ')');
        (void)sscanf(text, "%*d (vhost-%d)", employer);
        return behind && sscanf(behind, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & PF_KTHREAD;
}

/* The root of the tree; but what looks like it from inside a cgroup namespace is a group like others and may hold no
 * process when it hands on controllers: then a group of theirs beside it. */
static void expel(int root, pid_t pid)
{
        char number[16];

        snprintf(number, sizeof(number), "%d", (int)pid);
        if (write_file_at(root, "cgroup.procs", number) == 0)
                return;
        (void)mkdirat(root, REFUGE, 0755);
        (void)write_file_at(root, REFUGE "/cgroup.procs", number);
}

void cgroup_expel_kernel_threads(const struct cgroup_host *host, int cgroup_fd)
{
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int r = cgroup_processes(cgroup_fd, &pids, &n);
        pid_t employer;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (is_kernel_thread(pids[i], &employer))
                        expel(host->root_fd, pids[i]);
        error_clear();
}

/* Into the employer's own group, which may be one below. */
static void bring_back(const struct cgroup_host *host, pid_t pid, pid_t employer)
{
        char file[32], text[4096], path[sizeof(text) + 16], number[16];
        const char *group;

        snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)employer);
        if (read_small_file_at(AT_FDCWD, file, text, sizeof(text)) < 0 || !(group = strstr(text, "0::/")))
                return;
        snprintf(path, sizeof(path), "./%.*s/cgroup.procs", (int)strcspn(group + 4, "\n"), group + 4);
        snprintf(number, sizeof(number), "%d", (int)pid);
        (void)write_file_at(host->root_fd, path, number);
}

static bool is_among(pid_t pid, const pid_t *pids, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

static void recall_from(const struct cgroup_host *host, const char *file, const pid_t *employers, size_t n)
{
        _cleanup_close_ int fd = openat(host->root_fd, file, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        pid_t pid, employer;
        size_t size;

        if (fd < 0 || read_all(fd, LIST_MOST, &text, &size) < 0)
                return;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
                if (*line && (pid = (pid_t)strtol(line, NULL, 10)) > 0 && is_kernel_thread(pid, &employer) &&
                    is_among(employer, employers, n))
                        bring_back(host, pid, employer);
}

void cgroup_recall_kernel_threads(const struct cgroup_host *host, int cgroup_fd)
{
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        if (cgroup_processes(cgroup_fd, &pids, &n) == 0) {
                recall_from(host, "cgroup.procs", pids, n);
                recall_from(host, REFUGE "/cgroup.procs", pids, n);
        }
        error_clear();
}

void cgroup_remove_refuge(const struct cgroup_host *host)
{
        (void)unlinkat(host->root_fd, REFUGE, AT_REMOVEDIR);
}
