/* The isolation table: what the two walls can do, in the same words. `process` carries out both parts of a plan on this
 * host; `vm` will carry out the host part here and send the inside part to its agent. Nothing above asks which row it
 * holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroups/cgroup.h"
#include "cgroups/statistics.h"
#include "runtime/core/launch.h"

enum isolation { ISOLATION_UNSET, ISOLATION_PROCESS, ISOLATION_VM };

/* What there is of a container when something is to be done to it. */
struct isolation_target {
        int dir;                /* its state directory */
        pid_t pid;              /* the init, 0 when it is gone */
        int pidfd;              /* of the init, -EBADF */
        int cgroup;             /* its group, -EBADF when it has none */
        bool own_pid_namespace; /* the end of the init is the end of all its processes */
};

struct isolation_row {
        const char *name; /* "process", "vm" */

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
        int (*freeze)(const struct isolation_target *target, bool frozen, int64_t deadline);
        int (*update)(const struct isolation_target *target, const struct cgroup_writes *writes);
        int (*statistics)(const struct isolation_target *target, struct arena *arena,
                          struct cgroup_statistics *statistics);
        /* Kills everything and waits for its end. */
        int (*destroy)(const struct isolation_target *target, int64_t deadline);
};

extern const struct isolation_row process_isolation; /* runtime/core/process_row.c */
