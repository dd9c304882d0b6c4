/* What happened to the containers: DIRECTORY/events, a line of JSON for each event, and DIRECTORY/events.1 with the
 * older ones; each is bounded (EVENT_LOG_MOST). A line:
 *      {"time":"2026-11-21T13:31:59.123456789Z","container":"web","event":"stopped","status":137,"signal":"KILL"}
 * A line is one write behind the others, made under a lock of the file. What a crash of the machine may leave is a part
 * of a line: the next writer closes it with a newline, and readers pass over what is no whole line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/ctl/ctl.h"

#define EVENT_LOG      "events"
#define EVENT_LOG_OLD  "events.1"
#define EVENT_LOG_MOST (1024 * 1024) /* bytes of each of the two */

enum event_kind {
        EVENT_CREATED,
        EVENT_STARTED, /* pid; count: how often in a row its policy has started it, 0 a person did */
        EVENT_FAILED,  /* to start: reason */
        EVENT_STOPPED, /* status, signal */
        EVENT_OOM,     /* count: processes killed */
        EVENT_PAUSED,
        EVENT_RESUMED,
        EVENT_CHANGED, /* its settings */
        EVENT_RENAMED, /* to */
        EVENT_DESTROYED,
};

/* What belongs to some kinds; the rest stays 0. */
struct event_details {
        pid_t pid;
        uint64_t count;
        int status, signal; /* signal 0: it ended by itself */
        const char *to, *reason;
};

/* Writes one down. What it tells of has happened: when it cannot be written, that is a warning. The chain of messages
 * is left as it is. */
void event_record(const struct ctl *ctl, const char *name, enum event_kind kind, struct event_details details);

/* One line, without its newline; NUL-terminated. A result that is not 0 ends the visit and is its result. */
typedef int (*event_visitor)(const char *line, size_t size, void *data);

/* A reader of the record; begins as EVENT_READER_NONE. */
struct event_reader {
        int directory; /* the caller's */
        int fd;        /* of the newer file, -EBADF: there is none yet */
        off_t at;      /* what has been read of it */
        int watch;     /* inotify, -EBADF without event_watch */
};

#define EVENT_READER_NONE                                                                                              \
        {                                                                                                              \
                .directory = -EBADF, .fd = -EBADF, .watch = -EBADF                                                     \
        }

/* To be called first by who wants to follow, so that nothing falls between reading and waiting. Makes the directory
 * where there is none yet. */
int event_watch(struct ctl *ctl, struct event_reader *reader);

/* Visits all that is recorded, oldest first; visit NULL: passes over it. */
int event_read(const struct ctl *ctl, struct event_reader *reader, event_visitor visit, void *data);

/* Waits for more and visits it, until a visit's result is not 0, or nobody reads from the descriptor `listener` any
 * more: then 0. */
int event_follow(struct event_reader *reader, int listener, event_visitor visit, void *data);

void event_reader_release(struct event_reader *reader);
#define _cleanup_event_reader_ _cleanup_(event_reader_release)
