#include "vmmode/agent/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "namespaces/console.h"
#include "vmmode/protocol/message.h"

/* From the connection to its one byte. */
#define NAME_DEADLINE_MS 5000

/* What a terminal's user has written before it ended arrives a little later. */
#define TERMINAL_DRAIN_MS 1000

static int stand_in(int first, int last)
{
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0)
                return fail(errno, "open /dev/null");
        for (int fd = first; fd <= last; fd++)
                if (dup2(null, fd) < 0)
                        return fail(errno, "replace descriptor %d", fd);
        return 0;
}

static int make_pipe(struct streams *streams, int which)
{
        bool in = which == STDIN_FILENO;
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        streams->pipes[which] = pair[in ? 1 : 0];
        r = dup2(pair[in ? 0 : 1], which) < 0 ? fail(errno, "replace descriptor %d", which) : 0;
        close(pair[in ? 0 : 1]);
        /* Each end has its own: the process's stays blocking. */
        if (r == 0 && fcntl(streams->pipes[which], F_SETFL, O_NONBLOCK) < 0)
                r = fail(errno, "set a pipe non-blocking");
        return r;
}

int streams_prepare(struct streams *streams, const struct transport *transport, bool terminal)
{
        int r;

        *streams = (struct streams)STREAMS_NONE;
        streams->transport = transport;
        streams->terminal = terminal;
        r = stand_in(0, STREAMS - 1);
        for (int i = 0; r == 0 && !terminal && i < STREAMS; i++)
                r = make_pipe(streams, i);
        return r;
}

int streams_launched(struct streams *streams, int console)
{
        replace_fd(&streams->console, console);
        if (console >= 0)
                replace_fd(&streams->peer, ioctl(console, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
        if (console >= 0 && fcntl(console, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
                return fail(errno, "set a terminal non-blocking");
        if (streams->terminal && console < 0)
                return refuse(EBADMSG, "the process has made no terminal");
        return stand_in(0, STREAMS - 1);
}

int streams_listen(struct streams *streams)
{
        streams->listener = transport_listen(streams->transport, &streams->port);
        return streams->listener < 0 ? streams->listener : 0;
}

/* Which stream a connection is to be; -EBADMSG. */
static int read_name(int connection)
{
        char name = 0;
        ssize_t n = wait_fd(connection, POLLIN, NAME_DEADLINE_MS) < 0 ? -1 : read(connection, &name, 1);

        return n == 1 && name >= STREAM_IN && name <= STREAM_ERR ? name - STREAM_IN : -EBADMSG;
}

static int take_connections(struct streams *streams, int sockets[STREAMS])
{
        for (;;) {
                _cleanup_close_ int connection = transport_accept(streams->transport, streams->listener);
                int which;

                if (connection == -EAGAIN)
                        return 0;
                if (connection < 0)
                        return fail(-connection, "wait for the streams");
                which = read_name(connection);
                if (which < 0 || sockets[which] >= 0)
                        return refuse(EBADMSG, "the host connected a stream that is none");
                sockets[which] = take_fd(&connection);
        }
}

static int copy_of(int fd)
{
        return fcntl(fd, F_DUPFD_CLOEXEC, STREAMS);
}

/* Without a connection what the process says is thrown away. */
static int begin_terminal(struct streams *streams, int connection)
{
        struct relay *in = &streams->relays[STDIN_FILENO], *out = &streams->relays[STDOUT_FILENO];

        out->from = copy_of(streams->console);
        if (out->from < 0)
                return fail(errno, "copy a descriptor");
        if (connection < 0)
                return 0;
        out->to = copy_of(connection);
        out->to_socket = true;
        in->from = copy_of(connection);
        in->to = copy_of(streams->console);
        return out->to < 0 || in->from < 0 || in->to < 0 ? fail(errno, "copy a descriptor") : 0;
}

static void begin_pipes(struct streams *streams, int sockets[STREAMS])
{
        for (int i = 0; i < STREAMS; i++) {
                struct relay *relay = &streams->relays[i];

                *relay = (struct relay){.to_socket = i != STDIN_FILENO};
                relay->from = i == STDIN_FILENO ? take_fd(&sockets[i]) : take_fd(&streams->pipes[i]);
                relay->to = i == STDIN_FILENO ? take_fd(&streams->pipes[i]) : take_fd(&sockets[i]);
                /* An input that nobody connected is at its end. */
                if (relay->from < 0)
                        relay_end(relay);
        }
}

int streams_begin(struct streams *streams)
{
        int sockets[STREAMS] = {-EBADF, -EBADF, -EBADF};
        int r = take_connections(streams, sockets);

        transport_close(streams->transport, &streams->listener, streams->port);
        if (r == 0 && !streams->terminal)
                begin_pipes(streams, sockets);
        else if (r == 0)
                r = begin_terminal(streams, sockets[STDIN_FILENO]);
        for (int i = 0; i < STREAMS; i++)
                cleanup_close(&sockets[i]);
        return r;
}

void streams_refuse(const struct streams *streams, int connection, int timeout_ms)
{
        struct pollfd fds[] = {{.fd = connection, .events = POLLIN}, {.fd = streams->listener, .events = POLLIN}};
        int64_t deadline = now_ms() + timeout_ms;

        if (streams->listener < 0)
                return;
        while (poll(fds, ELEMENTS(fds), until_ms(deadline)) > 0 && !fds[0].revents) {
                int stream = transport_accept(streams->transport, streams->listener);

                if (stream < 0)
                        return;
                close(stream);
        }
}

void streams_poll(const struct streams *streams, struct pollfd fds[2 * STREAMS])
{
        for (size_t i = 0; i < STREAMS; i++)
                relay_poll(&streams->relays[i], fds + 2 * i);
}

/* The host's end of a terminal is gone: so is the terminal, and its session gets SIGHUP. */
static void hang_up(struct streams *streams)
{
        relay_end(&streams->relays[STDOUT_FILENO]);
        replace_fd(&streams->console, -EBADF);
        replace_fd(&streams->peer, -EBADF);
}

void streams_move(struct streams *streams, const struct pollfd fds[2 * STREAMS])
{
        for (size_t i = 0; i < STREAMS; i++)
                if (relay_move(&streams->relays[i], fds + 2 * i) == RELAY_SOURCE_ENDED && streams->terminal &&
                    i == STDIN_FILENO)
                        hang_up(streams);
}

void streams_resize(const struct streams *streams, int64_t rows, int64_t columns)
{
        const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

        if (streams->console >= 0)
                (void)ioctl(streams->console, TIOCSWINSZ, &size);
}

void streams_drain(struct streams *streams)
{
        relay_end(&streams->relays[STDIN_FILENO]);
        replace_fd(&streams->peer, -EBADF);
        relays_drain(streams->relays + STDOUT_FILENO, STREAMS - STDOUT_FILENO,
                     streams->terminal ? TERMINAL_DRAIN_MS : 0);
}

void streams_close(struct streams *streams)
{
        transport_close(streams->transport, &streams->listener, streams->port);
        replace_fd(&streams->console, -EBADF);
        replace_fd(&streams->peer, -EBADF);
        for (int i = 0; i < STREAMS; i++) {
                replace_fd(&streams->pipes[i], -EBADF);
                relay_end(&streams->relays[i]);
        }
}
