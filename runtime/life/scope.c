#include "runtime/life/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/controllers.h"
#include "cgroups/events.h"
#include "cgroups/files.h"
#include "cgroups/systemd_properties.h"
#include "cgroups/undo.h"
#include "runtime/life/messages.h"
#include "runtime/life/target.h"

/* systemd notices that a group is empty when the kernel says so, and removes it within milliseconds; a busy one takes
 * longer. */
#define COLLECT_MS 2000

/* ---- create ---- */

/* For people in `systemctl status`, and for undoing, which must not stop somebody else's unit of the same name: no two
 * containers are created at the same nanosecond. */
static const char *description_of(const struct record *record, struct arena *arena)
{
        return arena_printf(arena, "berth container %s, created %s", record->id, record->created);
}

/* systemd takes a group that is there already, and its first process would never run where somebody has frozen it: to
 * be asked before there is anything that undoing would take away. A user's systemd has its groups where systemd itself
 * starts it; only it knows of another place, and then the question comes later (find_carrier). */
static int check_place(const struct systemd_names *names, bool user)
{
        const struct cgroup_host *host = host_cgroups();
        _cleanup_close_ int fd = -ENOENT;
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s", names->path);
        if (user)
                snprintf(path, sizeof(path), "/user.slice/user-%u.slice/user@%u.service%s", geteuid(), geteuid(),
                         names->path);
        if (host)
                fd = cgroup_open(host, path);
        r = fd < 0 ? fd : cgroup_check_thawed(fd, path);
        if (r != -ENOENT && !(user && r == -EACCES))
                return r;
        error_clear();
        return 0;
}

int scope_find(struct scope *scope, const struct runtime *runtime, const char *id, const struct oci_spec *spec,
               const struct cgroup_writes *writes, struct record *record)
{
        const char *subgroup = oci_annotation(spec, ANNOTATION_SYSTEMD_SUBGROUP);
        int r = systemd_names_for(spec->linux_.cgroups_path, id, runtime->systemd_user, &record->arena, &scope->names);

        if (r == 0)
                r = check_place(&scope->names, runtime->systemd_user);
        if (r == 0)
                r = systemd_check_subgroup(subgroup);
        if (r == 0)
                r = systemd_properties_from_writes(writes, &record->arena, &scope->properties);
        if (r == 0)
                r = systemd_properties_from_annotations(&spec->annotations, &record->arena, &scope->properties);
        if (r < 0)
                return r;
        record->systemd_unit = scope->names.unit;
        record->systemd_user = runtime->systemd_user;
        record->subgroup = subgroup && subgroup[0] ? subgroup : NULL;
        return 0;
}

int scope_begin(struct scope *scope, struct record *record)
{
        int r = carrier_begin(&scope->carrier);

        if (r == 0)
                r = systemd_properties_of_scope(description_of(record, &record->arena), scope->names.slice,
                                                scope->carrier.pid, &record->arena, &scope->properties);
        if (r == 0)
                r = systemd_begin_start(record->systemd_user, record->systemd_unit, &scope->properties, &scope->call);
        if (r < 0)
                record->systemd_unit = NULL;
        return r;
}

/* systemd says that it is done: the carrier must be where it said. */
static int find_carrier(const struct scope *scope, struct record *record)
{
        const char *expected = scope->names.path;
        char path[PATH_MAX];
        int depth = 0;
        int r = cgroup_path_of(scope->carrier.pid, path, sizeof(path));

        if (r < 0)
                return r;
        if (strlen(path) < strlen(expected) || strcmp(path + strlen(path) - strlen(expected), expected) != 0)
                return refuse(EXDEV, "systemd has put %s into the cgroup %s, not into one that ends in %s",
                              record->systemd_unit, path, expected);
        for (const char *p = path; *p; p++)
                depth += *p == '/';
        record->cgroup = arena_strdup(&record->arena, path);
        record->cgroup_existing_depth = depth - 1;
        return record->cgroup ? 0 : fail(ENOMEM, "cgroup path");
}

/* systemd does not say which property it does not like the type of; those of the annotations are the likely ones. */
static int name_annotations(const struct oci_pairs *annotations, int r)
{
        const size_t prefix = strlen(ANNOTATION_SYSTEMD_PROPERTY);
        char names[512] = "";
        size_t used = 0;

        for (size_t i = 0; i < annotations->n && used < sizeof(names); i++)
                if (strncmp(annotations->v[i].key, ANNOTATION_SYSTEMD_PROPERTY, prefix) == 0)
                        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                                                 annotations->v[i].key);
        return used ? fail_in(r, "with the annotations %s", names) : r;
}

int scope_finish(struct scope *scope, struct record *record, int interrupt)
{
        int r = systemd_finish(&scope->call, interrupt);

        if (r == 0)
                return find_carrier(scope, record);
        /* What systemd refuses it does not make; and what it makes of the request when it gets to it goes with its only
         * process. But where the answer was not heard, the scope may be there at this moment. */
        carrier_end(&scope->carrier);
        if (r != -EINTR && r != -ECHILD)
                record->systemd_unit = NULL;
        return r == -EINVAL || r == -ENXIO || r == -EROFS ? name_annotations(&record->annotations, r) : r;
}

void scope_drop(struct scope *scope)
{
        systemd_drop(&scope->call);
        carrier_end(&scope->carrier);
}

/* ---- the group ---- */

static int explain_lacking(const struct cgroup_writes *writes, unsigned lacking)
{
        for (size_t i = 0; i < writes->n; i++)
                if (writes->v[i].controller & lacking)
                        return refuse(
                                EOPNOTSUPP,
                                "%s needs the %s controller, which the user's systemd was not given (Delegate= of "
                                "user@.service, see systemd.resource-control(5))",
                                writes->v[i].field, cgroup_controller_name(writes->v[i].controller));
        return 0;
}

static int enable_controllers(int cgroup_fd, const struct record *record, const struct cgroup_writes *writes)
{
        char text[256];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.controllers", text, sizeof(text));
        unsigned lacking;

        if (n < 0)
                return fail((int)-n, "read cgroup.controllers of %s", record->systemd_unit);
        lacking = writes->controllers & ~cgroup_controllers_parse(text);
        if (!lacking)
                return 0;
        return record->systemd_user ? explain_lacking(writes, lacking)
                                    : cgroup_enable_controllers(host_cgroups(), cgroup_fd, record->cgroup, lacking);
}

int scope_prepare_group(int cgroup_fd, const struct record *record, const struct cgroup_writes *writes)
{
        int r = cgroup_check_thawed(cgroup_fd, record->cgroup);

        if (r == 0)
                r = enable_controllers(cgroup_fd, record, writes);
        return r < 0 || record->systemd_user ? r : cgroup_offer_controllers(host_cgroups(), cgroup_fd, record->cgroup);
}

/* What the scope has for its processes, they have for theirs. */
static int hand_down_controllers(int cgroup_fd)
{
        char text[256], words[128];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.controllers", text, sizeof(text));
        int r;

        if (n < 0)
                return fail((int)-n, "read the scope's cgroup.controllers");
        cgroup_controllers_to_enable(cgroup_controllers_parse(text), words, sizeof(words));
        r = words[0] ? write_file_at(cgroup_fd, "cgroup.subtree_control", words) : 0;
        return r < 0 ? fail(-r, "enable \"%s\" in the scope's cgroup.subtree_control", words) : 0;
}

int scope_enter_subgroup(const struct scope *scope, int cgroup_fd, const struct record *record)
{
        _cleanup_close_ int inner = -EBADF;
        char pid[16];
        int r;

        if (record->subgroup && mkdirat(cgroup_fd, record->subgroup, 0755) < 0)
                return fail(errno, "make the sub-group %s of %s", record->subgroup, record->systemd_unit);
        inner = cgroup_open_below(cgroup_fd, record->subgroup ? record->subgroup : "/");
        if (inner < 0 || !record->subgroup)
                return take_fd(&inner);
        snprintf(pid, sizeof(pid), "%d", (int)scope->carrier.pid);
        r = write_file_at(inner, "cgroup.procs", pid);
        if (r < 0)
                return fail(-r, "enter the sub-group %s of %s", record->subgroup, record->systemd_unit);
        /* Now that the scope itself holds no process any more. */
        r = hand_down_controllers(cgroup_fd);
        return r < 0 ? r : take_fd(&inner);
}

/* ---- the end ---- */

/* What systemd does not do, berth does; nothing is left in either case. */
static void ask_to_stop(const struct record *record, int timeout_ms)
{
        _cleanup_(arena_free) struct arena arena = {0};
        const char *description = description_of(record, &arena);
        int r = description ? systemd_stop(record->systemd_user, record->systemd_unit, description, timeout_ms)
                            : fail(ENOMEM, "stop %s", record->systemd_unit);

        /* Without a group that is known, nothing says that there is anything to be stopped. */
        if (r < 0 && record->cgroup)
                log_warning("%s", error_message());
        else if (r < 0)
                log_debug("%s", error_message());
        if (r < 0)
                error_clear();
}

int scope_remove(const struct record *record, int64_t deadline)
{
        const struct cgroup_host *host = record->cgroup ? host_cgroups() : NULL;
        int64_t soon = now_ms() + COLLECT_MS;

        if (record->cgroup && !host)
                return -ENOENT;
        if (host && cgroup_wait_removed(host, record->cgroup, soon < deadline ? soon : deadline) == 0)
                return 0;
        error_clear();
        ask_to_stop(record, until_ms(deadline));
        return host ? cgroup_remove(host, record->cgroup, record->cgroup_existing_depth, deadline) : 0;
}

/* ---- a running one ---- */

static int tell_systemd(const struct record *record, const struct cgroup_writes *writes, struct arena *arena)
{
        struct systemd_properties properties = {0};
        int r = systemd_properties_from_writes(writes, arena, &properties);

        if (r < 0 || properties.n == 0)
                return r;
        return systemd_set(record->systemd_user, record->systemd_unit, &properties);
}

static void put_back(const struct handle *handle, const struct cgroup_writes *before, struct arena *arena)
{
        char message[ERROR_MESSAGE_MAX];

        snprintf(message, sizeof(message), "%s", error_message());
        if (tell_systemd(handle->container.record, before, arena) < 0)
                log_warning("put the old limits back: %s", error_message());
        if (handle->row->update(&handle->target, before) < 0)
                log_warning("put the old limits back: %s", error_message());
        (void)refuse(EIO, "%s", message);
}

int scope_update(struct handle *handle, const struct cgroup_writes *writes, struct arena *arena)
{
        const struct record *record = handle->container.record;
        struct cgroup_writes before = {0};
        int cgroup_fd = handle->target.cgroup;
        int r, ended;

        if (writes->n == 0)
                return 0;
        if (cgroup_fd < 0)
                return handle->row->update(&handle->target, writes);
        r = enable_controllers(cgroup_fd, record, writes);
        if (r == 0)
                r = cgroup_writes_in_force(cgroup_fd, writes, arena, &before);
        if (r == 0)
                r = tell_systemd(record, writes, arena);
        if (r < 0)
                return r;
        r = handle->row->update(&handle->target, writes);
        if (r == 0)
                return 0;
        /* A memory limit below the use can end the container, and the scope goes with it. */
        ended = cgroup_wait_event(cgroup_fd, "populated", 0, 0);
        if (ended == 0 || cgroup_is_gone(ended)) {
                error_clear();
                return refuse(ESRCH, MESSAGE_NOT_RUNNING ": it ended while its limits were changed");
        }
        put_back(handle, &before, arena);
        return r;
}

int scope_attach(const struct record *record, const char *below, const struct carrier *carrier, int interrupt)
{
        return systemd_attach(record->systemd_user, record->systemd_unit, below, carrier->pid, interrupt);
}
