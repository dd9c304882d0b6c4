#include "runtime/life/target.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "vmmode/host/vm_row.h"

const struct isolation_row *isolation_row(enum isolation isolation)
{
        return isolation == ISOLATION_VM ? &vm_isolation : &process_isolation;
}

const struct cgroup_host *host_cgroups(void)
{
        static struct cgroup_host host;
        static bool probed;

        if (!probed && cgroup_host_probe(&host) < 0)
                return NULL;
        probed = true;
        return &host;
}

static int open_init(const struct process_identity *identity)
{
        _cleanup_close_ int pidfd = -EBADF;

        if (identity->pid <= 0)
                return -EBADF;
        pidfd = sys_pidfd_open(identity->pid, 0);
        /* Opened first, then checked: from now on the number cannot be given to another. */
        if (pidfd < 0 || process_is_alive(identity, NULL) <= 0)
                return -EBADF;
        return take_fd(&pidfd);
}

int target_open(struct isolation_target *target, const struct record *record, int dir_fd)
{
        const struct cgroup_host *host;

        *target = (struct isolation_target){.id = record->id, .dir = dir_fd, .pidfd = -EBADF, .cgroup = -EBADF};
        target->own_pid_namespace = record->new_namespaces & (1U << OCI_NS_PID);
        target->pidfd = open_init(&record->init);
        if (target->pidfd >= 0)
                target->pid = record->init.pid;
        if (!record->cgroup)
                return 0;
        host = host_cgroups();
        if (!host) {
                /* Not -ENOENT: the container is there, only its processes cannot be found from here. */
                target_close(target);
                return fail_in(-EOPNOTSUPP, "container %s", record->id);
        }
        target->cgroup = cgroup_open(host, record->cgroup);
        if (target->cgroup < 0 && target->cgroup != -ENOENT) {
                int r = target->cgroup;

                target_close(target);
                return r;
        }
        error_clear();
        return 0;
}

void target_close(struct isolation_target *target)
{
        replace_fd(&target->pidfd, -EBADF);
        replace_fd(&target->cgroup, -EBADF);
}
