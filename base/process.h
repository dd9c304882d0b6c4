/* Running helper programs and waiting for processes, with deadlines. */
#pragma once

#include <errno.h>
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

/* The same in two halves, so that the caller can work beside it. */
struct process_call {
        pid_t pid;
        int pidfd, output, errors; /* all -EBADF: nothing is under way */
};

#define PROCESS_CALL_NONE                                                                                              \
        {                                                                                                              \
                .pidfd = -EBADF, .output = -EBADF, .errors = -EBADF                                                    \
        }

/* input: what the program reads, -EBADF the caller's standard input. It gets no other descriptor of the caller's. */
int process_begin(const char *program, const char *const *args, int input, struct process_call *call);

/* enter: what the new process does before it executes the program, NULL nothing. When that fails, its message is the
 * program's output, and the exit status 127. */
struct process_setting {
        int input;
        int (*enter)(void *data);
        void *data;
};
int process_begin_in(const char *program, const char *const *args, const struct process_setting *setting,
                     struct process_call *call);

/* interrupt: a descriptor that ends the wait with -EINTR when it becomes readable, -EBADF none. Whatever the result,
 * the program has ended and is reaped. */
int process_finish(struct process_call *call, int timeout_ms, int interrupt, char *output, size_t size);

/* Kills and reaps what is under way. */
void process_drop(struct process_call *call);

/* Waits for the end of a child by its pidfd and reaps it. *status is the exit status, or 128 + signal. -ETIMEDOUT; bare
 * negative errno. */
int process_reap(int pidfd, int timeout_ms, int *status);
