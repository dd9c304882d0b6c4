/* The far end of the sockets that an engine would own.
 *
 *      receive console SOCKET [INPUT]   take a pty master, print "payload TEXT", then its output until it hangs up
 *      receive pidfd SOCKET             take a pidfd, print "pid N"; wait for its end, print "ended"
 *      receive seccomp SOCKET ANSWER    take the state and the listener, print the state; answer each notification
 *                                       with errno ANSWER (0: let it continue) until the container ends
 *      receive notify SOCKET N          print N datagrams of a NOTIFY_SOCKET
 *      receive hold SOCKET              take connections and never answer, until it is killed
 *
 * The socket is made here; "listening" on stdout says that it exists. Every wait ends after 20 seconds with status 1.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static void await(int fd, const char *what)
{
        struct pollfd event = {.fd = fd, .events = POLLIN};
        int n;

        do
                n = poll(&event, 1, PATIENCE_MS);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                errx(1, "receive: nothing came: %s", what);
}

static int listen_on(const char *path, int type)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                errx(1, "receive: path too long: %s", path);
        strcpy(address.sun_path, path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            (type == SOCK_STREAM && listen(fd, 4) < 0))
                err(1, "receive: %s", path);
        printf("listening\n");
        fflush(stdout);
        return fd;
}

static int accept_one(int listener)
{
        int fd;

        await(listener, "connection");
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                err(1, "receive: accept");
        return fd;
}

/* One message with its descriptors; text gets a NUL. Returns the number of descriptors. */
static int take_message(int socket_fd, char *text, size_t size, int fds[4])
{
        union {
                char bytes[CMSG_SPACE(4 * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec part = {text, size - 1};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        struct cmsghdr *header;
        ssize_t n;
        int count;

        await(socket_fd, "message");
        n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        if (n < 0)
                err(1, "receive: recvmsg");
        text[n] = '\0';
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_type != SCM_RIGHTS)
                return 0;
        count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(header), (size_t)count * sizeof(int));
        return count;
}

static int receive_console(int listener, const char *input)
{
        struct winsize size;
        char text[4096];
        int fds[4];
        ssize_t n;

        if (take_message(accept_one(listener), text, sizeof(text), fds) != 1)
                errx(1, "receive: expected one descriptor");
        printf("payload %s\nisatty %d\n", text, isatty(fds[0]));
        if (ioctl(fds[0], TIOCGWINSZ, &size) == 0)
                printf("size %dx%d\n", size.ws_row, size.ws_col);
        fflush(stdout);
        if (input && write(fds[0], input, strlen(input)) < 0)
                err(1, "receive: write");
        for (;;) {
                await(fds[0], "terminal output");
                n = read(fds[0], text, sizeof(text));
                if (n <= 0) /* EIO: the last slave is closed */
                        return 0;
                fwrite(text, 1, (size_t)n, stdout);
                fflush(stdout);
        }
}

static int receive_pidfd(int listener)
{
        char text[4096], path[64], line[256];
        int fds[4];
        FILE *info;

        if (take_message(accept_one(listener), text, sizeof(text), fds) != 1)
                errx(1, "receive: expected one descriptor");
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fds[0]);
        info = fopen(path, "re");
        while (info && fgets(line, sizeof(line), info))
                if (strncmp(line, "Pid:", 4) == 0)
                        printf("pid %d\n", atoi(line + 4));
        fflush(stdout);
        await(fds[0], "end of the process");
        printf("ended\n");
        return 0;
}

static int answer_notifications(int fd, int answer)
{
        for (;;) {
                struct seccomp_notif request = {0};
                struct seccomp_notif_resp response = {0};
                struct pollfd event = {.fd = fd, .events = POLLIN};

                if (poll(&event, 1, PATIENCE_MS) <= 0)
                        errx(1, "receive: no notification");
                if (event.revents & POLLHUP)
                        return 0;
                if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) {
                        if (errno == ENOENT)
                                continue;
                        err(1, "receive: notification");
                }
                response.id = request.id;
                response.error = -answer;
                response.flags = answer ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
                if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0)
                        printf("notified %d\n", request.data.nr);
                fflush(stdout);
        }
}

static int receive_seccomp(int listener, int answer)
{
        static char text[1 << 16];
        int fds[4], connection = accept_one(listener);
        int n = take_message(connection, text, sizeof(text), fds);

        if (n < 1)
                errx(1, "receive: expected descriptors");
        for (char *c = text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        printf("descriptors %d\nstate %s\n", n, text);
        fflush(stdout);
        close(connection);
        return answer_notifications(fds[0], answer);
}

static int receive_datagrams(int fd, int n)
{
        char text[4096];

        for (int i = 0; i < n; i++) {
                await(fd, "notification");
                ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

                if (length < 0)
                        err(1, "receive: recv");
                printf("%.*s\n", (int)length, text);
                fflush(stdout);
        }
        return 0;
}

int main(int argc, char **argv)
{
        const char *verb = argc > 2 ? argv[1] : "";

        if (strcmp(verb, "console") == 0)
                return receive_console(listen_on(argv[2], SOCK_STREAM), argv[3]);
        if (strcmp(verb, "pidfd") == 0)
                return receive_pidfd(listen_on(argv[2], SOCK_STREAM));
        if (strcmp(verb, "seccomp") == 0 && argc == 4)
                return receive_seccomp(listen_on(argv[2], SOCK_STREAM), atoi(argv[3]));
        if (strcmp(verb, "notify") == 0 && argc == 4)
                return receive_datagrams(listen_on(argv[2], SOCK_DGRAM), atoi(argv[3]));
        if (strcmp(verb, "hold") == 0) {
                listen_on(argv[2], SOCK_STREAM);
                pause();
        }
        errx(2, "usage: receive console|pidfd|seccomp|notify|hold SOCKET ...");
}
