#include "base/unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"

struct sockaddr_un unix_address_at(int dirfd, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d%s%.64s", dirfd, *name ? "/" : "", name);
        return address;
}

int unix_connect(const char *path, int seconds)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), target = -EBADF;
        const struct timeval patience = {.tv_sec = seconds};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int r;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
                return -errno;
        if (strlen(path) < sizeof(address.sun_path)) {
                strcpy(address.sun_path, path);
        } else {
                target = open(path, O_PATH | O_CLOEXEC);
                if (target < 0)
                        return -errno;
                address = unix_address_at(target, "");
        }
        do
                r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return take_fd(&fd);
}
