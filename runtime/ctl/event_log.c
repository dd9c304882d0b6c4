#include "runtime/ctl/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "oci/json_write.h"
#include "oci/vocabulary.h"

#define LOCK_SECONDS 5
#define REASON_MOST  512
#define READ_MOST    ((size_t)4 * EVENT_LOG_MOST)
#define ROTATIONS    8 /* of others between two looks of ours; more is no coincidence */

static const char *const kind_names[] = {
        [EVENT_CREATED] = "created",     [EVENT_STARTED] = "started", [EVENT_FAILED] = "failed",
        [EVENT_STOPPED] = "stopped",     [EVENT_OOM] = "oom",         [EVENT_PAUSED] = "paused",
        [EVENT_RESUMED] = "resumed",     [EVENT_CHANGED] = "changed", [EVENT_RENAMED] = "renamed",
        [EVENT_DESTROYED] = "destroyed",
};

/* ---- writing ---- */

static int format_line(const char *name, enum event_kind kind, const struct event_details *details, char **text)
{
        char now[TIMESTAMP_SIZE], reason[REASON_MOST], number[16];
        const char *signal = details->signal ? word_name(&signal_words, details->signal) : NULL;
        struct json_writer json;

        timestamp_now(now);
        json_start(&json, NULL);
        json_object(&json, NULL);
        json_string(&json, "time", now);
        json_string(&json, "container", name);
        json_string(&json, "event", kind_names[kind]);
        if (details->pid)
                json_i64(&json, "pid", details->pid);
        if (kind == EVENT_STOPPED)
                json_i64(&json, "status", details->status);
        if (details->signal && !signal) {
                snprintf(number, sizeof(number), "%d", details->signal);
                signal = number;
        }
        json_string(&json, "signal", signal);
        if (details->count)
                json_u64(&json, kind == EVENT_OOM ? "killed" : "restart", details->count);
        json_string(&json, "to", details->to);
        if (details->reason) {
                snprintf(reason, sizeof(reason), "%s", details->reason);
                json_string(&json, "reason", reason);
        }
        json_object_end(&json);
        return json_finish(&json, text);
}

/* Opened and locked, and not put aside by another writer meanwhile. Returns the descriptor. */
static int open_locked(int directory, int flags, int operation)
{
        for (int i = 0; i < ROTATIONS; i++) {
                _cleanup_close_ int fd = openat(directory, EVENT_LOG, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
                int r;

                if (fd < 0)
                        return -errno;
                r = lock_file(fd, operation, LOCK_SECONDS);
                if (r < 0)
                        return r;
                if (is_file_at(fd, directory, EVENT_LOG))
                        return take_fd(&fd);
        }
        return -EBUSY;
}

/* What was cut off by a crash gets its newline. A line that does not fit on the disk leaves nothing. */
static int append(int fd, off_t size, const char *line)
{
        char last = '\n';
        int r;

        if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
                return -EIO;
        r = last == '\n' ? 0 : write_all(fd, "\n", 1);
        if (r == 0)
                r = write_all(fd, line, strlen(line));
        if (r < 0 && ftruncate(fd, size) < 0)
                return -errno;
        return r;
}

static int write_line(int directory, const char *line)
{
        for (int i = 0; i < ROTATIONS; i++) {
                _cleanup_close_ int fd = open_locked(directory, O_RDWR | O_CREAT | O_APPEND, LOCK_EX);
                struct stat st;

                if (fd < 0)
                        return fd;
                if (fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_size == 0 || st.st_size + (off_t)strlen(line) <= EVENT_LOG_MOST)
                        return append(fd, st.st_size, line);
                if (renameat(directory, EVENT_LOG, directory, EVENT_LOG_OLD) < 0)
                        return -errno;
        }
        return -EBUSY;
}

void event_record(const struct ctl *ctl, const char *name, enum event_kind kind, struct event_details details)
{
        _cleanup_free_ char *line = NULL;
        int r = format_line(name, kind, &details, &line);

        if (r == 0)
                r = write_line(ctl->directory_fd, line);
        if (r < 0)
                log_warning("write down that container %s was %s: %s", name, kind_names[kind], strerror(-r));
}

/* ---- reading ---- */

static int read_rest(int fd, off_t at, char **text, size_t *size)
{
        if (lseek(fd, at, SEEK_SET) < 0)
                return -errno;
        return read_all(fd, READ_MOST, text, size);
}

/* Whole lines only. *used: how much of the text they are. */
static int visit_lines(char *text, size_t size, event_visitor visit, void *data, size_t *used)
{
        char *end, *line = text;
        int r = 0;

        *used = 0;
        while (r == 0 && (end = memchr(line, '\n', size - (size_t)(line - text)))) {
                *end = '\0';
                if (end > line && visit)
                        r = visit(line, (size_t)(end - line), data);
                line = end + 1;
                *used = (size_t)(line - text);
        }
        return r;
}

static int visit_rest(struct event_reader *reader, event_visitor visit, void *data)
{
        _cleanup_free_ char *text = NULL;
        size_t size, used;
        int r = reader->fd < 0 ? 0 : read_rest(reader->fd, reader->at, &text, &size);

        if (r < 0)
                return fail(-r, "read the record of events");
        if (reader->fd < 0)
                return 0;
        r = visit_lines(text, size, visit, data, &used);
        reader->at += (off_t)used;
        return r;
}

/* Both files as they are at one moment: the lock keeps a writer from putting one aside, and is not held while somebody
 * takes his time with what was read. */
int event_read(const struct ctl *ctl, struct event_reader *reader, event_visitor visit, void *data)
{
        _cleanup_free_ char *old = NULL;
        size_t size, used;
        int r;

        if (ctl->directory_fd < 0)
                return 0;
        reader->directory = ctl->directory_fd;
        reader->fd = open_locked(ctl->directory_fd, O_RDONLY, LOCK_SH);
        if (reader->fd == -ENOENT)
                return 0;
        if (reader->fd < 0)
                return fail(-reader->fd, "open %s/%s", ctl->directory, EVENT_LOG);
        r = read_regular_file_at(ctl->directory_fd, EVENT_LOG_OLD, READ_MOST, &old, &size);
        (void)flock(reader->fd, LOCK_UN);
        if (r < 0 && r != -ENOENT)
                return fail(-r, "read %s/%s", ctl->directory, EVENT_LOG_OLD);
        r = r == 0 ? visit_lines(old, size, visit, data, &used) : 0;
        return r != 0 ? r : visit_rest(reader, visit, data);
}

int event_watch(struct ctl *ctl, struct event_reader *reader)
{
        char path[64];

        if (ctl->directory_fd < 0) {
                int r = ctl_open(ctl, true);

                if (r < 0)
                        return r;
        }
        reader->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", ctl->directory_fd);
        if (reader->watch < 0 || inotify_add_watch(reader->watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
                return fail(errno, "watch %s", ctl->directory);
        return 0;
}

/* Another file stands there now: this one is read to its end first. */
static int follow_rotation(struct event_reader *reader, event_visitor visit, void *data)
{
        struct stat ours = {0}, old;
        int r = visit_rest(reader, visit, data);

        if (r != 0)
                return r;
        if (reader->fd >= 0 && fstat(reader->fd, &ours) == 0 &&
            (fstatat(reader->directory, EVENT_LOG_OLD, &old, AT_SYMLINK_NOFOLLOW) < 0 || old.st_ino != ours.st_ino))
                log_warning("events came faster than they were read: some are left out");
        replace_fd(&reader->fd, openat(reader->directory, EVENT_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        reader->at = 0;
        return visit_rest(reader, visit, data);
}

int event_follow(struct event_reader *reader, int listener, event_visitor visit, void *data)
{
        struct pollfd polled[] = {{reader->watch, POLLIN, 0}, {listener, 0, 0}};
        char events[4096];

        for (;;) {
                int r = visit_rest(reader, visit, data);

                if (r == 0 && !is_file_at(reader->fd, reader->directory, EVENT_LOG))
                        r = follow_rotation(reader, visit, data);
                if (r != 0)
                        return r;
                if (poll(polled, ELEMENTS(polled), -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for events");
                if (polled[1].revents)
                        return 0;
                while (read(reader->watch, events, sizeof(events)) > 0)
                        ;
        }
}

void event_reader_release(struct event_reader *reader)
{
        replace_fd(&reader->fd, -EBADF);
        replace_fd(&reader->watch, -EBADF);
}
