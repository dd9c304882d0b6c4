/* What the kernel announces about a group: cgroup.events and memory.events. Both raise POLLPRI when they change, so
 * that nobody has to look again and again. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Waits until the line `key` ("populated", "frozen") of cgroup.events holds `wanted`. Bare results: 0, -ETIMEDOUT,
 * -ENOENT or -ENODEV when the group is gone. deadline: monotonic ms (base/io.h). */
int cgroup_wait_event(int cgroup_fd, const char *key, uint64_t wanted, int64_t deadline);

/* A watch over one group: for the event stream, and for everyone who waits for the end of a container. */
struct cgroup_watch {
        int fd;                   /* readable when something changed: poll it, then call cgroup_watch_read */
        int events_fd, memory_fd; /* memory_fd is -EBADF where there is no memory controller */
        int above_fd;             /* memory.events of the group above, -EBADF where that has none */
        uint64_t oom_kills;       /* seen so far */
        uint64_t kills_above;     /* the same in the group above and all below it */
};

#define CGROUP_WATCH_NONE                                                                                              \
        {                                                                                                              \
                .fd = -EBADF, .events_fd = -EBADF, .memory_fd = -EBADF, .above_fd = -EBADF                             \
        }

struct cgroup_change {
        bool ended;         /* no process is left, or the group is gone; stays true */
        bool frozen;        /* as it is now */
        uint64_t oom_kills; /* kills since the last read (or since cgroup_watch_open): 0 is none */
};

/* Opens the watch. What happened before is not reported, but `ended` and `frozen` are always the present state: read
 * once before the first poll. The watch is the caller's (cgroup_watch_close). */
int cgroup_watch_open(int cgroup_fd, struct cgroup_watch *watch);

/* What changed. Never blocks. systemd removes a group as soon as it is empty, and what its memory.events said is gone
 * with it: then the kills are those that the group above has counted since the last read. Each change of its count
 * wakes the reader, too, so that a kill elsewhere below it is taken for one of this group only if it comes in the
 * moment in which this group goes. */
int cgroup_watch_read(struct cgroup_watch *watch, struct cgroup_change *change);

void cgroup_watch_close(struct cgroup_watch *watch);
