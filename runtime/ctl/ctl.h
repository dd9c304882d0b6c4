/* Persistent containers, as functions: what cli/ctl/ calls. A container is a directory DIRECTORY/containers/NAME:
 *   settings     what the person asked for (runtime/ctl/settings.h)
 *   partial      the same while it is being made, or removed: what a crash left has it, and `destroy` removes it
 *   config.json  made from them, at the latest at each start: the directory is an OCI bundle that berth could run
 *   rootfs/      its root file system (runtime/ctl/storage.h)
 *   snapshots/   earlier states of it (runtime/ctl/snapshot.h)
 *   log, log.1   what it said; written by its keeper
 *   last         how it ended the last time
 *   stopped      a person has stopped it and not started it since
 *   was          its name before, until its addresses have gone with the new one
 * What happened to them stands in DIRECTORY/events (runtime/ctl/event_log.h).
 *
 * Locks are flock()s of the directory itself. The state of running ones lies in RUN/state (berth's records, with the
 * name as the id) and RUN/keepers/NAME (socket, lock and pipe of the keeper).
 *
 * Each function returns 0 or a negative errno with a message that names the container. Nothing prints or exits. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/ctl/settings.h"
#include "runtime/life/container.h"

#define CTL_NAME_MAX     63
#define CTL_LOCK_SECONDS 60 /* how long to wait for another command on the same container */
#define CTL_PARTIAL_FILE "partial"
#define CTL_LAST_FILE    "last"
#define CTL_STOPPED_FILE "stopped"
#define CTL_WAS_FILE     "was"
#define CTL_LOG_FILE     "log"
#define CTL_CONFIG_FILE  "config.json"
#define CTL_ROOTFS       "rootfs"
#define CTL_SNAPSHOTS    "snapshots"

/* Where everything lies; lives as long as the program. */
struct ctl {
        const char *directory;                              /* /var/lib/berth, absolute */
        const char *run;                                    /* /run/berthctl, absolute */
        int directory_fd;                                   /* -EBADF until ctl_open */
        int containers_fd;                                  /* DIRECTORY/containers; -EBADF: there are none yet */
        struct runtime *runtime;                            /* its root is RUN/state */
        void (*progress)(const char *what, uint64_t bytes); /* called now and then by what takes long; NULL: nobody */
        const volatile sig_atomic_t *interrupted;           /* not 0: what takes long gives up; NULL: never */
};

/* Opens the directories; with `make` makes them. */
int ctl_open(struct ctl *ctl, bool make);
void ctl_close(struct ctl *ctl);

/* [A-Za-z0-9][A-Za-z0-9_.-]*, at most CTL_NAME_MAX. */
bool ctl_name_valid(const char *name);

enum ctl_lock { CTL_UNLOCKED, CTL_LOCKED };

/* A container that exists. */
struct ctl_container {
        char name[CTL_NAME_MAX + 1];
        int fd;                   /* its directory; holds the lock */
        int root;                 /* its root for reading, where somebody holds it (storage_hold), or -EBADF */
        bool partial;             /* only partly made, or partly removed */
        bool busy;                /* partial because another command makes or removes it just now */
        bool damaged;             /* its settings are: they hold what could be read */
        struct settings settings; /* of a partial one what there is */
};

#define CTL_CONTAINER_NONE                                                                                             \
        {                                                                                                              \
                .fd = -EBADF, .root = -EBADF                                                                           \
        }

/* -ENOENT without it; -EINVAL for a name that is none. One that is partial or damaged is an error, too, but is open
 * then, and says what it is: for what must be possible all the same (ctl_stop, ctl_destroy). */
int ctl_find(struct ctl *ctl, const char *name, enum ctl_lock lock, struct ctl_container *container);
void ctl_release(struct ctl_container *container);
#define _cleanup_ctl_container_ _cleanup_(ctl_release)

/* Visits all in the order of their names, partial ones and damaged ones (the reason is a warning) too.
 * Stops at the first result that is not 0. */
int ctl_each(struct ctl *ctl, int (*visit)(struct ctl_container *container, void *data), void *data);

/* What has been seen of one part of the containers. */
struct ctl_told {
        char *text; /* malloc'ed */
        size_t size;
};

/* The same by two processes at once, where there are many containers and more than one processor. `tell` says as a text
 * what the visits since the last call of it were told, and nothing else of them may matter: half of them are not in
 * this process. told: in the order of the names, for the caller to release; the second one is empty when nobody shared.
 */
int ctl_each_shared(struct ctl *ctl, int (*visit)(struct ctl_container *container, void *data),
                    int (*tell)(void *data, struct ctl_told *told), void *data, struct ctl_told told[2]);
void ctl_told_release(struct ctl_told told[2]);

/* Writes the settings of a container that is locked, and what is made from them. */
int ctl_save(const struct ctl *ctl, const struct ctl_container *container);

/* The same of one that is being made: what others may read is whole, or not there. */
int ctl_save_partial(const struct ctl_container *container);

/* Reads them into container->settings, which must be zeroed; file: SETTINGS_FILE, CTL_PARTIAL_FILE. */
int ctl_read_settings(struct ctl_container *container, const char *file);

/* ---- create and destroy ---- */

/* settings: complete but for `created`, `ids` and what the image says about the program. image: where its files come
 * from (runtime/ctl/image.h). On failure nothing is left. */
int ctl_create(struct ctl *ctl, const char *name, const char *image, struct settings *settings);

/* A copy of a stopped container with another name, ids and addresses of its own. */
int ctl_clone(struct ctl *ctl, const char *from, const char *to);

/* Removes it with everything that belongs to it; force: even when it runs, or when its settings are damaged. */
int ctl_destroy(struct ctl *ctl, const char *name, bool force);

int ctl_rename(struct ctl *ctl, const char *from, const char *to);

/* ---- run ---- */

enum ctl_state { CTL_STOPPED, CTL_RUNNING, CTL_PAUSED, CTL_RESTARTING, CTL_BUSY, CTL_PARTIAL };

struct ctl_status {
        enum ctl_state state;
        pid_t pid;        /* 0: none */
        char started[40]; /* RFC 3339, "" when it does not run */
        bool keeper;      /* it has one */
        bool ended;       /* there is a last end */
        int exit_status;  /* of the last end; 128 + signal */
        char ended_at[40];
};

const char *ctl_state_name(enum ctl_state state);
int ctl_status(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status);

/* The same in two halves for who looks at many: by container_glance, without the last end and without `keeper` of one
 * that runs; and these. */
int ctl_state(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status);
void ctl_state_details(struct ctl *ctl, const struct ctl_container *container, struct ctl_status *status);

/* One that runs or is paused. -EINVAL with the state of any other; release it also after a failure. */
int ctl_find_running(struct ctl *ctl, const char *name, struct ctl_container *container);

int ctl_start(struct ctl *ctl, const char *name);

/* timeout_ms: after the stop signal, before SIGKILL; negative: the container's own. 0: kill at once. A container that
 * does not run is no error. by_person: the policy unless-stopped remembers it (ctl_autostart). */
int ctl_stop(struct ctl *ctl, const char *name, int64_t timeout_ms, bool by_person);

/* When the host starts: starts those that have autostart, in the order of start-order and their names. When it stops
 * (start false): stops all that run, the other way round. One that fails is told to `failed` and does not keep the
 * others from it: 1 then. */
int ctl_autostart(struct ctl *ctl, bool start, void (*failed)(const char *message));

/* A container that runs without a keeper gets another. */
int ctl_ensure_keeper(struct ctl *ctl, const struct ctl_container *container);

int ctl_pause(struct ctl *ctl, const char *name);
int ctl_resume(struct ctl *ctl, const char *name);

/* How a container ended. */
struct ctl_end {
        int status;     /* 128 + signal */
        int signal;     /* that ended it; 0: none, or nobody knows */
        uint64_t kills; /* of its processes for want of memory, not told by ctl_oom */
};

/* What the keeper calls: carries out one start (restarts: which in a row by its policy, 0: a person's) and writes
 * "pid N" to `report`, or what went wrong; tells of processes that were killed for want of memory; tidies up at the
 * end. */
int ctl_launch_and_tell(struct ctl *ctl, const char *name, uint32_t restarts, int report);
int ctl_oom(struct ctl *ctl, const char *name, uint64_t kills);
int ctl_ended(struct ctl *ctl, const char *name, const struct ctl_end *end);

/* ---- change ---- */

/* Gives the running container the live ones of its settings, then writes them: when it refuses, the old ones stay.
 * `changed` holds a bit for each row of setting_table that is new. *later: some count only from the next start. */
int ctl_set(struct ctl *ctl, struct ctl_container *container, uint64_t changed, bool *later);

/* One interface more for a container that is locked, at once when it runs: "lab,ip=10.20.0.5" (net_setting.h). *later:
 * it counts from the next start only (virtual machines). When that fails nothing is changed. */
int ctl_connect(struct ctl *ctl, struct ctl_container *container, const char *net, bool *later);

/* One less: "lab", or "eth1". The others keep their names and addresses. The first goes only while the container does
 * not run. */
int ctl_disconnect(struct ctl *ctl, struct ctl_container *container, const char *which, bool *later);

/* What a crash in ctl_rename left to do, for a container that is locked. */
int ctl_finish_rename(struct ctl *ctl, const struct ctl_container *container);

/* Makes everything in the host's kernel anew that belongs to networks, and undoes what crashes left there. */
int ctl_repair_networks(struct ctl *ctl);

/* The wall that these settings, or this host's berth.conf, give; ISOLATION_UNSET where neither says. */
enum isolation ctl_isolation(const struct settings *settings);

/* Writes config.json for its settings. Early: before there is a start that needs it. What only a start knows, such as a
 * user that its files have by then, or whose network it shares, leaves none. */
int ctl_configure(const struct ctl *ctl, const struct ctl_container *container);
void ctl_configure_early(const struct ctl *ctl, const struct ctl_container *container);
