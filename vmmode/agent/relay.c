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
        /* Without POLLIN beside it nothing is left to be read. */
        if (fds[0].revents == POLLHUP || (fds[0].revents && fill(relay, RELAY_BUFFER) == 0))
                result = RELAY_SOURCE_ENDED;
        else if (relay->at < relay->n ? empty(relay) == 0 : (fds[1].revents & (POLLERR | POLLHUP)) != 0)
                result = RELAY_TARGET_ENDED;
        if (result != RELAY_GOES_ON)
                relay_end(relay);
        return result;
}

/* How much of the source still counts: what is in it now, or (a terminal) what comes within the time: of the process's
 * own words the kernel keeps some 8 KiB, and somebody else may go on writing. */
#define TERMINAL_MOST ((size_t)64 * 1024)

static size_t rest_of(const struct relay *relay, int linger_ms)
{
        int waiting = 0;

        if (linger_ms > 0)
                return TERMINAL_MOST;
        return ioctl(relay->from, FIONREAD, &waiting) < 0 || waiting < 0 ? 0 : (size_t)waiting;
}

/* Moves what can be moved without waiting. true: something is left to be waited for. */
static bool drain_now(struct relay *relay, size_t *rest, int64_t deadline)
{
        while (relay_is_open(relay)) {
                bool late = now_ms() >= deadline;
                ssize_t n;

                if (relay->at < relay->n) {
                        n = empty(relay);
                        if (n < 0)
                                return true;
                } else {
                        n = *rest > 0 ? fill(relay, *rest) : 0;
                        if (n < 0 && !late)
                                return true;
                        if (n > 0)
                                *rest -= (size_t)n;
                }
                if (n <= 0)
                        relay_end(relay);
        }
        return false;
}

/* Waits until one of them can go on, or the deadline for more of a source comes. */
static void wait_for_some(struct relay *relays, size_t n, int64_t deadline)
{
        struct pollfd fds[2 * RELAYS_MAX];
        int timeout = -1;

        for (size_t i = 0; i < n; i++) {
                relay_poll(&relays[i], fds + 2 * i);
                if (relay_is_open(&relays[i]) && relays[i].at == relays[i].n)
                        timeout = until_ms(deadline);
        }
        if (poll(fds, (nfds_t)(2 * n), timeout) <= 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (fds[2 * i + 1].revents & (POLLERR | POLLHUP))
                        relay_end(&relays[i]);
}

void relays_drain(struct relay *relays, size_t n, int linger_ms)
{
        int64_t deadline = now_ms() + linger_ms;
        size_t rest[RELAYS_MAX];
        bool waits;

        for (size_t i = 0; i < n; i++)
                rest[i] = relay_is_open(&relays[i]) ? rest_of(&relays[i], linger_ms) : 0;
        do {
                waits = false;
                for (size_t i = 0; i < n; i++)
                        waits |= drain_now(&relays[i], &rest[i], deadline);
                if (waits)
                        wait_for_some(relays, n, deadline);
        } while (waits);
}
