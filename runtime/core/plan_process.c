#include <string.h>

#include "base/cleanup.h"
#include "runtime/core/plan_inside.h"

#define DEFAULT_UMASK 0022

/* The container's PATH: where args[0] is looked up (spec: never the runtime's own). */
static const char *environment_value(const struct oci_strings *env, const char *name)
{
        size_t length = strlen(name);

        for (size_t i = 0; i < env->n; i++)
                if (strncmp(env->v[i], name, length) == 0 && env->v[i][length] == '=')
                        return env->v[i] + length + 1;
        return NULL;
}

void plan_add_program(struct plan_builder *builder, const struct oci_process *process, bool user_namespace,
                      bool create_cwd)
{
        plan_text cwd = plan_put(builder, process->cwd);
        plan_text name = plan_put(builder, process->args.v[0]);
        plan_text path = plan_put(builder, environment_value(&process->env, "PATH"));
        struct step_program *step = PLAN_ADD(builder, PROGRAM, program);

        step->cwd = cwd;
        step->name = name;
        step->path = path;
        step->create_cwd = create_cwd;
        step->ask_setgroups = user_namespace;
}

static void add_scheduling(struct plan_builder *builder, const struct oci_process *process)
{
        if (process->scheduler.set) {
                const struct oci_scheduler *from = &process->scheduler;
                struct step_scheduler *step = PLAN_ADD(builder, SCHEDULER, scheduler);

                step->policy = from->policy;
                step->nice = from->nice;
                step->priority = from->priority;
                step->flags = from->flags;
                step->runtime = from->runtime;
                step->deadline = from->deadline;
                step->period = from->period;
        }
        if (process->io_priority.set) {
                struct step_io_priority *step = PLAN_ADD(builder, IO_PRIORITY, io_priority);

                step->class = process->io_priority.class;
                step->priority = process->io_priority.priority;
        }
}

static void add_memory(struct plan_builder *builder, const struct oci_linux *container)
{
        if (container->memory_policy.set) {
                plan_text nodes = plan_put(builder, container->memory_policy.nodes);
                struct step_memory_policy *step = PLAN_ADD(builder, MEMORY_POLICY, memory_policy);

                step->mode = container->memory_policy.mode;
                step->nodes = nodes;
        }
        if (container->personality.set)
                PLAN_ADD(builder, PERSONALITY, personality)->value = container->personality.value;
}

static void add_limits(struct plan_builder *builder, const struct oci_process *process)
{
        for (size_t i = 0; i < process->rlimits.n; i++) {
                struct step_rlimit *step = PLAN_ADD(builder, RLIMIT, rlimit);

                step->resource = (uint32_t)process->rlimits.v[i].resource;
                step->soft = process->rlimits.v[i].soft;
                step->hard = process->rlimits.v[i].hard;
        }
}

static void add_labels(struct plan_builder *builder, const struct oci_process *process)
{
        plan_text apparmor = plan_put(builder, process->apparmor_profile);
        plan_text selinux = plan_put(builder, process->selinux_label);

        if (apparmor || selinux) {
                struct step_label *step = PLAN_ADD(builder, LABEL, label);

                step->apparmor = apparmor;
                step->selinux = selinux;
        }
}

static void add_bounding(struct plan_builder *builder, const struct oci_capabilities *capabilities)
{
        struct step_bounding *step = PLAN_ADD(builder, BOUNDING, bounding);

        step->bounding = capabilities->bounding;
        step->effective = capabilities->effective;
        step->inheritable = capabilities->inheritable;
        step->permitted = capabilities->permitted;
        /* What the kernel cannot raise was one warning when the configuration was read. */
        step->ambient = capabilities->ambient & capabilities->permitted & capabilities->inheritable;
}

static void add_seccomp(struct plan_builder *builder, const struct plan_process_facts *facts)
{
        struct plan_blob filter;
        struct step_seccomp *step;

        if (!facts->seccomp)
                return;
        filter = plan_put_bytes(builder, facts->seccomp, facts->seccomp_n * sizeof(*facts->seccomp));
        step = PLAN_ADD(builder, SECCOMP, seccomp);
        step->filter = filter;
        step->flags = facts->seccomp_flags;
        step->listener = facts->seccomp_listener;
        step->keep_fds = facts->keep_fds;
}

static void add_user(struct plan_builder *builder, const struct oci_user *user, bool keep_groups)
{
        struct plan_blob groups = plan_put_bytes(builder, user->additional_gids,
                                                 user->n_additional_gids * sizeof(*user->additional_gids));
        struct step_user *step = PLAN_ADD(builder, USER, user);

        step->uid = user->uid;
        step->gid = user->gid;
        step->groups = groups;
        step->keep_groups = keep_groups;
        step->umask = user->umask.set ? (uint32_t)user->umask.value : DEFAULT_UMASK;
}

/* The environment with what the runtime adds behind it. Variables of the configuration that it overrides are left out.
 */
static struct plan_list put_environment(struct plan_builder *builder, const struct oci_process *process,
                                        const struct plan_process_facts *facts)
{
        const struct {
                const char *name, *value;
        } added[] = {{"LISTEN_FDS=", facts->listen_fds}, {"NOTIFY_SOCKET=", facts->notify_socket}};
        struct plan_list list = {0, 0};

        for (size_t i = 0; i < process->env.n; i++) {
                const char *variable = process->env.v[i];
                bool overridden = facts->listen_fds && strncmp(variable, "LISTEN_PID=", 11) == 0;
                plan_text text;

                for (size_t j = 0; j < ELEMENTS(added); j++)
                        if (added[j].value && strncmp(variable, added[j].name, strlen(added[j].name)) == 0)
                                overridden = true;
                if (overridden)
                        continue;
                text = plan_put(builder, variable);
                list.at = list.n++ ? list.at : text;
        }
        for (size_t j = 0; j < ELEMENTS(added); j++) {
                _cleanup_free_ char *joined = NULL;
                plan_text text;

                if (!added[j].value)
                        continue;
                if (asprintf(&joined, "%s%s", added[j].name, added[j].value) < 0) {
                        builder->failed = true;
                        return list;
                }
                text = plan_put(builder, joined);
                list.at = list.n++ ? list.at : text;
        }
        return list;
}

static void add_preparation(struct plan_builder *builder, const struct oci_process *process,
                            const struct plan_process_facts *facts)
{
        struct plan_list args = plan_put_list(builder, process->args.v, process->args.n);
        struct plan_list env = put_environment(builder, process, facts);
        plan_text cwd = plan_put(builder, process->cwd);
        plan_text name = plan_put(builder, process->args.v[0]);
        plan_text path = plan_put(builder, environment_value(&process->env, "PATH"));
        struct step_prepare *step = PLAN_ADD(builder, PREPARE, prepare);

        step->args = args;
        step->env = env;
        step->cwd = cwd;
        step->name = name;
        step->path = path;
        step->keep_fds = facts->keep_fds;
        step->set_listen_pid = facts->listen_fds != NULL;
        step->uid = process->user.uid;
}

void plan_add_privileges(struct plan_builder *builder, const struct oci_process *process,
                         const struct plan_process_facts *facts)
{
        add_scheduling(builder, process);
        if (facts->exec && process->exec_affinity_final) {
                plan_text cpus = plan_put(builder, process->exec_affinity_final);

                PLAN_ADD(builder, AFFINITY, affinity)->cpus = cpus;
        }
        if (facts->container)
                add_memory(builder, facts->container);
        add_limits(builder, process);
        add_labels(builder, process);
        add_bounding(builder, &process->capabilities);
        /* Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before the capabilities go; with it, last, so
         * that the profile need not allow what the steps between do. */
        if (!process->no_new_privileges)
                add_seccomp(builder, facts);
        add_user(builder, &process->user, facts->keep_groups);
        PLAN_ADD(builder, CAPABILITIES, capabilities)->unused = 0;
        add_preparation(builder, process, facts);
        if (process->no_new_privileges) {
                PLAN_ADD(builder, NO_NEW_PRIVILEGES, no_new_privileges)->unused = 0;
                add_seccomp(builder, facts);
        }
}
