#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "runtime/core/channel.h"
#include "vmmode/proxy/proxy.h"

/* How long somebody who has connected may take to say what he wants. */
#define START_WORD_MS 10000

/* One who goes away without saying start changes nothing. */
static int accept_start(struct proxy *proxy)
{
        struct channel_message message;
        int connection = accept4(proxy->options.start, NULL, NULL, SOCK_CLOEXEC);

        if (connection < 0)
                return errno == EINTR || errno == ECONNABORTED || errno == EAGAIN ? 0 : fail(errno, "wait for start");
        if (channel_receive(connection, &message, NULL, 0, START_WORD_MS) == 0 && message.kind == CHANNEL_START) {
                replace_fd(&proxy->channel, connection);
                return 1;
        }
        close(connection);
        return 0;
}

int proxy_park(struct proxy *proxy)
{
        int r;

        do {
                struct pollfd fds[WATCHES + 2];

                proxy_watch(proxy, fds);
                fds[WATCHES] = (struct pollfd){.fd = proxy->options.start, .events = POLLIN};
                fds[WATCHES + 1] = (struct pollfd){.fd = proxy->session, .events = POLLIN};
                if (poll(fds, ELEMENTS(fds), -1) < 0) {
                        r = errno == EINTR ? 0 : fail(errno, "wait for start");
                        continue;
                }
                r = proxy_watched(proxy, fds);
                if (r == 0 && fds[WATCHES + 1].revents)
                        r = session_overhear(proxy);
                if (r == 0 && fds[WATCHES].revents)
                        r = accept_start(proxy);
        } while (r == 0);
        replace_fd(&proxy->options.start, -EBADF);
        return r < 0 ? r : 0;
}
