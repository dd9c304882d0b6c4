/* The parent's side of berth-init: starting it from a sealed copy, giving it a plan, and serving its questions until
 * what it builds is ready. Used for containers and for exec. Knows no record and no command. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/core/carrier.h"
#include "runtime/core/plan.h"

/* How long the init may take from one word to the next. Hooks that it runs have deadlines of their own on top. */
#define LAUNCH_STEP_DEADLINE_MS 60000

struct launched {
        bool born;  /* there was a first process: what failed, failed in it or later */
        bool ready; /* it is at POINT_READY: nobody listens to what it says any more, but launch_release */
        pid_t pid;  /* of the process inside, in our pid namespace; our child */
        int pidfd;
        int channel;
        int console; /* terminal master, -EBADF without */
        char console_name[32];
};

/* The socket in a container's state directory on which its parked init waits for start. */
#define START_SOCKET "start.sock"

struct isolation_view;
struct plan_facts;

/* What a row needs beside the plan when it is not carried out on this host (isolation.h). */
struct launch_inside {
        const struct isolation_view *view; /* of create; NULL for exec */
        const struct plan_facts *facts;    /* of create: which slot is what */
        const struct oci_spec *spec;
        const char *id;
        int dir;    /* the container's state directory */
        int cgroup; /* of create: the group that it begins in (a directory descriptor), -EBADF: none of its own */
        const char *below; /* exec: the group that was asked for, from the container's own: "/", "/inner"; NULL: none */
        bool terminal;
};

#define LAUNCHED_NONE                                                                                                  \
        {                                                                                                              \
                .pidfd = -EBADF, .channel = -EBADF, .console = -EBADF                                                  \
        }

struct launch {
        const void *plan;
        size_t plan_size;
        const int *slots;
        size_t n_slots;
        int procfs; /* the host's */
        int cgroup; /* group to start in (a directory descriptor), -EBADF: the caller's, or that of the carrier */
        struct carrier *carrier; /* clones in our place, and has ended when the init begins; NULL: nobody does */
        bool staged; /* the plan has a STEP_CLONE: the process inside is a clone of the init, not the init itself */
        uint64_t namespaces;                           /* CLONE_NEW* to start the init in, when it is not staged */
        unsigned keep_fds;                             /* descriptors from 3 on that the program inherits */
        const char *affinity;                          /* execCPUAffinity.initial, or NULL */
        const struct oci_id_maps *uid_maps, *gid_maps; /* of a new user namespace */
        bool privileged;                               /* may write any map */
        const struct launch_inside *inside;            /* NULL: only rows that need it look at it */
        int step_deadline_ms;
        int interrupt; /* a signalfd: anything to read there ends the launch with -EINTR; -EBADF none */
        /* Called while the init works, as soon as its pid is known (not staged only); may already call launch_release.
         * NULL: nothing to do. */
        int (*on_started)(void *data, struct launched *launched);
        /* Called while the init works, as soon as the pid of the process inside is known: the namespaces that it was
         * born in are there, and the others come. NULL: nothing to do. */
        void (*on_process)(void *data, pid_t pid);
        /* Called when the init has reached a point. On POINT_NAMESPACES *state may be set to a descriptor (its caller
         * closes it) with the state for hooks. Not called for POINT_READY: launch_begin returns then. */
        int (*on_point)(void *data, enum plan_point point, const struct launched *launched, int *state);
        void *data;
};

/* Starts the init and serves it until POINT_READY. On failure nothing of it is left but what the kernel frees with its
 * last process; the message is the init's own. */
int launch_begin(const struct launch *launch, struct launched *launched);

/* Lets the init go on from POINT_READY. state: descriptor of the state for hooks, -EBADF none. One that has ended while
 * it was ready gives its own error; before, -EPIPE, and launch_begin gives it. */
int launch_release(struct launched *launched, int state);

/* What to do with the seccomp listener as soon as the init has it: the program may wait for its answers from its first
 * system call on. Does not keep the descriptor. */
typedef int (*launch_deliver)(void *data, int listener);

/* Serves what comes after the release until the program is executed (the channel closes). An error of the init, like a
 * failing execve or startContainer hook, is returned. */
int launch_finish(int channel, int deadline_ms, launch_deliver deliver, void *data);

/* Kills what was launched and reaps it. */
void launch_abort(struct launched *launched);

/* Closes the descriptors. */
void launched_close(struct launched *launched);
