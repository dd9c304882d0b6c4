#include "vmmode/agent/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "base/syscalls.h"

#define DIRECTORY "/run/berth/containers"
#define ID_MAX    (CONTAINER_CGROUP_MAX - 2)

int container_check_id(const char *id)
{
        if (!id || !id[0] || strlen(id) > ID_MAX || strchr(id, '/') || id[0] == '.')
                return refuse(EINVAL, "no container ID");
        return 0;
}

int containers_prepare(void)
{
        if ((mkdir("/run/berth", 0700) < 0 && errno != EEXIST) || (mkdir(DIRECTORY, 0700) < 0 && errno != EEXIST))
                return fail(errno, "make " DIRECTORY);
        return 0;
}

static void record_path(const char *id, char path[PATH_MAX])
{
        snprintf(path, PATH_MAX, DIRECTORY "/%s", id);
}

int container_note(const char *id, pid_t pid)
{
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX], text[16];
        int r;

        record_path(id, path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail(errno, "note container %s", id);
        snprintf(text, sizeof(text), "%d", (int)pid);
        r = write_once(fd, text);
        return r < 0 ? fail(-r, "note container %s", id) : 0;
}

void container_forget(const char *id)
{
        char path[PATH_MAX];

        record_path(id, path);
        (void)unlink(path);
}

static int no_process(const char *id)
{
        return refuse(ESRCH, "container %s has no process in its machine", id);
}

int container_open(const char *id, pid_t *pid)
{
        _cleanup_close_ int pidfd = -EBADF;
        char path[PATH_MAX], text[16];
        uint64_t number;
        ssize_t n;

        record_path(id, path);
        n = read_small_file_at(AT_FDCWD, path, text, sizeof(text));
        if (n < 0 || parse_u64(text, INT_MAX, &number) < 0)
                return no_process(id);
        pidfd = sys_pidfd_open((pid_t)number, 0);
        /* Still noted, so not reaped when it was opened: it is the one. */
        if (pidfd < 0 || access(path, F_OK) < 0)
                return no_process(id);
        if (pid)
                *pid = (pid_t)number;
        return take_fd(&pidfd);
}

void container_cgroup_path(const char *id, char path[CONTAINER_CGROUP_MAX])
{
        snprintf(path, CONTAINER_CGROUP_MAX, "/%s", id);
}

int container_open_cgroup(const struct cgroup_host *cgroups, const char *id)
{
        char path[CONTAINER_CGROUP_MAX];
        int r = container_check_id(id);

        if (r < 0)
                return r;
        container_cgroup_path(id, path);
        return cgroup_open(cgroups, path);
}
