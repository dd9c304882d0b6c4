/* Waiting on descriptors: one thread, one epoll, handlers. Busy devices have a loop each, the others share one; when
 * nothing happens nothing runs. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* One descriptor that is waited for. Lives in its owner; `loop` must not outlive it. */
struct watch {
        int fd;
        uint32_t events; /* EPOLLIN... */
        void (*ready)(void *owner, uint32_t events);
        void *owner;
        pthread_mutex_t *lock; /* held while `ready` runs; NULL: none */
        bool added;
};

struct loop {
        const char *name; /* of the thread, at most 15 bytes */
        int epoll;
        int stop; /* an eventfd */
        pthread_t thread;
        bool started;
};

int loop_make(struct loop *loop, const char *name);

/* Adds, changes, takes out. From any thread; a handler that runs meanwhile is not waited for. */
int loop_add(struct loop *loop, struct watch *watch);
int loop_change(struct loop *loop, struct watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct watch *watch);

/* Starts its thread. `prepare` (may be NULL) runs in it first. */
int loop_start(struct loop *loop, int (*prepare)(void));

/* Waits at most timeout_ms (-1: without end) and handles what happened. Returns the number of events, -ECANCELED after
 * loop_stop. */
int loop_turn(struct loop *loop, int timeout_ms);

/* Runs it in this thread until loop_stop. */
int loop_run(struct loop *loop);

void loop_stop(struct loop *loop);

/* Stops it, waits for its thread, releases it. */
void loop_free(struct loop *loop);
