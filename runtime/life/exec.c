/* exec */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "cgroups/events.h"
#include "namespaces/namespace.h"
#include "namespaces/procfs.h"
#include "runtime/core/hook_run.h"
#include "runtime/core/plan_inside.h"
#include "runtime/core/rlimits.h"
#include "runtime/core/seccomp.h"
#include "runtime/core/seccomp_cache.h"
#include "runtime/life/exec_process.h"
#include "runtime/life/foreground.h"
#include "runtime/life/handle.h"
#include "runtime/life/handover.h"
#include "runtime/life/interrupt.h"
#include "runtime/life/messages.h"
#include "runtime/life/scope.h"
#include "runtime/life/seccomp_listener.h"
#include "runtime/life/target.h"

struct execution {
        const struct exec_request *request;
        struct runtime *runtime;
        struct handle handle;
        struct oci_spec *spec;
        struct arena arena;
        struct oci_process process;
        struct seccomp_program seccomp;
        struct launched launched;
        bool released; /* the init has its word to go on */
        int procfs, cgroup, interrupt;
        int root; /* the container's, where its mount namespace is not its own, and setns(2) leads to another one */
        char below[PATH_MAX]; /* where `cgroup` is, from the container's own group: "/", "/inner" */
        struct carrier carrier;
        unsigned keep_fds;
};

static void execution_free(struct execution *e)
{
        launched_close(&e->launched);
        carrier_end(&e->carrier);
        seccomp_program_free(&e->seccomp);
        oci_spec_free(e->spec);
        arena_free(&e->arena);
        handle_close(&e->handle);
        cleanup_close(&e->procfs);
        cleanup_close(&e->cgroup);
        cleanup_close(&e->interrupt);
        cleanup_close(&e->root);
}

static int check_status(const struct execution *e)
{
        /* It may have ended since its status was looked at. */
        if (e->handle.target.pidfd < 0)
                return refuse(EINVAL, MESSAGE_EXEC_STOPPED);
        switch (e->handle.container.status) {
        case STATUS_CREATED:
        case STATUS_RUNNING:
                return 0;
        case STATUS_PAUSED:
                return e->request->ignore_paused ? 0 : refuse(EBUSY, MESSAGE_EXEC_PAUSED);
        default:
                return refuse(EINVAL, MESSAGE_EXEC_STOPPED);
        }
}

static int read_all_of_it(struct execution *e)
{
        int r = handle_open(&e->handle, e->runtime, e->request->id, false);

        if (r == 0)
                r = check_status(e);
        if (r == 0)
                r = handle_spec(&e->handle, &e->spec);
        if (r < 0)
                return r;
        if (!e->spec->process_set && !e->request->process_file)
                return refuse(EINVAL, "the container has no process to take the rest from: use --process");
        r = exec_process(e->request, &e->spec->process, &e->arena, &e->process);
        if (r == 0 && e->handle.row->divide_process)
                e->handle.row->divide_process(&e->process);
        if (r == 0)
                r = terminal_check(e->process.terminal, e->request->detach, e->request->console_socket);
        if (r == 0)
                r = kept_fds_count(e->request->listen_fds, e->request->preserve_fds, &e->keep_fds);
        return r;
}

static bool leads_up(const char *path)
{
        for (const char *p = path; p; p = strchr(p, '/')) {
                p += strspn(p, "/");
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
                        return true;
        }
        return false;
}

/* In runc's words. */
static int refuse_cgroup(const struct execution *e, int err)
{
        error_clear();
        return refuse(err, MESSAGE_EXEC_CGROUP, e->request->cgroup, e->handle.container.record->cgroup, e->below,
                      err == ENOENT ? "no such file or directory" : "device or resource busy");
}

/* --cgroup names a group below the container's own, or below the sub-group that its processes are in; no step of it may
 * lead out. */
static int open_cgroup(struct execution *e)
{
        const char *path = e->request->cgroup;
        /* Of this host's groups; inside there is none of that kind. */
        const char *inner = e->handle.row->group_inside ? NULL : e->handle.container.record->subgroup;
        int own = e->handle.target.cgroup, n;

        if (path && leads_up(path))
                return refuse(EINVAL, MESSAGE_EXEC_CGROUP_ABOVE, path);
        if (own < 0 && !e->handle.row->group_inside)
                return path ? refuse(ENOENT, "--cgroup %s: the container has no cgroup of its own", path) : 0;
        n = snprintf(e->below, sizeof(e->below), "/%s%s%s", inner ? inner : "", inner && path ? "/" : "",
                     path ? path + strspn(path, "/") : "");
        if (n >= (int)sizeof(e->below))
                return refuse(ENAMETOOLONG, "--cgroup %s: too long", path);
        if (own < 0)
                return 0;
        e->cgroup = cgroup_open_below(own, e->handle.row->group_inside ? "/" : e->below);
        if (e->cgroup == -ENOENT && path)
                return refuse_cgroup(e, ENOENT);
        if (e->cgroup < 0)
                return fail_in(e->cgroup, "--cgroup %s", path ? path : "/");
        /* By pause the status tells; but somebody may have frozen this one group, or one above the container's. */
        if (!e->request->ignore_paused && cgroup_wait_event(e->cgroup, "frozen", 0, 0) == -ETIMEDOUT)
                return refuse(EBUSY, "--cgroup %s: the cgroup is frozen: " MESSAGE_EXEC_PAUSED, path ? path : "/");
        return 0;
}

/* A container with systemd inside has turned its group into a parent, which may hold no process (EBUSY): then to where
 * its init is. */
static int open_cgroup_of_init(struct execution *e)
{
        const struct cgroup_host *host = host_cgroups();
        size_t own = strlen(e->handle.container.record->cgroup);
        char path[PATH_MAX];
        int r = host ? cgroup_path_of(e->handle.target.pid, path, sizeof(path)) : -ENOENT;

        if (r < 0)
                return r;
        /* Where it has been moved out of its container, systemd cannot bring us. */
        e->below[0] = '\0';
        if (strncmp(path, e->handle.container.record->cgroup, own) == 0 && (path[own] == '/' || !path[own]))
                snprintf(e->below, sizeof(e->below), "%s", path[own] ? path + own : "/");
        replace_fd(&e->cgroup, cgroup_open(host, path));
        return e->cgroup < 0 ? e->cgroup : 0;
}

/* setns(2) into the user namespace that one is in is an error. */
static bool shares_user_namespace(pid_t pid)
{
        char path[64];
        struct stat ours, theirs;

        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
               ours.st_dev == theirs.st_dev;
}

static uint32_t namespaces_to_join(const struct execution *e)
{
        uint32_t flags = 0;

        for (enum oci_namespace_kind kind = 0; kind < OCI_NS_KINDS; kind++)
                if (e->handle.container.record->namespaces & (1U << kind) &&
                    (kind != OCI_NS_USER || !shares_user_namespace(e->handle.target.pid)))
                        flags |= (uint32_t)namespace_kinds[kind].flag;
        return flags;
}

static int compile_seccomp(struct execution *e)
{
        _cleanup_close_ int cache = -EBADF;

        if (!e->spec->linux_.seccomp.set)
                return 0;
        cache = seccomp_cache_open(e->runtime->root_fd);
        return seccomp_prepare(&e->spec->linux_.seccomp, cache, &e->seccomp);
}

static int open_root(struct execution *e)
{
        const struct record *record = e->handle.container.record;
        char path[64];

        if (record->new_namespaces & (1U << OCI_NS_MOUNT))
                return 0;
        snprintf(path, sizeof(path), "%d/root", (int)e->handle.target.pid);
        e->root = openat(e->procfs, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (e->root < 0 && errno != ENOENT)
                return fail(errno, "open the container's root");
        /* The number may be another's by now. */
        return e->root >= 0 && process_is_alive(&record->init, NULL) == 1 ? 0 : refuse(EINVAL, MESSAGE_EXEC_STOPPED);
}

static int make_plan(struct execution *e, void **block, size_t *size)
{
        const char *keeps = oci_annotation(e->spec, ANNOTATION_KEEP_GROUPS);
        struct plan_exec_facts facts = {
                .id = e->request->id,
                .pidfd = 0,
                .root = e->root >= 0 ? 1 : PLAN_NO_SLOT,
                .namespaces = namespaces_to_join(e),
                .user_namespace = e->handle.container.record->namespaces & (1U << OCI_NS_USER),
                .in_user_namespace = !e->handle.row->group_inside && namespace_is_below_hosts_user(),
                .keep_groups = keeps && strcmp(keeps, "1") == 0,
                .keep_fds = e->keep_fds,
                .listen_fds = e->request->listen_fds,
                .seccomp = e->seccomp.filter,
                .seccomp_n = e->seccomp.n,
                .seccomp_flags = e->seccomp.flags,
                .seccomp_listener = e->seccomp.listener,
                .container = &e->spec->linux_,
        };
        struct plan_builder builder = {0};
        int r = plan_exec(&e->process, &facts, &builder);

        if (r < 0) {
                plan_builder_free(&builder);
                return r;
        }
        return plan_finish(&builder, block, size);
}

/* Where nobody has to act before the program, the init finds the word to go on already there. */
static int on_started(void *data, struct launched *launched)
{
        struct execution *e = data;
        const struct exec_request *request = e->request;
        bool user_namespace = e->handle.container.record->namespaces & (1U << OCI_NS_USER);

        if (request->console_socket || request->pidfd_socket || e->process.terminal || user_namespace)
                return 0;
        e->released = true;
        return launch_release(launched, -EBADF);
}

static int launch_in(struct execution *e, struct launch *launch)
{
        launch->cgroup = launch->carrier ? -EBADF : e->cgroup;
        error_clear();
        return e->handle.row->exec(launch, &e->launched);
}

static bool is_parent(int cgroup)
{
        char text[256];

        return read_small_file_at(cgroup, "cgroup.subtree_control", text, sizeof(text)) > 1;
}

/* An ordinary user may start processes only where they may move them: not from a session into a scope of their own
 * systemd, which can. */
static bool needs_carrier(const struct execution *e, int r)
{
        return (r == -EACCES || r == -EPERM) && !e->launched.born && e->cgroup >= 0 && e->below[0] == '/' &&
               e->handle.container.record->systemd_unit;
}

static int launch_carried(struct execution *e, struct launch *launch)
{
        int r = carrier_begin(&e->carrier);

        if (r == 0)
                r = scope_attach(e->handle.container.record, e->below, &e->carrier, e->interrupt);
        launch->carrier = &e->carrier;
        return r == 0 ? launch_in(e, launch) : r;
}

static int launch_it(struct execution *e)
{
        _cleanup_free_ void *block = NULL;
        const struct launch_inside inside = {
                .spec = e->spec,
                .id = e->request->id,
                .dir = e->handle.container.dir_fd,
                .cgroup = -EBADF,
                .below = e->request->cgroup ? e->below : NULL,
                .terminal = e->process.terminal,
        };
        const int slots[] = {e->handle.target.pidfd, e->root};
        struct launch launch = {
                .slots = slots,
                .n_slots = e->root >= 0 ? 2 : 1,
                .procfs = e->procfs,
                .staged = true,
                .keep_fds = e->keep_fds,
                .affinity = e->process.exec_affinity_initial,
                .inside = &inside,
                .step_deadline_ms = e->handle.container.status == STATUS_PAUSED ? INT_MAX : LAUNCH_STEP_DEADLINE_MS,
                .interrupt = e->interrupt,
                .on_started = on_started,
                .data = e,
        };
        int r = make_plan(e, &block, &launch.plan_size);

        if (r < 0)
                return r;
        launch.plan = block;
        if (e->cgroup >= 0 && record_reuses_cgroup(e->handle.container.record) &&
            e->handle.container.status != STATUS_PAUSED) {
                r = carrier_begin_in(&e->carrier, e->cgroup);
                if (r < 0)
                        return r;
                launch.carrier = e->carrier.pid ? &e->carrier : NULL;
        }
        r = launch_in(e, &launch);
        launch.carrier = NULL;
        if (needs_carrier(e, r)) {
                /* systemd would not say which of the two it was. */
                r = is_parent(e->cgroup) ? -EBUSY : launch_carried(e, &launch);
                launch.carrier = NULL;
        }
        if (r == -ETIMEDOUT && e->cgroup >= 0 && cgroup_wait_event(e->cgroup, "frozen", 0, 0) == -ETIMEDOUT)
                return fail_in(r, "the container was paused meanwhile");
        if (r != -EBUSY || e->launched.born || e->cgroup < 0)
                return r;
        if (e->request->cgroup)
                return refuse_cgroup(e, EBUSY);
        r = open_cgroup_of_init(e);
        if (r == 0)
                r = launch_in(e, &launch);
        return needs_carrier(e, r) ? launch_carried(e, &launch) : r;
}

static int finish(struct execution *e)
{
        const struct exec_request *request = e->request;
        struct seccomp_listener listener = {e->spec, e->handle.container.record, e->launched.pid,
                                            e->handle.container.status};
        int r = 0;

        if (e->handle.container.record->namespaces & (1U << OCI_NS_USER))
                rlimits_raise(e->launched.pid, e->process.rlimits.v, e->process.rlimits.n);
        if (request->console_socket)
                r = handover_console(request->console_socket, &e->launched, &e->process);
        if (r == 0 && request->pidfd_socket)
                r = handover_send(request->pidfd_socket, "pidfd", e->launched.pidfd);
        if (r == 0 && !e->released)
                r = launch_release(&e->launched, -EBADF);
        if (r == 0)
                r = launch_finish(e->launched.channel, LAUNCH_STEP_DEADLINE_MS, seccomp_listener_deliver, &listener);
        if (r == 0 && request->pid_file)
                r = handover_pid_file(request->pid_file, e->launched.pid);
        return r;
}

static int execute(struct execution *e, struct foreground *foreground)
{
        int r = read_all_of_it(e);

        if (r == 0)
                r = compile_seccomp(e);
        if (r == 0)
                r = open_cgroup(e);
        if (r < 0)
                return r;
        e->procfs = procfs_open();
        if (e->procfs < 0)
                return e->procfs;
        e->interrupt = interrupts_watch();
        if (e->interrupt < 0)
                return e->interrupt;
        r = open_root(e);
        if (r == 0)
                r = launch_it(e);
        if (r == 0 && !e->request->detach)
                r = foreground_prepare(foreground, e->launched.console);
        return r == 0 ? finish(e) : r;
}

int container_exec(struct runtime *runtime, const struct exec_request *request, int *exit_status)
{
        struct foreground foreground = FOREGROUND_NONE;
        struct execution e = {
                .request = request,
                .runtime = runtime,
                .handle = HANDLE_NONE,
                .launched = LAUNCHED_NONE,
                .carrier = CARRIER_NONE,
                .procfs = -EBADF,
                .cgroup = -EBADF,
                .interrupt = -EBADF,
                .root = -EBADF,
        };
        int r = execute(&e, &foreground);

        *exit_status = 0;
        if (r < 0)
                launch_abort(&e.launched);
        else if (!request->detach)
                r = foreground_wait(&foreground, e.launched.pidfd, exit_status);
        foreground_end(&foreground);
        execution_free(&e);
        return r;
}
