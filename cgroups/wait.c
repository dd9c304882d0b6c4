#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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
