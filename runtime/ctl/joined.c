#include "runtime/ctl/joined.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/net_setting.h"

#define JOINED    "joined"
#define NAMESPACE 64 /* "net:[4026531840]" */

static const char *other_of(const struct settings *settings)
{
        return settings->nets.n ? net_other(settings->nets.v[0]) : NULL;
}

/* Bare. */
static int read_namespace(pid_t pid, char text[NAMESPACE])
{
        char path[64];
        ssize_t size;

        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        size = readlink(path, text, NAMESPACE - 1);
        if (size < 0)
                return -errno;
        text[size] = '\0';
        return 0;
}

static int find_other(struct ctl *ctl, const char *name, pid_t *pid)
{
        _cleanup_ctl_container_ struct ctl_container other = CTL_CONTAINER_NONE;
        struct ctl_status status;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, &other);

        if (r == 0)
                r = ctl_status(ctl, &other, &status);
        if (r < 0)
                return fail_in(r, "net container:%s", name);
        if (!status.pid)
                return refuse(EINVAL, "net container:%s: that container does not run", name);
        *pid = status.pid;
        return 0;
}

int joined_find(struct ctl *ctl, const struct settings *settings, pid_t *pid)
{
        const char *other = other_of(settings);

        *pid = 0;
        return other ? find_other(ctl, other, pid) : 0;
}

/* RUN/keepers/NAME/joined. Bare -ENOENT where there is none. */
static int open_joined(const struct ctl *ctl, const char *name, bool make)
{
        _cleanup_close_ int dir = keeper_directory(ctl, name, make);
        int fd;

        if (dir < 0)
                return dir;
        if (make && mkdirat(dir, JOINED, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(dir, JOINED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int joined_register(struct ctl *ctl, const struct ctl_container *container)
{
        const char *other = other_of(&container->settings);
        _cleanup_close_ int dir = -EBADF;
        char namespace[NAMESPACE];
        pid_t pid;
        int r;

        if (!other)
                return 0;
        r = find_other(ctl, other, &pid);
        if (r < 0)
                return fail_in(r, "container %s", container->name);
        r = read_namespace(pid, namespace);
        if (r == 0) {
                dir = open_joined(ctl, other, true);
                r = dir < 0 ? dir : replace_file_at(dir, container->name, namespace, strlen(namespace), 0600);
        }
        return r < 0 ? fail(-r, "container %s: join the network of %s", container->name, other) : 0;
}

/* It may have ended since, or run elsewhere now. */
static bool is_inside(struct ctl *ctl, const char *name, const char *namespace)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct ctl_status status;
        char now[NAMESPACE];

        return ctl_find(ctl, name, CTL_UNLOCKED, &container) == 0 && ctl_status(ctl, &container, &status) == 0 &&
               status.pid && read_namespace(status.pid, now) == 0 && strcmp(now, namespace) == 0;
}

void joined_stop(struct ctl *ctl, const char *name, int64_t timeout_ms)
{
        int fd = open_joined(ctl, name, false);
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                char namespace[NAMESPACE];

                if (!ctl_name_valid(entry->d_name) ||
                    read_small_file_at(dirfd(dir), entry->d_name, namespace, sizeof(namespace)) < 0)
                        continue;
                if (is_inside(ctl, entry->d_name, namespace) && ctl_stop(ctl, entry->d_name, timeout_ms, false) < 0)
                        log_warning("%s", error_message());
                else
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
        error_clear();
}
