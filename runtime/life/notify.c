#include "runtime/life/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/unix_address.h"

#define NOTIFY_SOCKET_NAME NOTIFY_DIRECTORY "/notify.sock"
#define NOTIFY_MESSAGE_MAX 4096

int notify_make_directory(int dir_fd, const char *dir_path, char **directory)
{
        /* The container's user must reach the socket in it. */
        if (mkdirat(dir_fd, NOTIFY_DIRECTORY, 0755) < 0 || fchmodat(dir_fd, NOTIFY_DIRECTORY, 0755, 0) < 0)
                return fail(errno, "make the directory for NOTIFY_SOCKET");
        return asprintf(directory, "%s/" NOTIFY_DIRECTORY, dir_path) < 0 ? fail(ENOMEM, "NOTIFY_SOCKET") : 0;
}

int notify_listen(int dir_fd)
{
        _cleanup_close_ int fd = -EBADF;
        const struct sockaddr_un address = unix_address_at(dir_fd, NOTIFY_SOCKET_NAME);
        mode_t mask;
        int r;

        if (faccessat(dir_fd, NOTIFY_DIRECTORY, F_OK, 0) < 0)
                return -ENOENT;
        (void)unlinkat(dir_fd, NOTIFY_SOCKET_NAME, 0);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail(errno, "make the socket for NOTIFY_SOCKET");
        /* For every user inside from the first moment on: a chmod(2) afterwards would follow what a process of the
         * container may have put there in the meantime. */
        mask = umask(0);
        r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        (void)umask(mask);
        return r < 0 ? fail(-r, "bind the socket for NOTIFY_SOCKET") : take_fd(&fd);
}

int notify_connect(const char *target)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t length = strlen(target);

        if (fd < 0)
                return fail(errno, "make a socket");
        if (length >= sizeof(address.sun_path) || (target[0] != '/' && target[0] != '@'))
                return refuse(EINVAL, "NOTIFY_SOCKET=%s is no usable address", target);
        memcpy(address.sun_path, target, length);
        if (target[0] == '@')
                address.sun_path[0] = '\0';
        length += offsetof(struct sockaddr_un, sun_path) + (target[0] == '/');
        if (connect(fd, (const struct sockaddr *)&address, (socklen_t)length) < 0)
                return fail(errno, "connect to NOTIFY_SOCKET=%s", target);
        return take_fd(&fd);
}

/* What a container may say of itself. The rest (MAINPID, FDSTORE, WATCHDOG...) is about the service's processes, and we
 * are trusted more than the container: systemd takes any MAINPID from root. */
static bool may_say(const char *line, size_t length)
{
        static const char *const allowed[] = {"READY=", "STATUS=", "EXTEND_TIMEOUT_USEC="};

        for (size_t i = 0; i < ELEMENTS(allowed); i++)
                if (length >= strlen(allowed[i]) && strncmp(line, allowed[i], strlen(allowed[i])) == 0)
                        return true;
        return false;
}

/* Leaves the lines that are handed on. True when READY is among them. */
static bool filter(char *message)
{
        bool ready = false;
        char *to = message;

        for (const char *line = message; *line;) {
                size_t length = strcspn(line, "\n");
                size_t whole = length + (line[length] == '\n');

                if (may_say(line, length)) {
                        ready = ready || strncmp(line, "READY=", 6) == 0;
                        memmove(to, line, whole);
                        to += whole;
                }
                line += whole;
        }
        *to = '\0';
        return ready;
}

int notify_hand_on(int socket, int target, pid_t pid)
{
        char message[NOTIFY_MESSAGE_MAX], own[64];
        ssize_t n = recv(socket, message, sizeof(message) - 1, 0);
        bool ready;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : fail(errno, "read the container's notification");
        message[n] = '\0';
        ready = filter(message);
        if (!message[0])
                return 0;
        if (ready) {
                /* Ours to say: what the container believes its pid to be means nothing outside. */
                snprintf(own, sizeof(own), "MAINPID=%d", (int)pid);
                (void)send(target, own, strlen(own), MSG_NOSIGNAL);
        }
        if (send(target, message, strlen(message), MSG_NOSIGNAL) < 0)
                return fail(errno, "hand on the container's notification");
        return ready;
}

int notify_forward(int socket, const char *target, pid_t pid, int pidfd)
{
        _cleanup_close_ int connection = notify_connect(target);
        struct pollfd fds[] = {{.fd = socket, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

        if (connection < 0)
                return connection;
        /* As long as the container takes to become ready: systemd, who asked for this, has its own deadline. */
        for (;;) {
                int r;

                if (poll(fds, ELEMENTS(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail(errno, "wait for the container's notification");
                }
                r = fds[0].revents ? notify_hand_on(socket, connection, pid) : 0;
                if (r != 0)
                        return r < 0 ? r : 0;
                if (fds[1].revents && !fds[0].revents)
                        return 0;
        }
}
