#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "cgroups/cgroup.h"
#include "cgroups/events.h"
#include "runtime/life/container.h"
#include "runtime/life/messages.h"
#include "runtime/life/record.h"
#include "runtime/life/statistics_json.h"
#include "runtime/life/target.h"

#define RESCTRL_MOUNT "/sys/fs/resctrl"
#define LOST_MS       2000
#define NET_DEV_MOST  ((size_t)4 * 1024 * 1024)

/* What is watched: a running container, and its group where it has one. */
struct subject {
        struct container container;
        const struct isolation_row *row;
        int cgroup_fd, pidfd;
        int oom_watch; /* of a group that is not on this host, -EBADF: there is none */
};

static void subject_release(struct subject *subject)
{
        cleanup_close(&subject->oom_watch);
        cleanup_close(&subject->cgroup_fd);
        cleanup_close(&subject->pidfd);
        container_release(&subject->container);
}

static int open_cgroup(struct subject *subject, const char *path)
{
        const struct cgroup_host *host = host_cgroups();

        if (!host)
                return -ENOENT;
        subject->cgroup_fd = cgroup_open(host, path);
        return subject->cgroup_fd < 0 ? subject->cgroup_fd : 0;
}

/* *subject is released by the caller also after a failure. */
static int subject_open(struct runtime *runtime, const char *id, struct subject *subject)
{
        const struct record *record;
        int r;

        *subject = (struct subject){
                .container.dir_fd = -EBADF,
                .cgroup_fd = -EBADF,
                .pidfd = -EBADF,
                .oom_watch = -EBADF,
        };
        r = container_load(runtime, id, &subject->container);
        if (r < 0)
                return r;
        record = subject->container.record;
        subject->row = isolation_row(record->isolation);
        if (subject->container.status == STATUS_STOPPED || subject->container.status == STATUS_CREATING)
                return refuse(ESRCH, "container with id %s is not running: %s", id, MESSAGE_NOT_RUNNING);
        subject->pidfd = sys_pidfd_open(record->init.pid, 0);
        /* Asked again: the descriptor may have been opened on the next process with this pid. */
        if (subject->pidfd < 0 || !process_is_alive(&record->init, NULL))
                return refuse(ESRCH, "container with id %s is not running: %s", id, MESSAGE_NOT_RUNNING);
        r = record->cgroup ? open_cgroup(subject, record->cgroup) : 0;
        /* systemd takes a group away as soon as it is empty: the container has just ended. */
        if (r == -ENOENT && record->systemd_unit)
                return refuse(ESRCH, "container with id %s is not running: %s", id, MESSAGE_NOT_RUNNING);
        return r;
}

static int read_network(pid_t pid, struct arena *arena, struct network_counters *counters)
{
        _cleanup_free_ char *text = NULL;
        char path[32];
        size_t size;

        snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
        /* The process may end at any moment; then there is nothing to count. */
        if (read_file_at(AT_FDCWD, path, NET_DEV_MOST, &text, &size) < 0)
                return 0;
        return network_counters_parse(text, arena, counters);
}

static int read_rdt(const char *path, struct arena *arena, struct rdt_usage *usage)
{
        _cleanup_close_ int root_fd = -EBADF;

        if (!path)
                return 0;
        root_fd = open(RESCTRL_MOUNT, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return root_fd < 0 ? 0 : rdt_read(root_fd, path, arena, usage);
}

static struct isolation_target target_of(const struct subject *subject)
{
        const struct record *record = subject->container.record;

        return (struct isolation_target){
                .id = record->id,
                .dir = subject->container.dir_fd,
                .pid = record->init.pid,
                .pidfd = subject->pidfd,
                .cgroup = subject->cgroup_fd,
        };
}

static int read_usage(const struct subject *subject, bool brief, struct arena *arena, struct container_usage *usage)
{
        const struct record *record = subject->container.record;
        struct isolation_target target = target_of(subject);
        int r = 0;

        target.brief = brief;
        memset(usage, 0, sizeof(*usage));
        if (subject->cgroup_fd >= 0 || subject->row->group_inside)
                r = subject->row->statistics(&target, arena, &usage->cgroup);
        /* A container on the network of the host would be charged with all that the host sends. */
        if (r == 0 && (subject->row->own_network || record->namespaces & 1U << OCI_NS_NETWORK))
                r = read_network(record->init.pid, arena, &usage->network);
        if (r == 0 && !brief)
                r = read_rdt(record->resctrl, arena, &usage->rdt);
        return r;
}

static int write_statistics(const struct subject *subject, event_writer write, void *data)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_free_ char *line = NULL;
        struct container_usage usage;
        int r = read_usage(subject, false, &arena, &usage);

        if (r == 0)
                r = usage_event_json(subject->container.record->id, &usage, &line);
        return r < 0 ? r : write(line, strlen(line), data);
}

static int write_oom(const struct subject *subject, uint64_t kills, event_writer write, void *data)
{
        _cleanup_free_ char *line = NULL;
        int r = oom_event_json(subject->container.record->id, &line);

        for (uint64_t i = 0; r == 0 && i < kills; i++)
                r = write(line, strlen(line), data);
        return r;
}

int container_usage(struct runtime *runtime, const char *id, bool brief, struct arena *arena,
                    struct container_usage *usage)
{
        _cleanup_(subject_release) struct subject subject;
        int r = subject_open(runtime, id, &subject);

        return r < 0 ? r : read_usage(&subject, brief, arena, usage);
}

int container_statistics(struct runtime *runtime, const char *id, event_writer write, void *data)
{
        _cleanup_(subject_release) struct subject subject;
        int r = subject_open(runtime, id, &subject);

        return r < 0 ? r : write_statistics(&subject, write, data);
}

/* Handles what woke us before the interval was over. 1 when the container has ended. */
static int handle_change(const struct subject *subject, struct cgroup_watch *watch, event_writer write, void *data)
{
        struct cgroup_change change;
        int r = cgroup_watch_read(watch, &change);

        if (r < 0)
                return r;
        /* A kill that ends the container is told before the end. */
        r = write_oom(subject, change.oom_kills, write, data);
        return r < 0 ? r : change.ended;
}

/* Of one interval no more are passed on, however fast they come. */
static int handle_inner_oom(const struct subject *subject, uint64_t *told, event_writer write, void *data)
{
        uint64_t kills;
        int r = subject->row->read_oom(subject->oom_watch, &kills);

        if (r < 0)
                return r;
        kills = kills < OOM_KILLS_MOST - *told ? kills : OOM_KILLS_MOST - *told;
        *told += kills;
        return write_oom(subject, kills, write, data);
}

/* Waits for the next interval, telling of OOM kills meanwhile. 1 when the container has ended. */
static int wait_interval(const struct subject *subject, struct cgroup_watch *watch, int64_t until, event_writer write,
                         void *data)
{
        struct pollfd polled[] = {
                {.fd = subject->pidfd, .events = POLLIN},
                {.fd = watch->fd, .events = POLLIN},
                {.fd = subject->oom_watch, .events = POLLIN},
        };
        uint64_t told = 0;

        for (;;) {
                int n = poll(polled, ELEMENTS(polled), until_ms(until)), r;

                if (n < 0 && errno != EINTR)
                        return fail(errno, "wait for events of container %s", subject->container.record->id);
                if (n == 0)
                        return 0;
                if (n < 0)
                        continue;
                if (polled[2].revents) {
                        r = handle_inner_oom(subject, &told, write, data);
                        /* Who tells of them goes with the container. */
                        if (r < 0)
                                return r == -ECONNRESET ? 1 : r;
                        if (told == OOM_KILLS_MOST)
                                polled[2].fd = -EBADF;
                }
                if (watch->fd >= 0) {
                        r = handle_change(subject, watch, write, data);
                        if (r != 0)
                                return r;
                }
                if (polled[0].revents)
                        return 1;
        }
}

/* Whether a failure is that of a container which has just ended: its group is gone, or its machine, whose end comes a
 * moment before that of the first process. */
static bool has_ended(const struct subject *subject, int r)
{
        bool lost = r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE;

        return r == -ENOENT || r == -ENODEV || wait_fd(subject->pidfd, POLLIN, lost ? LOST_MS : 0) > 0;
}

static int stream(const struct subject *subject, struct cgroup_watch *watch, int interval_ms, event_writer write,
                  void *data)
{
        int64_t next = now_ms();
        int r = watch->fd >= 0 ? handle_change(subject, watch, write, data) : 0;

        while (r == 0) {
                next += interval_ms;
                if (next < now_ms())
                        next = now_ms(); /* a reader that was slow does not get the missed ones in a burst */
                r = wait_interval(subject, watch, next, write, data);
                if (r == 0)
                        r = write_statistics(subject, write, data);
                /* It went away while it was read; what ended it is told nevertheless. */
                if (r < 0 && has_ended(subject, r)) {
                        error_clear();
                        r = watch->fd >= 0 ? handle_change(subject, watch, write, data) : 1;
                }
        }
        return r < 0 ? r : 0;
}

int container_events(struct runtime *runtime, const char *id, int interval_ms, event_writer write, void *data)
{
        _cleanup_(subject_release) struct subject subject;
        struct cgroup_watch watch = CGROUP_WATCH_NONE;
        int r = subject_open(runtime, id, &subject);

        if (r < 0)
                return r;
        if (subject.cgroup_fd >= 0) {
                r = cgroup_watch_open(subject.cgroup_fd, &watch);
                if (r < 0)
                        return fail_in(r, "watch container %s", id);
        }
        if (subject.row->watch_oom) {
                const struct isolation_target target = target_of(&subject);

                subject.oom_watch = subject.row->watch_oom(&target);
                r = subject.oom_watch < 0 ? subject.oom_watch : 0;
        }
        if (r == 0)
                r = stream(&subject, &watch, interval_ms, write, data);
        if (watch.fd >= 0)
                cgroup_watch_close(&watch);
        return r;
}
