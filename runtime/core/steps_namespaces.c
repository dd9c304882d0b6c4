/* The steps outside and on the way in: namespaces, session, names. */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/procfs.h"
#include "runtime/core/channel.h"
#include "runtime/core/init.h"
#include "runtime/core/keyring.h"
#include "runtime/core/loopback.h"
#include "runtime/core/lsm.h"
#include "runtime/core/oom.h"

int step_oom_score(struct init *init, const struct step_oom_score *step)
{
        return oom_score_adjust(init->procfs, step->value);
}

int step_join(struct init *init, const struct step_join *step)
{
        int fd = init_slot(init, step->slot);

        if (setns(fd, (int)step->flags) < 0)
                return fail(errno, "join %s", init_text(init, step->what));
        return 0;
}

/* A joined namespace may map no root: one stays who one is then (EINVAL), with its capabilities all the same. */
static int become_root(bool joined)
{
        if (syscall(SYS_setresgid, 0, 0, 0) == 0 && syscall(SYS_setresuid, 0, 0, 0) == 0)
                return 0;
        return joined && errno == EINVAL ? 0 : fail(errno, "become root of the user namespace");
}

int step_user_namespace(struct init *init, const struct step_user_namespace *step)
{
        int r;

        if (!step->joined) {
                if (unshare(CLONE_NEWUSER) < 0)
                        return fail(errno, "make the user namespace%s",
                                    errno == EPERM    ? " (do kernel.unprivileged_userns_clone and the LSM allow it?)"
                                    : errno == ENOSPC ? " (user.max_user_namespaces is reached)"
                                                      : "");
                /* Dumpable until the maps are written: the files of an undumpable process belong to root, and newuidmap
                 * looks at their owner. */
                r = init_ask(init, CHANNEL_MAPS, 0);
                if (r < 0)
                        return r;
        }
        return step->become_root ? become_root(step->joined) : 0;
}

int step_time_namespace(struct init *init, const struct step_time_namespace *step)
{
        const char *offsets = init_text(init, step->offsets);
        int r;

        if (unshare(CLONE_NEWTIME) < 0)
                return fail(errno, "make the time namespace");
        if (!offsets)
                return 0;
        /* The files of an undumpable process belong to root of the outer namespace. For this one write only. */
        (void)prctl(PR_SET_DUMPABLE, 1);
        r = procfs_write(init->procfs, "self/timens_offsets", offsets);
        (void)prctl(PR_SET_DUMPABLE, 0);
        return r < 0 ? fail(-r, "linux.timeOffsets: write timens_offsets") : 0;
}

int step_clone(struct init *init, const struct step_clone *step)
{
        /* CLONE_PARENT: the process inside is berth's child, whom berth or its sub-reaper waits for. */
        struct clone_args args = {.flags = step->flags | CLONE_PARENT};
        pid_t pid;
        int r;

        pid = sys_clone3(&args);
        if (pid < 0)
                return fail(errno, "clone into new namespaces%s",
                            errno == ENOSPC ? " (a user.max_*_namespaces limit is reached)" : "");
        if (pid == 0)
                return 0;
        r = channel_send(init->channel, CHANNEL_PID, pid, NULL, -EBADF);
        _exit(r < 0);
}

int step_undumpable(struct init *init, const struct step_undumpable *step)
{
        (void)init;
        (void)step;
        return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(errno, "become undumpable") : 0;
}

int step_unshare(struct init *init, const struct step_unshare *step)
{
        (void)init;
        return unshare((int)step->flags) < 0 ? fail(errno, "make namespaces (0x%llx)", (unsigned long long)step->flags)
                                             : 0;
}

int step_session(struct init *init, const struct step_session *step)
{
        (void)init;
        (void)step;
        if (setsid() < 0)
                return fail(errno, "begin a session");
        return 0;
}

int step_keyring(struct init *init, const struct step_keyring *step)
{
        const char *label = init_text(init, step->selinux_label);
        int r = label ? lsm_set_selinux_keycreate(init->procfs, label) : 0;

        return r < 0 ? r : keyring_join(init_text(init, step->name), step->user_namespace);
}

int step_hostname(struct init *init, const struct step_hostname *step)
{
        const char *hostname = init_text(init, step->hostname), *domainname = init_text(init, step->domainname);

        if (hostname && sethostname(hostname, strlen(hostname)) < 0)
                return fail(errno, "set hostname %s", hostname);
        if (domainname && setdomainname(domainname, strlen(domainname)) < 0)
                return fail(errno, "set domainname %s", domainname);
        return 0;
}

int step_loopback(struct init *init, const struct step_loopback *step)
{
        (void)init;
        (void)step;
        return loopback_up();
}

int step_report(struct init *init, const struct step_report *step)
{
        return init_ask(init, CHANNEL_POINT, (int)step->point);
}
