/* create and run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/core/hook_run.h"
#include "runtime/life/foreground.h"
#include "runtime/life/handle.h"
#include "runtime/life/hooks.h"
#include "runtime/life/make.h"
#include "runtime/life/notify.h"
#include "runtime/life/seccomp_listener.h"
#include "runtime/life/undo.h"

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
static int begin(struct made *made)
{
        struct seccomp_listener listener = {made->spec, &made->record, made->launched.pid, STATUS_CREATED};
        int r = make_release(made);

        if (r == 0)
                r = launch_finish(made->launched.channel, hooks_deadline_ms(made->spec, OCI_HOOK_START_CONTAINER),
                                  seccomp_listener_deliver, &listener);
        if (r == 0)
                r = hooks_run(made->runtime, made->spec, OCI_HOOK_POSTSTART, &made->record, STATUS_RUNNING,
                              made->interrupt);
        return r;
}

/* Somebody else may have deleted the container while it ran, and even made another one of that name. */
static int remove_container(struct made *made)
{
        struct stat st;
        int r = handle_lock(made->runtime, made->request->id, &made->lock_fd);

        if (r == -ENOENT || (r == 0 && fstat(made->dir_fd, &st) == 0 && st.st_nlink == 0)) {
                error_clear();
                return 0;
        }
        if (r < 0)
                return r;
        r = undo_container(made->runtime, &made->record, made->dir_fd);
        hooks_run_all(made->runtime, made->spec, OCI_HOOK_POSTSTOP, &made->record, STATUS_STOPPED);
        return r;
}

struct notification {
        int socket, target;
        pid_t pid;
};

static int on_notification(void *data)
{
        const struct notification *notification = data;

        return notify_hand_on(notification->socket, notification->target, notification->pid);
}

static int wait_and_remove(struct made *made, struct foreground *foreground, int notify, int *exit_status)
{
        _cleanup_close_ int target = notify >= 0 ? notify_connect(made->request->notify_socket) : -EBADF;
        struct notification notification = {notify, target, made->launched.pid};
        int r;

        /* Signals and the terminal are served from the start, not only once the container is ready. */
        if (target >= 0) {
                foreground->other = notify;
                foreground->on_other = on_notification;
                foreground->data = &notification;
        } else if (notify >= 0) {
                log_warning("%s", error_message());
                error_clear();
        }
        r = foreground_wait(foreground, made->launched.pidfd, exit_status);
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
        struct foreground foreground = FOREGROUND_NONE;
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
                r = foreground_prepare(&foreground, made.launched.console);
        if (r == 0)
                r = begin(&made);
        if (r < 0)
                make_undo(&made);
        /* Others may work on the container from now on. */
        replace_fd(&made.lock_fd, -EBADF);
        if (r == 0 && !request->detach)
                r = wait_and_remove(&made, &foreground, notify, exit_status);
        else if (r == 0 && notify >= 0)
                r = notify_forward(notify, request->notify_socket, made.launched.pid, made.launched.pidfd);
        foreground_end(&foreground);
        make_free(&made);
        return r;
}
