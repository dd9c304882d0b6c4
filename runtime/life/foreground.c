#include "runtime/life/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "base/syscalls.h"

/* What the process has written before it ended is in the terminal's buffer when we learn of its end. The kernel keeps
 * some 8 KiB of it; what comes after that is somebody else's, who may go on for ever. */
#define DRAIN_MS   1000
#define DRAIN_MOST ((size_t)64 * 1024)

static struct termios saved_terminal;

static void copy_window_size(int master)
{
        struct winsize size;

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
                (void)ioctl(master, TIOCSWINSZ, &size);
}

/* What goes to a file or a pipe has the lines of the program, as with runc. A terminal gets what the program's has made
 * of them: our own is raw. */
static void leave_lines_alone(int master)
{
        struct termios settings;

        if (isatty(STDOUT_FILENO) || tcgetattr(master, &settings) < 0)
                return;
        settings.c_oflag &= ~(tcflag_t)ONLCR;
        (void)tcsetattr(master, TCSANOW, &settings);
}

static void begin_terminal(struct foreground *foreground, int master)
{
        struct termios raw;

        foreground->terminal = master;
        leave_lines_alone(master);
        (void)fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
        if (tcgetattr(STDIN_FILENO, &saved_terminal) < 0)
                return;
        raw = saved_terminal;
        cfmakeraw(&raw);
        foreground->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        copy_window_size(master);
}

int foreground_prepare(struct foreground *foreground, int master)
{
        sigset_t signals;

        *foreground = (struct foreground)FOREGROUND_NONE;
        sigfillset(&signals);
        /* Faults are our own, and job control of our own stays with the kernel. */
        for (size_t i = 0; i < 8; i++) {
                static const int ours[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE};

                sigdelset(&signals, ours[i]);
        }
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return fail(errno, "block signals");
        foreground->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (foreground->signals < 0)
                return fail(errno, "watch signals");
        if (master >= 0)
                begin_terminal(foreground, master);
        return 0;
}

void foreground_end(struct foreground *foreground)
{
        if (foreground->raw)
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
        foreground->raw = false;
        replace_fd(&foreground->signals, -EBADF);
}

static void forward_signals(struct foreground *foreground, int pidfd)
{
        struct signalfd_siginfo info;

        while (read(foreground->signals, &info, sizeof(info)) == sizeof(info)) {
                int signal = (int)info.ssi_signo;

                if (signal == SIGWINCH && foreground->terminal >= 0)
                        copy_window_size(foreground->terminal);
                else if (signal != SIGCHLD && signal != SIGURG)
                        (void)sys_pidfd_send_signal(pidfd, signal);
        }
}

/* As a sub-reaper we inherit what the container leaves behind: it must not stay a zombie. Our own process is reaped by
 * its pidfd, so it is left here. */
static void reap_strangers(int pidfd)
{
        for (;;) {
                siginfo_t info = {0};
                int status;

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                        return;
                /* Is it ours? Then its pidfd is readable, and it is the caller's. */
                if (wait_fd(pidfd, POLLIN, 0) > 0)
                        return;
                if (waitpid(info.si_pid, &status, WNOHANG) <= 0)
                        return;
        }
}

/* Bytes on their way to the terminal, or from it to stdout. They wait here until the other side takes them: a write
 * that blocks would keep us from reading what the process says, and from forwarding signals. A pipe that poll() calls
 * writable takes PIPE_BUF bytes without waiting. */
struct passage {
        char bytes[PIPE_BUF];
        size_t n, at;
};

static bool is_waiting(const struct passage *passage)
{
        return passage->at < passage->n;
}

/* False at the end of the source. */
static bool fill(struct passage *passage, int from)
{
        ssize_t n = read(from, passage->bytes, sizeof(passage->bytes));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        passage->at = 0;
        passage->n = (size_t)n;
        return n > 0;
}

/* False when the other side takes nothing any more. */
static bool empty(struct passage *passage, int to)
{
        ssize_t n = write(to, passage->bytes + passage->at, passage->n - passage->at);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return true;
        passage->at += n < 0 ? passage->n - passage->at : (size_t)n;
        return n >= 0;
}

static bool is_asked_to_end(int signals)
{
        struct signalfd_siginfo info;

        while (read(signals, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT ||
                    info.ssi_signo == SIGTERM)
                        return true;
        return false;
}

/* As long as the reader takes, and no longer than somebody waits for him. */
static bool await_reader(const struct foreground *foreground)
{
        struct pollfd fds[] = {{.fd = STDOUT_FILENO, .events = POLLOUT}, {.fd = foreground->signals, .events = POLLIN}};

        while (!fds[0].revents) {
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return false;
                if (fds[1].revents && is_asked_to_end(foreground->signals))
                        return false;
        }
        return true;
}

static void drain_terminal(const struct foreground *foreground, struct passage *shown)
{
        int64_t deadline = now_ms() + DRAIN_MS;
        size_t drained = 0;
        bool more = true;

        while (more) {
                if (is_waiting(shown)) {
                        more = await_reader(foreground) && empty(shown, STDOUT_FILENO);
                } else {
                        more = drained < DRAIN_MOST && wait_fd(foreground->terminal, POLLIN, until_ms(deadline)) > 0 &&
                               fill(shown, foreground->terminal);
                        drained += more ? shown->n : 0;
                }
        }
}

static void serve_other(struct foreground *foreground)
{
        int r = foreground->on_other(foreground->data);

        if (r < 0) {
                log_warning("%s", error_message());
                error_clear();
        }
        if (r != 0)
                foreground->other = -EBADF;
}

/* Carries what can go on; what has ended is not watched any more. */
static void carry(struct passage *typed, struct passage *shown, const struct pollfd *fds, bool *input, bool *output)
{
        int master = fds[0].fd;

        if (fds[0].revents & POLLOUT)
                (void)empty(typed, master);
        if (fds[0].revents & ~POLLOUT && !is_waiting(shown))
                *output = fill(shown, master);
        if (fds[1].revents)
                *input = fill(typed, STDIN_FILENO);
        if (fds[2].revents)
                *output = empty(shown, STDOUT_FILENO);
}

int foreground_wait(struct foreground *foreground, int pidfd, int *status)
{
        struct passage typed = {.n = 0}, shown = {.n = 0};
        int master = foreground->terminal;
        bool output = master >= 0, input = master >= 0;
        struct pollfd fds[6] = {{.fd = pidfd, .events = POLLIN}, {.fd = foreground->signals, .events = POLLIN}};
        int r;

        while (!fds[0].revents) {
                short events = (short)((is_waiting(&typed) ? POLLOUT : 0) | (is_waiting(&shown) ? 0 : POLLIN));

                fds[2] = (struct pollfd){output && events ? master : -1, events, 0};
                fds[3] = (struct pollfd){input && !is_waiting(&typed) ? STDIN_FILENO : -1, POLLIN, 0};
                fds[4] = (struct pollfd){is_waiting(&shown) ? STDOUT_FILENO : -1, POLLOUT, 0};
                fds[5] = (struct pollfd){foreground->other, POLLIN, 0};
                /* As long as the process lives: that is what the command is for. */
                if (poll(fds, ELEMENTS(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail(errno, "wait for the container");
                }
                if (fds[1].revents) {
                        forward_signals(foreground, pidfd);
                        reap_strangers(pidfd);
                }
                carry(&typed, &shown, fds + 2, &input, &output);
                if (fds[5].revents)
                        serve_other(foreground);
        }
        if (output)
                drain_terminal(foreground, &shown);
        r = process_reap(pidfd, -1, status);
        return r < 0 ? fail(-r, "wait for the container") : 0;
}
