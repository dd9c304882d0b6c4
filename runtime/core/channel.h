/* What berth and berth-init say to each other over a SOCK_SEQPACKET pair (and, once the init is parked, over a
 * connection to its start socket): small typed packets, descriptors beside them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHANNEL_TEXT_MAX 8192

enum channel_kind {
        CHANNEL_END, /* the other side is gone */
        /* to the init */
        CHANNEL_PLAN,     /* fds: the plan's memfd, then the slots */
        CHANNEL_CONTINUE, /* answer to MAPS and POINT; perhaps fds[0]: the state for hooks, as JSON in a memfd */
        CHANNEL_START,    /* to a parked init */
        /* from the init */
        CHANNEL_MAPS,     /* has a new user namespace and waits for its id maps */
        CHANNEL_PID,      /* number: the pid of the process inside, in the init's own pid namespace */
        CHANNEL_POINT,    /* number: enum plan_point, reached; waits for CONTINUE */
        CHANNEL_CONSOLE,  /* fds[0]: the terminal's master, text: its name */
        CHANNEL_LISTENER, /* fds[0]: the seccomp listener */
        CHANNEL_LOG,      /* number: enum log_level, text: a line */
        CHANNEL_ERROR,    /* number: errno, text: the message chain */
};

struct channel_message {
        uint32_t kind;
        int32_t number;
        char text[CHANNEL_TEXT_MAX]; /* NUL-terminated */
};

/* text NULL: none; a longer one is cut. fd -EBADF: none. A bare negative errno. */
int channel_send(int channel, enum channel_kind kind, int32_t number, const char *text, int fd);

/* Receives one message. fds gets up to `room` descriptors. deadline: milliseconds from now, -1 none. 0, with kind
 * CHANNEL_END when the other side has closed; a bare negative errno. */
int channel_receive(int channel, struct channel_message *message, int *fds, size_t room, int timeout_ms);
