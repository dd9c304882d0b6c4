/* The commands of the OCI runtime as functions: what cli/ calls. Each returns 0 or a negative errno with a message
 * (base/error.h) whose words engines look for (runtime/life/messages.h). Nothing here prints or exits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/core/isolation.h"

enum cgroup_manager { CGROUP_MANAGER_CGROUPFS, CGROUP_MANAGER_SYSTEMD, CGROUP_MANAGER_DISABLED };

/* What the global options say; lives as long as the program. */
struct runtime {
        const char *root; /* state directory, absolute */
        int root_fd;      /* -EBADF until runtime_open_root */
        bool root_sticky; /* below XDG_RUNTIME_DIR, whose cleaners spare what is sticky */
        enum cgroup_manager cgroup_manager;
        bool systemd_user; /* with the systemd manager: that of this user, not the system's */
        bool rootless;     /* resolved: auto means euid != 0 or a user namespace that maps less than everything */
        enum isolation isolation; /* what --isolation or the program's name asked for */
        bool debug;
        char *const *environment; /* for hooks that list none, NULL-terminated; NULL: nothing */
};

/* Opens the state directory; with `make` creates it (0700, sticky when root_sticky). Without and missing: root_fd
 * stays -EBADF and the result is 0 (there are no containers then). Refuses "/". */
int runtime_open_root(struct runtime *runtime, bool make);

/* 0 when the id is well formed: [A-Za-z0-9_+-] first, then also '.', 1 to 255 bytes. */
int container_id_check(const char *id);

/* ---- create, run, start ---- */

struct create_request {
        const char *id;
        const char *bundle;                                   /* directory, default "." */
        const char *config;                                   /* file; NULL: config.json in the bundle */
        const char *vm_console;                               /* file for what a VM's kernel says; NULL: none */
        const char *console_socket, *pidfd_socket, *pid_file; /* NULL: none */
        bool no_pivot, no_new_keyring;
        unsigned preserve_fds; /* descriptors above the LISTEN_FDS ones */
        const char *listen_fds,
                *notify_socket;          /* values of LISTEN_FDS, NOTIFY_SOCKET in berth's environment, or NULL */
        bool detach, keep, no_subreaper; /* run only */
        /* Of process isolation: called while the init still builds, with its pid, when its namespaces are there that it
         * does not join or make later. It may end at any time. NULL: nobody is. */
        void (*on_process)(void *data, pid_t pid);
        void *data;
};

int container_create(struct runtime *runtime, const struct create_request *request);
/* notify_socket: NOTIFY_SOCKET of the environment, or NULL. */
int container_start(struct runtime *runtime, const char *id, const char *notify_socket);

/* create and start in one. Not detached: forwards signals, carries the terminal, waits, deletes unless keep;
 * *exit_status is the process's code or 128 + signal. */
int container_run(struct runtime *runtime, const struct create_request *request, int *exit_status);

/* ---- exec ---- */

struct exec_request {
        const char *id;
        const char *process_file; /* --process; NULL: the container's process overlaid with the rest */
        const char *console_socket, *pidfd_socket, *pid_file;
        const char *cwd;
        const char *const *env;
        size_t n_env;
        bool tty_set, tty;
        bool user_set, gid_set;
        uint32_t uid, gid;
        const uint32_t *additional_gids;
        size_t n_additional_gids;
        bool groups_set; /* these alone; else beside the container's */
        bool detach;
        const char *process_label, *apparmor;
        bool no_new_privs_set, no_new_privs;
        uint64_t capabilities; /* --cap: bits added to the sets */
        unsigned preserve_fds;
        const char *listen_fds;
        const char *cgroup; /* --cgroup: path below the container's own group, NULL: its root */
        bool ignore_paused;
        const char *const *args; /* NULL-terminated; the command */
        size_t n_args;
};

int container_exec(struct runtime *runtime, const struct exec_request *request, int *exit_status);

/* ---- state ---- */

enum container_status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

const char *container_status_name(enum container_status status);

struct record;

/* The record and what is true now. */
struct container {
        struct record *record;
        int dir_fd; /* <root>/<id> */
        enum container_status status;
};

/* -ENOENT with MESSAGE_NOT_EXIST when there is no such container. */
int container_load(struct runtime *runtime, const char *id, struct container *container);
void container_release(struct container *container);

/* What a listing of many says about one. */
struct container_glance {
        enum container_status status;
        pid_t pid;        /* 0: none yet */
        char created[40]; /* RFC 3339 */
};

/* Of what container_load finds. */
int container_look(struct runtime *runtime, const char *id, struct container_glance *glance);

/* The same for a fraction of its price where the container simply runs: there are processes in the group that was made
 * for it, and all of them end with its init. Not for who acts on the pid. */
int container_glance(struct runtime *runtime, const char *id, struct container_glance *glance);

/* Visits every container in the order of their names. A broken entry is a warning and skipped. Stops at the first
 * callback result that is not 0. */
int container_each(struct runtime *runtime, int (*visit)(const struct container *container, void *data), void *data);

/* state's JSON, malloc'ed, with a newline at the end; the caller's. */
int container_state_json(const struct container *container, char **json);

/* ---- the rest ---- */

int container_kill(struct runtime *runtime, const char *id, int signal, bool all);
int container_delete(struct runtime *runtime, const char *id, bool force);
int container_pause(struct runtime *runtime, const char *id);
int container_resume(struct runtime *runtime, const char *id);

/* Host pids, malloc'ed. */
int container_processes(struct runtime *runtime, const char *id, pid_t **pids, size_t *n);

/* What `ps -ef` would show where the host's cannot look, malloc'ed; NULL: it can. options: the caller has some for ps,
 * which is refused then. */
int container_process_table(struct runtime *runtime, const char *id, bool options, char **text);

/* Fields that are set in `changes` replace the container's; device rules are never touched. l3_cache_schema and
 * mem_bw_schema may be NULL. */
int container_update(struct runtime *runtime, const char *id, const struct oci_resources *changes,
                     const char *l3_cache_schema, const char *mem_bw_schema);

/* What a running container has used of CPU, memory, processes, I/O and the network, and if not `brief` of all else
 * that there is; what is in it lives in `arena`. */
struct arena;
struct container_usage;
int container_usage(struct runtime *runtime, const char *id, bool brief, struct arena *arena,
                    struct container_usage *usage);

/* The same as a JSON line; and the stream: a line each interval and at each OOM until the container ends.
 * write gets whole lines. */
typedef int (*event_writer)(const char *line, size_t size, void *data);
int container_statistics(struct runtime *runtime, const char *id, event_writer write, void *data);
int container_events(struct runtime *runtime, const char *id, int interval_ms, event_writer write, void *data);
