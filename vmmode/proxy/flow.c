#include "vmmode/proxy/flow.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"

void flow_begin(struct flow *flow, int in, int out, bool to_guest)
{
        flow->in = in;
        flow->out = out;
        flow->to_guest = to_guest;
        flow->at = flow->used = 0;
}

bool flow_waits_for_host(const struct flow *flow)
{
        return !flow->to_guest && flow->used > 0;
}

/* Whoever still has a copy of the guest's socket (a terminal's other direction) must not keep the end from the guest.
 */
static void end(struct flow *flow)
{
        if (flow->to_guest && flow->out >= 0)
                (void)shutdown(flow->out, SHUT_WR);
        if (!flow->to_guest && flow->in >= 0)
                (void)shutdown(flow->in, SHUT_RD);
        replace_fd(&flow->in, -EBADF);
        replace_fd(&flow->out, -EBADF);
        flow->used = 0;
}

void flow_watch(const struct flow *flow, struct pollfd fds[2])
{
        fds[0] = (struct pollfd){.fd = flow->used ? -EBADF : flow->in, .events = POLLIN};
        /* Also while there is nothing to write: that nobody reads any more is to reach the writer. */
        fds[1] = (struct pollfd){.fd = flow->out, .events = flow->used ? POLLOUT : 0};
}

static bool try_again(void)
{
        return errno == EAGAIN || errno == EINTR;
}

static bool fill(struct flow *flow)
{
        ssize_t n = read(flow->in, flow->buffer, sizeof(flow->buffer));

        if (n < 0 && try_again())
                return false;
        if (n <= 0) {
                end(flow);
                return true;
        }
        flow->at = 0;
        flow->used = (size_t)n;
        return true;
}

/* The host's descriptors are shared with others and must stay blocking. A pipe that poll() calls writable takes
 * PIPE_BUF bytes without waiting. */
static bool drain(struct flow *flow)
{
        size_t most = flow->to_guest || flow->used < PIPE_BUF ? flow->used : PIPE_BUF;
        ssize_t n = write(flow->out, flow->buffer + flow->at, most);

        if (n < 0 && try_again())
                return false;
        if (n < 0) {
                end(flow);
                return true;
        }
        flow->at += (size_t)n;
        flow->used -= (size_t)n;
        return true;
}

bool flow_move(struct flow *flow, const struct pollfd fds[2])
{
        bool moved = false;

        if (flow_has_ended(flow))
                return false;
        if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
                end(flow);
                return true;
        }
        if (fds[0].revents)
                moved = fill(flow);
        else if (fds[1].revents & POLLOUT)
                moved = drain(flow);
        return moved;
}
