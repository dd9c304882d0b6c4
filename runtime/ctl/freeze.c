#include "runtime/ctl/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

struct freeze {
        bool held;      /* it runs, and was frozen here: thawed at the end */
        pid_t pid;      /* its init; 0: it does not run */
        pid_t guardian; /* thaws it when this program dies before it has */
        int guard;      /* the guardian's pipe */
};

/* A word on the pipe: all is well. Its end without one: the parent has died. Signals of the terminal are meant for the
 * parent. */
static _Noreturn void guard(struct ctl *ctl, const char *name, int pipe)
{
        char word;

        (void)setsid();
        (void)prctl(PR_SET_NAME, "berthctl-guard");
        if (read(pipe, &word, 1) != 1) {
                /* It may have died in the middle of freezing: only what is frozen as a whole can be thawed. */
                (void)container_pause(ctl->runtime, name);
                (void)container_resume(ctl->runtime, name);
        }
        _exit(0);
}

/* Before the container is frozen: nobody may find it so and nobody there to thaw it. */
static int post_guardian(struct ctl *ctl, const struct ctl_container *container, struct freeze *freeze)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        freeze->guardian = fork();
        if (freeze->guardian == 0) {
                close(fds[1]);
                guard(ctl, container->name, fds[0]);
        }
        close(fds[0]);
        freeze->guard = fds[1];
        if (freeze->guardian < 0) {
                close(fds[1]);
                return fail(errno, "start a process");
        }
        return 0;
}

static void dismiss_guardian(struct freeze *freeze)
{
        if (freeze->guardian <= 0)
                return;
        (void)!write(freeze->guard, "", 1);
        close(freeze->guard);
        while (waitpid(freeze->guardian, NULL, 0) < 0 && errno == EINTR)
                ;
        freeze->guardian = 0;
}

static int begin(struct ctl *ctl, const struct ctl_container *container, struct freeze *freeze)
{
        struct ctl_status status;
        int r = ctl_status(ctl, container, &status);

        if (r < 0 || !status.pid)
                return r;
        freeze->pid = status.pid;
        if (status.state == CTL_PAUSED)
                return 0;
        r = post_guardian(ctl, container, freeze);
        if (r < 0)
                return r;
        freeze->held = true;
        r = container_pause(ctl->runtime, container->name);
        return r < 0 ? fail_in(r, "hold container %s still", container->name) : 0;
}

static int end(struct ctl *ctl, const struct ctl_container *container, struct freeze *freeze)
{
        struct ctl_status status;
        int r = ctl_status(ctl, container, &status);

        if (r == 0 && (status.pid != freeze->pid || (freeze->pid && status.state != CTL_PAUSED)))
                r = refuse(EAGAIN, "container %s has run while its files were read: once more", container->name);
        if (freeze->held && status.pid == freeze->pid && status.state == CTL_PAUSED) {
                int resumed = container_resume(ctl->runtime, container->name);

                r = resumed < 0 ? fail_in(resumed, "let container %s go on", container->name) : r;
        }
        dismiss_guardian(freeze);
        return r;
}

int freeze_during(struct ctl *ctl, const struct ctl_container *container, int (*act)(void *data), void *data)
{
        struct freeze freeze = {0};
        int r = begin(ctl, container, &freeze), ended;
        _cleanup_free_ char *reason = NULL;

        if (r == 0)
                r = act(data);
        if (r == 0)
                return end(ctl, container, &freeze);
        reason = strdup(error_message());
        ended = end(ctl, container, &freeze);
        if (ended < 0 && ended != -EAGAIN)
                return fail_in(r, "%s; and then", reason ? reason : "not enough memory");
        return refuse(-r, "%s", reason ? reason : "not enough memory");
}
