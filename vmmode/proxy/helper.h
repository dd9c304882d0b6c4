/* Processes of the box beside it, of the same program: for what the box may no longer do once it listens to a guest.
 * They read no word of the guest's, and end with the box, which is process 1 of their pid namespace. */
#pragma once

#include "vmmode/proxy/proxy.h"

/* Where the helper finds the descriptors that it keeps; 0 to 2 are /dev/null. */
#define HELPER_SOCKET 3
#define HELPER_GIVEN  4

/* Its work; the result is its exit status. */
typedef int (*helper_work)(const struct proxy *proxy);

/* Starts one under this name (its comm). given: a descriptor that it gets at HELPER_GIVEN, -EBADF none. *socket is our
 * end of a SOCK_SEQPACKET pair, whose end is the helper's. */
int helper_start(const struct proxy *proxy, const char *name, helper_work work, int given, int *socket);
