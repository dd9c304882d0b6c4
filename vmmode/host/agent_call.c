#include "vmmode/host/agent_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/printable.h"
#include "base/unix_address.h"

int agent_socket_make(int state_dir)
{
        const struct sockaddr_un address = unix_address_at(state_dir, VSOCK_SOCKET);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return fail(errno, "make the virtual machine's socket");
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0)
                return fail(errno, "bind the virtual machine's socket");
        /* Whoever may not enter the directory does not get here; the proxy may be another user. */
        if (fchmodat(state_dir, VSOCK_SOCKET, 0666, 0) < 0)
                return fail(errno, "open the virtual machine's socket to the proxy");
        return take_fd(&fd);
}

/* "CONNECT PORT\n" is answered with "OK\n" when somebody in the guest takes the connection, or with its end. Not a byte
 * more is read. */
static int greet(int fd, int64_t deadline)
{
        char answer[4] = "";
        char greeting[32];
        int length = snprintf(greeting, sizeof(greeting), "CONNECT %d\n", AGENT_PORT);

        if (send(fd, greeting, (size_t)length, MSG_NOSIGNAL) != length)
                return -EPIPE;
        for (size_t got = 0; got < 3;) {
                int r = wait_fd(fd, POLLIN, until_ms(deadline));
                ssize_t n;

                if (r < 0)
                        return r;
                n = recv(fd, answer + got, 3 - got, 0);
                if (n <= 0)
                        return n == 0 ? -ECONNREFUSED : -errno;
                got += (size_t)n;
        }
        return strcmp(answer, "OK\n") == 0 ? 0 : -EBADMSG;
}

static int receive_hello(int fd, int64_t deadline)
{
        struct message hello;
        int64_t version = 0;
        int r = message_receive(fd, MESSAGE_SMALL_MAX, &hello, deadline);

        if (r < 0)
                return r;
        if (hello.kind == MESSAGE_END)
                r = -ECONNRESET;
        else if (hello.kind != MESSAGE_HELLO || !message_number(&hello, PART_VERSION, &version))
                r = -EBADMSG;
        message_free(&hello);
        if (r == 0 && version != PROTOCOL_VERSION)
                return refuse(EPROTO, "the guest's agent speaks version %lld of the protocol, this berth version %d",
                              (long long)version, PROTOCOL_VERSION);
        return r;
}

static int explain(int r)
{
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "the virtual machine does not answer");
        return error_message()[0] ? r : fail(-r, "reach the agent in the virtual machine");
}

/* Connecting waits as long as the machine's queue of connections is full, which nothing can be polled for. A time of 0
 * would be for ever. */
static int bound_waits(int fd, int64_t deadline)
{
        int ms = until_ms(deadline);
        const struct timeval most = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 + 1};

        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0 ? fail(errno, "make a socket") : 0;
}

static int reach_machine(int fd, int state_dir, int64_t deadline)
{
        const struct sockaddr_un address = unix_address_at(state_dir, VSOCK_SOCKET);
        int r = bound_waits(fd, deadline);

        if (r < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return r;
        return errno == ENOENT ? -ECONNREFUSED : errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int agent_connect(int state_dir, int64_t deadline)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        error_clear();
        if (fd < 0)
                return fail(errno, "make a socket");
        r = reach_machine(fd, state_dir, deadline);
        if (r == 0)
                r = greet(fd, deadline);
        if (r == 0)
                r = receive_hello(fd, deadline);
        return r < 0 ? explain(r) : take_fd(&fd);
}

int agent_error(const struct message *answer)
{
        const char *text = message_text(answer, PART_TEXT);
        char words[ERROR_MESSAGE_MAX];
        int64_t number = 0;

        if (!message_number(answer, PART_NUMBER, &number) || number <= 0 || number > 4095)
                number = EIO;
        snprintf(words, sizeof(words), "%s", text ? text : "the agent in the virtual machine failed");
        text_make_printable(words, "\n", '?');
        return refuse((int)number, "%s", words);
}

int agent_call(int state_dir, struct message_builder *request, struct message *answer, int64_t deadline)
{
        _cleanup_close_ int fd = agent_connect(state_dir, deadline);
        int r;

        if (fd < 0) {
                message_drop(request);
                return fd;
        }
        r = message_send(fd, request, deadline);
        if (r == 0)
                r = message_receive(fd, MESSAGE_MAX, answer, deadline);
        if (r < 0)
                return explain(r);
        if (answer->kind == MESSAGE_DONE)
                return 0;
        r = answer->kind == MESSAGE_ERROR ? agent_error(answer)
                                          : explain(answer->kind == MESSAGE_END ? -ECONNRESET : -EBADMSG);
        message_free(answer);
        return r;
}
