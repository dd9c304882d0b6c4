/* create and run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/core/hook_run.h"
#include "runtime/life/foreground.h"
#include "runtime/life/hooks.h"
#include "runtime/life/make.h"
#include "runtime/life/notify.h"
#include "runtime/life/seccomp_listener.h"
#include "runtime/life/undo.h"

#define EXEC_DEADLINE_MS (LAUNCH_STEP_DEADLINE_MS + HOOK_TIMEOUT_SECONDS * 1000)

int container_create(struct runtime *runtime, const struct create_request *request)
{
        struct made made = MADE_NONE;
        int r = make_container(&made, runtime, request, true);

        if (r < 0)
                return r;
        r = make_release(&made);
        if (r < 0)
                make_undo(&made);
        make_free(&made);
        return r;
}

/* From the parked init to the running program. */
static int begin(struct made *made, int notify)
{
        struct seccomp_listener listener = {made->spec, &made->record, made->launched.pid};
        int r = make_release(made);

        if (r == 0)
                r = launch_finish(made->launched.channel, EXEC_DEADLINE_MS, seccomp_listener_deliver, &listener);
        if (r == 0)
                r = hooks_run(made->spec, OCI_HOOK_POSTSTART, &made->record, STATUS_RUNNING, made->interrupt);
        if (r == 0 && notify >= 0)
                r = notify_forward(notify, made->request->notify_socket, made->launched.pid, made->launched.pidfd);
        return r;
}

static int remove_container(struct made *made)
{
        int r = undo_container(made->runtime, &made->record, made->dir_fd);

        hooks_run_all(made->spec, OCI_HOOK_POSTSTOP, &made->record, STATUS_STOPPED);
        return r;
}

static int wait_and_remove(struct made *made, struct foreground *foreground, int *exit_status)
{
        int r = foreground_wait(foreground, made->launched.pidfd, made->launched.console, exit_status);

        foreground_end(foreground);
        if (r == 0 && !made->request->keep)
                r = remove_container(made);
        return r;
}

/* Nobody but us waits for the program's descendants while we do. */
static int become_reaper(const struct create_request *request)
{
        if (request->detach || request->no_subreaper)
                return 0;
        return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? fail(errno, "become a sub-reaper") : 0;
}

int container_run(struct runtime *runtime, const struct create_request *request, int *exit_status)
{
        struct foreground foreground = {.signals = -EBADF, .terminal = -EBADF};
        _cleanup_close_ int notify = -EBADF;
        struct made made = MADE_NONE;
        int r = become_reaper(request);

        *exit_status = 0;
        if (r == 0)
                r = make_container(&made, runtime, request, false);
        if (r < 0)
                return r;
        notify = made.notify_directory ? notify_listen(made.dir_fd) : -EBADF;
        if (!request->detach)
                r = foreground_prepare(&foreground);
        if (r == 0)
                r = begin(&made, notify);
        if (r < 0)
                make_undo(&made);
        else if (!request->detach)
                r = wait_and_remove(&made, &foreground, exit_status);
        foreground_end(&foreground);
        make_free(&made);
        return r;
}
