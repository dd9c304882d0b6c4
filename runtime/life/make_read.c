/* The first half of making a container: nothing is touched here but the state directory, at the end. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/timestamp.h"
#include "namespaces/namespace.h"
#include "namespaces/rootfs.h"
#include "oci/json.h"
#include "runtime/core/capabilities.h"
#include "runtime/core/lsm_facts.h"
#include "runtime/core/resctrl.h"
#include "runtime/life/interrupt.h"
#include "runtime/life/make.h"
#include "runtime/life/messages.h"
#include "runtime/life/target.h"
#include "runtime/life/wall.h"
#include "vmmode/host/config.h"

#define CAP_SYS_ADMIN_BIT (1ULL << 21)

static int read_config(struct made *made)
{
        const struct create_request *request = made->request;
        _cleanup_close_ int bundle = open(request->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const char *file = request->config ? request->config : "config.json";
        int r;

        if (bundle < 0)
                return fail(errno, "open bundle %s", request->bundle);
        r = read_regular_file_at(request->config ? AT_FDCWD : bundle, file, JSON_SIZE_MAX, &made->config,
                                 &made->config_size);
        if (r == -EMEDIUMTYPE)
                return refuse(EINVAL, "%s is not a regular file", file);
        if (r < 0)
                return fail(-r, "read %s%s%s", request->config ? "" : request->bundle, request->config ? "" : "/",
                            file);
        r = oci_spec_parse(made->config, made->config_size, &made->spec);
        return r < 0 ? fail_in(r, "%s", file) : 0;
}

/* root.path to an absolute path without links, and a look at what is there. */
static int resolve_root(struct made *made, const char *bundle)
{
        _cleanup_free_ char *path = path_from(bundle, made->spec->root_path), *resolved = NULL;
        struct stat st;

        if (!path)
                return fail(ENOMEM, "root.path");
        resolved = realpath(path, NULL);
        if (!resolved)
                return fail(errno, "root.path: %s", path);
        if (stat(resolved, &st) < 0)
                return fail(errno, "root.path: %s", path);
        if (!S_ISDIR(st.st_mode))
                return refuse(ENOTDIR, "root.path: %s is not a directory", path);
        made->record.rootfs = arena_strdup(&made->record.arena, resolved);
        return made->record.rootfs ? 0 : fail(ENOMEM, "root.path");
}

static int resolve_paths(struct made *made)
{
        _cleanup_free_ char *bundle = realpath(made->request->bundle, NULL);

        if (!bundle)
                return fail(errno, "bundle %s", made->request->bundle);
        made->record.bundle = arena_strdup(&made->record.arena, bundle);
        if (!made->record.bundle)
                return fail(ENOMEM, "bundle %s", bundle);
        return resolve_root(made, bundle);
}

/* What the kernel will ask of us, so it is asked of the kernel and not of the uid. */
static int find_privileges(struct made *made)
{
        struct oci_capabilities held;
        int r = capabilities_read(&held, 0);

        if (r < 0)
                return r;
        made->privileged = held.permitted & CAP_SYS_ADMIN_BIT;
        made->in_user_namespace = namespace_is_below_hosts_user();
        if (!made->privileged && !made->spec->linux_.namespaces[OCI_NS_USER].listed)
                return refuse(EPERM,
                              "linux.namespaces: without root's capabilities a container needs a user namespace");
        return 0;
}

static int check_host(struct made *made)
{
        const struct oci_process *process = &made->spec->process;
        struct lsm_facts lsm;

        if (!process->apparmor_profile && !process->selinux_label)
                return 0;
        lsm = lsm_read_facts(AT_FDCWD);
        return lsm_check(&lsm, process->apparmor_profile, process->selinux_label);
}

static int find_resctrl(struct made *made)
{
        const struct oci_intel_rdt *rdt = &made->spec->linux_.intel_rdt;
        _cleanup_free_ char *mount = NULL;
        char *path;
        int r;

        if (!rdt->set)
                return 0;
        r = resctrl_find(NULL, &mount);
        if (r < 0)
                return r;
        /* A group with a closID is the operator's and stays; ours goes, unless it was there before. */
        path = arena_printf(&made->record.arena, "%s/%s", mount, made->request->id);
        if (!path)
                return fail(ENOMEM, "linux.intelRdt");
        if (!rdt->clos_id && access(path, F_OK) < 0)
                made->record.resctrl = path;
        return 0;
}

static int divide(struct made *made)
{
        const char *notify = made->request->notify_socket;
        const struct isolation_request request = {
                .spec = made->spec,
                .bundle = made->record.bundle,
                .keep_fds = made->keep_fds,
                .notify = notify && notify[0],
                .console = made->request->vm_console,
                .config = &made->host_config,
        };

        return made->row->divide(&request, &made->view);
}

/* The namespaces of the record are those that exec joins: they are where the inside part is. */
static int fill_record(struct made *made)
{
        const struct oci_linux *linux_ = &made->view.inside->linux_;
        struct record *record = &made->record;

        record->id = record->sandbox = made->request->id;
        record->oci_version = made->spec->oci_version;
        record->annotations = made->spec->annotations;
        record->owner = geteuid();
        for (int kind = 0; kind < OCI_NS_KINDS; kind++) {
                if (linux_->namespaces[kind].listed)
                        record->namespaces |= 1U << kind;
                if (linux_->namespaces[kind].listed && !linux_->namespaces[kind].path)
                        record->new_namespaces |= 1U << kind;
        }
        return linux_->namespaces[OCI_NS_MOUNT].listed ? 0 : rootfs_mount_id(record->rootfs, &record->root_below);
}

static int choose_wall(struct made *made)
{
        struct wall_policy policy;
        int r = vm_config_load_here(&made->host_config);

        policy = (struct wall_policy){made->host_config.isolation, made->host_config.required};
        return r < 0 ? r : wall_choose(made->runtime->isolation, made->spec, &policy, &made->record.isolation);
}

int make_read(struct made *made)
{
        char created[TIMESTAMP_SIZE];
        int r = read_config(made);

        if (r == 0)
                r = choose_wall(made);
        if (r < 0)
                return r;
        made->row = isolation_row(made->record.isolation);
        r = resolve_paths(made);
        if (r == 0)
                r = terminal_check(made->spec->process_set && made->spec->process.terminal,
                                   made->facts.start_socket != PLAN_NO_SLOT || made->request->detach,
                                   made->request->console_socket);
        if (r == 0)
                r = kept_fds_count(made->request->listen_fds, made->request->preserve_fds, &made->keep_fds);
        if (r == 0)
                r = find_privileges(made);
        if (r == 0)
                r = check_host(made);
        if (r == 0)
                r = divide(made);
        if (r == 0)
                r = make_cgroup_find(made);
        if (r == 0)
                r = find_resctrl(made);
        if (r == 0)
                r = fill_record(made);
        if (r < 0)
                return r;
        timestamp_now(created);
        made->record.created = arena_strdup(&made->record.arena, created);
        return made->record.created ? 0 : fail(ENOMEM, "make the record");
}

/* ---- the state directory ---- */

static int lock_directory(struct made *made)
{
        made->lock_fd = openat(made->dir_fd, RECORD_LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (made->lock_fd < 0)
                return fail(errno, "make the container's lock");
        return flock(made->lock_fd, LOCK_EX | LOCK_NB) < 0 ? fail(errno, "lock the container") : 0;
}

/* For programs alone, and in memory as long as the container lives, where every begun page counts. */
static int save_config(struct made *made)
{
        int r;

        made->config_size = json_squeeze(made->config, made->config_size);
        r = replace_file_at(made->dir_fd, RECORD_CONFIG, made->config, made->config_size, 0600);
        return r < 0 ? fail(-r, "save the configuration") : 0;
}

/* Intent first: from here on every name of what will be made is on disk. */
int make_record(struct made *made)
{
        int root_fd = made->runtime->root_fd, r;

        if (mkdirat(root_fd, made->request->id, 0700) < 0)
                return errno == EEXIST ? refuse(EEXIST, MESSAGE_EXISTS ": %s", made->request->id)
                                       : fail(errno, "make the state directory of container %s", made->request->id);
        made->recorded = true;
        made->dir_fd = openat(root_fd, made->request->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (made->dir_fd < 0)
                return fail(errno, "open the state directory");
        if (!fd_is_ours_alone(made->dir_fd))
                return refuse(EPERM, "the state directory of container %s was replaced", made->request->id);
        r = lock_directory(made);
        if (r == 0)
                r = save_config(made);
        if (r == 0)
                r = record_write(made->dir_fd, &made->record);
        return r;
}
