#include "runtime/life/seccomp_cache_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define CACHE      ".cache"
#define FOR_FILTER CACHE "/seccomp"

int seccomp_cache_open(int root_fd)
{
        const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(root_fd, FOR_FILTER, flags);

        if (fd >= 0 || errno != ENOENT)
                return fd < 0 ? -EBADF : fd;
        (void)mkdirat(root_fd, CACHE, 0700);
        (void)mkdirat(root_fd, FOR_FILTER, 0700);
        fd = openat(root_fd, FOR_FILTER, flags);
        return fd < 0 ? -EBADF : fd;
}
