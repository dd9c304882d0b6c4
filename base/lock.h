/* Locks of files that wait with a deadline. */
#pragma once

/* flock(2) LOCK_EX on the descriptor. -ETIMEDOUT, or another bare negative errno. Uses SIGALRM while it waits. */
int lock_wait(int fd, int timeout_ms);
