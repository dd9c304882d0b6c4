#include "cgroups/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/files.h"

/* Reading from the start is also what arms the next POLLPRI (kernfs compares event counters). */
static int reread(int fd, char *text, size_t size)
{
        ssize_t n;

        do
                n = pread(fd, text, size - 1, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return 0;
}

int cgroup_wait_event(int cgroup_fd, const char *key, uint64_t wanted, int64_t deadline)
{
        _cleanup_close_ int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (;;) {
                uint64_t value;
                char text[256];
                int r = reread(fd, text, sizeof(text));

                if (r < 0)
                        return r;
                if (cgroup_find_number(text, key, &value) && value == wanted)
                        return 0;
                r = wait_fd(fd, POLLPRI, until_ms(deadline));
                if (r < 0)
                        return r;
        }
}

static int watch_file(int epoll, int fd)
{
        struct epoll_event event = {.events = EPOLLPRI, .data.fd = fd};

        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* How many kills the file tells of beyond those that were seen. */
static int count_kills(int fd, uint64_t *seen, uint64_t *more)
{
        uint64_t kills = 0;
        char text[256];
        int r = reread(fd, text, sizeof(text));

        *more = 0;
        if (r == 0 && cgroup_find_number(text, "oom_kill", &kills) && kills > *seen) {
                *more = kills - *seen;
                *seen = kills;
        }
        return r;
}

/* A group right below the root has none above that counts. -EBADF then. */
static int watch_above(int epoll, int cgroup_fd)
{
        _cleanup_close_ int fd = openat(cgroup_fd, "../memory.events", O_RDONLY | O_CLOEXEC);

        return fd >= 0 && watch_file(epoll, fd) == 0 ? take_fd(&fd) : -EBADF;
}

int cgroup_watch_open(int cgroup_fd, struct cgroup_watch *watch)
{
        _cleanup_close_ int events = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int memory = -EBADF;
        _cleanup_close_ int above = -EBADF;
        _cleanup_close_ int epoll = -EBADF;
        uint64_t more;
        int r;

        *watch = (struct cgroup_watch)CGROUP_WATCH_NONE;
        if (events < 0)
                return fail(errno, "open cgroup file cgroup.events");
        epoll = epoll_create1(EPOLL_CLOEXEC);
        if (epoll < 0)
                return fail(errno, "create an epoll descriptor");
        r = watch_file(epoll, events);
        if (r < 0)
                return fail(-r, "watch cgroup file cgroup.events");
        memory = openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
        if (memory < 0 && errno != ENOENT)
                return fail(errno, "open cgroup file memory.events");
        if (memory >= 0) {
                r = watch_file(epoll, memory);
                if (r < 0)
                        return fail(-r, "watch cgroup file memory.events");
                above = watch_above(epoll, cgroup_fd);
        }
        r = cgroup_oom_kills(cgroup_fd, &watch->oom_kills);
        if (r < 0)
                return r;
        if (above >= 0)
                (void)count_kills(above, &watch->kills_above, &more);
        watch->fd = take_fd(&epoll);
        watch->events_fd = take_fd(&events);
        watch->memory_fd = take_fd(&memory);
        watch->above_fd = take_fd(&above);
        return 0;
}

static int read_kills(struct cgroup_watch *watch, uint64_t *kills)
{
        uint64_t above = 0;
        int r = count_kills(watch->memory_fd, &watch->oom_kills, kills);

        if (r < 0 && !cgroup_is_gone(r))
                return fail(-r, "read cgroup file memory.events");
        /* The group above may be gone as well; then nobody knows. */
        if (watch->above_fd >= 0 && count_kills(watch->above_fd, &watch->kills_above, &above) < 0)
                above = 0;
        if (r < 0)
                *kills = above;
        return 0;
}

int cgroup_watch_read(struct cgroup_watch *watch, struct cgroup_change *change)
{
        uint64_t populated = 0, frozen = 0;
        char text[256];
        int r;

        *change = (struct cgroup_change){0};
        r = watch->memory_fd >= 0 ? read_kills(watch, &change->oom_kills) : 0;
        if (r < 0)
                return r;
        r = reread(watch->events_fd, text, sizeof(text));
        if (cgroup_is_gone(r)) {
                change->ended = true;
                return 0;
        }
        if (r < 0)
                return fail(-r, "read cgroup file cgroup.events");
        change->ended = cgroup_find_number(text, "populated", &populated) && populated == 0;
        change->frozen = cgroup_find_number(text, "frozen", &frozen) && frozen == 1;
        return 0;
}

void cgroup_watch_close(struct cgroup_watch *watch)
{
        replace_fd(&watch->fd, -EBADF);
        replace_fd(&watch->events_fd, -EBADF);
        replace_fd(&watch->memory_fd, -EBADF);
        replace_fd(&watch->above_fd, -EBADF);
}
