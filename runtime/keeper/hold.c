/* A second hand on the container's terminal. The kernel hangs a terminal up when the last descriptor of its master is
 * closed, and no shell survives that; so where there is one, a copy of the keeper that does nothing else holds the
 * master, too: berth-holder. It hands it to every keeper that connects, writes the log as long as there is none, and
 * ends with the container. Both watch each other, and one that is killed is replaced. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/keeper/keeper.h"

#define HOLDER_NAME  "berth-holder" /* as long as the keeper's, whose place on the command line it takes */
#define ANSWER_MS    5000
#define END_MS       1000
#define NUMBERS_MOST 64 /* the keeper has fewer descriptors */
#define LAST_LOOKS   256

static int connect_to_holder(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = KEEPER_TERMINAL_SOCKET};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -1;
        return take_fd(&fd);
}

/* ---- the holder ---- */

static void close_all_but(const int *kept, size_t n)
{
        for (int fd = 3; fd < NUMBERS_MOST; fd++) {
                bool keep = fd == KEEPER_DIRECTORY;

                for (size_t i = 0; i < n; i++)
                        keep = keep || kept[i] == fd;
                if (!keep)
                        (void)close(fd);
        }
        (void)sys_close_range(NUMBERS_MOST, ~0U, 0);
}

/* A keeper has come: it writes the log from now on. */
static void hand_out(struct keeper *keeper, int listener, int *connection)
{
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
                return;
        replace_fd(connection, fd);
        replace_fd(&keeper->log, -1);
        if (send_message(fd, "t", 1, &keeper->console, 1) < 0)
                replace_fd(connection, -1);
}

static void __attribute__((noreturn)) hold(struct keeper *keeper, int listener, int init)
{
        const int kept[] = {keeper->console, keeper->console_peer, listener, init};
        int connection = -1;

        signals_reset();
        (void)prctl(PR_SET_NAME, HOLDER_NAME);
        if (strlen(keeper->title) == strlen(HOLDER_NAME))
                memcpy(keeper->title, HOLDER_NAME, strlen(HOLDER_NAME));
        close_all_but(kept, ELEMENTS(kept));
        keeper->log = -1;
        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                keeper->clients[i] = -1;
        /* The keeper has connected before we were born. */
        hand_out(keeper, listener, &connection);
        for (;;) {
                bool alone = connection < 0;
                struct pollfd fds[] = {{init, POLLIN, 0},
                                       {listener, POLLIN, 0},
                                       {connection, POLLIN, 0},
                                       {alone ? keeper->console : -1, POLLIN, 0}};

                if (poll(fds, ELEMENTS(fds), -1) <= 0)
                        continue;
                if (alone && keeper->log < 0)
                        (void)keeper_open_log(keeper);
                if (fds[3].revents)
                        keeper_pump(keeper, &keeper->console);
                if (fds[0].revents)
                        break;
                if (fds[2].revents)
                        replace_fd(&connection, -1);
                if (fds[1].revents)
                        hand_out(keeper, listener, &connection);
        }
        for (int i = 0; i < LAST_LOOKS && connection < 0 && wait_fd(keeper->console, POLLIN, 0) > 0; i++)
                keeper_pump(keeper, &keeper->console);
        _exit(0);
}

/* ---- the keeper's side ---- */

void keeper_hold(struct keeper *keeper)
{
        struct clone_args clone = {.exit_signal = SIGCHLD};
        _cleanup_close_ int init = -EBADF, listener = -EBADF;
        pid_t pid;

        if (keeper->console < 0)
                return;
        init = keeper->adopted >= 0 ? fcntl(keeper->adopted, F_DUPFD_CLOEXEC, 0) : sys_pidfd_open(keeper->init, 0);
        listener = init < 0 ? -1 : keeper_listen(KEEPER_TERMINAL_SOCKET, SOCK_SEQPACKET);
        if (listener < 0)
                return;
        replace_fd(&keeper->hold, connect_to_holder());
        pid = sys_clone3(&clone);
        if (pid == 0)
                hold(keeper, listener, init);
        if (pid < 0)
                replace_fd(&keeper->hold, -1);
}

/* The other side is kept open here, too, so that the terminal does not hang up whenever nobody inside has it open. */
void keeper_take_terminal(struct keeper *keeper, int fd)
{
        (void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
        replace_fd(&keeper->console, fd);
        replace_fd(&keeper->console_peer, ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

void keeper_regain(struct keeper *keeper)
{
        replace_fd(&keeper->hold, connect_to_holder());
        if (keeper->hold >= 0)
                keeper_hear_holder(keeper, ANSWER_MS);
}

void keeper_hear_holder(struct keeper *keeper, int deadline_ms)
{
        char word;
        int fd = -1;
        ssize_t n = receive_message(keeper->hold, &word, 1, &fd, 1, deadline_ms);

        if (n > 0 && fd >= 0 && keeper->console < 0)
                keeper_take_terminal(keeper, take_fd(&fd));
        replace_fd(&fd, -1);
        if (n > 0 || n == -EINTR)
                return;
        replace_fd(&keeper->hold, -1);
        if (keeper->state == KEEPER_RUNNING)
                keeper_hold(keeper);
}

void keeper_await_holder(struct keeper *keeper)
{
        char word;

        while (keeper->hold >= 0 && wait_fd(keeper->hold, POLLIN, END_MS) > 0 &&
               recv(keeper->hold, &word, 1, MSG_DONTWAIT) > 0)
                ;
        replace_fd(&keeper->hold, -1);
}
