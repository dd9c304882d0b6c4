#include "runtime/core/plan_inside.h"

#include <errno.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "namespaces/namespace.h"
#include "oci/vocabulary.h"

static bool is_new(const struct oci_namespace *namespace)
{
        return namespace->listed && !namespace->path;
}

static bool is_joined(const struct oci_namespace *namespace)
{
        return namespace->listed && namespace->path;
}

/* ---- outside ---- */

static void add_join(struct plan_builder *builder, enum oci_namespace_kind kind, const struct oci_namespace *namespace,
                     plan_slot slot)
{
        char what[256];
        plan_text text;
        struct step_join *step;

        snprintf(what, sizeof(what), "%s namespace %s", namespace_kinds[kind].name, namespace->path);
        text = plan_put(builder, what);
        step = PLAN_ADD(builder, JOIN, join);
        step->slot = slot;
        step->flags = (uint32_t)namespace_kinds[kind].flag;
        step->what = text;
}

/* Namespaces that belong to the joined user namespace can be entered only from inside it; those that belong outside
 * only from outside. */
static void add_joins(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts,
                      bool inside)
{
        for (enum oci_namespace_kind kind = 0; kind < OCI_NS_KINDS; kind++) {
                const struct oci_namespace *namespace = &spec->linux_.namespaces[kind];

                if (kind != OCI_NS_USER && is_joined(namespace) && facts->owned_by_user[kind] == inside)
                        add_join(builder, kind, namespace, facts->namespaces[kind]);
        }
}

static bool maps_root(const struct oci_id_maps *maps)
{
        for (size_t i = 0; i < maps->n; i++)
                if (maps->v[i].container_id == 0)
                        return true;
        return false;
}

static void add_user_namespace(struct plan_builder *builder, const struct oci_spec *spec,
                               const struct plan_facts *facts)
{
        const struct oci_namespace *namespace = &spec->linux_.namespaces[OCI_NS_USER];
        struct step_user_namespace *step;

        if (!namespace->listed)
                return;
        if (namespace->path)
                add_join(builder, OCI_NS_USER, namespace, facts->namespaces[OCI_NS_USER]);
        step = PLAN_ADD(builder, USER_NAMESPACE, user_namespace);
        step->joined = namespace->path != NULL;
        step->become_root =
                namespace->path || (maps_root(&spec->linux_.uid_mappings) && maps_root(&spec->linux_.gid_mappings));
}

static void add_time_namespace(struct plan_builder *builder, const struct oci_linux *linux_)
{
        const struct {
                const char *name;
                const struct oci_time_offset *offset;
        } clocks[] = {{"monotonic", &linux_->time_monotonic}, {"boottime", &linux_->time_boottime}};
        char offsets[256] = "";
        plan_text text;

        if (!is_new(&linux_->namespaces[OCI_NS_TIME]))
                return;
        for (size_t i = 0; i < ELEMENTS(clocks); i++) {
                size_t used = strlen(offsets);

                if (clocks[i].offset->set)
                        snprintf(offsets + used, sizeof(offsets) - used, "%s %lld %u\n", clocks[i].name,
                                 (long long)clocks[i].offset->secs, clocks[i].offset->nanosecs);
        }
        text = offsets[0] ? plan_put(builder, offsets) : 0;
        PLAN_ADD(builder, TIME_NAMESPACE, time_namespace)->offsets = text;
}

static uint64_t new_namespaces(const struct oci_linux *linux_)
{
        uint64_t flags = 0;

        for (enum oci_namespace_kind kind = 0; kind < OCI_NS_KINDS; kind++)
                if (is_new(&linux_->namespaces[kind]) && kind != OCI_NS_USER && kind != OCI_NS_TIME)
                        flags |= (uint64_t)namespace_kinds[kind].flag;
        return flags;
}

bool plan_is_staged(const struct oci_spec *spec)
{
        const struct oci_namespace *namespaces = spec->linux_.namespaces;

        return namespaces[OCI_NS_USER].listed || namespaces[OCI_NS_TIME].listed || is_joined(&namespaces[OCI_NS_PID]) ||
               is_joined(&namespaces[OCI_NS_MOUNT]);
}

uint64_t plan_launch_namespaces(const struct oci_spec *spec)
{
        return new_namespaces(&spec->linux_) & ~(uint64_t)CLONE_NEWCGROUP;
}

/* Staged: outside first, into what only an existing process can enter (a user namespace that waits for its maps, a pid
 * namespace with others in it), then a clone. Else the init was started inside, and what is left can be done there. */
static void add_outside(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        uint64_t flags = new_namespaces(&spec->linux_);
        bool staged = plan_is_staged(spec), new_user = is_new(&spec->linux_.namespaces[OCI_NS_USER]);

        if (spec->process.oom_score_adj.set)
                PLAN_ADD(builder, OOM_SCORE, oom_score)->value = (int32_t)spec->process.oom_score_adj.value;
        /* Before anything of the container's is joined. A new user namespace has nobody in it yet, and its maps can
         * only be written while we are dumpable. */
        if (!new_user)
                PLAN_ADD(builder, UNDUMPABLE, undumpable)->unused = 0;
        add_joins(builder, spec, facts, false);
        add_user_namespace(builder, spec, facts);
        if (new_user)
                PLAN_ADD(builder, UNDUMPABLE, undumpable)->unused = 0;
        add_joins(builder, spec, facts, true);
        add_time_namespace(builder, &spec->linux_);
        if (staged)
                PLAN_ADD(builder, CLONE, clone)->flags = flags;
        else if (flags & CLONE_NEWCGROUP)
                PLAN_ADD(builder, UNSHARE, unshare)->flags = CLONE_NEWCGROUP;
}

/* ---- inside ---- */

static void add_keyring(struct plan_builder *builder, const char *id, const char *label, bool user_namespace)
{
        plan_text name = plan_put(builder, id);
        plan_text selinux = plan_put(builder, label);
        struct step_keyring *step = PLAN_ADD(builder, KEYRING, keyring);

        step->name = name;
        step->selinux_label = selinux;
        step->user_namespace = user_namespace;
}

static void add_names(struct plan_builder *builder, const struct oci_spec *spec)
{
        plan_text hostname = plan_put(builder, spec->hostname);
        plan_text domainname = plan_put(builder, spec->domainname);

        if (hostname || domainname) {
                struct step_hostname *step = PLAN_ADD(builder, HOSTNAME, hostname);

                step->hostname = hostname;
                step->domainname = domainname;
        }
}

static bool replaces_dev(const struct oci_spec *spec)
{
        for (size_t i = 0; i < spec->mounts.n; i++)
                if (strcmp(spec->mounts.v[i].destination, "/dev") == 0 && spec->mounts.v[i].options.bind)
                        return true;
        return false;
}

static void add_device(struct plan_builder *builder, const struct oci_device *device, bool bind)
{
        plan_text path = plan_put(builder, device->path);
        struct step_device *step = PLAN_ADD(builder, DEVICE, device);

        step->path = path;
        step->mode = (uint32_t)device->type | (device->file_mode.set ? (uint32_t)device->file_mode.value : 0666);
        step->major = device->major;
        step->minor = device->minor;
        step->uid = device->uid;
        step->gid = device->gid;
        step->bind = bind;
}

static bool is_listed(const struct oci_devices *devices, const char *path)
{
        for (size_t i = 0; i < devices->n; i++)
                if (strcmp(devices->v[i].path, path) == 0)
                        return true;
        return false;
}

/* Whether mounts[] puts something there itself, as who wants another source of randomness does, and leaves it in sight.
 */
static bool is_mounted_at(const struct oci_mounts *mounts, const char *path)
{
        bool mounted = false;

        for (size_t i = 0; i < mounts->n; i++)
                if (strcmp(mounts->v[i].destination, path) == 0)
                        mounted = true;
                else if (strcmp(mounts->v[i].destination, "/dev") == 0 && !mounts->v[i].options.remount)
                        mounted = false;
        return mounted;
}

/* config-linux.md "Default Devices". /dev/console and /dev/ptmx are made elsewhere. */
static void add_devices(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        static const struct oci_device defaults[] = {
                {.path = "/dev/null", .type = S_IFCHR, .major = 1, .minor = 3},
                {.path = "/dev/zero", .type = S_IFCHR, .major = 1, .minor = 5},
                {.path = "/dev/full", .type = S_IFCHR, .major = 1, .minor = 7},
                {.path = "/dev/random", .type = S_IFCHR, .major = 1, .minor = 8},
                {.path = "/dev/urandom", .type = S_IFCHR, .major = 1, .minor = 9},
                {.path = "/dev/tty", .type = S_IFCHR, .major = 5, .minor = 0},
        };
        bool bind = spec->linux_.namespaces[OCI_NS_USER].listed || facts->in_user_namespace;

        for (size_t i = 0; i < ELEMENTS(defaults); i++)
                if (!is_listed(&spec->linux_.devices, defaults[i].path) &&
                    !is_mounted_at(&spec->mounts, defaults[i].path))
                        add_device(builder, &defaults[i], bind);
        /* A ptmx of the host's would make terminals in the host's devpts: it is always the link below. */
        for (size_t i = 0; i < spec->linux_.devices.n; i++)
                if (strcmp(spec->linux_.devices.v[i].path, "/dev/ptmx") != 0)
                        add_device(builder, &spec->linux_.devices.v[i], bind);
}

static void add_links(struct plan_builder *builder, bool kcore)
{
        static const struct {
                const char *path, *target;
        } links[] = {
                {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
                {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
                {"/dev/ptmx", "pts/ptmx"},          {"/dev/core", "/proc/kcore"},
        };

        for (size_t i = 0; i < ELEMENTS(links) - !kcore; i++) {
                plan_text path = plan_put(builder, links[i].path), target = plan_put(builder, links[i].target);
                struct step_link *step = PLAN_ADD(builder, LINK, link);

                step->path = path;
                step->target = target;
        }
}

static void add_console(struct plan_builder *builder, const struct oci_process *process, bool mount)
{
        struct step_console *step = PLAN_ADD(builder, CONSOLE, console);

        if (process->console_size.set) {
                step->height = process->console_size.height;
                step->width = process->console_size.width;
        }
        step->mount = mount;
}

static void add_hooks(struct plan_builder *builder, const struct oci_spec *spec, enum oci_hook_kind kind)
{
        for (size_t i = 0; i < spec->hooks[kind].n; i++) {
                const struct oci_hook *hook = &spec->hooks[kind].v[i];
                plan_text name = plan_put(builder, word_name(&hook_words, kind));
                plan_text path = plan_put(builder, hook->path);
                struct plan_list args = plan_put_list(builder, hook->args.v, hook->args.n);
                /* As with runc, in the container: the program's, where it lists none; that of startContainer, when it
                 * is complete (step_hook). */
                const struct oci_strings *variables =
                        hook->env.n || kind == OCI_HOOK_START_CONTAINER ? &hook->env : &spec->process.env;
                struct plan_list env = plan_put_list(builder, variables->v, variables->n);
                struct step_hook *step = PLAN_ADD(builder, HOOK, hook);

                step->kind = name;
                step->index = (uint32_t)i;
                step->path = path;
                step->args = args;
                step->env = env;
                step->timeout = hook->timeout.set ? (int32_t)hook->timeout.value : 0;
                step->in_root = kind == OCI_HOOK_CREATE_CONTAINER;
        }
}

/* Whether anything is mounted: a root that is none of its own is enough for a container without. */
static bool has_mounts(const struct oci_spec *spec, const struct plan_facts *facts)
{
        return is_new(&spec->linux_.namespaces[OCI_NS_MOUNT]) || spec->mounts.n || spec->root_readonly ||
               spec->process.terminal || facts->notify_directory;
}

static void add_root(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        plan_text path = plan_put(builder, facts->root);
        struct step_root *step = PLAN_ADD(builder, ROOT, root);

        step->path = path;
        step->slot = facts->root_tree;
        step->attach = has_mounts(spec, facts);
        if (!is_new(&spec->linux_.namespaces[OCI_NS_MOUNT]))
                return;
        step->parent_propagation =
                spec->linux_.rootfs_propagation ? (uint32_t)spec->linux_.rootfs_propagation : MS_SLAVE | MS_REC;
        /* An unbindable parent could not be cloned from. */
        if (step->parent_propagation & MS_UNBINDABLE)
                step->parent_propagation = MS_PRIVATE;
        /* "slave" and "private" without the r are about the container's root. The old mounts are cut off as a whole:
         * the root may lie on another mount than "/", and what is mounted there must not reach the host. */
        if (!(step->parent_propagation & MS_SHARED))
                step->parent_propagation |= MS_REC;
}

static void add_notify_mount(struct plan_builder *builder, const struct plan_facts *facts)
{
        plan_text source, destination;
        struct step_mount *step;

        if (!facts->notify_directory)
                return;
        source = plan_put(builder, facts->notify_directory);
        destination = plan_put(builder, NOTIFY_INSIDE);
        step = PLAN_ADD(builder, MOUNT, mount);
        step->kind = MOUNT_KIND_BIND;
        step->source = source;
        step->destination = destination;
        step->source_slot = facts->notify_tree;
        step->userns_slot = PLAN_NO_SLOT;
        /* The socket can be sent to all the same, but nothing of the container's can be left in the state directory. */
        step->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
}

/* Engines merge lists. */
static bool is_repeated(const struct oci_strings *paths, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (strcmp(paths->v[i], paths->v[at]) == 0)
                        return true;
        return false;
}

static void add_masks(struct plan_builder *builder, const struct oci_linux *linux_)
{
        for (size_t i = 0; i < linux_->readonly_paths.n; i++) {
                plan_text path;

                if (is_repeated(&linux_->readonly_paths, i))
                        continue;
                path = plan_put(builder, linux_->readonly_paths.v[i]);
                PLAN_ADD(builder, READONLY_PATH, readonly_path)->path = path;
        }
        for (size_t i = 0; i < linux_->masked_paths.n; i++) {
                plan_text path, label;
                struct step_mask_path *step;

                if (is_repeated(&linux_->masked_paths, i))
                        continue;
                path = plan_put(builder, linux_->masked_paths.v[i]);
                label = plan_put(builder, linux_->mount_label);
                step = PLAN_ADD(builder, MASK_PATH, mask_path);
                step->path = path;
                step->selinux_label = label;
        }
}

static void add_pivot(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        struct step_pivot *step = PLAN_ADD(builder, PIVOT, pivot);

        step->no_pivot = facts->no_pivot;
        step->keep_namespace = !is_new(&spec->linux_.namespaces[OCI_NS_MOUNT]);
        step->host_is_shared = (spec->linux_.rootfs_propagation & MS_SHARED) != 0;
        step->propagation = step->keep_namespace ? 0 : (uint32_t)spec->linux_.rootfs_propagation;
}

static void add_sysctl(struct plan_builder *builder, const struct oci_pair *pair)
{
        plan_text key = plan_put(builder, pair->key), value = plan_put(builder, pair->value);
        struct step_sysctl *step = PLAN_ADD(builder, SYSCTL, sysctl);

        step->key = key;
        step->value = value;
}

/* prefix: "", or those of one kind of namespace alone, "net/". */
static void add_sysctls(struct plan_builder *builder, const struct oci_pairs *sysctl, const char *prefix)
{
        for (size_t i = 0; i < sysctl->n; i++)
                if (strncmp(sysctl->v[i].key, prefix, strlen(prefix)) == 0)
                        add_sysctl(builder, &sysctl->v[i]);
}
/* In a mount namespace that is not the container's own, what hides or protects would be taken off by whoever is there;
 * and it belongs to another user namespace than a container's, which may mount nothing there. */
static int check_mount_namespace(const struct oci_spec *spec)
{
        const struct oci_linux *linux_ = &spec->linux_;
        bool user_namespace = linux_->namespaces[OCI_NS_USER].listed;
        const char *field = linux_->masked_paths.n                     ? "linux.maskedPaths"
                            : linux_->readonly_paths.n                 ? "linux.readonlyPaths"
                            : linux_->rootfs_propagation               ? "linux.rootfsPropagation"
                            : user_namespace && spec->mounts.n         ? "mounts"
                            : user_namespace && spec->root_readonly    ? "root.readonly"
                            : user_namespace && spec->process.terminal ? "process.terminal"
                                                                       : NULL;

        if (is_new(&linux_->namespaces[OCI_NS_MOUNT]) || !field)
                return 0;
        return refuse(EINVAL, "%s: needs a new mount namespace (linux.namespaces)", field);
}

static int add_inside(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        int r;

        PLAN_ADD(builder, SESSION, session)->unused = 0;
        if (!facts->no_new_keyring)
                add_keyring(builder, facts->id, spec->process.selinux_label,
                            spec->linux_.namespaces[OCI_NS_USER].listed);
        add_names(builder, spec);
        if (is_new(&spec->linux_.namespaces[OCI_NS_NETWORK]))
                PLAN_ADD(builder, LOOPBACK, loopback)->unused = 0;
        if (facts->needs_report)
                PLAN_ADD(builder, REPORT, report)->point = POINT_NAMESPACES;
        add_root(builder, spec, facts);
        r = plan_add_mounts(builder, spec, facts);
        if (r < 0)
                return r;
        add_notify_mount(builder, facts);
        if (has_mounts(spec, facts) && !replaces_dev(spec)) {
                add_devices(builder, spec, facts);
                add_links(builder, facts->host_has_kcore);
        }
        if (spec->process_set && spec->process.terminal)
                add_console(builder, &spec->process, true);
        add_hooks(builder, spec, OCI_HOOK_CREATE_CONTAINER);
        add_masks(builder, &spec->linux_);
        add_pivot(builder, spec, facts);
        add_sysctls(builder, &spec->linux_.sysctl, "");
        return 0;
}

static bool keeps_groups(const struct oci_spec *spec)
{
        const char *value = oci_annotation(spec, ANNOTATION_KEEP_GROUPS);

        return value && strcmp(value, "1") == 0;
}

int plan_container(const struct oci_spec *spec, const struct plan_facts *facts, struct plan_builder *builder)
{
        bool user_namespace = spec->linux_.namespaces[OCI_NS_USER].listed;
        const struct plan_process_facts process = {
                .container = &spec->linux_,
                .seccomp = facts->seccomp,
                .seccomp_n = facts->seccomp_n,
                .seccomp_flags = facts->seccomp_flags,
                .seccomp_listener = facts->seccomp_listener,
                .keep_groups = keeps_groups(spec),
                .keep_fds = facts->keep_fds,
                .listen_fds = facts->listen_fds,
                .notify_socket = facts->notify_directory ? NOTIFY_INSIDE "/notify.sock" : NULL,
        };
        struct step_park *park;
        int r = check_mount_namespace(spec);

        if (r < 0)
                return r;
        add_outside(builder, spec, facts);
        r = add_inside(builder, spec, facts);
        if (r < 0)
                return r;
        if (spec->process_set)
                plan_add_program(builder, &spec->process, user_namespace || facts->in_user_namespace, true);
        if (has_mounts(spec, facts))
                PLAN_ADD(builder, ROOT_FINISH, root_finish)->readonly_root = spec->root_readonly;
        park = PLAN_ADD(builder, PARK, park);
        park->slot = facts->start_socket;
        park->needs_procfs = spec->process.apparmor_profile || spec->process.selinux_label;
        park->dumpable = facts->parked_dumpable;
        if (!spec->process_set)
                return 0;
        plan_add_privileges(builder, &spec->process, &process);
        /* A startContainer hook is a program of the image, and gets no more than the image's own program. */
        add_hooks(builder, spec, OCI_HOOK_START_CONTAINER);
        PLAN_ADD(builder, EXEC, exec)->unused = 0;
        return 0;
}

void plan_outside(const struct oci_spec *outside, const struct plan_facts *facts, plan_slot program,
                  const char *const *args, size_t n_args, struct plan_builder *builder)
{
        struct plan_list list = plan_put_list(builder, args, n_args);
        struct step_become *step;

        add_outside(builder, outside, facts);
        if (is_new(&outside->linux_.namespaces[OCI_NS_NETWORK]))
                PLAN_ADD(builder, LOOPBACK, loopback)->unused = 0;
        /* The network namespace is here, too, and what is inside gets its network from it. */
        add_sysctls(builder, &outside->linux_.sysctl, "net/");
        step = PLAN_ADD(builder, BECOME, become);
        step->program = program;
        step->args = list;
}

int plan_exec(const struct oci_process *process, const struct plan_exec_facts *facts, struct plan_builder *builder)
{
        const struct plan_process_facts process_facts = {
                .container = facts->container,
                .seccomp = facts->seccomp,
                .seccomp_n = facts->seccomp_n,
                .seccomp_flags = facts->seccomp_flags,
                .seccomp_listener = facts->seccomp_listener,
                .keep_fds = facts->keep_fds,
                .listen_fds = facts->listen_fds,
                .exec = true,
                .keep_groups = facts->keep_groups,
        };
        plan_text what = plan_put(builder, "the container's namespaces");
        struct step_join *join;
        struct step_park *park;

        if (process->oom_score_adj.set)
                PLAN_ADD(builder, OOM_SCORE, oom_score)->value = (int32_t)process->oom_score_adj.value;
        PLAN_ADD(builder, UNDUMPABLE, undumpable)->unused = 0;
        join = PLAN_ADD(builder, JOIN, join);
        join->slot = facts->pidfd;
        join->flags = facts->namespaces;
        join->what = what;
        if (facts->namespaces & (uint32_t)namespace_kinds[OCI_NS_USER].flag) {
                struct step_user_namespace *user = PLAN_ADD(builder, USER_NAMESPACE, user_namespace);

                user->joined = user->become_root = 1;
        }
        PLAN_ADD(builder, CLONE, clone)->flags = 0;
        PLAN_ADD(builder, SESSION, session)->unused = 0;
        if (!facts->no_new_keyring)
                add_keyring(builder, facts->id, process->selinux_label, facts->user_namespace);
        PLAN_ADD(builder, ENTERED, entered)->root = facts->root;
        if (process->terminal)
                add_console(builder, process, false);
        plan_add_program(builder, process, facts->user_namespace || facts->in_user_namespace, false);
        park = PLAN_ADD(builder, PARK, park);
        park->slot = PLAN_NO_SLOT;
        park->needs_procfs = process->apparmor_profile || process->selinux_label;
        plan_add_privileges(builder, process, &process_facts);
        PLAN_ADD(builder, EXEC, exec)->unused = 0;
        return 0;
}
