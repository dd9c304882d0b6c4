#include "base/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/number.h"
#include "base/path.h"
#include "base/syscalls.h"

int path_of_entry(int dir, const char *name, char path[PATH_MAX])
{
        size_t length;
        int r = fd_path(dir, path);

        if (r < 0)
                return r;
        length = strlen(path);
        if (length + strlen(name) + 2 > PATH_MAX)
                return -ENAMETOOLONG;
        snprintf(path + length, PATH_MAX - length, "/%s", name);
        return 0;
}

int pid_file_open(int dir, const char *name)
{
        char number[16], path[PATH_MAX], proc[64];
        _cleanup_free_ char *line = NULL;
        _cleanup_close_ int pidfd = -EBADF;
        uint32_t pid;
        size_t size;

        if (read_small_file_at(dir, name, number, sizeof(number)) < 0 || parse_u32(number, &pid) < 0 || pid < 2)
                return -ESRCH;
        pidfd = sys_pidfd_open((pid_t)pid, 0);
        snprintf(proc, sizeof(proc), "/proc/%u/cmdline", pid);
        if (pidfd < 0 || path_of_entry(dir, name, path) < 0 ||
            read_file_at(AT_FDCWD, proc, 64 << 10, &line, &size) < 0 || !memmem(line, size, path, strlen(path)))
                return -ESRCH;
        return take_fd(&pidfd);
}

int pid_file_end(int dir, const char *name, int timeout_ms)
{
        _cleanup_close_ int pidfd = pid_file_open(dir, name);

        if (pidfd < 0)
                return 0;
        if (sys_pidfd_send_signal(pidfd, SIGTERM) < 0 && errno != ESRCH)
                return -errno;
        return wait_fd(pidfd, POLLIN, timeout_ms) < 0 ? -ETIMEDOUT : 0;
}
