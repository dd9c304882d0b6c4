/* Threads that are prepared (their seccomp filter) before they do anything. */
#pragma once

#include <pthread.h>

/* Starts a thread named `name` (at most 15 bytes) with a small stack and
 * waits until `prepare` (may be NULL) has run in it; what that returns below 0 is returned, and `run` not called. */
int thread_start(pthread_t *thread, const char *name, int (*prepare)(void), void (*run)(void *data), void *data);
