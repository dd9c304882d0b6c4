/* Running helper programs and waiting for processes, with deadlines. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Puts every signal back to its default disposition and empties the mask: ignored signals and the mask survive an
 * execve, and what our caller ignored or blocked is not meant for what we start. */
void signals_reset(void);

/* Runs a program found in PATH (execvp) with the caller's environment and waits. Its output and error, at most `size` -
 * 1 bytes, go into `output` (NUL-terminated, without the newline at the end). Returns its exit status (128 + signal
 * when killed), or a negative errno with a message: -ENOENT when there is no such program, -ETIMEDOUT after it was
 * killed. */
int process_run(const char *program, const char *const *args, int timeout_ms, char *output, size_t size);

/* Waits for the end of a child by its pidfd and reaps it. *status is the exit status, or 128 + signal. -ETIMEDOUT; bare
 * negative errno. */
int process_reap(int pidfd, int timeout_ms, int *status);
