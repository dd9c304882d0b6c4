/* Making a container: from the bundle to an init that has built everything and waits. What create and run share.
 *
 *   read       the bundle, the wall, what this user and host can give: refuses before anything is touched
 *   record     the state directory with the record of everything that will be made
 *   host part  cgroup and limits, namespaces to join, mount sources, seccomp, start socket
 *   launch     the init with the inside part; hooks and network devices in between
 *   finish     limits of processes, device program, intelRdt, the record with the pid
 *
 * A failure at any point goes through undo.h and leaves nothing. */
#pragma once

#include "cgroups/cgroup.h"
#include "runtime/core/isolation.h"
#include "runtime/core/seccomp.h"
#include "runtime/life/record.h"
#include "runtime/life/scope.h"
#include "runtime/life/sources.h"
#include "vmmode/host/config.h"

struct made {
        struct runtime *runtime;
        const struct create_request *request;
        struct oci_spec *spec;
        char *config; /* the text of config.json */
        size_t config_size;
        struct record record;
        struct vm_config host_config; /* berth.conf */
        const struct isolation_row *row;
        struct isolation_view view; /* how the row divides spec */
        bool privileged; /* CAP_SYS_ADMIN, the host's or of the user namespace: the container needs none of its own */
        bool in_user_namespace; /* the runtime itself: what is the host's is out of reach all the same */
        bool recorded;          /* the record is on disk: there is something to undo */
        bool released;          /* the init has its word to go on */
        bool hooks_began;       /* poststop hooks are due */
        int dir_fd, lock_fd, procfs, cgroup_fd, interrupt;
        unsigned keep_fds;
        char *notify_directory;
        struct cgroup_writes writes;
        struct scope scope;
        struct sources sources;
        struct plan_facts facts;
        struct seccomp_program seccomp;
        struct launched launched;
};

#define MADE_NONE                                                                                                      \
        {                                                                                                              \
                .dir_fd = -EBADF, .lock_fd = -EBADF, .procfs = -EBADF, .cgroup_fd = -EBADF, .interrupt = -EBADF,       \
                .scope = SCOPE_NONE, .launched = LAUNCHED_NONE                                                         \
        }

/* park: the init will wait on its start socket. On failure everything is undone and *made holds nothing. */
int make_container(struct made *made, struct runtime *runtime, const struct create_request *request, bool park);

/* Lets the init go on: to its start socket, or to the program. */
int make_release(struct made *made);

/* Takes everything back: kills, removes, runs poststop hooks when they are due. Keeps the message of what went wrong.
 */
void make_undo(struct made *made);

/* Frees what is held in memory and closes; the container stays. */
void make_free(struct made *made);

/* First steps (make_read.c). */
int make_read(struct made *made);
int make_record(struct made *made);

/* The cgroup (make_cgroup.c): its name and limits, read and checked; making it, in two halves, between which there is
 * time while systemd makes the scope; the limits that wait until the init is ready. */
int make_cgroup_find(struct made *made);
int make_cgroup_begin(struct made *made);
int make_cgroup_finish(struct made *made);
int make_cgroup_limit_processes(struct made *made);
