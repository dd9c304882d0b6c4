/* The programs that a box starts: what they say is kept for messages, their end is noticed. */
#pragma once

#include <stddef.h>

#include "vmmode/proxy/proxy.h"

#define CHILD_NONE(program)                                                                                            \
        {                                                                                                              \
                .name = (program), .output = -EBADF                                                                    \
        }

/* fork(2), but the child is in the group below the container's (a descriptor, -EBADF none); who may not be there is in
 * the caller's. `executes`: another program, at once. The first who does is waited for until then. */
pid_t child_fork(int cgroup, bool executes);

/* Executes `program` (a descriptor) with these arguments, no environment, and no descriptors but those in `keep`, under
 * their own numbers. Its stdin is /dev/null, and what it writes is read by child_read. It begins
 * as child_fork has it. */
int child_start(struct child *child, int cgroup, int program, const char *const *argv, const int *keep, size_t n_keep);

/* Keeps what it has written. Does not wait. */
void child_read(struct child *child);

/* Why it ended, in words with its own last line: leaves a message and returns -ECHILD. */
int child_explain(struct child *child);

/* Reaps everybody who has ended and notes it in whose end it is. */
void children_reap(struct child *const *children, size_t n);
