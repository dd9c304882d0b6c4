/* The cgroup v2 tree: where a container's group lies, how it is made and removed, its limits and its processes.
 * No cgroup v1. Everything after cgroup_open/cgroup_create works on a directory descriptor.
 *
 * On a hybrid host (controllers on v1) the v2 tree at /sys/fs/cgroup/unified has no controllers: placement, freezing,
 * killing, events and the device program work there, limits are an error that names the missing controller. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

enum cgroup_controller { /* bits */
                         CGROUP_CPUSET = 1 << 0,
                         CGROUP_CPU = 1 << 1,
                         CGROUP_IO = 1 << 2,
                         CGROUP_MEMORY = 1 << 3,
                         CGROUP_HUGETLB = 1 << 4,
                         CGROUP_PIDS = 1 << 5,
                         CGROUP_RDMA = 1 << 6,
                         CGROUP_MISC = 1 << 7,

                         CGROUP_THREADED = CGROUP_CPUSET | CGROUP_CPU | CGROUP_PIDS,
};

/* The facts of the host's tree. */
struct cgroup_host {
        int root_fd;          /* O_PATH of the v2 mount's root */
        char mount_point[64]; /* "/sys/fs/cgroup" or "/sys/fs/cgroup/unified" */
        bool hybrid;          /* controllers sit on v1 */
        unsigned controllers; /* cgroup.controllers of the root */
        char own_path[4096];  /* this process's group in the v2 tree, "/..." */
};

/* Finds the v2 tree. -ENOENT with a message that says what was looked for when the host has none. */
int cgroup_host_probe(struct cgroup_host *host);

/* linux.cgroupsPath and the id -> the group's absolute path inside the tree, in `path`. Absolute: below the mount's
 * root. Relative or absent: beside the runtime's own group, as runc does. "." and ".." are refused. */
int cgroup_path_for(const struct cgroup_host *host, const char *cgroups_path, const char *id, char *path, size_t size);

/* How many leading components of path exist already (0: none but the root). What cgroup_create will make is the rest;
 * the record stores this number before anything is made. */
int cgroup_existing_depth(const struct cgroup_host *host, const char *path);

/* Makes the group with its missing parents, and enables `controllers` in subtree_control along the way (only where not
 * enabled yet). A controller that the tree lacks is an error that names it. All others that the tree has are enabled as
 * far as every level allows, as by other runtimes: engines read the statistics of containers without limits, and a
 * systemd inside hands controllers on. An existing group is reused only when it holds no process and is not frozen.
 * Returns a directory descriptor (O_RDONLY|O_DIRECTORY, fit for CLONE_INTO_CGROUP). What was made before a failure
 * stays for cgroup_remove. Enabling beside processes is EBUSY. */
int cgroup_create(const struct cgroup_host *host, const char *path, unsigned controllers);

/* Enables what the group lacks of `controllers` in the levels above it: for a limit that comes later. */
int cgroup_enable_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path, unsigned controllers);

/* Enables all others that the tree has, as far as every level above allows, as cgroup_create does. */
int cgroup_offer_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path);

/* Refuses a group that exists and holds processes or is frozen: to be asked before anything is made that an undo would
 * take for the container's own. */
int cgroup_check_reusable(const struct cgroup_host *host, const char *path);

/* Refuses a group that somebody has frozen: the first process in it would never run. */
int cgroup_check_thawed(int cgroup_fd, const char *path);

/* Opens an existing group. */
int cgroup_open(const struct cgroup_host *host, const char *path);

/* Opens a group below another one; "/" is that one itself. ".." leads nowhere. */
int cgroup_open_below(int cgroup_fd, const char *path);

/* The path of the group in the v2 tree that a process is in, as this process sees it. */
int cgroup_path_of(pid_t pid, char *path, size_t size);

/* Removes the group, sub-groups first, and then each parent that berth made (deeper than existing_depth, or marked so
 * by the container that made it) as long as it is empty. Processes must be gone: waits on cgroup.events until the
 * deadline (monotonic ms, base/io.h). A missing group is success. */
int cgroup_remove(const struct cgroup_host *host, const char *path, int existing_depth, int64_t deadline);

/* Waits until somebody else (systemd) has removed the group. Bare: 0, -ETIMEDOUT, or why it cannot be watched. */
int cgroup_wait_removed(const struct cgroup_host *host, const char *path, int64_t deadline);

/* Ownership delegation (spec "Cgroup ownership"): the directory and the files named by /sys/kernel/cgroup/delegate. */
int cgroup_delegate(int cgroup_fd, uid_t uid, gid_t gid);

/* Kills every process of the group and below: cgroup.kill (5.14), else freeze, signal each, thaw. */
int cgroup_kill(int cgroup_fd);

/* Sends a signal to every process of the group and below, frozen meanwhile so that no fork escapes; a group that was
 * frozen before stays so. SIGKILL is cgroup_kill. */
int cgroup_signal(int cgroup_fd, int signal);

/* Waits until no process is left in the group and below. -ETIMEDOUT with a message that names how many are left. */
int cgroup_wait_empty(int cgroup_fd, int64_t deadline);

/* Freezes or thaws and waits for it. A freeze that is not complete by the deadline is taken back (-ETIMEDOUT). */
int cgroup_freeze(int cgroup_fd, bool frozen, int64_t deadline);
/* 1 frozen, 0 not, -errno. What was asked of this group: one below a frozen group is not meant. */
int cgroup_is_frozen(int cgroup_fd);
/* The same of a group by its path; bare. */
int cgroup_is_frozen_at(const struct cgroup_host *host, const char *path);
/* 1 when it holds a process, or one below it does, and nobody has frozen it; else 0. Bare. */
int cgroup_is_at_work(const struct cgroup_host *host, const char *path);

/* Host pids of the group and of all below, malloc'ed, the caller's. A group that is gone has none; processes that this
 * pid namespace does not show are not listed. */
int cgroup_processes(int cgroup_fd, pid_t **pids, size_t *n);

/* Moves threads of the kernel's own, which can be listed among the processes but never be frozen, to the root of the
 * tree; as far as the caller may. */
void cgroup_expel_kernel_threads(const struct cgroup_host *host, int cgroup_fd);

/* Brings those back that work for one process of the group (vhost-net's, which move a machine's packets): their time is
 * the group's, and its limits are theirs. */
void cgroup_recall_kernel_threads(const struct cgroup_host *host, int cgroup_fd);

/* Removes the group that they may have needed, unless one is still in it. */
void cgroup_remove_refuge(const struct cgroup_host *host);

/* ---- limits ---- */

/* One write into a group's file. */
struct cgroup_write {
        const char *file; /* "memory.max" */
        const char *value;
        const char *field;   /* the JSON path it comes from: "linux.resources.memory.limit" */
        unsigned controller; /* the controller it needs, 0 for the core's files */
        bool may_be_missing; /* hugetlb.*.rsvd.max, io.bfq.weight; memory.swap.max without swap */
        bool unless_before;  /* may be missing when the write in front of it was made: io.weight after io.bfq.weight */
};

struct cgroup_writes {
        size_t n;
        struct cgroup_write *v; /* in the order in which they must be made */
        unsigned controllers;   /* all that are needed */
};

/* The resources as file writes: pure, everything in `arena`. Refuses contradictions with the field's path: swap below
 * limit or without one, swap or limit too large, realtime CPU time, burst above quota... Conversions: cpu.shares to
 * cpu.weight and blkio weight to io.weight as cgroups/writes.h says; memory.swap.max is swap without the limit. */
int cgroup_plan_writes(const struct oci_resources *resources, struct arena *arena, struct cgroup_writes *writes);

/* Makes the writes. A missing file is an error that names file, field and controller, unless it may be missing.
 * undo_on_failure, for a live group (update): the old values are read first, what is in force already is not written,
 * files that bound each other (burst and quota, swap and memory) are written in the order that fits the old values, and
 * when one write fails the old values are put back in reverse order. */
int cgroup_apply_writes(int cgroup_fd, const struct cgroup_writes *writes, bool undo_on_failure);

/* The writes that take these back: what the files hold now. Everything new is in `arena`; files that are not there, or
 * that cannot be put back, are left out. */
int cgroup_writes_in_force(int cgroup_fd, const struct cgroup_writes *writes, struct arena *arena,
                           struct cgroup_writes *before);

/* Error when a controller that the writes need is not in `controllers`; names the first field and why (hybrid host,
 * not enabled in the parent). */
int cgroup_check_controllers(const struct cgroup_host *host, const struct cgroup_writes *writes);

/* memory.checkBeforeUpdate: refuse a limit below the present use. */
int cgroup_check_memory(int cgroup_fd, const struct oci_memory *memory);

/* Counters of memory.events: "oom_kill", 0 where there is no memory controller. */
int cgroup_oom_kills(int cgroup_fd, uint64_t *kills);
