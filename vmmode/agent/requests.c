/* The requests that are answered at once. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/launch_request.h"
#include "vmmode/agent/network.h"
#include "vmmode/agent/session.h"

int request_network(const struct session *session, const struct message *request, struct message_builder *answer)
{
        (void)answer;
        return network_bring_up(session->agent, request);
}

/* ---- signals ---- */

static int signal_all(const struct session *session, const char *id, int signal)
{
        _cleanup_close_ int cgroup = container_open_cgroup(&session->agent->cgroups, id);

        if (cgroup == -ENOENT)
                return refuse(ESRCH, "container %s has no process in its machine", id);
        if (cgroup < 0)
                return cgroup;
        return signal == SIGKILL ? cgroup_kill(cgroup) : cgroup_signal(cgroup, signal);
}

static int signal_first(const char *id, int signal)
{
        _cleanup_close_ int pidfd = container_open(id, NULL);

        if (pidfd < 0)
                return pidfd;
        return sys_pidfd_send_signal(pidfd, signal) < 0 ? fail(errno, "send signal %d", signal) : 0;
}

int request_signal(const struct session *session, const struct message *request, struct message_builder *answer)
{
        const char *id = message_text(request, PART_ID);
        int64_t signal = -1, flags = 0;
        int r = container_check_id(id);

        (void)answer;
        if (r < 0)
                return r;
        (void)message_number(request, PART_FLAGS, &flags);
        /* 0 only asks whether there is anybody. */
        if (!message_number(request, PART_NUMBER, &signal) || signal < 0 || signal >= _NSIG)
                return refuse(EINVAL, "there is no signal %lld", (long long)signal);
        return flags & MESSAGE_TO_ALL ? signal_all(session, id, (int)signal) : signal_first(id, (int)signal);
}

/* ---- limits ---- */

int request_update(const struct session *session, const struct message *request, struct message_builder *answer)
{
        const struct cgroup_host *cgroups = &session->agent->cgroups;
        const char *id = message_text(request, PART_ID);
        _cleanup_close_ int cgroup = container_open_cgroup(cgroups, id);
        char path[CONTAINER_CGROUP_MAX];
        struct cgroup_writes writes;
        int r;

        (void)answer;
        if (cgroup < 0)
                return cgroup;
        r = writes_read(request, &writes);
        if (r < 0)
                return r;
        container_cgroup_path(id, path);
        r = cgroup_enable_controllers(cgroups, cgroup, path, writes.controllers);
        if (r == 0)
                r = cgroup_apply_writes(cgroup, &writes, true);
        free(writes.v);
        return r;
}
