#include "runtime/life/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/error.h"
#include "base/number.h"
#include "runtime/life/messages.h"

int interrupts_watch(void)
{
        sigset_t signals;
        int fd;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGQUIT);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return fail(errno, "block signals");
        fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? fail(errno, "watch signals") : fd;
}

int terminal_check(bool terminal, bool leaves, const char *console_socket)
{
        if (terminal && leaves && !console_socket)
                return refuse(EINVAL, MESSAGE_TTY_WITHOUT_SOCKET);
        if (console_socket && (!terminal || !leaves))
                return refuse(EINVAL, MESSAGE_SOCKET_WITHOUT_TTY);
        return 0;
}

int kept_fds_count(const char *listen_fds, unsigned preserve_fds, unsigned *count)
{
        uint32_t listen = 0;

        if (listen_fds && parse_u32(listen_fds, &listen) < 0)
                return refuse(EINVAL, "LISTEN_FDS=%s is not a number", listen_fds);
        if (listen > INT_MAX / 4 || preserve_fds > INT_MAX / 4)
                return refuse(ERANGE, "--preserve-fds: too many descriptors");
        /* What we inherited is never close-on-exec, what we opened ourselves always is: it may have taken the number.
         */
        for (unsigned i = 0; i < listen + preserve_fds; i++)
                if (fcntl((int)(3 + i), F_GETFD) != 0)
                        return refuse(EBADF, "%s: descriptor %u is not open",
                                      i < listen ? "LISTEN_FDS" : "--preserve-fds", 3 + i);
        *count = listen + preserve_fds;
        return 0;
}
