#include "vmmode/agent/launch_cgroup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/devices.h"
#include "runtime/core/messages.h"
#include "vmmode/agent/containers.h"

/* The kernel frees a group a moment after its last process. */
#define REMOVE_DEADLINE_MS 2000

static int apply(const struct launch_request *request, int cgroup, bool early)
{
        size_t n = launch_request_early_writes(request);
        struct cgroup_writes part = request->writes;

        part.v += early ? 0 : n;
        part.n = early ? n : part.n - n;
        return part.n ? cgroup_apply_writes(cgroup, &part, false) : 0;
}

static int make(const struct agent *agent, const struct launch_request *request, bool *made)
{
        _cleanup_close_ int fd = -EBADF;
        char path[CONTAINER_CGROUP_MAX];
        int r;

        container_cgroup_path(request->id, path);
        r = cgroup_check_reusable(&agent->cgroups, path);
        if (r == 0)
                r = cgroup_check_controllers(&agent->cgroups, &request->writes);
        if (r < 0)
                return r;
        *made = true;
        fd = cgroup_create(&agent->cgroups, path, request->writes.controllers);
        if (fd < 0)
                return fd;
        r = apply(request, fd, true);
        if (r == 0 && request->owner > 0)
                r = cgroup_delegate(fd, (uid_t)request->owner, (gid_t)-1);
        return r < 0 ? r : take_fd(&fd);
}

int launch_cgroup_refuse(const struct launch_request *request, int err)
{
        char own[CONTAINER_CGROUP_MAX];

        container_cgroup_path(request->id, own);
        error_clear();
        return refuse(err, MESSAGE_EXEC_CGROUP, request->cgroup, own, request->cgroup,
                      err == ENOENT ? "no such file or directory" : "device or resource busy");
}

int launch_cgroup_begin(const struct agent *agent, const struct launch_request *request, bool *made)
{
        _cleanup_close_ int own = -EBADF;
        int r;

        *made = false;
        if (!request->exec)
                return make(agent, request, made);
        own = container_open_cgroup(&agent->cgroups, request->id);
        if (own < 0)
                return own;
        r = cgroup_open_below(own, request->cgroup ? request->cgroup : "/");
        return r == -ENOENT && request->cgroup ? launch_cgroup_refuse(request, ENOENT) : r;
}

int launch_cgroup_finish(const struct launch_request *request, int cgroup)
{
        int r = request->exec ? 0 : apply(request, cgroup, false);

        if (r == 0 && request->device_program)
                r = device_program_attach(cgroup, request->device_program, request->n_instructions);
        return r < 0 ? r : 0;
}

bool launch_cgroup_may_differ(const struct launch_request *request)
{
        return request->exec && !request->cgroup;
}

int launch_cgroup_of_first(const struct agent *agent, const struct launch_request *request)
{
        _cleanup_close_ int pidfd = -EBADF;
        char path[PATH_MAX];
        pid_t pid;
        int r;

        pidfd = container_open(request->id, &pid);
        if (pidfd < 0)
                return pidfd;
        r = cgroup_path_of(pid, path, sizeof(path));
        return r < 0 ? r : cgroup_open(&agent->cgroups, path);
}

void launch_cgroup_undo(const struct agent *agent, const char *id)
{
        char path[CONTAINER_CGROUP_MAX];

        container_cgroup_path(id, path);
        (void)cgroup_remove(&agent->cgroups, path, 0, now_ms() + REMOVE_DEADLINE_MS);
        error_clear();
}
