/* Threads of the kernel's own in a container's group. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"

#define REFUGE "berth.kernel"

#define PF_KTHREAD 0x00200000 /* linux/sched.h; the seventh field behind the name in /proc/PID/stat */

static bool is_kernel_thread(pid_t pid)
{
        char path[32], text[1024];
        const char *behind;
        unsigned flags;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
                return false;
        behind = strrchr(text, ')');
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

        for (size_t i = 0; r == 0 && i < n; i++)
                if (is_kernel_thread(pids[i]))
                        expel(host->root_fd, pids[i]);
        error_clear();
}

void cgroup_remove_refuge(const struct cgroup_host *host)
{
        (void)unlinkat(host->root_fd, REFUGE, AT_REMOVEDIR);
}
