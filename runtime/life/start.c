/* start */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/life/handle.h"
#include "runtime/life/hooks.h"
#include "runtime/life/messages.h"
#include "runtime/life/notify.h"
#include "runtime/life/seccomp_listener.h"

static int check_status(const struct container *container, const struct oci_spec *spec)
{
        switch (container->status) {
        case STATUS_CREATED:
                return spec->process_set ? 0 : refuse(EINVAL, "process: required to start the container, and missing");
        case STATUS_CREATING:
        case STATUS_STOPPED:
                return refuse(EINVAL, MESSAGE_START_STOPPED);
        case STATUS_PAUSED:
                return refuse(EINVAL, MESSAGE_START_PAUSED);
        default:
                return refuse(EINVAL, MESSAGE_START_RUNNING);
        }
}

/* A container that could not start is stopped: it never runs half. */
static void stop(struct handle *handle)
{
        char message[ERROR_MESSAGE_MAX];

        snprintf(message, sizeof(message), "%s", error_message());
        if (handle->row->destroy(&handle->target, now_ms() + 10000) < 0)
                log_warning("%s", error_message());
        (void)refuse(EIO, "%s", message);
}

int container_start(struct runtime *runtime, const char *id, const char *notify_socket)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        _cleanup_spec_ struct oci_spec *spec = NULL;
        _cleanup_close_ int notify = -EBADF;
        struct seccomp_listener listener;
        int r = handle_open(&handle, runtime, id, true);

        if (r == 0)
                r = handle_spec(&handle, &spec);
        if (r == 0)
                r = check_status(&handle.container, spec);
        if (r < 0)
                return r;
        if (notify_socket && notify_socket[0]) {
                notify = notify_listen(handle.container.dir_fd);
                if (notify < 0 && notify != -ENOENT)
                        return notify;
        }
        listener = (struct seccomp_listener){spec, handle.container.record, handle.target.pid, STATUS_CREATED};
        r = handle.row->start(&handle.target, hooks_deadline_ms(spec, OCI_HOOK_START_CONTAINER),
                              seccomp_listener_deliver, &listener);
        /* A start that was killed meanwhile has released it already: it goes its way without us. */
        if (r == -ECONNREFUSED)
                return refuse(EINVAL, MESSAGE_START_RUNNING);
        if (r == 0) {
                (void)unlinkat(handle.container.dir_fd, START_SOCKET, 0);
                r = hooks_run(runtime, spec, OCI_HOOK_POSTSTART, handle.container.record, STATUS_RUNNING, -EBADF);
        }
        if (r < 0) {
                stop(&handle);
                return r;
        }
        /* Others may work on the container while it becomes ready. */
        replace_fd(&handle.lock_fd, -EBADF);
        return notify >= 0 ? notify_forward(notify, notify_socket, handle.target.pid, handle.target.pidfd) : 0;
}
