/* The row of the isolation table for processes on the host's kernel. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "base/unix_address.h"
#include "cgroups/events.h"
#include "runtime/core/channel.h"
#include "runtime/core/isolation.h"

static int connect_start_socket(int dir)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        const struct sockaddr_un address = unix_address_at(dir, START_SOCKET);

        if (fd < 0)
                return fail(errno, "make a socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return fail(errno, "reach the container's init");
        return take_fd(&fd);
}

static int start(const struct isolation_target *target, int deadline_ms, launch_deliver deliver, void *data)
{
        _cleanup_close_ int channel = connect_start_socket(target->dir);
        int r;

        if (channel < 0)
                return channel;
        r = channel_send(channel, CHANNEL_START, 0, NULL, -EBADF);
        if (r < 0)
                return fail(-r, "release the container's init");
        return launch_finish(channel, deadline_ms, deliver, data);
}

static int send_to_init(const struct isolation_target *target, int signal)
{
        if (target->pidfd < 0)
                return refuse(ESRCH, "no such process");
        if (sys_pidfd_send_signal(target->pidfd, signal) < 0)
                return fail(errno, "send signal %d", signal);
        return 0;
}

static int send_signal(const struct isolation_target *target, int signal, bool all)
{
        /* Without a pid namespace of its own the init's end leaves the others alive. */
        bool everybody = all || (signal == SIGKILL && !target->own_pid_namespace);

        if (!everybody || target->cgroup < 0)
                return send_to_init(target, signal);
        return signal == SIGKILL ? cgroup_kill(target->cgroup) : cgroup_signal(target->cgroup, signal);
}

static int processes(const struct isolation_target *target, pid_t **pids, size_t *n)
{
        if (target->cgroup >= 0)
                return cgroup_processes(target->cgroup, pids, n);
        *n = 0;
        *pids = calloc(1, sizeof(**pids));
        if (!*pids)
                return fail(ENOMEM, "list processes");
        if (target->pid > 0)
                (*pids)[(*n)++] = target->pid;
        return 0;
}

static int need_cgroup(const struct isolation_target *target, const char *what)
{
        return target->cgroup >= 0 ? 0 : refuse(ENOENT, "%s: the container has no cgroup of its own", what);
}

static int freeze(const struct isolation_target *target, bool frozen, int64_t deadline)
{
        int r = need_cgroup(target, frozen ? "pause" : "resume");

        return r < 0 ? r : cgroup_freeze(target->cgroup, frozen, deadline);
}

static int update(const struct isolation_target *target, const struct cgroup_writes *writes)
{
        int r = writes->n ? need_cgroup(target, "update") : 0;

        return r < 0 ? r : cgroup_apply_writes(target->cgroup, writes, true);
}

static int statistics(const struct isolation_target *target, struct arena *arena, struct cgroup_statistics *into)
{
        int r = need_cgroup(target, "statistics");

        return r < 0 ? r : cgroup_read_statistics(target->cgroup, target->brief, arena, into);
}

static int destroy(const struct isolation_target *target, int64_t deadline)
{
        int r;

        if (target->pidfd >= 0 && sys_pidfd_send_signal(target->pidfd, SIGKILL) < 0 && errno != ESRCH)
                return fail(errno, "kill the container's init");
        if (target->cgroup >= 0) {
                /* The usual end: everybody is gone already. */
                if (cgroup_wait_event(target->cgroup, "populated", 0, 0) == 0)
                        return 0;
                r = cgroup_kill(target->cgroup);
                if (r == 0)
                        r = cgroup_wait_empty(target->cgroup, deadline);
                return r;
        }
        if (target->pidfd < 0)
                return 0;
        r = wait_fd(target->pidfd, POLLIN, until_ms(deadline));
        return r < 0 ? fail(-r, "wait for the end of the container's init") : 0;
}

static int divide(const struct isolation_request *request, struct isolation_view *view)
{
        *view = (struct isolation_view){.inside = request->spec, .resources = &request->spec->linux_.resources};
        return 0;
}

static void release(struct isolation_view *view)
{
        (void)view;
}

static void inside_facts(const struct isolation_view *view, struct plan_facts *facts)
{
        (void)view;
        (void)facts;
}

const struct isolation_row process_isolation = {
        .name = "process",
        .divide = divide,
        .release = release,
        .inside_facts = inside_facts,
        .create = launch_begin,
        .start = start,
        .exec = launch_begin,
        .signal = send_signal,
        .processes = processes,
        .freeze = freeze,
        .update = update,
        .statistics = statistics,
        .destroy = destroy,
};
