/* The isolation table: what the two walls can do, in the same words. `process` carries out both parts of a plan on this
 * host; `vm` carries out the host part here and sends the inside part to its agent. Nothing above asks which row it
 * holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroups/cgroup.h"
#include "cgroups/statistics.h"
#include "runtime/core/launch.h"

enum isolation { ISOLATION_UNSET, ISOLATION_PROCESS, ISOLATION_VM };

/* ---- making ---- */

struct vm_config;

/* What is asked of the row, before anything is touched. */
struct isolation_request {
        const struct oci_spec *spec;
        const char *bundle;             /* absolute */
        unsigned keep_fds;              /* descriptors from 3 on that the program is to inherit */
        bool notify;                    /* a NOTIFY_SOCKET is to be passed in */
        const char *console;            /* file for what a guest's kernel says, NULL: none */
        const struct vm_config *config; /* berth.conf (vmmode/host/config.h); lives as long as the view */
};

/* How the row divides a specification into what this host does and what is done inside. Everything in it lives as long
 * as `own`, and the specification. */
struct isolation_view {
        const struct oci_spec *inside;         /* what the inside part is planned from */
        const struct oci_resources *resources; /* of the container's group on this host */
        bool all_trees;                        /* every mount source and the root are handed over as detached trees */
        bool reports;    /* the first process reports POINT_NAMESPACES whatever the specification says */
        bool no_sockets; /* sockets of this host cannot be reached from inside */
        void *own;       /* the row's; given back by row->release */
};

/* ---- operations ---- */

/* What there is of a container when something is to be done to it. */
struct isolation_target {
        const char *id;
        int dir;                /* its state directory */
        pid_t pid;              /* the init, 0 when it is gone */
        int pidfd;              /* of the init, -EBADF */
        int cgroup;             /* its group, -EBADF when it has none */
        bool own_pid_namespace; /* the end of the init is the end of all its processes */
        bool brief;             /* statistics: what a table of many shows is enough (cgroups/statistics.h) */
};

/* Each is told in a line of its own, and a guest may tell of as many as it likes: more than could have been killed
 * between two looks are as good as so many. */
#define OOM_KILLS_MOST 4096

struct isolation_row {
        const char *name;  /* "process", "vm" */
        bool group_inside; /* the group that the container sees is not the one on this host */
        bool own_network;  /* it is never on the host's network, whatever namespaces are inside */

        /* Refuses what this wall cannot give, and divides the rest. */
        int (*divide)(const struct isolation_request *request, struct isolation_view *view);
        void (*release)(struct isolation_view *view);
        /* Takes from a process (of exec) what is this host's to do. NULL: nothing. */
        void (*divide_process)(struct oci_process *process);
        /* The facts of where the inside part is carried out, where they differ from the host's. */
        void (*inside_facts)(const struct isolation_view *view, struct plan_facts *facts);
        /* Builds the container up to POINT_READY. */
        int (*create)(const struct launch *launch, struct launched *launched);
        /* Releases the parked init and waits until the program is executed. -ECONNREFUSED when somebody else has
         * released it. deliver gets the seccomp listener. */
        int (*start)(const struct isolation_target *target, int deadline_ms, launch_deliver deliver, void *data);
        /* Another process in it, up to POINT_READY. */
        int (*exec)(const struct launch *launch, struct launched *launched);
        /* To the init, or (all) to every process. -ESRCH when there is none. */
        int (*signal)(const struct isolation_target *target, int signal, bool all);
        int (*processes)(const struct isolation_target *target, pid_t **pids, size_t *n);
        /* The processes as `ps -ef` shows them, lines with a heading, malloc'ed: where the host's ps cannot see them.
         * NULL: it can. */
        int (*process_table)(const struct isolation_target *target, char **text);
        int (*freeze)(const struct isolation_target *target, bool frozen, int64_t deadline);
        int (*update)(const struct isolation_target *target, const struct cgroup_writes *writes);
        /* Where the group that the container sees is not the one on this host: which changes are for which, and those
         * for the inner one. NULL: they are one. */
        int (*divide_update)(const struct isolation_target *target, const struct oci_resources *changes,
                             struct oci_resources *host, struct oci_resources *inside);
        int (*update_inside)(const struct isolation_target *target, const struct cgroup_writes *writes);
        int (*statistics)(const struct isolation_target *target, struct arena *arena,
                          struct cgroup_statistics *statistics);
        /* A descriptor (the caller's) that becomes readable when the out-of-memory killer has been at work inside, and
         * how many processes it has killed since the last time, at most OOM_KILLS_MOST. NULL: the group on this host
         * tells it. */
        int (*watch_oom)(const struct isolation_target *target);
        int (*read_oom)(int watch, uint64_t *kills);
        /* Kills everything and waits for its end. */
        int (*destroy)(const struct isolation_target *target, int64_t deadline);
};

extern const struct isolation_row process_isolation; /* runtime/core/process_row.c */
