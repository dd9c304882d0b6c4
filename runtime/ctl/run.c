/* Starting and stopping. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "base/timestamp.h"
#include "namespaces/private_mounts.h"
#include "oci/vocabulary.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/event_log.h"
#include "runtime/ctl/group.h"
#include "runtime/ctl/ids.h"
#include "runtime/ctl/joined.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/network.h"
#include "runtime/ctl/storage.h"
#include "runtime/keeper/keeper.h"
#include "runtime/life/record.h"
#include "runtime/life/target.h"

#define STOP_TIMEOUT_MS 10000
#define KILL_TIMEOUT_MS 10000
#define TIDY_TIMEOUT_MS 30000

/* ---- status ---- */

const char *ctl_state_name(enum ctl_state state)
{
        static const char *const names[] = {
                [CTL_STOPPED] = "stopped",       [CTL_RUNNING] = "running", [CTL_PAUSED] = "paused",
                [CTL_RESTARTING] = "restarting", [CTL_BUSY] = "busy",       [CTL_PARTIAL] = "partial"};

        return names[state];
}

/* "STATUS TIME" */
static void read_last(const struct ctl_container *container, struct ctl_status *status)
{
        char text[64];

        if (read_small_file_at(container->fd, CTL_LAST_FILE, text, sizeof(text)) < 0)
                return;
        status->ended = sscanf(text, "%d %39s", &status->exit_status, status->ended_at) == 2;
}

static int look_at_state(struct ctl *ctl, const struct ctl_container *container, bool closely,
                         struct ctl_status *status)
{
        struct container_glance glance;
        int r;

        *status = (struct ctl_status){.state = container->busy      ? CTL_BUSY
                                               : container->partial ? CTL_PARTIAL
                                                                    : CTL_STOPPED};
        if (container->partial)
                return 0;
        r = (closely ? container_look : container_glance)(ctl->runtime, container->name, &glance);
        if (r < 0 && r != -ENOENT)
                return fail_in(r, "container %s", container->name);
        error_clear();
        if (r == 0 && (glance.status == STATUS_RUNNING || glance.status == STATUS_PAUSED)) {
                status->state = glance.status == STATUS_PAUSED ? CTL_PAUSED : CTL_RUNNING;
                status->pid = glance.pid;
                snprintf(status->started, sizeof(status->started), "%s", glance.created);
                return 0;
        }
        status->keeper = keeper_lives(ctl, container->name);
        if (status->keeper)
                status->state = CTL_RESTARTING;
        return 0;
}

int ctl_state(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status)
{
        return look_at_state(ctl, container, false, status);
}

void ctl_state_details(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status)
{
        if (container->partial)
                return;
        read_last(container, status);
        if (status->pid)
                status->keeper = keeper_lives(ctl, container->name);
}

int ctl_status(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status)
{
        int r = look_at_state(ctl, container, true, status);

        if (r == 0)
                ctl_state_details(ctl, container, status);
        return r;
}

int ctl_find_running(struct ctl *ctl, const char *name, struct ctl_container *container)
{
        struct ctl_status status;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, container);

        if (r == 0)
                r = ctl_status(ctl, container, &status);
        if (r < 0)
                return r;
        return status.pid ? 0 : refuse(EINVAL, "container %s is %s", name, ctl_state_name(status.state));
}

/* ---- start ---- */

int ctl_start(struct ctl *ctl, const char *name)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct ctl_status status;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, &container);

        if (r == 0)
                r = ctl_status(ctl, &container, &status);
        if (r < 0)
                return r;
        if (status.state == CTL_PAUSED)
                return refuse(EBUSY, "container %s is paused (berthctl resume %s)", name, name);
        if (status.state != CTL_STOPPED)
                return refuse(EBUSY, "container %s is %s already", name, ctl_state_name(status.state));
        (void)unlinkat(container.fd, CTL_STOPPED_FILE, 0);
        return keeper_spawn(ctl, &container, -EBADF);
}

/* What an end that nobody tidied up after has left. */
static int remove_remains(struct ctl *ctl, const struct ctl_container *container)
{
        struct container loaded = {.dir_fd = -EBADF};
        bool lives;
        int r = container_load(ctl->runtime, container->name, &loaded);

        lives = r == 0 && (loaded.status == STATUS_RUNNING || loaded.status == STATUS_PAUSED);
        if (r == 0)
                container_release(&loaded);
        if (lives)
                return refuse(EBUSY, "container %s runs already", container->name);
        error_clear();
        /* Also without a record: a create that was killed may have come no further than its directory. */
        r = container_delete(ctl->runtime, container->name, true);
        if (r < 0)
                return r;
        joined_stop(ctl, container->name, 0);
        return network_detach(ctl, container->name);
}

/* One start on its way. */
struct starting {
        struct ctl *ctl;
        const struct ctl_container *container;
        const char *console_socket;
        bool connected; /* to its networks */
};

/* Links are made while the init mounts. */
static void connect_early(void *data, pid_t pid)
{
        struct starting *starting = data;

        starting->connected = network_attach_early(starting->ctl, starting->container, pid);
}

/* Only what is made here is copied into the container's mount namespace. */
static int create(struct starting *starting)
{
        const struct ctl_container *container = starting->container;
        struct ctl *ctl = starting->ctl;
        _cleanup_free_ char *bundle = NULL;
        struct private_mounts before = PRIVATE_MOUNTS_NONE;
        struct create_request request = {
                .id = container->name,
                .console_socket = starting->console_socket,
                .on_process = connect_early,
                .data = starting,
        };
        int r, left;

        if (asprintf(&bundle, "%s/containers/%s", ctl->directory, container->name) < 0) {
                bundle = NULL;
                return fail(ENOMEM, "keep the path of a container");
        }
        request.bundle = bundle;
        r = storage_attach(ctl, container, &before);
        if (r == 0)
                r = container_create(ctl->runtime, &request);
        left = private_mounts_leave(&before);
        return r < 0 ? r : left;
}

/* Where the keeper finds memory.events. Without it nobody is told of kills, and the container runs all the same. */
static void link_group(const struct ctl *ctl, const struct record *record)
{
        _cleanup_close_ int keeper = keeper_directory(ctl, record->id, false);
        const struct cgroup_host *host = host_cgroups();
        char path[4352];

        if (!host)
                error_clear();
        if (keeper < 0 || (unlinkat(keeper, KEEPER_GROUP, 0) < 0 && errno != ENOENT) || !host || !record->cgroup)
                return;
        snprintf(path, sizeof(path), "%s%s", host->mount_point, record->cgroup);
        if (symlinkat(path, keeper, KEEPER_GROUP) < 0)
                log_warning("link the cgroup of container %s for its keeper: %s", record->id, strerror(errno));
}

static int connect_and_start(struct starting *starting, pid_t *pid)
{
        const struct ctl_container *container = starting->container;
        struct ctl *ctl = starting->ctl;
        struct container loaded = {.dir_fd = -EBADF};
        int r = container_load(ctl->runtime, container->name, &loaded);

        if (r < 0)
                return r;
        *pid = loaded.record->init.pid;
        link_group(ctl, loaded.record);
        container_release(&loaded);
        r = starting->connected ? 0 : network_attach(ctl, container, *pid);
        return r < 0 ? r : container_start(ctl->runtime, container->name, NULL);
}

static int create_and_start(struct ctl *ctl, const struct ctl_container *container, const char *console_socket,
                            pid_t *pid)
{
        struct starting starting = {.ctl = ctl, .container = container, .console_socket = console_socket};
        int r = create(&starting);

        if (r == 0)
                r = connect_and_start(&starting, pid);
        if (r < 0) {
                _cleanup_free_ char *reason = strdup(error_message());

                (void)container_delete(ctl->runtime, container->name, true);
                (void)network_detach(ctl, container->name);
                return refuse(-r, "%s", reason ? reason : "not enough memory");
        }
        return 0;
}

static void choose_group(struct ctl *ctl, const struct ctl_container *container)
{
        ctl->runtime->systemd_user = group_by_users_systemd(&container->settings);
        ctl->runtime->cgroup_manager = ctl->runtime->systemd_user ? CGROUP_MANAGER_SYSTEMD : CGROUP_MANAGER_CGROUPFS;
}

static int launch(struct ctl *ctl, const char *name, pid_t *pid)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find(ctl, name, CTL_LOCKED, &container);

        if (r < 0)
                return r;
        ctl->runtime->isolation = ctl_isolation(&container.settings);
        choose_group(ctl, &container);
        r = remove_remains(ctl, &container);
        if (r == 0)
                r = group_clear(&container);
        if (r == 0)
                r = ctl_finish_rename(ctl, &container);
        if (r == 0)
                r = ids_keep(ctl, &container);
        if (r == 0)
                r = storage_settle(ctl, &container);
        if (r < 0)
                return r;
        r = storage_hold(ctl, &container);
        if (r == 0)
                r = network_prepare(ctl, &container, STORAGE_WRITE);
        if (r == 0)
                r = joined_register(ctl, &container);
        if (r == 0)
                r = ctl_configure(ctl, &container);
        if (r < 0)
                return r;
        return create_and_start(ctl, &container, container.settings.terminal ? KEEPER_CONSOLE_SOCKET : NULL, pid);
}

int ctl_launch_and_tell(struct ctl *ctl, const char *name, uint32_t restarts, int report)
{
        char text[1024];
        pid_t pid = 0;
        int r = launch(ctl, name, &pid);

        if (r < 0) {
                event_record(ctl, name, EVENT_FAILED,
                             (struct event_details){.count = restarts, .reason = error_message()});
                snprintf(text, sizeof(text), "%s", error_message());
        } else {
                event_record(ctl, name, EVENT_STARTED, (struct event_details){.pid = pid, .count = restarts});
                snprintf(text, sizeof(text), "pid %d", (int)pid);
        }
        (void)write_all(report, text, strlen(text));
        return r;
}

int ctl_oom(struct ctl *ctl, const char *name, uint64_t kills)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, &container);

        if (r == 0 && kills)
                event_record(ctl, name, EVENT_OOM, (struct event_details){.count = kills});
        return r;
}

int ctl_ended(struct ctl *ctl, const char *name, const struct ctl_end *end)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        char text[64], now[TIMESTAMP_SIZE];
        int r = ctl_find(ctl, name, CTL_LOCKED, &container), written;

        if (r < 0 && !container.damaged)
                return r;
        timestamp_now(now);
        snprintf(text, sizeof(text), "%d %s\n", end->status, now);
        if (end->kills)
                event_record(ctl, name, EVENT_OOM, (struct event_details){.count = end->kills});
        event_record(ctl, name, EVENT_STOPPED, (struct event_details){.status = end->status, .signal = end->signal});
        /* A full disk keeps nobody from tidying up. */
        r = remove_remains(ctl, &container);
        written = replace_file_at(container.fd, CTL_LAST_FILE, text, strlen(text), 0600);
        return r == 0 && written < 0 ? fail(-written, "write down the end of container %s", name) : r;
}

/* ---- keeper ---- */

/* A pidfd of the container's init, checked after it was opened. -ESRCH without a message when it does not live. */
static int open_init(struct ctl *ctl, const char *name)
{
        struct container loaded = {.dir_fd = -EBADF};
        _cleanup_close_ int fd = -EBADF;
        int r = container_load(ctl->runtime, name, &loaded);

        if (r < 0) {
                error_clear();
                return -ESRCH;
        }
        if (loaded.record->init.pid)
                fd = sys_pidfd_open(loaded.record->init.pid, 0);
        if (fd < 0 || process_is_alive(&loaded.record->init, NULL) != 1)
                r = -ESRCH;
        container_release(&loaded);
        return r < 0 ? r : take_fd(&fd);
}

int ctl_ensure_keeper(struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_close_ int init = -EBADF;

        if (keeper_lives(ctl, container->name))
                return 0;
        init = open_init(ctl, container->name);
        return init < 0 ? 0 : keeper_spawn(ctl, container, init);
}

/* ---- stop ---- */

static int signal_of(const struct settings *settings)
{
        int signal = SIGTERM;

        if (settings->stop_signal && signal_parse(settings->stop_signal, &signal) < 0)
                signal = SIGTERM;
        return signal;
}

static int kill_it(struct ctl *ctl, const char *name, int init)
{
        int r = container_kill(ctl->runtime, name, SIGKILL, true);

        if (r < 0 && r != -ESRCH)
                return r;
        error_clear();
        if (wait_fd(init, POLLIN, KILL_TIMEOUT_MS) == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "container %s does not end, %d seconds after it was killed", name,
                              KILL_TIMEOUT_MS / 1000);
        return 0;
}

/* A frozen process cannot answer a signal. */
static int ask_to_end(struct ctl *ctl, const struct ctl_container *container, int init, int64_t timeout_ms)
{
        int r;

        if (timeout_ms == 0)
                return kill_it(ctl, container->name, init);
        (void)container_resume(ctl->runtime, container->name);
        error_clear();
        r = container_kill(ctl->runtime, container->name, signal_of(&container->settings), false);
        if (r < 0 && r != -ESRCH)
                return r;
        error_clear();
        if (wait_fd(init, POLLIN, (int)timeout_ms) != -ETIMEDOUT)
                return 0;
        return kill_it(ctl, container->name, init);
}

/* The keeper tidies up, and its end is the end of the connection. Without one this is ours. */
static int wait_for_keeper(struct ctl *ctl, const struct ctl_container *container, int keeper)
{
        char packet[16];

        if (keeper < 0)
                return ctl_ended(ctl, container->name, &(struct ctl_end){.status = 255});
        if (receive_message(keeper, packet, sizeof(packet), NULL, 0, TIDY_TIMEOUT_MS) == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "the keeper of container %s has not ended after %d seconds", container->name,
                              TIDY_TIMEOUT_MS / 1000);
        return 0;
}

static int remember_stop(const struct ctl_container *container)
{
        int r = replace_file_at(container->fd, CTL_STOPPED_FILE, "", 0, 0600);

        return r < 0 ? fail(-r, "write down that container %s was stopped", container->name) : 0;
}

/* A start whose keeper was killed still has the lock. What has no process yet cannot be ended. */
static int await_launch(struct ctl *ctl, const char *name)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find(ctl, name, CTL_LOCKED, &container);

        if (r < 0 && !container.damaged && !container.partial)
                return r;
        error_clear();
        return 0;
}

int ctl_stop(struct ctl *ctl, const char *name, int64_t timeout_ms, bool by_person)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_close_ int keeper = -EBADF, init = -EBADF;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, &container);

        /* What runs can be stopped, whatever has become of its settings since. */
        if (r < 0 && !container.damaged && (by_person || !container.partial))
                return r;
        error_clear();
        if (timeout_ms < 0)
                timeout_ms = container.settings.stop_timeout.set ? container.settings.stop_timeout.value * 1000
                                                                 : STOP_TIMEOUT_MS;
        if (by_person) {
                r = remember_stop(&container);
                if (r < 0)
                        return r;
        }
        joined_stop(ctl, name, timeout_ms);
        keeper = keeper_stop(ctl, name);
        if (keeper < 0 && keeper != -ENOENT)
                return keeper;
        r = await_launch(ctl, name);
        if (r < 0)
                return r;
        init = open_init(ctl, name);
        r = init >= 0 ? ask_to_end(ctl, &container, init, timeout_ms) : 0;
        if (r < 0 || (init < 0 && keeper < 0))
                return r;
        return wait_for_keeper(ctl, &container, keeper);
}

/* ---- pause ---- */

int ctl_pause(struct ctl *ctl, const char *name)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct ctl_status status;
        int r = ctl_find_running(ctl, name, &container);

        if (r == 0)
                r = ctl_status(ctl, &container, &status);
        if (r == 0 && status.state == CTL_PAUSED)
                r = refuse(EBUSY, "container %s is paused already", name);
        if (r == 0)
                r = container_pause(ctl->runtime, name);
        if (r < 0)
                return fail_in(r, "pause %s", name);
        event_record(ctl, name, EVENT_PAUSED, (struct event_details){0});
        return 0;
}

int ctl_resume(struct ctl *ctl, const char *name)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find_running(ctl, name, &container);

        if (r == 0)
                r = container_resume(ctl->runtime, name);
        if (r < 0)
                return fail_in(r, "resume %s", name);
        event_record(ctl, name, EVENT_RESUMED, (struct event_details){0});
        return 0;
}
