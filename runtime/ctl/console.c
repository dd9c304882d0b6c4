/* A person at the console of a container. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/keeper/keeper.h"

#define ESCAPE 0x1d /* Ctrl-] */

/* The person's side. */
struct seat {
        int keeper, signals;
        bool raw, input;
        struct termios before;
};

static void seat_release(struct seat *seat)
{
        if (seat->raw)
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &seat->before);
        replace_fd(&seat->signals, -EBADF);
        replace_fd(&seat->keeper, -EBADF);
}

static void send_window(const struct seat *seat)
{
        struct winsize size;
        uint16_t numbers[2];
        char packet[1 + sizeof(numbers)] = {KEEPER_WINDOW};

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
                return;
        numbers[0] = size.ws_row;
        numbers[1] = size.ws_col;
        memcpy(packet + 1, numbers, sizeof(numbers));
        (void)send_message(seat->keeper, packet, sizeof(packet), NULL, 0);
}

static int sit_down(struct seat *seat)
{
        const char attach = KEEPER_ATTACH;
        struct termios raw;
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGWINCH);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        seat->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (seat->signals < 0)
                return fail(errno, "watch signals");
        if (send_message(seat->keeper, &attach, 1, NULL, 0) < 0)
                return refuse(EPIPE, "the keeper has ended");
        if (!seat->input || tcgetattr(STDIN_FILENO, &seat->before) < 0)
                return 0;
        raw = seat->before;
        cfmakeraw(&raw);
        seat->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        send_window(seat);
        return 0;
}

/* 1: leave; negative: with an error. */
static int show(const struct seat *seat)
{
        char packet[KEEPER_PACKET_MOST];
        ssize_t n = receive_message(seat->keeper, packet, sizeof(packet), NULL, 0, 0);

        if (n == -ETIMEDOUT)
                return 0;
        if (n <= 0)
                return 1;
        if (packet[0] == KEEPER_FULL)
                return refuse(EBUSY, "as many as can be are at this console already");
        if (packet[0] != KEEPER_DATA)
                return 0;
        return write_all(STDOUT_FILENO, packet + 1, (size_t)n - 1) < 0 ? 1 : 0;
}

/* At the end of the input the output goes on. */
static int hand_on(struct seat *seat)
{
        char packet[KEEPER_PACKET_MOST] = {KEEPER_DATA};
        ssize_t n = read(STDIN_FILENO, packet + 1, sizeof(packet) - 1);
        const char *escape;

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n <= 0) {
                seat->input = false;
                return 0;
        }
        escape = seat->raw ? memchr(packet + 1, ESCAPE, (size_t)n) : NULL;
        if (escape)
                n = escape - packet - 1;
        if (n > 0 && send_message(seat->keeper, packet, (size_t)n + 1, NULL, 0) < 0)
                return 1;
        return escape ? 1 : 0;
}

static int heed_signals(const struct seat *seat)
{
        struct signalfd_siginfo info;

        while (read(seat->signals, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return 1;
                send_window(seat);
        }
        return 0;
}

int keeper_console(const struct ctl *ctl, const char *name, bool input)
{
        _cleanup_(seat_release) struct seat seat = {
                .keeper = keeper_connect(ctl, name), .signals = -EBADF, .input = input};
        int r, leave = 0;

        if (seat.keeper < 0)
                return fail(-seat.keeper, "connect to the keeper of container %s", name);
        r = sit_down(&seat);
        if (r < 0)
                return r;
        while (!leave) {
                struct pollfd fds[] = {{seat.keeper, POLLIN, 0},
                                       {seat.signals, POLLIN, 0},
                                       {seat.input ? STDIN_FILENO : -1, POLLIN, 0}};

                /* As long as the person wants: that is what the command is for. */
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for the console of container %s", name);
                if (fds[0].revents)
                        leave = show(&seat);
                if (fds[1].revents && !leave)
                        leave = heed_signals(&seat);
                if (fds[2].revents && !leave)
                        leave = hand_on(&seat);
        }
        return leave < 0 ? fail_in(leave, "container %s", name) : 0;
}
