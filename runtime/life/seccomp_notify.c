#include "runtime/life/seccomp_notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/unix_address.h"
#include "oci/json_write.h"

static const char *const fd_names[] = {"seccompFd"};

int seccomp_notification_json(const struct seccomp_notification *notification, char **json)
{
        const struct oci_strings fds = {ELEMENTS(fd_names), (const char **)(uintptr_t)fd_names};
        _cleanup_free_ char *head = NULL;
        struct json_writer writer;
        int r;

        json_start(&writer, NULL);
        json_object(&writer, NULL);
        json_string(&writer, "ociVersion", notification->oci_version);
        json_strings(&writer, "fds", &fds);
        json_i64(&writer, "pid", notification->pid);
        json_string(&writer, "metadata", notification->metadata);
        json_object_end(&writer);
        r = json_finish(&writer, &head);
        if (r < 0)
                return r;
        /* The state is a JSON text already: it goes in before the closing brace. */
        *strrchr(head, '}') = '\0';
        if (asprintf(json, "%s,\"state\":%s}", head, notification->state) < 0)
                return fail(ENOMEM, "seccomp notification");
        return 0;
}

/* The descriptor travels with the first bytes; a stream may take the rest in pieces. */
static int send_with_fd(int socket, const char *text, int fd)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr header;
        } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
        struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };

        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        while (iov.iov_len) {
                ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                iov.iov_base = (char *)iov.iov_base + n;
                iov.iov_len -= (size_t)n;
                message.msg_control = NULL;
                message.msg_controllen = 0;
        }
        return 0;
}

int seccomp_notify(const struct seccomp_notification *notification, int listener)
{
        const char *path = notification->listener_path;
        _cleanup_close_ int socket = -EBADF;
        _cleanup_free_ char *json = NULL;
        int r = seccomp_notification_json(notification, &json);

        if (r < 0)
                return r;
        socket = unix_connect(path, SECCOMP_NOTIFY_SECONDS);
        if (socket < 0)
                return fail(-socket, "failed to connect with seccomp agent at linux.seccomp.listenerPath %s", path);
        r = send_with_fd(socket, json, listener);
        if (r < 0)
                return fail(r == -EAGAIN ? ETIMEDOUT : -r, "send the seccomp listener to %s", path);
        return 0;
}
