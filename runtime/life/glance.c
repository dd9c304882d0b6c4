#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "oci/json.h"
#include "runtime/life/messages.h"
#include "runtime/life/record.h"
#include "runtime/life/target.h"

/* An id's length has been checked. */
static const char *file_of(const char *id, const char *file, char path[PATH_MAX])
{
        char *end = stpcpy(path, id);

        *end++ = '/';
        strcpy(end, file);
        return path;
}

/* Who is in a group is a small file. Whether a process is still the same one is said by /proc/PID/stat alone, which the
 * kernel composes of everything about it: that costs more than all else that a listing wants to know. */
static bool runs_for_sure(int root_fd, const char *id, const struct record_gist *gist)
{
        const struct cgroup_host *host = gist->ends_with_init ? host_cgroups() : NULL;
        char path[PATH_MAX];

        if (!host || (kill(gist->init.pid, 0) < 0 && errno != EPERM) || cgroup_is_at_work(host, gist->cgroup) != 1)
                return false;
        return faccessat(root_fd, file_of(id, START_SOCKET, path), F_OK, 0) < 0 && errno == ENOENT;
}

static bool read_gist(int root_fd, const char *id, char **text, struct record_gist *gist)
{
        char path[PATH_MAX];
        size_t size;

        return read_own_file_at(root_fd, file_of(id, RECORD_FILE, path), JSON_SIZE_MAX, text, &size) == 0 &&
               record_skim(*text, size, id, gist);
}

int container_look(struct runtime *runtime, const char *id, struct container_glance *glance)
{
        _cleanup_(container_release) struct container container = {.dir_fd = -EBADF};
        int r = container_load(runtime, id, &container);

        if (r < 0)
                return r;
        glance->status = container.status;
        glance->pid = container.record->init.pid;
        snprintf(glance->created, sizeof(glance->created), "%s", container.record->created);
        return 0;
}

int container_glance(struct runtime *runtime, const char *id, struct container_glance *glance)
{
        _cleanup_free_ char *text = NULL;
        struct record_gist gist;
        int r = container_id_check(id);

        if (r < 0)
                return r;
        if (runtime->root_fd < 0)
                return refuse(ENOENT, "%s", MESSAGE_NOT_EXIST);
        if (!read_gist(runtime->root_fd, id, &text, &gist) || !runs_for_sure(runtime->root_fd, id, &gist)) {
                error_clear();
                return container_look(runtime, id, glance);
        }
        *glance = (struct container_glance){.status = STATUS_RUNNING, .pid = gist.init.pid};
        snprintf(glance->created, sizeof(glance->created), "%s", gist.created);
        return 0;
}
