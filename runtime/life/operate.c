/* kill, pause, resume, the list of processes, delete. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "runtime/life/handle.h"
#include "runtime/life/hooks.h"
#include "runtime/life/messages.h"
#include "runtime/life/undo.h"

#define FREEZE_DEADLINE_MS 10000

static bool is_alive(enum container_status status)
{
        return status == STATUS_CREATED || status == STATUS_RUNNING || status == STATUS_PAUSED;
}

static bool has_processes(const struct handle *handle)
{
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int r = handle->row->processes(&handle->target, &pids, &n);

        if (r < 0)
                error_clear();
        return r == 0 && n > 0;
}

/* A stopped container may have left processes where it shared a pid namespace: --all reaches them, and is no error when
 * there are none; SIGKILL means them, too, as with runc today. */
static int kill_remains(const struct handle *handle, int signal, bool all)
{
        if (handle->target.cgroup < 0)
                return all ? 0 : refuse(ESRCH, MESSAGE_NOT_RUNNING);
        if (!all && (signal != SIGKILL || !has_processes(handle)))
                return refuse(ESRCH, MESSAGE_NOT_RUNNING);
        return handle->row->signal(&handle->target, signal, true);
}

int container_kill(struct runtime *runtime, const char *id, int signal, bool all)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        int r = handle_open(&handle, runtime, id, false);

        if (r < 0)
                return r;
        /* No signal before create has ended, not even to what will be the container. */
        if (handle.container.status == STATUS_CREATING)
                return refuse(ESRCH, MESSAGE_NOT_RUNNING);
        if (!is_alive(handle.container.status))
                return kill_remains(&handle, signal, all);
        r = handle.row->signal(&handle.target, signal, all);
        if (r == -ESRCH)
                return refuse(ESRCH, MESSAGE_NOT_RUNNING);
        return r;
}

static int set_frozen(struct runtime *runtime, const char *id, bool frozen)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        int r = handle_open(&handle, runtime, id, true);

        if (r < 0)
                return r;
        if (frozen && handle.container.status != STATUS_RUNNING && handle.container.status != STATUS_CREATED)
                return refuse(EINVAL, MESSAGE_NOT_RUNNING);
        if (!frozen && handle.container.status != STATUS_PAUSED)
                return refuse(EINVAL, MESSAGE_NOT_PAUSED);
        return handle.row->freeze(&handle.target, frozen, now_ms() + FREEZE_DEADLINE_MS);
}

int container_pause(struct runtime *runtime, const char *id)
{
        return set_frozen(runtime, id, true);
}

int container_resume(struct runtime *runtime, const char *id)
{
        return set_frozen(runtime, id, false);
}

int container_processes(struct runtime *runtime, const char *id, pid_t **pids, size_t *n)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        int r = handle_open(&handle, runtime, id, false);

        if (r < 0)
                return r;
        return handle.row->processes(&handle.target, pids, n);
}

int container_process_table(struct runtime *runtime, const char *id, bool options, char **text)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        int r = handle_open(&handle, runtime, id, false);

        *text = NULL;
        if (r < 0 || !handle.row->process_table || !is_alive(handle.container.status))
                return r;
        if (options)
                return refuse(EINVAL, "ps options are for processes of the host: these are in a virtual machine");
        return handle.row->process_table(&handle.target, text);
}

/* ---- delete ---- */

static int check_deletable(const struct container *container, bool force)
{
        if (force || !is_alive(container->status) || container->status == STATUS_CREATED)
                return 0;
        return refuse(EBUSY, "cannot delete container %s that is not stopped: %s", container->record->id,
                      container_status_name(container->status));
}

/* What a crash left before there was a record: nothing else can exist then. */
static int delete_remains(struct runtime *runtime, const char *id, bool force, int r)
{
        struct stat st;

        if (container_id_check(id) < 0)
                return r;
        if (runtime->root_fd < 0 || fstatat(runtime->root_fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(st.st_mode)) {
                if (!force)
                        return refuse(ENOENT, MESSAGE_NOT_EXIST);
                error_clear();
                return 0;
        }
        if (!force)
                return refuse(-r, "container %s is damaged; delete --force removes what is left of it", id);
        error_clear();
        return undo_directory(runtime, id);
}

int container_delete(struct runtime *runtime, const char *id, bool force)
{
        _cleanup_handle_ struct handle handle = HANDLE_NONE;
        _cleanup_spec_ struct oci_spec *spec = NULL;
        struct record *record;
        int r = handle_open(&handle, runtime, id, true);

        if (r == -ENOENT || r == -EINVAL)
                return delete_remains(runtime, id, force, r);
        if (r < 0)
                return r;
        r = check_deletable(&handle.container, force);
        if (r < 0)
                return r;
        record = handle.container.record;
        /* Read before it goes; a container that never got to its hooks has none to end. */
        if (record->init.pid && handle_spec(&handle, &spec) < 0) {
                log_warning("poststop hooks: %s", error_message());
                error_clear();
        }
        r = undo_container(runtime, record, handle.container.dir_fd);
        if (r == 0 && spec) {
                record->init.pid = 0;
                hooks_run_all(runtime, spec, OCI_HOOK_POSTSTOP, record, STATUS_STOPPED);
        }
        return r;
}
