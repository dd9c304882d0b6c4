/* The second half of making a container: the host part, the launch, and what is done when the init is ready. */
#include "runtime/life/make.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "base/unix_address.h"
#include "cgroups/devices.h"
#include "namespaces/mount.h"
#include "namespaces/namespace.h"
#include "namespaces/procfs.h"
#include "netdev/link.h"
#include "runtime/core/hook_run.h"
#include "runtime/core/resctrl.h"
#include "runtime/core/rlimits.h"
#include "runtime/core/seccomp_cache.h"
#include "runtime/life/handover.h"
#include "runtime/life/hooks.h"
#include "runtime/life/interrupt.h"
#include "runtime/life/messages.h"
#include "runtime/life/notify.h"
#include "runtime/life/target.h"
#include "runtime/life/undo.h"

/* ---- host part ---- */

static int compile_seccomp(struct made *made)
{
        _cleanup_close_ int cache = -EBADF;
        int r;

        if (!made->spec->linux_.seccomp.set)
                return 0;
        cache = seccomp_cache_open(made->runtime->root_fd);
        r = seccomp_prepare(&made->spec->linux_.seccomp, cache, &made->seccomp);
        if (r < 0)
                return r;
        made->facts.seccomp = made->seccomp.filter;
        made->facts.seccomp_n = made->seccomp.n;
        made->facts.seccomp_flags = made->seccomp.flags;
        made->facts.seccomp_listener = made->seccomp.listener;
        return 0;
}

/* The parked init listens; whoever starts the container connects. */
static int make_start_socket(struct made *made)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        const struct sockaddr_un address = unix_address_at(made->dir_fd, START_SOCKET);

        if (fd < 0)
                return fail(errno, "make the start socket");
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
                return fail(errno, "bind the start socket");
        return sources_add(&made->sources, take_fd(&fd), &made->facts.start_socket);
}

static int make_notify(struct made *made)
{
        _cleanup_close_ int tree = -EBADF;
        char path[PATH_MAX];
        int r;

        if (!made->request->notify_socket || !made->request->notify_socket[0] || made->view.no_sockets)
                return 0;
        snprintf(path, sizeof(path), "%s/%s", made->runtime->root, made->request->id);
        r = notify_make_directory(made->dir_fd, path, &made->notify_directory);
        if (r < 0)
                return r;
        made->facts.notify_directory = made->notify_directory;
        /* Opened here: the state directory is closed to the ids of a user namespace, but those of our own. */
        if (!made->privileged)
                return 0;
        tree = mount_clone(AT_FDCWD, made->notify_directory, false, 0);
        r = tree < 0 ? tree : mount_propagate(tree, MS_PRIVATE);
        return r < 0 ? fail_in(r, "NOTIFY_SOCKET")
                     : sources_add(&made->sources, take_fd(&tree), &made->facts.notify_tree);
}

static int prepare_host(struct made *made, bool park)
{
        /* Where the ids inside differ from ours, the paths are opened with ours. */
        bool trees = made->view.all_trees || (made->privileged && made->spec->linux_.namespaces[OCI_NS_USER].listed);
        int r;

        made->procfs = procfs_open();
        if (made->procfs < 0)
                return made->procfs;
        made->facts.id = made->request->id;
        made->facts.bundle = made->record.bundle;
        made->facts.root = made->record.rootfs;
        r = make_cgroup_begin(made);
        if (r == 0)
                r = sources_open(&made->sources, made->spec, made->view.inside, &made->facts, made->procfs, trees,
                                 made->privileged);
        if (r == 0 && park)
                r = make_start_socket(made);
        if (r == 0)
                r = make_notify(made);
        if (r == 0)
                r = compile_seccomp(made);
        return r == 0 ? make_cgroup_finish(made) : r;
}

/* ---- launch ---- */

static bool needs_report(const struct oci_spec *spec)
{
        return spec->hooks[OCI_HOOK_PRESTART].n || spec->hooks[OCI_HOOK_CREATE_RUNTIME].n ||
               spec->hooks[OCI_HOOK_CREATE_CONTAINER].n || spec->linux_.net_devices.n;
}

static int move_net_devices(const struct made *made, pid_t pid)
{
        _cleanup_close_ int target = -EBADF;
        char path[64];

        if (!made->spec->linux_.net_devices.n)
                return 0;
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        target = namespace_open(OCI_NS_NETWORK, path);
        return target < 0 ? target : netdev_move(target, &made->spec->linux_.net_devices);
}

/* The namespaces are there, the root is not yet: the time of the network and of the runtime's hooks. */
static int on_point(void *data, enum plan_point point, const struct launched *launched, int *state)
{
        struct made *made = data;
        int r;

        if (point != POINT_NAMESPACES)
                return refuse(EBADMSG, "unexpected point %d of the init", (int)point);
        made->record.init.pid = launched->pid;
        r = move_net_devices(made, launched->pid);
        if (r < 0)
                return r;
        made->hooks_began = true;
        r = hooks_run(made->runtime, made->spec, OCI_HOOK_PRESTART, &made->record, STATUS_CREATING, made->interrupt);
        if (r == 0)
                r = hooks_run(made->runtime, made->spec, OCI_HOOK_CREATE_RUNTIME, &made->record, STATUS_CREATING,
                              made->interrupt);
        if (r < 0)
                return r;
        if (!made->spec->hooks[OCI_HOOK_CREATE_CONTAINER].n)
                return 0;
        *state = hooks_state_fd(&made->record, STATUS_CREATING);
        return *state < 0 ? *state : 0;
}

/* ---- before the program ---- */

static bool needs_device_program(const struct made *made)
{
        const struct oci_device_rules *rules = &made->view.resources->devices;

        return made->cgroup_fd >= 0 && rules->n && !device_rules_allow_all(rules);
}

static int attach_device_program(struct made *made)
{
        _cleanup_free_ struct bpf_insn *program = NULL;
        const struct oci_device_rules *rules = &made->view.resources->devices;
        size_t n;
        int r;

        if (!needs_device_program(made))
                return 0;
        r = device_program_build(rules, &program, &n);
        if (r == 0)
                r = device_program_attach(made->cgroup_fd, program, n);
        /* An ordinary user may not, and in a user namespace no device can be made anyway (oci/leniency.h). */
        if (r == -EPERM && (made->in_user_namespace || !made->privileged)) {
                log_debug("linux.resources.devices: %s", error_message());
                error_clear();
                r = 0;
        }
        return r < 0 ? fail_in(r, "linux.resources.devices") : 0;
}

static int join_resctrl(struct made *made)
{
        const struct oci_intel_rdt *rdt = &made->spec->linux_.intel_rdt;
        _cleanup_free_ char *mount = NULL;
        struct resctrl_group group = {0};
        const char *owned;
        int r;

        if (!rdt->set)
                return 0;
        r = resctrl_find(NULL, &mount);
        if (r < 0)
                return r;
        r = resctrl_join(mount, made->request->id, rdt, made->launched.pid, &group);
        owned = r == 0 ? resctrl_group_owned(&group) : NULL;
        if (owned) {
                made->record.resctrl = arena_strdup(&made->record.arena, owned);
                r = made->record.resctrl ? 0 : fail(ENOMEM, "linux.intelRdt");
        }
        resctrl_group_free(&group);
        return r;
}

static int hand_over(struct made *made)
{
        const struct create_request *request = made->request;
        int r = 0;

        if (request->console_socket)
                r = handover_console(request->console_socket, &made->launched, &made->spec->process);
        if (r == 0 && request->pidfd_socket)
                r = handover_send(request->pidfd_socket, "pidfd", made->launched.pidfd);
        if (r == 0 && request->pid_file)
                r = handover_pid_file(request->pid_file, made->launched.pid);
        return r;
}

/* Everything that must hold before the program runs, and the record of it. */
static int settle(struct made *made)
{
        int r = make_cgroup_limit_processes(made);

        if (r == 0)
                r = attach_device_program(made);
        if (made->view.inside->linux_.namespaces[OCI_NS_USER].listed)
                rlimits_raise(made->launched.pid, made->spec->process.rlimits.v, made->spec->process.rlimits.n);
        if (r == 0)
                r = join_resctrl(made);
        if (r == 0)
                r = process_identify(made->launched.pid, &made->record.init);
        return r == 0 ? record_write(made->dir_fd, &made->record) : r;
}

/* When nobody has to act between the init and the program, what berth does beside it is done while it builds, and it
 * finds the word to go on already there: one change of processes less for `run`. Not where a failure of ours would come
 * too late (hand_over), and not before the device program that would hinder the init. */
static bool may_settle_early(const struct made *made)
{
        const struct create_request *request = made->request;

        return !plan_is_staged(made->view.inside) && made->facts.start_socket == PLAN_NO_SLOT &&
               !made->facts.needs_report && !made->spec->process.terminal && !made->notify_directory &&
               !request->pidfd_socket && !request->pid_file && !needs_device_program(made);
}

static int on_started(void *data, struct launched *launched)
{
        struct made *made = data;
        int r;

        (void)launched;
        if (!may_settle_early(made))
                return 0;
        r = settle(made);
        return r == 0 ? make_release(made) : r;
}

static void on_process(void *data, pid_t pid)
{
        const struct create_request *request = ((struct made *)data)->request;

        if (request->on_process)
                request->on_process(request->data, pid);
}

static void complete_facts(struct made *made)
{
        made->facts.in_user_namespace = made->in_user_namespace;
        made->facts.parked_dumpable = !made->privileged;
        made->facts.needs_report = made->view.reports || needs_report(made->spec);
        made->facts.no_pivot = made->request->no_pivot;
        made->facts.no_new_keyring = made->request->no_new_keyring;
        made->facts.host_has_kcore = access("/proc/kcore", F_OK) == 0;
        made->facts.keep_fds = made->keep_fds;
        made->facts.listen_fds = made->request->listen_fds;
}

static int make_plan(const struct made *made, void **block, size_t *size)
{
        struct plan_facts facts = made->facts;
        struct plan_builder builder = {0};
        int r;

        made->row->inside_facts(&made->view, &facts);
        r = plan_container(made->view.inside, &facts, &builder);
        if (r < 0) {
                plan_builder_free(&builder);
                return r;
        }
        return plan_finish(&builder, block, size);
}

/* -EBADF: it has none of its own. */
static int own_cgroup(const struct made *made)
{
        const char *below = made->record.subgroup;

        return made->cgroup_fd >= 0 && made->row->group_inside ? cgroup_open_below(made->cgroup_fd, below ? below : "/")
                                                               : -EBADF;
}

static int launch_init(struct made *made)
{
        _cleanup_close_ int cgroup = own_cgroup(made);
        _cleanup_free_ void *block = NULL;
        const struct launch_inside inside = {
                .view = &made->view,
                .facts = &made->facts,
                .spec = made->spec,
                .id = made->request->id,
                .dir = made->dir_fd,
                .cgroup = cgroup,
                .terminal = made->spec->process_set && made->spec->process.terminal,
        };
        struct launch launch = {
                .slots = made->sources.fds,
                .n_slots = made->sources.n,
                .procfs = made->procfs,
                .cgroup = made->scope.carrier.pid ? -EBADF : made->cgroup_fd,
                .carrier = made->scope.carrier.pid ? &made->scope.carrier : NULL,
                .staged = plan_is_staged(made->view.inside),
                .namespaces = plan_launch_namespaces(made->view.inside),
                .keep_fds = made->keep_fds,
                .uid_maps = &made->spec->linux_.uid_mappings,
                .gid_maps = &made->spec->linux_.gid_mappings,
                .privileged = made->privileged,
                .inside = &inside,
                .step_deadline_ms = hooks_deadline_ms(made->spec, OCI_HOOK_CREATE_CONTAINER),
                .interrupt = made->interrupt,
                .on_started = on_started,
                .on_process = on_process,
                .on_point = on_point,
                .data = made,
        };
        int r;

        complete_facts(made);
        r = make_plan(made, &block, &launch.plan_size);
        if (r < 0)
                return r;
        launch.plan = block;
        return made->row->create(&launch, &made->launched);
}

/* The first thing to say, before anything about the bundle; make_record's mkdir is what decides. */
static int check_unused_id(struct made *made)
{
        int r = made->runtime->root_fd < 0 ? runtime_open_root(made->runtime, false) : 0;

        if (r < 0 || made->runtime->root_fd < 0)
                return r;
        return faccessat(made->runtime->root_fd, made->request->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0
                       ? refuse(EEXIST, MESSAGE_EXISTS ": %s", made->request->id)
                       : 0;
}

int make_container(struct made *made, struct runtime *runtime, const struct create_request *request, bool park)
{
        int r = container_id_check(request->id);

        made->runtime = runtime;
        made->request = request;
        /* Until the socket exists: any slot says that there will be one. */
        made->facts.start_socket = park ? 0 : PLAN_NO_SLOT;
        made->facts.notify_tree = PLAN_NO_SLOT;
        if (r == 0)
                r = check_unused_id(made);
        if (r == 0)
                r = make_read(made);
        if (r == 0 && runtime->root_fd < 0)
                r = runtime_open_root(runtime, true);
        if (r == 0) {
                made->interrupt = interrupts_watch();
                r = made->interrupt < 0 ? made->interrupt : 0;
        }
        if (r == 0)
                r = make_record(made);
        if (r == 0)
                r = prepare_host(made, park);
        if (r == 0)
                r = launch_init(made);
        if (r == 0 && !made->released)
                r = settle(made);
        if (r == 0)
                r = hand_over(made);
        if (r < 0) {
                make_undo(made);
                make_free(made);
        }
        return r;
}

int make_release(struct made *made)
{
        _cleanup_close_ int state = -EBADF;

        if (made->released)
                return 0;
        made->released = true;
        if (made->spec->hooks[OCI_HOOK_START_CONTAINER].n) {
                state = hooks_state_fd(&made->record, STATUS_CREATED);
                if (state < 0)
                        return state;
        }
        return launch_release(&made->launched, state);
}

void make_undo(struct made *made)
{
        char message[ERROR_MESSAGE_MAX];

        snprintf(message, sizeof(message), "%s", error_message());
        launch_abort(&made->launched);
        scope_drop(&made->scope);
        if (made->recorded) {
                int r = undo_container(made->runtime, &made->record, made->dir_fd);

                if (r < 0)
                        log_warning("%s", error_message());
                if (made->hooks_began)
                        hooks_run_all(made->runtime, made->spec, OCI_HOOK_POSTSTOP, &made->record, STATUS_STOPPED);
        }
        (void)refuse(EIO, "%s", message);
}

void make_free(struct made *made)
{
        launched_close(&made->launched);
        scope_drop(&made->scope);
        sources_close(&made->sources);
        seccomp_program_free(&made->seccomp);
        cleanup_close(&made->dir_fd);
        cleanup_close(&made->lock_fd);
        cleanup_close(&made->procfs);
        cleanup_close(&made->cgroup_fd);
        cleanup_close(&made->interrupt);
        if (made->row)
                made->row->release(&made->view);
        free(made->notify_directory);
        vm_config_free(&made->host_config);
        free(made->config);
        oci_spec_free(made->spec);
        arena_free(&made->record.arena);
        *made = (struct made)MADE_NONE;
}
