#include <errno.h>
#include <signal.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/events.h"
#include "cgroups/files.h"
#include "cgroups/freezer.h"

/* How long a signal waits for the freezer. Whoever is not frozen by then sleeps in the kernel and cannot fork; it
 * freezes before it returns to user space. */
#define FREEZE_MS 2000

static int signal_each(int cgroup_fd, int signal)
{
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int result = 0;
        int r = cgroup_processes(cgroup_fd, &pids, &n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (kill(pids[i], signal) < 0 && errno != ESRCH && result == 0)
                        result = fail(errno, "send signal %d to process %d", signal, (int)pids[i]);
        return result;
}

static int signal_frozen(int cgroup_fd, int signal)
{
        int was_frozen = cgroup_is_frozen(cgroup_fd);
        int r;

        if (cgroup_is_gone(was_frozen)) {
                error_clear();
                return 0;
        }
        if (was_frozen < 0)
                return was_frozen;
        if (was_frozen == 0) {
                r = cgroup_request_freeze(cgroup_fd, true);
                if (cgroup_is_gone(r))
                        return 0;
                if (r < 0)
                        return fail(-r, "freeze the cgroup to signal its processes");
                r = cgroup_wait_event(cgroup_fd, "frozen", 1, now_ms() + FREEZE_MS);
                if (r < 0)
                        log_debug("signal %d goes to a cgroup that is not frozen in time", signal);
        }
        r = signal_each(cgroup_fd, signal);
        if (was_frozen == 0) {
                int thawed = cgroup_request_freeze(cgroup_fd, false);

                if (thawed < 0 && !cgroup_is_gone(thawed) && r == 0)
                        r = fail(-thawed, "thaw the cgroup after the signal");
        }
        return r;
}

int cgroup_kill(int cgroup_fd)
{
        int r = write_file_at(cgroup_fd, "cgroup.kill", "1");

        if (r == 0 || r == -ENODEV)
                return 0;
        /* ENOENT: Linux before 5.14 (or no group any more); EOPNOTSUPP: a threaded group. */
        if (r == -ENOENT || r == -EOPNOTSUPP)
                return signal_frozen(cgroup_fd, SIGKILL);
        return fail(-r, "write cgroup file cgroup.kill");
}

int cgroup_signal(int cgroup_fd, int signal)
{
        return signal == SIGKILL ? cgroup_kill(cgroup_fd) : signal_frozen(cgroup_fd, signal);
}
