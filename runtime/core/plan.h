/* The inside part of a plan: an ordered list of plain steps that berth-init carries out one after the other, first
 * outside the container, then (after STEP_CLONE) inside it. It is data: made by a pure function of the specification
 * and the facts (plan_inside.h), printable, and handed to another process (or, in VM isolation, to another machine) as
 * it is.
 *
 * In memory a plan is one block: a header, the steps, and a pool of strings. Steps refer to the pool by offset, so that
 * the reader maps the block and decodes nothing. Numbers are native-endian: a plan never leaves its machine's kind.
 * What is known only when the plan is carried out (descriptors) is a numbered slot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A NUL-terminated string in the pool; 0: absent. */
typedef uint32_t plan_text;

/* `n` NUL-terminated strings, one behind the other. */
struct plan_list {
        uint32_t at, n;
};

/* Bytes, aligned to 8. */
struct plan_blob {
        uint32_t at, size;
};

/* A descriptor that comes with the plan: index into the array of slots; PLAN_NO_SLOT: none. */
typedef int32_t plan_slot;
#define PLAN_NO_SLOT   (-1)
#define PLAN_SLOTS_MAX 200

/* Every step: its name and its payload. The kinds in the usual order of a plan. */
#define PLAN_STEPS(X)                                                                                                  \
        /* outside, before the clone */                                                                                \
        X(OOM_SCORE, oom_score)                                                                                        \
        X(JOIN, join)                                                                                                  \
        X(USER_NAMESPACE, user_namespace)                                                                              \
        X(TIME_NAMESPACE, time_namespace)                                                                              \
        X(CLONE, clone)                                                                                                \
        /* inside, before the root is changed */                                                                       \
        X(UNDUMPABLE, undumpable)                                                                                      \
        X(UNSHARE, unshare)                                                                                            \
        X(SESSION, session)                                                                                            \
        X(KEYRING, keyring)                                                                                            \
        X(HOSTNAME, hostname)                                                                                          \
        X(LOOPBACK, loopback)                                                                                          \
        X(REPORT, report)                                                                                              \
        X(ENTERED, entered)                                                                                            \
        X(ROOT, root)                                                                                                  \
        X(MOUNT, mount)                                                                                                \
        X(DEVICE, device)                                                                                              \
        X(LINK, link)                                                                                                  \
        X(CONSOLE, console)                                                                                            \
        X(HOOK, hook)                                                                                                  \
        X(READONLY_PATH, readonly_path)                                                                                \
        X(MASK_PATH, mask_path)                                                                                        \
        X(PIVOT, pivot)                                                                                                \
        /* in the new root */                                                                                          \
        X(SYSCTL, sysctl)                                                                                              \
        X(PROGRAM, program)                                                                                            \
        X(ROOT_FINISH, root_finish)                                                                                    \
        X(PARK, park)                                                                                                  \
        /* the privileges, and the program */                                                                          \
        X(SCHEDULER, scheduler)                                                                                        \
        X(IO_PRIORITY, io_priority)                                                                                    \
        X(AFFINITY, affinity)                                                                                          \
        X(MEMORY_POLICY, memory_policy)                                                                                \
        X(PERSONALITY, personality)                                                                                    \
        X(RLIMIT, rlimit)                                                                                              \
        X(LABEL, label)                                                                                                \
        X(BOUNDING, bounding)                                                                                          \
        X(SECCOMP, seccomp)                                                                                            \
        X(USER, user)                                                                                                  \
        X(CAPABILITIES, capabilities)                                                                                  \
        X(PREPARE, prepare)                                                                                            \
        X(NO_NEW_PRIVILEGES, no_new_privileges)                                                                        \
        X(EXEC, exec)                                                                                                  \
        /* instead of all that is inside: the host part of a VM container */                                           \
        X(BECOME, become)

enum plan_step_kind {
        STEP_NONE,
#define X(upper, lower) STEP_##upper,
        PLAN_STEPS(X)
#undef X
                STEP_KINDS,
};

/* /proc/self/oom_score_adj. */
struct step_oom_score {
        int32_t value;
};

/* setns(2) into an existing namespace. flags: CLONE_NEW* of the namespace, or several at once when the slot holds a
 * pidfd (exec). what: for messages. */
struct step_join {
        plan_slot slot;
        uint32_t flags;
        plan_text what;
};

/* The user namespace: unless one was joined, unshare and ask the parent for the id maps. Then become its root, when it
 * maps one. */
struct step_user_namespace {
        uint32_t joined, become_root;
};

/* A new time namespace for the clone; offsets as /proc/PID/timens_offsets wants them, 0 for none. */
struct step_time_namespace {
        plan_text offsets;
};

/* clone3 with these namespaces. The child goes on with the next step; the caller reports the child's pid and ends. */
struct step_clone {
        uint64_t flags;
};

/* Nobody of the container may trace us or look at our descriptors. */
struct step_undumpable {
        uint32_t unused;
};

/* Namespaces that cannot be made by the clone: a cgroup namespace begins at the group that one is in. */
struct step_unshare {
        uint64_t flags;
};

struct step_session {
        uint32_t unused;
};

/* Joins a session keyring of this name. */
struct step_keyring {
        plan_text name; /* the container's id */
        plan_text selinux_label;
        uint32_t user_namespace; /* the container has one: its root is not the keyring's owner */
};

struct step_hostname {
        plan_text hostname, domainname;
};

struct step_loopback {
        uint32_t unused;
};

/* Tells the parent that a point is reached and waits for its word to go on. */
enum plan_point {
        POINT_NAMESPACES, /* the namespaces exist: the runtime's hooks, network devices */
        POINT_READY,      /* everything but the start is done */
};

struct step_report {
        uint32_t point; /* enum plan_point */
};

/* The root file system: made a mount of its own and remembered. propagation: MS_* for the old root of the new mount
 * namespace (with MS_REC), 0: the namespace is shared and stays as it is. */
struct step_root {
        plan_text path;
        plan_slot slot; /* a detached tree that the parent opened, where the path is not reachable from inside */
        uint32_t parent_propagation; /* 0: the mount namespace is not the container's own, and is left as it is */
        uint32_t attach;             /* made a mount of its own, on which what follows is mounted */
};

/* The container's root (exec): that of the namespaces that were joined, or, where a mount namespace is shared with
 * others, the directory in the slot. */
struct step_entered {
        plan_slot root;
};

/* The kinds of mounts that need more than their file system's name. */
enum plan_mount_kind {
        MOUNT_KIND_FS,
        MOUNT_KIND_BIND,
        MOUNT_KIND_PROC,
        MOUNT_KIND_SYSFS,
        MOUNT_KIND_CGROUP,
        MOUNT_KIND_MQUEUE,
        MOUNT_KIND_REMOUNT
};

struct step_mount {
        uint32_t kind;  /* enum plan_mount_kind */
        uint32_t flags; /* PLAN_MOUNT_* */
        plan_text destination, source, type, data;
        plan_slot source_slot; /* bind: a detached tree of the source; PLAN_NO_SLOT: open source here */
        plan_slot userns_slot; /* idmapped: the user namespace with the mapping, applied here */
        uint64_t attr_set, attr_clear, recursive_set, recursive_clear; /* MOUNT_ATTR_* */
        uint64_t sb_set, sb_clear;                                     /* MS_* */
        uint32_t propagation_before, propagation;                      /* MS_* */
        uint32_t index;                                                /* of mounts[], for messages */
};

#define PLAN_MOUNT_RECURSIVE            (1U << 0) /* rbind */
#define PLAN_MOUNT_COPYUP               (1U << 1)
#define PLAN_MOUNT_IDMAP_RECURSIVE      (1U << 2)
#define PLAN_MOUNT_COPY_SYMLINK         (1U << 3) /* no mount, but a link: source is what it points to */
#define PLAN_MOUNT_SOURCE_NOFOLLOW      (1U << 4)
#define PLAN_MOUNT_DESTINATION_NOFOLLOW (1U << 5)
#define PLAN_MOUNT_PRIVATE_CGROUP       (1U << 6) /* the container has a cgroup namespace of its own */
#define PLAN_MOUNT_READONLY_LAST        (1U << 7) /* /dev: read-only only after its nodes are made (in ROOT_FINISH) */
#define PLAN_MOUNT_READONLY_AFTER_COPY  (1U << 8)
#define PLAN_MOUNT_HOST_VIEW            (1U << 9) /* may fall back to the host\'s procfs, sysfs or mqueue */
#define PLAN_MOUNT_BIND_REMOUNT         (1U << 10)
#define PLAN_MOUNT_KEEP_LOCKED          (1U << 11) /* in a user namespace: what the host's mount forbids stays forbidden */
#define PLAN_MOUNT_INHERIT_MODE         (1U << 12) /* a tmpfs without mode=: the one of the directory that it covers */

struct step_device {
        plan_text path;
        uint32_t mode; /* type and permissions for mknod(2) */
        uint32_t major, minor, uid, gid;
        uint32_t bind; /* bind the host's node: in a user namespace mknod is refused */
};

/* A symbolic link; one that exists already stays. */
struct step_link {
        plan_text path, target;
};

/* A pseudo-terminal of the container's devpts becomes the console; its master goes to the parent. */
struct step_console {
        uint32_t height, width; /* 0: unset */
        uint32_t mount;         /* bind the slave onto /dev/console */
};

struct step_hook {
        plan_text kind; /* "createContainer": with the index for messages */
        uint32_t index;
        plan_text path;
        struct plan_list args, env;
        int32_t timeout;  /* seconds, 0: none given */
        uint32_t in_root; /* its working directory is the container's root, else it is left as it is */
};

struct step_pivot {
        uint32_t no_pivot;       /* MS_MOVE and chroot, for roots on a ramfs */
        uint32_t keep_namespace; /* no mount namespace of its own: chroot only */
        uint32_t host_is_shared; /* the old root may still propagate to the host */
        uint32_t propagation;    /* linux.rootfsPropagation for the new root; 0: leave */
};

struct step_sysctl {
        plan_text key, value;
};

struct step_readonly_path {
        plan_text path;
};

struct step_mask_path {
        plan_text path, selinux_label;
};

/* What had to wait for all mounts: root.readonly and read-only /dev. */
struct step_root_finish {
        uint32_t readonly_root;
};

/* Working directory and the program's place: found here, so that a missing one fails at create. */
struct step_program {
        plan_text cwd;
        plan_text name;         /* args[0] */
        plan_text path;         /* the container's PATH */
        uint32_t create_cwd;    /* make a missing working directory */
        uint32_t ask_setgroups; /* in a user namespace: find out whether setgroups is denied */
};

/* Everything but the start is done. Reports POINT_READY, and with a listening socket in the slot waits on it for
 * `start`. */
struct step_park {
        plan_slot slot;
        uint32_t needs_procfs; /* a STEP_LABEL follows */
        uint32_t dumpable;     /* while it waits for start */
};

struct step_scheduler {
        uint32_t policy;
        int32_t nice, priority;
        uint32_t unused;
        uint64_t flags, runtime, deadline, period;
};

struct step_io_priority {
        int32_t class, priority;
};

struct step_affinity {
        plan_text cpus;
};

struct step_memory_policy {
        int32_t mode;
        plan_text nodes;
};

struct step_personality {
        uint64_t value;
};

struct step_rlimit {
        uint32_t resource, unused;
        uint64_t soft, hard;
};

struct step_label {
        plan_text apparmor, selinux;
};

/* The capability sets as configured: reduced to what can be granted, and the bounding set dropped. The other sets are
 * set by STEP_CAPABILITIES, after the user switch. */
struct step_bounding {
        uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct step_seccomp {
        struct plan_blob filter; /* struct sock_filter[] */
        uint32_t flags;          /* SECCOMP_FILTER_FLAG_* */
        uint32_t listener;       /* hand the notification descriptor to the parent */
        uint32_t keep_fds;       /* as step_prepare: descriptors are closed before the filter can forbid that */
};

struct step_user {
        uint32_t uid, gid, umask;
        uint32_t keep_groups;    /* leave the supplementary groups as they are */
        struct plan_blob groups; /* uint32_t[] */
};

struct step_capabilities {
        uint32_t unused;
};

struct step_no_new_privileges {
        uint32_t unused;
};

/* Everything for execve: what a seccomp filter that comes now need not allow. HOME comes from the container's
 * /etc/passwd when the environment has none. */
struct step_prepare {
        struct plan_list args, env;
        plan_text cwd, name, path; /* as in step_program, for what could not be reached before the user switch */
        uint32_t keep_fds;         /* descriptors 3.. that the program keeps: LISTEN_FDS plus --preserve-fds */
        uint32_t set_listen_pid;   /* add LISTEN_PID with the pid seen inside */
        uint32_t uid;              /* for HOME */
};

struct step_exec {
        uint32_t unused;
};

/* Executes another program of berth's, which goes on speaking in the init's place: with an empty environment, the
 * descriptors 0 to 2 as they are, the channel as BECOME_CHANNEL and slot i as BECOME_SLOT(i) (an absent slot is
 * closed). No other descriptor stays open. */
struct step_become {
        plan_slot program;
        uint32_t unused;
        struct plan_list args;
};

#define BECOME_CHANNEL    3
#define BECOME_SLOT(slot) (4 + (slot))

/* ---- reading ---- */

struct plan_header {
        uint32_t magic, version;
        uint32_t steps_at, steps_size; /* bytes from the start of the block */
        uint32_t pool_at, pool_size;
};

struct plan_step {
        uint16_t kind;
        uint16_t size; /* of the payload, rounded up to 8 */
        uint32_t unused;
        /* payload follows */
};

struct plan {
        const char *block;
        size_t size;
        const struct plan_header *header;
};

/* Checks the block and its every step; 0 or -EINVAL with a message. The plan borrows the block. */
int plan_open(const void *block, size_t size, struct plan *plan);

/* The step behind `step`, the first one for NULL; NULL at the end. */
const struct plan_step *plan_next(const struct plan *plan, const struct plan_step *step);

static inline const void *plan_payload(const struct plan_step *step)
{
        return step + 1;
}

/* References into the pool, checked. plan_string: NULL for an absent one. plan_strings fills v[0..n] (n + 1 places, the
 * last NULL) and returns n; -EINVAL when the list runs out of the pool. plan_bytes: NULL when outside or unaligned. */
const char *plan_string(const struct plan *plan, plan_text text);
int plan_strings(const struct plan *plan, struct plan_list list, const char **v);
const void *plan_bytes(const struct plan *plan, struct plan_blob blob);

const char *plan_step_name(enum plan_step_kind kind);

/* ---- making ---- */

struct plan_builder {
        char *steps, *pool;
        size_t steps_size, steps_room, pool_size, pool_room;
        bool failed; /* memory ran out; plan_finish says so */
};

/* Appends a step and returns its zeroed payload, valid until the next step is added. Never NULL: after a failure a
 * scratch place is returned and plan_finish reports it. */
void *plan_add(struct plan_builder *builder, enum plan_step_kind kind);

#define PLAN_ADD(builder, upper, lower) ((struct step_##lower *)plan_add(builder, STEP_##upper))

plan_text plan_put(struct plan_builder *builder, const char *text); /* NULL gives 0 */
struct plan_list plan_put_list(struct plan_builder *builder, const char *const *v, size_t n);
struct plan_blob plan_put_bytes(struct plan_builder *builder, const void *data, size_t size);

/* Makes the block: malloc'ed, the caller's. The builder is empty afterwards. */
int plan_finish(struct plan_builder *builder, void **block, size_t *size);
void plan_builder_free(struct plan_builder *builder);
