/* The programs that a box starts: what they say is kept for messages, their end is noticed. */
#pragma once

#include <stddef.h>

#include "vmmode/proxy/proxy.h"

#define CHILD_NONE(program)                                                                                            \
        {                                                                                                              \
                .name = (program), .output = -EBADF                                                                    \
        }

/* Goes from the container's group (a descriptor, -EBADF none) to the one below it; who may not stays. */
void child_step_aside(int cgroup);

/* Executes `program` (a descriptor) with these arguments, no environment, and no descriptors but those in `keep`, under
 * their own numbers. Its stdin is /dev/null, and what it writes is read by child_read. It steps
 * aside. */
int child_start(struct child *child, int cgroup, int program, const char *const *argv, const int *keep, size_t n_keep);

/* Keeps what it has written. Does not wait. */
void child_read(struct child *child);

/* Why it ended, in words with its own last line: leaves a message and returns -ECHILD. */
int child_explain(struct child *child);

/* Reaps everybody who has ended and notes it in whose end it is. */
void children_reap(struct child *const *children, size_t n);
