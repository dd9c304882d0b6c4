#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/number.h"
#include "runtime/keeper/keeper.h"

enum {
        POLL_SIGNALS,
        POLL_LISTENER,
        POLL_CONSOLE_LISTENER,
        POLL_CONSOLE,
        POLL_OUTPUT,
        POLL_ADOPTED,
        POLL_MEMORY,
        POLL_REPORT,
        POLL_HOLD,
        POLL_CLIENTS
};

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

int keeper_listen(const char *path, int type)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        (void)unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, KEEPER_CLIENTS) < 0)
                return -1;
        return take_fd(&fd);
}

static bool parse_arguments(struct keeper *keeper, int argc, char **argv)
{
        uint64_t policy, terminal;

        if (argc < 7 || parse_u64(argv[1], KEEPER_ALWAYS, &policy) < 0 || parse_u32(argv[2], &keeper->most) < 0 ||
            parse_i64(argv[3], 1, INT64_MAX, &keeper->log_most) < 0 || parse_u64(argv[4], 1, &terminal) < 0)
                return false;
        keeper->policy = (enum keeper_policy)policy;
        keeper->terminal = terminal;
        keeper->title = argv[0];
        keeper->name = argv[5];
        keeper->program = argv + 6;
        keeper->n_program = argc - 6;
        return true;
}

/* Returns what went wrong, NULL for nothing. */
static const char *open_all(struct keeper *keeper)
{
        int lock = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        sigset_t signals;

        /* Held until the process ends. */
        if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? "it has a keeper already" : "the keeper cannot lock its directory";
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return "the keeper cannot become a sub-reaper";
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        sigaddset(&signals, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        (void)signal(SIGHUP, SIG_IGN);
        (void)signal(SIGPIPE, SIG_IGN);
        keeper->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        keeper->listener = keeper_listen(KEEPER_SOCKET, SOCK_SEQPACKET);
        if (keeper->terminal)
                keeper->console_listener = keeper_listen(KEEPER_CONSOLE_SOCKET, SOCK_STREAM);
        if (keeper->adopted < 0)
                keeper_make_output(keeper);
        else
                keeper->output = keeper_open_output(O_NONBLOCK);
        if (keeper->signals < 0 || keeper->listener < 0 || keeper->output < 0 ||
            (keeper->terminal && keeper->console_listener < 0))
                return "the keeper cannot make its sockets";
        return keeper_open_log(keeper) < 0 ? "the keeper cannot open the log" : NULL;
}

static void collect(const struct keeper *keeper, struct pollfd *fds)
{
        bool typed = keeper->typed_at < keeper->typed_size;

        fds[POLL_SIGNALS] = (struct pollfd){keeper->signals, POLLIN, 0};
        fds[POLL_LISTENER] = (struct pollfd){keeper->listener, POLLIN, 0};
        fds[POLL_CONSOLE_LISTENER] = (struct pollfd){keeper->console_listener, POLLIN, 0};
        fds[POLL_CONSOLE] = (struct pollfd){keeper->console, (short)(typed ? POLLIN | POLLOUT : POLLIN), 0};
        fds[POLL_OUTPUT] = (struct pollfd){keeper->output, POLLIN, 0};
        fds[POLL_ADOPTED] = (struct pollfd){keeper->adopted, POLLIN, 0};
        fds[POLL_REPORT] = (struct pollfd){keeper->report, POLLIN, 0};
        fds[POLL_MEMORY] = (struct pollfd){keeper->memory, POLLPRI, 0};
        fds[POLL_HOLD] = (struct pollfd){keeper->hold, POLLIN, 0};
        /* As long as the terminal does not take what was typed, nobody types more; but others are heard. */
        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                fds[POLL_CLIENTS + i] =
                        (struct pollfd){typed && keeper->attached[i] ? -1 : keeper->clients[i], POLLIN, 0};
}

static void serve_signals(struct keeper *keeper)
{
        struct signalfd_siginfo info;

        while (read(keeper->signals, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo == SIGTERM)
                        _exit(0);
        keeper_reap(keeper);
}

static void serve(struct keeper *keeper, const struct pollfd *fds)
{
        if (fds[POLL_CONSOLE_LISTENER].revents)
                keeper_take_console(keeper);
        if (fds[POLL_CONSOLE].revents & POLLOUT)
                keeper_write_typed(keeper);
        if (fds[POLL_CONSOLE].revents & ~POLLOUT)
                keeper_pump(keeper, &keeper->console);
        if (fds[POLL_OUTPUT].revents)
                keeper_pump(keeper, &keeper->output);
        if (fds[POLL_HOLD].revents)
                keeper_hear_holder(keeper, 0);
        if (fds[POLL_LISTENER].revents)
                keeper_accept(keeper);
        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                if (fds[POLL_CLIENTS + i].revents && keeper->clients[i] == fds[POLL_CLIENTS + i].fd)
                        keeper_serve(keeper, i);
        if (fds[POLL_REPORT].revents)
                keeper_hear_report(keeper);
        if (fds[POLL_MEMORY].revents)
                keeper_tell_kills(keeper);
        if (fds[POLL_SIGNALS].revents)
                serve_signals(keeper);
        /* Not our child: how it ended, nobody can tell any more. */
        if (fds[POLL_ADOPTED].revents) {
                replace_fd(&keeper->adopted, -1);
                keeper_ended(keeper, 255, 0);
        }
}

static void run(struct keeper *keeper)
{
        struct pollfd fds[POLL_CLIENTS + KEEPER_CLIENTS];

        while (keeper->state != KEEPER_DONE) {
                int timeout = keeper->state == KEEPER_WAITING ? until_ms(keeper->wake) : -1;

                collect(keeper, fds);
                if (poll(fds, ELEMENTS(fds), timeout) > 0)
                        serve(keeper, fds);
                if (keeper->state == KEEPER_WAITING && until_ms(keeper->wake) == 0) {
                        keeper_make_output(keeper);
                        keeper_launch(keeper);
                }
        }
}

int main(int argc, char **argv)
{
        static struct keeper keeper = {
                .signals = -1,
                .listener = -1,
                .console_listener = -1,
                .console = -1,
                .console_peer = -1,
                .hold = -1,
                .output = -1,
                .log = -1,
                .adopted = -1,
                .report = -1,
                .memory = -1,
                .clients = {-1, -1, -1, -1, -1, -1, -1, -1},
        };
        const char *problem;

        if (!parse_arguments(&keeper, argc, argv) || !is_open(KEEPER_STATUS) || !is_open(KEEPER_DIRECTORY)) {
                fputs("berth-keeper is started by berthctl\n", stderr);
                return 2;
        }
        (void)fcntl(KEEPER_STATUS, F_SETFD, FD_CLOEXEC);
        (void)fcntl(KEEPER_DIRECTORY, F_SETFD, FD_CLOEXEC);
        keeper.adopted = is_open(KEEPER_ADOPTED) ? KEEPER_ADOPTED : -1;
        problem = open_all(&keeper);
        if (problem) {
                keeper_tell(&keeper, problem);
                return 1;
        }
        if (keeper.adopted >= 0) {
                keeper.state = KEEPER_RUNNING;
                keeper.started = now_ms();
                keeper_watch_memory(&keeper);
                if (keeper.terminal)
                        keeper_regain(&keeper);
                keeper_tell(&keeper, "ok");
        } else if (is_open(KEEPER_LAUNCHER)) {
                keeper_let_launch(&keeper);
        } else {
                keeper_launch(&keeper);
        }
        run(&keeper);
        (void)unlink(KEEPER_SOCKET);
        (void)unlink(KEEPER_CONSOLE_SOCKET);
        (void)unlink(KEEPER_TERMINAL_SOCKET);
        return 0;
}
