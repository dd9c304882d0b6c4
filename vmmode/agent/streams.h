/* Standard input, output and error of a process in the guest: pipes on its side, one connection of the host for each on
 * the other; or a terminal with one connection for both directions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmmode/agent/relay.h"
#include "vmmode/agent/transport.h"

#define STREAMS 3

struct streams {
        const struct transport *transport;
        int listener;
        uint32_t port;
        int pipes[STREAMS]; /* our ends; -EBADF with a terminal */
        bool terminal;
        int console;                  /* the terminal's master */
        int peer;                     /* its other side, so that it does not hang up while nobody has it open */
        struct relay relays[STREAMS]; /* in, out, error; with a terminal: in, out */
};

#define STREAMS_NONE                                                                                                   \
        {                                                                                                              \
                .listener = -EBADF, .pipes = {-EBADF, -EBADF, -EBADF}, .console = -EBADF, .peer = -EBADF, .relays = {  \
                        RELAY_NONE,                                                                                    \
                        RELAY_NONE,                                                                                    \
                        RELAY_NONE                                                                                     \
                }                                                                                                      \
        }

/* Makes the pipes and has descriptors 0 to 2 be their other ends: what is launched now inherits them. With a terminal
 * they become /dev/null. */
int streams_prepare(struct streams *streams, const struct transport *transport, bool terminal);

/* Takes the other ends away from us again. console: the terminal's master, the streams' from now on; -EBADF without. */
int streams_launched(struct streams *streams, int console);

/* Begins to wait for the host's connections; the port is in streams->port. */
int streams_listen(struct streams *streams);

/* Takes the connections that have come and begins the relays. What the host has not connected is /dev/null. */
int streams_begin(struct streams *streams);

/* After a failure: the host may be on its way to a stream that nobody needs any more, and is to find an end there, not
 * a closed port. Until the host closes the connection, at most timeout_ms. */
void streams_refuse(const struct streams *streams, int connection, int timeout_ms);

/* The size of the terminal's window; nothing without one. */
void streams_resize(const struct streams *streams, int64_t rows, int64_t columns);

/* For one poll of everything: STREAMS pairs of entries. */
void streams_poll(const struct streams *streams, struct pollfd fds[2 * STREAMS]);
void streams_move(struct streams *streams, const struct pollfd fds[2 * STREAMS]);

/* After the end of the process: what it has written goes out, and the streams end. */
void streams_drain(struct streams *streams);

void streams_close(struct streams *streams);
