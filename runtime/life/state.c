#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "runtime/core/init.h"
#include "runtime/life/messages.h"
#include "runtime/life/record.h"
#include "runtime/life/target.h"

const char *container_status_name(enum container_status status)
{
        static const char *const names[] = {
                [STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
                [STATUS_PAUSED] = "paused",     [STATUS_STOPPED] = "stopped",
        };

        return names[status];
}

/* Whether create still works on it: it holds the lock until the container is made or undone. */
static bool is_being_created(int dir_fd)
{
        _cleanup_close_ int fd = openat(dir_fd, RECORD_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* The parked init removes the socket when it is released, but a start that died may leave it there. */
static bool is_parked(int dir_fd, const char *comm)
{
        return strcmp(comm, INIT_NAME) == 0 && faccessat(dir_fd, START_SOCKET, F_OK, 0) == 0;
}

static bool is_frozen(const struct record *record)
{
        const struct cgroup_host *host = record->cgroup ? host_cgroups() : NULL;
        int r = host ? cgroup_is_frozen_at(host, record->cgroup) : 0;

        if (r < 0)
                log_debug("container %s: cannot tell whether it is paused: %s", record->id, strerror(-r));
        error_clear();
        return r > 0;
}

static enum container_status find_status(const struct record *record, int dir_fd)
{
        char comm[16];

        if (record->init.pid == 0)
                return is_being_created(dir_fd) ? STATUS_CREATING : STATUS_STOPPED;
        if (!process_is_alive(&record->init, comm)) {
                error_clear();
                return STATUS_STOPPED;
        }
        /* One that was paused before it was started can be resumed like any other. */
        if (is_frozen(record))
                return STATUS_PAUSED;
        return is_parked(dir_fd, comm) ? STATUS_CREATED : STATUS_RUNNING;
}

static int load(int root_fd, const char *id, struct container *container)
{
        _cleanup_close_ int dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        enum container_status status;
        struct record *record;
        int r;

        if (dir_fd < 0)
                return errno == ENOENT ? refuse(ENOENT, "%s", MESSAGE_NOT_EXIST)
                                       : fail(errno, "open state of container %s", id);
        r = record_read(dir_fd, &record);
        if (r == -ENOENT)
                return refuse(ENOENT, "%s (its directory holds no " RECORD_FILE ")", MESSAGE_NOT_EXIST);
        if (r < 0)
                return fail_in(r, "container %s", id);
        if (strcmp(record->id, id) != 0) {
                r = refuse(EINVAL, "container %s: " RECORD_FILE " is that of container %s", id, record->id);
                record_free(record);
                return r;
        }
        status = find_status(record, dir_fd);
        *container = (struct container){.record = record, .dir_fd = take_fd(&dir_fd), .status = status};
        return 0;
}

int container_load(struct runtime *runtime, const char *id, struct container *container)
{
        int r = container_id_check(id);

        if (r < 0)
                return r;
        if (runtime->root_fd < 0)
                return refuse(ENOENT, "%s", MESSAGE_NOT_EXIST);
        return load(runtime->root_fd, id, container);
}

void container_release(struct container *container)
{
        if (container->record)
                record_free(container->record);
        cleanup_close(&container->dir_fd);
        *container = (struct container){.dir_fd = -EBADF};
}

struct names {
        size_t n;
        char **v;
};

static void names_release(struct names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->v[i]);
        free(names->v);
}

static int names_add(struct names *names, const char *name)
{
        char **bigger = realloc(names->v, (names->n + 1) * sizeof(*bigger));

        if (!bigger)
                return fail(ENOMEM, "list the containers");
        names->v = bigger;
        names->v[names->n] = strdup(name);
        return names->v[names->n++] ? 0 : fail(ENOMEM, "list the containers");
}

static int compare_names(const void *left, const void *right)
{
        return strcmp(*(char *const *)left, *(char *const *)right);
}

static int read_names(int root_fd, struct names *names)
{
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return fail(errno, "read the state directory");
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return fail(ENOMEM, "read the state directory");
        }
        while ((entry = readdir(dir))) {
                /* Names with a dot in front are berth's own (".cache"); no container can be called so. */
                if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
                        continue;
                if (names_add(names, entry->d_name) < 0)
                        return -ENOMEM;
        }
        if (names->n)
                qsort(names->v, names->n, sizeof(*names->v), compare_names);
        return 0;
}

int container_each(struct runtime *runtime, int (*visit)(const struct container *container, void *data), void *data)
{
        _cleanup_(names_release) struct names names = {0};
        int r = 0;

        if (runtime->root_fd < 0)
                return 0;
        r = read_names(runtime->root_fd, &names);
        for (size_t i = 0; r == 0 && i < names.n; i++) {
                _cleanup_(container_release) struct container container = {.dir_fd = -EBADF};

                if (load(runtime->root_fd, names.v[i], &container) < 0) {
                        log_warning("skipped %s/%s: %s", runtime->root, names.v[i], error_message());
                        error_clear();
                        continue;
                }
                r = visit(&container, data);
        }
        return r;
}
