/* Addresses of sockets in the file system. */
#pragma once

#include <sys/un.h>

/* The socket `name` in the directory that dirfd refers to; "" is the socket that it refers to itself. A path may be
 * longer than sun_path: through the descriptor it never is. name: at most 64 bytes. */
struct sockaddr_un unix_address_at(int dirfd, const char *name);

/* Connects to the stream socket at a path of any length. Where nobody takes connections, the wait for a place among
 * those that wait ends after `seconds`, as does each wait of sending later (SO_SNDTIMEO). Returns the descriptor, or a
 * bare negative errno: -ETIMEDOUT then. */
int unix_connect(const char *path, int seconds);
