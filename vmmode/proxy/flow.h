/* Bytes in one direction, between a descriptor of the host and a stream of the guest. Never more is read than could be
 * written: back-pressure is the descriptors' own. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define FLOW_BUFFER 4096 /* a page; pipes take no more at once */

struct flow {
        int in, out; /* the flow's; -EBADF once it has ended */
        bool to_guest;
        size_t at, used; /* what is in the buffer and not written yet */
        char buffer[FLOW_BUFFER];
};

/* Takes over both descriptors. The guest's is a non-blocking socket. */
void flow_begin(struct flow *flow, int in, int out, bool to_guest);

static inline bool flow_has_ended(const struct flow *flow)
{
        return flow->out < 0;
}

/* True while it waits for the host to take bytes, for which there is no deadline: the program would wait as long. */
bool flow_waits_for_host(const struct flow *flow);

/* What to wait for: fds[0] of `in`, fds[1] of `out`. */
void flow_watch(const struct flow *flow, struct pollfd fds[2]);

/* Moves what can be moved. True when something was. */
bool flow_move(struct flow *flow, const struct pollfd fds[2]);
