/* Making the inside part of a plan: a pure function of the specification and the facts. Tested without root by reading
 * the steps (tests/unit/plan_inside_test.c). */
#pragma once

#include <linux/filter.h>

#include "oci/spec.h"
#include "runtime/core/plan.h"

/* What the specification does not say. Descriptors appear as the slots that they will have. */
struct plan_facts {
        const char *id;
        const char *bundle;     /* absolute */
        const char *root;       /* absolute path of the root file system */
        bool in_user_namespace; /* the runtime itself: no device can be made, whatever the container has */

        plan_slot namespaces[OCI_NS_KINDS]; /* joined ones */
        bool owned_by_user[OCI_NS_KINDS];   /* joined ones that belong to the joined user namespace: entered after it */
        plan_slot root_tree; /* detached trees that the parent opened, where the ids inside cannot reach the paths */
        const plan_slot *mount_sources;         /* one for each mount, or NULL */
        const plan_slot *mount_user_namespaces; /* id-mapped mounts that are made inside; one for each mount, or NULL */
        const char *const *mount_links; /* copy-symlink: the target of a source that is a link, else NULL; or NULL */
        plan_slot start_socket;

        const struct sock_filter *seccomp; /* compiled linux.seccomp, NULL without */
        size_t seccomp_n;
        unsigned seccomp_flags;
        bool seccomp_listener;

        const char
                *own_cgroup; /* path of the container's group under the cgroup mount, for a mount without namespace */
        const char *cgroup_tree; /* the cgroup mount itself, for one without namespace or group */
        bool parked_dumpable;    /* an ordinary user's exec must be able to join the namespaces of the parked init */
        bool needs_report;       /* somebody has to act between the making of the namespaces and the root */
        bool no_pivot, no_new_keyring;
        bool host_has_kcore;
        unsigned keep_fds;            /* LISTEN_FDS and --preserve-fds together */
        const char *listen_fds;       /* the number that LISTEN_FDS gets inside, NULL: none */
        const char *notify_directory; /* to be bound at /run/notify, NULL: none */
        plan_slot notify_tree;        /* a detached tree of it */
};

/* crun's, which Podman sets for `--group-add keep-groups`. */
#define ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"

#define NOTIFY_INSIDE "/run/notify"

/* All steps of a new container. -EINVAL for what cannot be done with these facts (masks without a new mount
 * namespace). In a mount namespace that is not its own the container's root is a mount on the root file system's path,
 * with all other mounts on it, for whoever made it to take away (rootfs_detach). */
int plan_container(const struct oci_spec *spec, const struct plan_facts *facts, struct plan_builder *builder);

/* Whether the plan has a STEP_CLONE, or else the namespaces in which the init is to be started (launch.h). */
bool plan_is_staged(const struct oci_spec *spec);
uint64_t plan_launch_namespaces(const struct oci_spec *spec);

/* The part on this host of a container whose inside part is carried out elsewhere: the namespaces of `outside`, then
 * STEP_BECOME with the program in that slot. */
void plan_outside(const struct oci_spec *outside, const struct plan_facts *facts, plan_slot program,
                  const char *const *args, size_t n_args, struct plan_builder *builder);

/* ---- exec ---- */

struct plan_exec_facts {
        const char *id;
        plan_slot pidfd;        /* of the container's init */
        plan_slot root;         /* its root, where its mount namespace is not its own */
        uint32_t namespaces;    /* CLONE_NEW* to join by it */
        bool user_namespace;    /* one of them */
        bool in_user_namespace; /* the runtime itself */
        bool no_new_keyring;
        unsigned keep_fds;
        const char *listen_fds;
        const struct sock_filter *seccomp;
        size_t seccomp_n;
        unsigned seccomp_flags;
        bool seccomp_listener;
        bool keep_groups;
        const struct oci_linux *container; /* personality and memory policy are the container's, NULL: none */
};

int plan_exec(const struct oci_process *process, const struct plan_exec_facts *facts, struct plan_builder *builder);

/* ---- shared parts (plan_process.c, plan_mounts.c) ---- */

struct plan_process_facts {
        const struct oci_linux *container;
        const struct sock_filter *seccomp;
        size_t seccomp_n;
        unsigned seccomp_flags;
        bool seccomp_listener;
        unsigned keep_fds;
        const char *listen_fds, *notify_socket;
        bool exec;        /* execCPUAffinity applies */
        bool keep_groups; /* annotation run.oci.keep_original_groups */
};

/* STEP_PROGRAM. */
void plan_add_program(struct plan_builder *builder, const struct oci_process *process, bool user_namespace,
                      bool create_cwd);

/* Everything from the scheduler to STEP_EXEC. */
void plan_add_privileges(struct plan_builder *builder, const struct oci_process *process,
                         const struct plan_process_facts *facts);

/* STEP_MOUNT for each mount. */
int plan_add_mounts(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts);
