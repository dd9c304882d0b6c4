/* The container's cgroup: where it lies, how it is made, what it limits. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "cgroups/devices.h"
#include "namespaces/idmap.h"
#include "runtime/life/make.h"
#include "runtime/life/messages.h"
#include "runtime/life/target.h"

#define PIDS_FILE "pids.max"

/* ---- before anything is touched ---- */

static int find_disabled(const struct made *made)
{
        const struct oci_device_rules *rules = &made->view.resources->devices;

        if (rules->n && !device_rules_allow_all(rules))
                log_warning("linux.resources.devices: nobody holds to it, cgroups are disabled");
        return made->writes.n ? refuse(EINVAL, "%s: --cgroup-manager disabled leaves nothing to set it in",
                                       made->writes.v[0].field)
                              : 0;
}

static int find_path(struct made *made, const struct cgroup_host *host)
{
        char path[PATH_MAX];
        int r = cgroup_path_for(host, made->spec->linux_.cgroups_path, made->request->id, path, sizeof(path));

        if (r == 0)
                r = cgroup_check_reusable(host, path);
        if (r < 0)
                return r;
        made->record.cgroup = arena_strdup(&made->record.arena, path);
        if (!made->record.cgroup)
                return fail(ENOMEM, "cgroup path");
        r = cgroup_existing_depth(host, path);
        if (r < 0)
                return r;
        made->record.cgroup_existing_depth = r;
        return 0;
}

int make_cgroup_find(struct made *made)
{
        enum cgroup_manager manager = made->runtime->cgroup_manager;
        const struct cgroup_host *host;
        int r = cgroup_plan_writes(made->view.resources, &made->record.arena, &made->writes);

        made->record.cgroup_manager = manager;
        if (r < 0)
                return r;
        if (manager == CGROUP_MANAGER_DISABLED)
                return find_disabled(made);
        host = host_cgroups();
        if (!host)
                return made->writes.n || !made->runtime->rootless || manager == CGROUP_MANAGER_SYSTEMD ? -ENOENT : 0;
        r = cgroup_check_controllers(host, &made->writes);
        if (r < 0)
                return r;
        return manager == CGROUP_MANAGER_SYSTEMD ? scope_find(&made->scope, made->runtime, made->request->id,
                                                              made->spec, &made->writes, &made->record)
                                                 : find_path(made, host);
}

/* ---- limits ---- */

/* The init is two processes for a moment, and three with its carrier, so the number of processes is limited when it is
 * one. */
static struct cgroup_writes part_of_writes(const struct cgroup_writes *writes, bool pids, struct cgroup_write *room)
{
        struct cgroup_writes part = {.v = room, .controllers = writes->controllers};

        for (size_t i = 0; i < writes->n; i++)
                if ((strcmp(writes->v[i].file, PIDS_FILE) == 0) == pids)
                        part.v[part.n++] = writes->v[i];
        return part;
}

static int apply_writes(struct made *made, bool pids)
{
        _cleanup_free_ struct cgroup_write *room = calloc(made->writes.n + 1, sizeof(*room));
        struct cgroup_writes part;

        if (!room)
                return fail(ENOMEM, "limits");
        part = part_of_writes(&made->writes, pids, room);
        return part.n ? cgroup_apply_writes(made->cgroup_fd, &part, false) : 0;
}

int make_cgroup_limit_processes(struct made *made)
{
        return made->cgroup_fd >= 0 ? apply_writes(made, true) : 0;
}

/* ---- ownership ---- */

/* The host's id of a user of the container. false: it has none. */
static bool host_id_of(const struct oci_linux *linux_, uint32_t *uid)
{
        return !linux_->namespaces[OCI_NS_USER].listed || idmap_host_id(&linux_->uid_mappings, uid);
}

/* config-linux.md "Cgroup ownership": to the host's id of process.user.uid, when the container has a cgroup namespace
 * of its own and a writable mount of it. */
static int delegate(struct made *made, int cgroup_fd)
{
        uint32_t uid = made->spec->process.user.uid;

        if (!(made->record.new_namespaces & (1U << OCI_NS_CGROUP)) || made->row->group_inside ||
            !oci_mounts_cgroup_writable(made->spec) || !made->privileged || !host_id_of(&made->spec->linux_, &uid))
                return 0;
        return uid == geteuid() ? 0 : cgroup_delegate(cgroup_fd, uid, (gid_t)-1);
}

/* ---- making it ---- */

/* Without privilege there may be no group that we could make: a container without limits runs all the same, in the
 * caller's group (oci/leniency.h, "rootless without a delegated cgroup"). */
static bool can_do_without_cgroup(const struct made *made, int r)
{
        return (made->runtime->rootless || !made->privileged) && made->writes.n == 0 &&
               (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT);
}

/* What the user can do about it, in runc's words. */
static int explain_permission(const struct made *made, int r)
{
        bool permission = r == -EACCES || r == -EPERM || r == -EROFS;

        return permission && !made->privileged ? fail_in(r, MESSAGE_ROOTLESS_LIMITS) : r;
}

static int make_group(struct made *made)
{
        int r;

        made->cgroup_fd = cgroup_create(host_cgroups(), made->record.cgroup, made->writes.controllers);
        if (made->cgroup_fd < 0) {
                if (!can_do_without_cgroup(made, made->cgroup_fd))
                        return explain_permission(made, made->cgroup_fd);
                log_debug("running without a cgroup of its own: %s", error_message());
                error_clear();
                made->record.cgroup = NULL;
                return 0;
        }
        r = apply_writes(made, false);
        if (r == 0)
                r = delegate(made, made->cgroup_fd);
        return r == 0 && record_reuses_cgroup(&made->record) ? carrier_begin_in(&made->scope.carrier, made->cgroup_fd)
                                                             : r;
}

/* systemd has set the limit with the scope, but the carrier counts, too. */
static int lift_process_limit(const struct made *made)
{
        for (size_t i = 0; i < made->writes.n; i++)
                if (strcmp(made->writes.v[i].file, PIDS_FILE) == 0) {
                        int r = write_file_at(made->cgroup_fd, PIDS_FILE, "max");

                        return r < 0 ? fail(-r, "%s: write \"max\" to cgroup file " PIDS_FILE, made->writes.v[i].field)
                                     : 0;
                }
        return 0;
}

static int enter_scope(struct made *made)
{
        _cleanup_close_ int inner = -EBADF;
        int r = scope_finish(&made->scope, &made->record, made->interrupt);

        if (r == 0)
                r = record_write(made->dir_fd, &made->record);
        if (r < 0)
                return r;
        made->cgroup_fd = cgroup_open(host_cgroups(), made->record.cgroup);
        if (made->cgroup_fd < 0)
                return made->cgroup_fd;
        r = scope_prepare_group(made->cgroup_fd, &made->record, &made->writes);
        if (r < 0)
                return r;
        r = lift_process_limit(made);
        if (r < 0)
                return r;
        inner = scope_enter_subgroup(&made->scope, made->cgroup_fd, &made->record);
        if (inner < 0)
                return inner;
        r = apply_writes(made, false);
        return r < 0 ? r : delegate(made, inner);
}

/* Where a mount of cgroups without a cgroup namespace comes from: the container's own, or, where it has none, all. */
static int find_own_cgroup(struct made *made)
{
        const struct cgroup_host *host = host_cgroups();
        const char *below = made->record.subgroup;
        char *path;

        if (!host) {
                error_clear();
                return 0;
        }
        if (!made->record.cgroup) {
                made->facts.cgroup_tree = host->mount_point;
                return 0;
        }
        path = arena_printf(&made->record.arena, "%s%s%s%s", host->mount_point, made->record.cgroup, below ? "/" : "",
                            below ? below : "");
        made->facts.own_cgroup = path;
        return path ? 0 : fail(ENOMEM, "cgroup path");
}

int make_cgroup_begin(struct made *made)
{
        if (made->record.systemd_unit)
                return scope_begin(&made->scope, &made->record);
        return made->record.cgroup ? make_group(made) : 0;
}

int make_cgroup_finish(struct made *made)
{
        int r = made->record.systemd_unit ? enter_scope(made) : 0;

        return r == 0 ? find_own_cgroup(made) : r;
}
