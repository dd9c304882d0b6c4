#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"

#define SMALL_FILE 2048

int write_all(int fd, const void *data, size_t size)
{
        const char *p = data;

        while (size) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

static ssize_t read_some(int fd, void *buffer, size_t size)
{
        ssize_t n;

        do
                n = read(fd, buffer, size);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static int read_to_end(int fd, const struct stat *st, size_t most, char **data, size_t *size)
{
        _cleanup_free_ char *buffer = NULL;
        size_t used = 0, room = 4096;
        /* The files of procfs and cgroupfs have no size. */
        bool sized = S_ISREG(st->st_mode) && st->st_size > 0 && (uint64_t)st->st_size <= most;

        if (sized)
                room = (size_t)st->st_size + 1;
        for (;;) {
                ssize_t n;

                if (!buffer || used + 1 >= room) {
                        char *bigger;

                        if (buffer)
                                room *= 2;
                        bigger = realloc(buffer, room + 1);
                        if (!bigger)
                                return -ENOMEM;
                        buffer = bigger;
                }
                n = read_some(fd, buffer + used, room - used);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                used += (size_t)n;
                if (used > most)
                        return -EFBIG;
                /* All of it came, and there was room for more. */
                if (sized && used == (size_t)st->st_size)
                        break;
        }
        buffer[used] = '\0';
        *data = take_ptr(&buffer);
        *size = used;
        return 0;
}

int read_all(int fd, size_t most, char **data, size_t *size)
{
        struct stat st = {0};

        (void)fstat(fd, &st);
        return read_to_end(fd, &st, most, data, size);
}

int read_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return read_all(fd, most, data, size);
}

static int read_regular(int fd, size_t most, char **data, size_t *size)
{
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? read_to_end(fd, &st, most, data, size) : -EMEDIUMTYPE;
}

int read_regular_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return read_regular(fd, most, data, size);
}

int read_own_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *buffer = malloc(SMALL_FILE + 1);
        size_t room = most < SMALL_FILE ? most + 1 : SMALL_FILE;
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        n = fd < 0 ? -errno : read_some(fd, buffer, room);
        if (fd < 0)
                return (int)n;
        if (n <= 0 || (size_t)n == room)
                return lseek(fd, 0, SEEK_SET) < 0 ? -EMEDIUMTYPE : read_regular(fd, most, data, size);
        buffer[n] = '\0';
        *data = take_ptr(&buffer);
        *size = (size_t)n;
        return 0;
}

static ssize_t read_small(int dirfd, const char *path, char *buffer, size_t size, bool one_line)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
        size_t used = 0;

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = read_some(fd, buffer + used, size - used);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                used += (size_t)n;
                if (used == size)
                        return -EFBIG;
                if (one_line && buffer[used - 1] == '\n')
                        break;
        }
        if (used && buffer[used - 1] == '\n')
                used--;
        buffer[used] = '\0';
        return (ssize_t)used;
}

ssize_t read_small_file_at(int dirfd, const char *path, char *buffer, size_t size)
{
        return read_small(dirfd, path, buffer, size, false);
}

ssize_t read_line_file_at(int dirfd, const char *path, char *buffer, size_t size)
{
        return read_small(dirfd, path, buffer, size, true);
}

int write_once(int fd, const char *text)
{
        ssize_t n;

        do
                n = write(fd, text, strlen(text));
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int write_file_at(int dirfd, const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -errno : write_once(fd, text);
}

static int replace(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool durable)
{
        char temporary[256];
        int n = snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
        int r;

        if (n < 0 || (size_t)n >= sizeof(temporary))
                return -ENAMETOOLONG;
        {
                _cleanup_close_ int fd = -EBADF;

                fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
                if (fd < 0 && errno == EEXIST && unlinkat(dirfd, temporary, 0) == 0)
                        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
                if (fd < 0)
                        return -errno;
                r = write_all(fd, data, size);
                if (r == 0 && durable && fsync(fd) < 0)
                        r = -errno;
        }
        if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(dirfd, temporary, 0);
        return r;
}

int replace_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
        return replace(dirfd, name, data, size, mode, false);
}

int replace_file_durably_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
        int r = replace(dirfd, name, data, size, mode, true);

        return r == 0 && fsync(dirfd) < 0 ? -errno : r;
}

static bool holds(int dirfd, const char *name, const void *data, size_t size)
{
        _cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t there;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size &&
               read_to_end(fd, &st, size, &text, &there) == 0 && there == size && memcmp(text, data, size) == 0;
}

int update_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
        return holds(dirfd, name, data, size) ? 0 : replace_file_at(dirfd, name, data, size, mode);
}

bool is_file_at(int fd, int dirfd, const char *name)
{
        struct stat ours, there;

        return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

int memfd_sealed(const char *name, const void *data, size_t size, int executable)
{
        _cleanup_close_ int fd = -EBADF;
        unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
        int r;

        /* Linux 6.3: say whether it may be executed, or vm.memfd_noexec decides (and warns). */
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC        0x0010U
#endif
        fd = (int)syscall(SYS_memfd_create, name, flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
        if (fd < 0 && errno == EINVAL)
                fd = (int)syscall(SYS_memfd_create, name, flags);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        return take_fd(&fd);
}

int send_message(int socket, const void *data, size_t size, const int *fds, size_t n_fds)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
                struct cmsghdr align;
        } control;
        struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;

        if (n_fds > MESSAGE_FDS_MAX)
                return -E2BIG;
        if (n_fds) {
                struct cmsghdr *header = &control.align;

                memset(&control, 0, CMSG_SPACE(sizeof(int) * n_fds));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        }
        do
                n = sendmsg(socket, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

/* Descriptors of a message go to the caller's places; what finds no place is closed. */
static void keep_fds(struct msghdr *message, int *fds, size_t fds_room)
{
        size_t kept = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (kept < fds_room)
                                fds[kept++] = fd;
                        else
                                close(fd);
                }
        }
        while (kept < fds_room)
                fds[kept++] = -EBADF;
}

ssize_t receive_message(int socket, void *data, size_t room, int *fds, size_t fds_room, int deadline_ms)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
                struct cmsghdr align;
        } control;
        struct iovec iov = {.iov_base = data, .iov_len = room};
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        if (deadline_ms >= 0) {
                int r = wait_fd(socket, POLLIN, deadline_ms);

                if (r < 0)
                        return r;
        }
        do
                n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        keep_fds(&message, fds, fds_room);
        if (message.msg_flags & MSG_TRUNC) {
                for (size_t i = 0; i < fds_room; i++)
                        replace_fd(&fds[i], -EBADF);
                return -EMSGSIZE;
        }
        return n;
}

int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int until_ms(int64_t deadline)
{
        int64_t left = deadline - now_ms();

        return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

int wait_fd(int fd, short events, int timeout_ms)
{
        struct pollfd p = {.fd = fd, .events = events};
        int64_t deadline = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;

        for (;;) {
                int r = poll(&p, 1, timeout_ms < 0 ? -1 : until_ms(deadline));

                if (r > 0)
                        return p.revents;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}
