#include "vmmode/vmm/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/thread.h"

#define EVENTS 16

int loop_make(struct loop *loop, const char *name)
{
        struct epoll_event event = {.events = EPOLLIN};

        *loop = (struct loop){
                .name = name, .epoll = epoll_create1(EPOLL_CLOEXEC), .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (loop->epoll < 0 || loop->stop < 0)
                return fail(errno, "make the event loop of %s", name);
        return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->stop, &event) < 0
                       ? fail(errno, "make the event loop of %s", name)
                       : 0;
}

int loop_add(struct loop *loop, struct watch *watch)
{
        struct epoll_event event = {.events = watch->events, .data.ptr = watch};

        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0)
                return fail(errno, "watch a descriptor of %s", loop->name);
        watch->added = true;
        return 0;
}

int loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = watch};

        if (watch->events == events)
                return 0;
        watch->events = events;
        if (watch->added && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0)
                return fail(errno, "watch a descriptor of %s", loop->name);
        return 0;
}

void loop_remove(struct loop *loop, struct watch *watch)
{
        if (watch->added)
                (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        watch->added = false;
}

static void handle(struct watch *watch, uint32_t events)
{
        /* The handler may end what the watch is part of. */
        pthread_mutex_t *lock = watch->lock;

        if (lock)
                pthread_mutex_lock(lock);
        /* A handler before it in this round may have taken it out. */
        if (watch->added)
                watch->ready(watch->owner, events);
        if (lock)
                pthread_mutex_unlock(lock);
}

int loop_turn(struct loop *loop, int timeout_ms)
{
        struct epoll_event events[EVENTS];
        int n = epoll_wait(loop->epoll, events, EVENTS, timeout_ms);

        if (n < 0)
                return errno == EINTR ? 1 : fail(errno, "wait for events of %s", loop->name);
        for (int i = 0; i < n; i++) {
                if (!events[i].data.ptr)
                        return -ECANCELED;
                handle(events[i].data.ptr, events[i].events);
        }
        return n;
}

int loop_run(struct loop *loop)
{
        int r;

        do
                r = loop_turn(loop, -1);
        while (r >= 0);
        return r == -ECANCELED ? 0 : r;
}

static void run(void *loop)
{
        (void)loop_run(loop);
}

int loop_start(struct loop *loop, int (*prepare)(void))
{
        int r = thread_start(&loop->thread, loop->name, prepare, run, loop);

        loop->started = r == 0;
        return r;
}

void loop_stop(struct loop *loop)
{
        if (loop->stop >= 0)
                (void)eventfd_write(loop->stop, 1);
}

void loop_free(struct loop *loop)
{
        loop_stop(loop);
        if (loop->started)
                pthread_join(loop->thread, NULL);
        cleanup_close(&loop->epoll);
        cleanup_close(&loop->stop);
        *loop = (struct loop){.epoll = -EBADF, .stop = -EBADF};
}
