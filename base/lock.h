/* File locks whose wait has an end. */
#pragma once

/* flock(2) with LOCK_EX or LOCK_SH. Waits by SIGALRM, which the caller may not use at the same time. -ETIMEDOUT after
 * `seconds`; bare negative errno. The lock goes with the open file description. */
int lock_file(int fd, int operation, int seconds);
