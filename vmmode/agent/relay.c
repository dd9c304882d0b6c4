#include "vmmode/agent/relay.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

void relay_poll(const struct relay *relay, struct pollfd fds[2])
{
        bool full = relay->at < relay->n;

        /* Errors and hang-ups of `to` are told without being asked for. Those of `from` would be told again and again
         * while nothing can be done about them. */
        fds[0] = (struct pollfd){full ? -1 : relay->from, POLLIN, 0};
        fds[1] = (struct pollfd){relay_is_open(relay) ? relay->to : -1, full ? POLLOUT : 0, 0};
}

void relay_end(struct relay *relay)
{
        if (relay->to >= 0 && relay->to_socket)
                (void)shutdown(relay->to, SHUT_WR);
        replace_fd(&relay->from, -EBADF);
        replace_fd(&relay->to, -EBADF);
        free(relay->bytes);
        relay->bytes = NULL;
        relay->n = relay->at = 0;
}

/* How many bytes came, 0 at the end, -EAGAIN. A terminal without users answers EIO. */
static ssize_t fill(struct relay *relay, size_t most)
{
        ssize_t n;

        if (!relay->bytes)
                relay->bytes = malloc(RELAY_BUFFER);
        if (!relay->bytes)
                return 0;
        n = read(relay->from, relay->bytes, most < RELAY_BUFFER ? most : RELAY_BUFFER);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
        relay->at = 0;
        relay->n = relay->to >= 0 ? (size_t)n : 0;
        return n;
}

/* 1 some was taken, 0 the other side takes no more, -EAGAIN. */
static int empty(struct relay *relay)
{
        ssize_t n = write(relay->to, relay->bytes + relay->at, relay->n - relay->at);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
        relay->at += (size_t)n;
        return 1;
}

enum relay_result relay_move(struct relay *relay, const struct pollfd fds[2])
{
        enum relay_result result = RELAY_GOES_ON;

        if (!relay_is_open(relay))
                return RELAY_GOES_ON;
        if (fds[0].revents && fill(relay, RELAY_BUFFER) == 0)
                result = RELAY_SOURCE_ENDED;
        else if (relay->at < relay->n ? empty(relay) == 0 : (fds[1].revents & (POLLERR | POLLHUP)) != 0)
                result = RELAY_TARGET_ENDED;
        if (result != RELAY_GOES_ON)
                relay_end(relay);
        return result;
}

/* Writes all that waits. false: the other side does not take it. */
static bool flush(struct relay *relay, int stall_ms)
{
        while (relay->at < relay->n) {
                int r = empty(relay);

                if (r == 0 || (r < 0 && wait_fd(relay->to, POLLOUT, stall_ms) < 0))
                        return false;
        }
        return true;
}

/* How much of the source still counts: what is in it now, or (a terminal) what comes within the time. */
static size_t rest_of(const struct relay *relay, int linger_ms)
{
        int waiting = 0;

        if (linger_ms > 0)
                return SIZE_MAX;
        return ioctl(relay->from, FIONREAD, &waiting) < 0 || waiting < 0 ? 0 : (size_t)waiting;
}

void relay_drain(struct relay *relay, int linger_ms, int stall_ms)
{
        int64_t deadline = now_ms() + linger_ms;
        size_t rest = relay_is_open(relay) ? rest_of(relay, linger_ms) : 0;

        while (relay_is_open(relay) && flush(relay, stall_ms) && rest > 0) {
                ssize_t n = fill(relay, rest);

                if (n == 0 || (n < 0 && wait_fd(relay->from, POLLIN, until_ms(deadline)) < 0))
                        break;
                if (n > 0)
                        rest -= (size_t)n;
                /* Somebody else goes on writing: the process's own words were in the first of it. */
                if (linger_ms > 0 && now_ms() >= deadline)
                        rest = 0;
        }
        relay_end(relay);
}
