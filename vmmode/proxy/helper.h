/* Processes of the box beside it, of the same program: for what the box may no longer do once it listens to a guest.
 * They read no word of the guest's, and end with the box, which is process 1 of their pid namespace. */
#pragma once

#include "base/error.h"
#include "vmmode/proxy/proxy.h"

/* Where the helper finds the descriptors that it keeps; 0 to 2 are /dev/null. */
#define HELPER_SOCKET 3
#define HELPER_GIVEN  4

/* Its work; the result is its exit status. */
typedef int (*helper_work)(const struct proxy *proxy);

/* Starts one under this name (its comm). given: a descriptor that it gets at HELPER_GIVEN, -EBADF none. *socket is our
 * end of a SOCK_SEQPACKET pair, whose end is the helper's. */
int helper_start(const struct proxy *proxy, const char *name, helper_work work, int given, int *socket);

/* What a helper says when it is ready, and after a request. */
struct helper_answer {
        int32_t result; /* or a negative errno, with */
        char reason[ERROR_MESSAGE_MAX];
};

/* The helper: says so, a negative result with the message there is; descriptors with it. Returns a bare errno. */
int helper_answer(int result, const int *fds, size_t n_fds);

/* The box: waits for that until the deadline. Returns the result, an error with the helper's message. fds as
 * receive_message; they are the caller's after success. */
int helper_hear(struct proxy *proxy, int socket, const char *what, int *fds, size_t room, int64_t deadline);
