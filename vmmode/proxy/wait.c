/* Waiting for one thing without missing the others. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "runtime/core/channel.h"
#include "vmmode/proxy/child.h"
#include "vmmode/proxy/proxy.h"
#include "vmmode/proxy/terminal.h"

#define STATE_MAX ((size_t)16 * 1024 * 1024)

/* From the end of the machine to that of its file server, or the other way round. */
#define BOTH_ENDS_MS 1000

void proxy_watch(const struct proxy *proxy, struct pollfd fds[WATCHES])
{
        fds[0] = (struct pollfd){.fd = proxy->signals, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = proxy->vmm.output, .events = POLLIN};
        fds[2] = (struct pollfd){.fd = proxy->file_server.output, .events = POLLIN};
        /* Only its end: what berth says is read where it is expected. */
        fds[3] = (struct pollfd){.fd = proxy->held ? proxy->channel : -EBADF};
}

/* Before the start the usual signals end us, as they end a parked init; the others wait for nobody. Then they are the
 * program's, but for those that the kernel sends to us for our own terminal and children. */
static int obey(struct proxy *proxy, const struct signalfd_siginfo *info)
{
        int signal = (int)info->ssi_signo;

        if (signal == SIGWINCH && proxy->options.terminal)
                return proxy->started ? terminal_tell_size(proxy) : 0;
        if (signal == SIGCHLD || signal == SIGPIPE || info->ssi_code > 0)
                return 0;
        if (proxy->started)
                return guest_say(proxy, MESSAGE_SIGNAL, signal, NULL);
        if (signal != SIGHUP && signal != SIGINT && signal != SIGQUIT && signal != SIGTERM)
                return 0;
        proxy->ended_by = signal;
        return refuse(EINTR, "ended by signal %d", signal);
}

static void reap(struct proxy *proxy)
{
        struct child *const children[] = {&proxy->vmm, &proxy->file_server};

        children_reap(children, ELEMENTS(children));
}

static int read_signals(struct proxy *proxy)
{
        struct signalfd_siginfo info;
        bool child = false;
        int r = 0;

        while (r == 0 && read(proxy->signals, &info, sizeof(info)) == sizeof(info)) {
                child = child || info.ssi_signo == SIGCHLD;
                r = obey(proxy, &info);
        }
        if (child)
                reap(proxy);
        return r;
}

/* Each ends with the other: the machine when nobody serves its files, the file server, with 0, when nobody asks for
 * them. So one end is followed by the other, and only then is it known which was the cause. */
static int explain_end(struct proxy *proxy)
{
        struct pollfd signals = {.fd = proxy->signals, .events = POLLIN};
        int64_t deadline = now_ms() + BOTH_ENDS_MS;

        while (!(proxy->vmm.has_ended && proxy->file_server.has_ended) && poll(&signals, 1, until_ms(deadline)) > 0) {
                struct signalfd_siginfo info;

                (void)!read(proxy->signals, &info, sizeof(info));
                reap(proxy);
        }
        if (proxy->file_server.has_ended && (proxy->file_server.status != 0 || !proxy->vmm.has_ended))
                return child_explain(&proxy->file_server);
        return child_explain(&proxy->vmm);
}

int proxy_watched(struct proxy *proxy, const struct pollfd fds[WATCHES])
{
        int r = fds[0].revents ? read_signals(proxy) : 0;

        if (fds[1].revents)
                child_read(&proxy->vmm);
        if (fds[2].revents)
                child_read(&proxy->file_server);
        if (r < 0)
                return r;
        if (proxy->file_server.has_ended || proxy->vmm.has_ended)
                return explain_end(proxy);
        if (fds[3].revents & (POLLHUP | POLLERR))
                return refuse(ECONNRESET, "berth went away");
        return 0;
}

int proxy_wait(struct proxy *proxy, int fd, short events, int64_t deadline)
{
        struct pollfd fds[WATCHES + 1];

        for (;;) {
                int r;

                proxy_watch(proxy, fds);
                /* Its last word comes before its end. */
                if (fd == proxy->channel)
                        fds[3].fd = -EBADF;
                fds[WATCHES] = (struct pollfd){.fd = fd, .events = events};
                r = poll(fds, ELEMENTS(fds), deadline < 0 ? -1 : until_ms(deadline));
                if (r < 0 && errno != EINTR)
                        return fail(errno, "wait");
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0)
                        continue;
                r = proxy_watched(proxy, fds);
                if (r < 0)
                        return r;
                if (fds[WATCHES].revents)
                        return fds[WATCHES].revents;
        }
}

static int keep_state(struct proxy *proxy, int fd)
{
        size_t size;
        char *state = NULL;
        int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_all(fd, STATE_MAX, &state, &size);

        if (r < 0)
                return fail(-r, "read the state for hooks");
        free(proxy->hook_state);
        proxy->hook_state = state;
        return 0;
}

int proxy_await_continue(struct proxy *proxy)
{
        struct channel_message message;
        int fd = -EBADF;
        int r = proxy_wait(proxy, proxy->channel, POLLIN, -1);

        if (r < 0)
                return r;
        r = channel_receive(proxy->channel, &message, &fd, 1, -1);
        if (r < 0)
                return fail(-r, "listen to berth");
        if (fd >= 0) {
                r = keep_state(proxy, fd);
                close(fd);
        }
        if (r < 0)
                return r;
        return message.kind == CHANNEL_CONTINUE ? 0 : refuse(ECONNRESET, "berth went away");
}
