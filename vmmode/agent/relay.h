/* Bytes on their way from one descriptor to another: as fast as they are taken, none lost, each side learning of the
 * other's end. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_BUFFER ((size_t)32 * 1024)

struct relay {
        int from, to;   /* non-blocking, both the relay's; -EBADF: it has ended, or (to alone) everything is dropped */
        char *bytes;    /* made with the first byte */
        size_t n, at;   /* of them waiting */
        bool to_socket; /* the end is told by a shutdown: the other direction may be in use */
};

#define RELAY_NONE                                                                                                     \
        {                                                                                                              \
                .from = -EBADF, .to = -EBADF                                                                           \
        }

/* What to poll: two entries, of `from` and `to`. */
void relay_poll(const struct relay *relay, struct pollfd fds[2]);

/* Moves what these results allow. Says whether the relay ended by that, and on which side; it is closed then. */
enum relay_result { RELAY_GOES_ON, RELAY_SOURCE_ENDED, RELAY_TARGET_ENDED };
enum relay_result relay_move(struct relay *relay, const struct pollfd fds[2]);

/* After the end of the process: moves what is on the way and what is in `from` now, waiting up to linger_ms for more in
 * it (a terminal's bytes arrive late). All at once, since a reader may want the end of one before he takes anything of
 * another. Whoever does not read is waited for, as a pipe would hold the bytes for him: his end ends it. Ends the
 * relays, at most RELAYS_MAX. */
#define RELAYS_MAX 3
void relays_drain(struct relay *relays, size_t n, int linger_ms);

/* Closes both sides. */
void relay_end(struct relay *relay);

static inline bool relay_is_open(const struct relay *relay)
{
        return relay->from >= 0;
}
