#include "runtime/life/foreground.h"

#include <errno.h>
#include <fcntl.h>
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

/* What the process has written before it ended is in the terminal's buffer when we learn of its end. */
#define DRAIN_MS 1000

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

/* Bytes from one side to the other. False at the end of the source. */
static bool pump(int from, int to)
{
        char buffer[8192];
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        if (n == 0)
                return false;
        return write_all(to, buffer, (size_t)n) == 0;
}

/* What was typed waits here until the terminal takes it. A write that blocks would keep us from reading what the
 * process says, and a process that nobody listens to does not read either. */
struct typed {
        char bytes[4096];
        size_t n, at;
};

/* False at the end of stdin. */
static bool read_typed(struct typed *typed)
{
        ssize_t n = read(STDIN_FILENO, typed->bytes, sizeof(typed->bytes));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        typed->at = 0;
        typed->n = (size_t)n;
        return n > 0;
}

static void write_typed(struct typed *typed, int master)
{
        ssize_t n = write(master, typed->bytes + typed->at, typed->n - typed->at);

        if (n < 0 && errno != EINTR && errno != EAGAIN)
                typed->at = typed->n;
        else if (n > 0)
                typed->at += (size_t)n;
}

static void drain_terminal(int master)
{
        int64_t deadline = now_ms() + DRAIN_MS;

        while (wait_fd(master, POLLIN, until_ms(deadline)) > 0)
                if (!pump(master, STDOUT_FILENO))
                        return;
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

int foreground_wait(struct foreground *foreground, int pidfd, int *status)
{
        struct typed typed = {.n = 0};
        int master = foreground->terminal;
        bool output = master >= 0, input = master >= 0;
        struct pollfd fds[5] = {{.fd = pidfd, .events = POLLIN}, {.fd = foreground->signals, .events = POLLIN}};
        int r;

        while (!fds[0].revents) {
                bool waiting = typed.at < typed.n;

                fds[2] = (struct pollfd){output ? master : -1, (short)(waiting ? POLLIN | POLLOUT : POLLIN), 0};
                fds[3] = (struct pollfd){input && !waiting ? STDIN_FILENO : -1, POLLIN, 0};
                fds[4] = (struct pollfd){foreground->other, POLLIN, 0};
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
                if (fds[2].revents & POLLOUT)
                        write_typed(&typed, master);
                if (fds[2].revents & ~POLLOUT)
                        output = pump(master, STDOUT_FILENO);
                if (fds[3].revents)
                        input = read_typed(&typed);
                if (fds[4].revents)
                        serve_other(foreground);
        }
        if (output)
                drain_terminal(master);
        r = process_reap(pidfd, -1, status);
        return r < 0 ? fail(-r, "wait for the container") : 0;
}
