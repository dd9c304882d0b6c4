/* Where the host's connections come from: vsock ports, or for tests sockets named by their port in a directory. */
#pragma once

#include <stdint.h>

struct transport {
        int directory; /* of the sockets; -EBADF: vsock */
};

/* Listens on a port. *port 0: on one that is free, which is then in *port. Returns a non-blocking descriptor. */
int transport_listen(const struct transport *transport, uint32_t *port);

/* Takes the next connection (non-blocking) that comes from the host. A bare negative errno: -EAGAIN when none waits. */
int transport_accept(const struct transport *transport, int listener);

/* Closes the listener and frees what its port is named by. */
void transport_close(const struct transport *transport, int *listener, uint32_t port);
