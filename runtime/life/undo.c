#include "runtime/life/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "namespaces/rootfs.h"
#include "runtime/core/resctrl.h"
#include "runtime/life/scope.h"
#include "runtime/life/target.h"

/* Keeps the first failure; the later ones are warnings. */
static void note(int r, int *first, char *message, size_t size)
{
        if (r >= 0)
                return;
        if (*first == 0) {
                *first = r;
                snprintf(message, size, "%s", error_message());
        } else {
                log_warning("%s", error_message());
        }
        error_clear();
}

static int kill_processes(const struct record *record, int dir_fd, int64_t deadline)
{
        struct isolation_target target;
        int r = target_open(&target, record, dir_fd);

        if (r < 0)
                return r;
        r = isolation_row(record->isolation)->destroy(&target, deadline);
        target_close(&target);
        return r;
}

static int remove_cgroup(const struct record *record, int64_t deadline)
{
        const struct cgroup_host *host = record->cgroup ? host_cgroups() : NULL;

        if (record->systemd_unit)
                return scope_remove(record, deadline);
        if (!record->cgroup)
                return 0;
        return host ? cgroup_remove(host, record->cgroup, record->cgroup_existing_depth, deadline) : -ENOENT;
}

int undo_directory(struct runtime *runtime, const char *id)
{
        int r = remove_tree_at(runtime->root_fd, id);

        return r < 0 ? fail_in(r, "remove the state directory") : 0;
}

int undo_container(struct runtime *runtime, const struct record *record, int dir_fd)
{
        int64_t deadline = now_ms() + UNDO_DEADLINE_MS;
        char message[1024];
        int first = 0;

        note(kill_processes(record, dir_fd, deadline), &first, message, sizeof(message));
        if (record->root_below)
                note(rootfs_detach(record->rootfs, record->root_below), &first, message, sizeof(message));
        note(remove_cgroup(record, deadline), &first, message, sizeof(message));
        if (record->resctrl)
                note(resctrl_remove(record->resctrl), &first, message, sizeof(message));
        if (first == 0)
                note(undo_directory(runtime, record->id), &first, message, sizeof(message));
        return first < 0 ? refuse(-first, "undo container %s: %s", record->id, message) : 0;
}
