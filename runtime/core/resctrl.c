#include "runtime/core/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "namespaces/mountinfo.h"

#define MOUNTINFO_MAX (16U << 20)
#define SCHEMATA_MAX  65536

void resctrl_group_free(struct resctrl_group *group)
{
        free(group->path);
        free(group->monitoring);
        *group = (struct resctrl_group){0};
}

const char *resctrl_group_owned(const struct resctrl_group *group)
{
        if (group->remove)
                return group->path;
        return group->monitor_added ? group->monitoring : NULL;
}

/* ---- the mount ---- */

int resctrl_find(const char *mountinfo, char **path)
{
        _cleanup_free_ char *text = NULL;
        struct mountinfo entry;
        char *rest;
        size_t size;
        int r;

        r = read_file_at(AT_FDCWD, mountinfo ? mountinfo : "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &size);
        if (r < 0)
                return fail(-r, "linux.intelRdt: read the list of mounts");
        rest = text;
        while (mountinfo_next(&rest, &entry)) {
                if (strcmp(entry.type, "resctrl") != 0)
                        continue;
                *path = strdup(entry.mount_point);
                return *path ? 0 : fail(ENOMEM, "linux.intelRdt");
        }
        return refuse(ENOENT, "linux.intelRdt: no resctrl file system is mounted on this host");
}

/* ---- schemata ---- */

/* The kernel gives the reason for a refused line in info/last_cmd_status of the mount. */
static int fail_schemata(int err, const char *root, const char *group, const char *line)
{
        char path[4096], reason[512] = "";
        const char *because = "";

        if (root && snprintf(path, sizeof(path), "%s/info/last_cmd_status", root) < (int)sizeof(path) &&
            read_small_file_at(AT_FDCWD, path, reason, sizeof(reason)) > 0 && strcmp(reason, "ok") != 0)
                because = reason;
        return fail(err, "linux.intelRdt: write \"%s\" to %s/schemata%s%s%s", line, group, *because ? " (" : "",
                    because, *because ? ")" : "");
}

static int write_line(const char *root, const char *group, const char *line)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        if (strchr(line, '\n'))
                return refuse(EINVAL, "linux.intelRdt: a schema holds a line break: \"%s\"", line);
        if (asprintf(&path, "%s/schemata", group) < 0 || asprintf(&text, "%s\n", line) < 0)
                return fail(ENOMEM, "linux.intelRdt");
        r = write_file_at(AT_FDCWD, path, text);
        return r < 0 ? fail_schemata(-r, root, group, line) : 0;
}

/* The order is the specification's: L3, then MB, then the list. */
static int write_schemata(const char *root, const char *group, const struct oci_intel_rdt *rdt)
{
        int r = 0;

        if (rdt->l3_cache_schema)
                r = write_line(root, group, rdt->l3_cache_schema);
        if (r == 0 && rdt->mem_bw_schema)
                r = write_line(root, group, rdt->mem_bw_schema);
        for (size_t i = 0; r == 0 && i < rdt->schemata.n; i++)
                r = write_line(root, group, rdt->schemata.v[i]);
        return r;
}

/* ---- comparing with a group that exists ---- */

/* The value of one domain in a line "L3:0=ff;1=7f", as a number of the given base; -1 when it is not there. */
static int64_t domain_value(const char *domains, size_t length, const char *id, size_t id_length, int base)
{
        const char *end = domains + length;

        for (const char *p = domains; p < end;) {
                const char *next = memchr(p, ';', (size_t)(end - p));
                const char *equals = memchr(p, '=', (size_t)(end - p));

                while (p < end && *p == ' ')
                        p++;
                if (equals && equals > p && (size_t)(equals - p) == id_length && strncmp(p, id, id_length) == 0)
                        return (int64_t)strtoull(equals + 1, NULL, base);
                p = next ? next + 1 : end;
        }
        return -1;
}

/* The line of the file that begins (after the padding that the kernel prints) with `name` and ':'. */
static const char *find_line(const char *schemata, const char *name, size_t name_length, size_t *length)
{
        for (const char *line = schemata; line && *line;) {
                const char *end = strchr(line, '\n');
                const char *stop = end ? end : line + strlen(line);

                while (line < stop && *line == ' ')
                        line++;
                if ((size_t)(stop - line) > name_length && strncmp(line, name, name_length) == 0 &&
                    line[name_length] == ':') {
                        *length = (size_t)(stop - line) - name_length - 1;
                        return line + name_length + 1;
                }
                line = end ? end + 1 : NULL;
        }
        return NULL;
}

/* True when every domain that the wanted line names has that value in the file. Bit masks are hexadecimal, bandwidth
 * is decimal, and the kernel pads both, so numbers are compared and not texts. */
static bool line_matches(const char *schemata, const char *wanted)
{
        const char *colon = strchr(wanted, ':');
        const char *present;
        size_t length;
        int base;

        if (!colon)
                return false;
        base = strncmp(wanted, "MB", 2) == 0 ? 10 : 16;
        present = find_line(schemata, wanted, (size_t)(colon - wanted), &length);
        if (!present)
                return false;
        for (const char *p = colon + 1; *p;) {
                size_t id_length = strcspn(p, "=;");
                size_t domain_length = strcspn(p, ";");

                if (p[id_length] != '=' || domain_value(present, length, p, id_length, base) !=
                                                   (int64_t)strtoull(p + id_length + 1, NULL, base))
                        return false;
                p += domain_length;
                if (*p == ';')
                        p++;
        }
        return true;
}

static int compare_schema(const char *group, const char *schemata, const char *wanted)
{
        if (!wanted || line_matches(schemata, wanted))
                return 0;
        return refuse(EINVAL, "linux.intelRdt: group %s exists and its schemata differ from \"%s\"", group, wanted);
}

static int compare_schemata(const char *group, const struct oci_intel_rdt *rdt)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ char *schemata = NULL;
        size_t size;
        int r;

        if (asprintf(&path, "%s/schemata", group) < 0)
                return fail(ENOMEM, "linux.intelRdt");
        r = read_file_at(AT_FDCWD, path, SCHEMATA_MAX, &schemata, &size);
        if (r < 0)
                return fail(-r, "linux.intelRdt: read %s", path);
        r = compare_schema(group, schemata, rdt->l3_cache_schema);
        if (r == 0)
                r = compare_schema(group, schemata, rdt->mem_bw_schema);
        return r;
}

/* ---- groups ---- */

static bool has_schemata(const struct oci_intel_rdt *rdt)
{
        return rdt->l3_cache_schema || rdt->mem_bw_schema || rdt->schemata.n;
}

static int check_name(const char *name)
{
        if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/'))
                return 0;
        return refuse(EINVAL, "linux.intelRdt.closID: \"%s\" is no name of a group", name);
}

/* 1 when the directory was made, 0 when it was there. */
static int make_directory(const char *path)
{
        if (mkdir(path, 0755) == 0)
                return 1;
        if (errno == EEXIST)
                return 0;
        if (errno == ENOSPC)
                return fail(ENOSPC,
                            "linux.intelRdt: make group %s: the processor has no class of service or monitoring "
                            "id left",
                            path);
        return fail(errno, "linux.intelRdt: make group %s", path);
}

static int enter_control_group(const char *root, const char *id, const struct oci_intel_rdt *rdt,
                               struct resctrl_group *group)
{
        const char *name = rdt->clos_id ? rdt->clos_id : id;
        bool is_root = strcmp(name, "/") == 0;
        int r = is_root ? 0 : check_name(name);

        if (r < 0)
                return r;
        if (asprintf(&group->path, is_root ? "%s" : "%s/%s", root, name) < 0) {
                group->path = NULL;
                return fail(ENOMEM, "linux.intelRdt");
        }
        if (is_root || (rdt->clos_id && !has_schemata(rdt))) {
                if (access(group->path, F_OK) < 0)
                        return fail(errno, "linux.intelRdt.closID: group %s must have been set up before", group->path);
        } else {
                r = make_directory(group->path);
                if (r < 0)
                        return r;
                group->created = r > 0;
                group->remove = group->created && !rdt->clos_id;
        }
        /* A class of service that others use, too, is not changed by a container that joins it. */
        r = !group->created && rdt->clos_id && has_schemata(rdt) ? compare_schemata(group->path, rdt) : 0;
        return r < 0 ? r : write_schemata(root, group->path, rdt);
}

static int add_monitoring(const char *id, struct resctrl_group *group)
{
        int r = check_name(id);

        if (r < 0)
                return r;
        if (asprintf(&group->monitoring, "%s/mon_groups/%s", group->path, id) < 0) {
                group->monitoring = NULL;
                return fail(ENOMEM, "linux.intelRdt");
        }
        r = make_directory(group->monitoring);
        if (r < 0)
                return fail_in(r, "linux.intelRdt.enableMonitoring");
        group->monitor_added = r > 0;
        return 0;
}

static int add_task(const char *group, pid_t pid)
{
        _cleanup_free_ char *path = NULL;
        char text[16];
        int r;

        if (asprintf(&path, "%s/tasks", group) < 0)
                return fail(ENOMEM, "linux.intelRdt");
        snprintf(text, sizeof(text), "%d\n", (int)pid);
        r = write_file_at(AT_FDCWD, path, text);
        return r < 0 ? fail(-r, "linux.intelRdt: put process %d into %s", (int)pid, group) : 0;
}

/* The message of the failure that led here must survive. */
static void undo(struct resctrl_group *group)
{
        if (group->monitor_added && rmdir(group->monitoring) < 0)
                log_warning("linux.intelRdt: remove %s: %s", group->monitoring, strerror(errno));
        if (group->created && rmdir(group->path) < 0)
                log_warning("linux.intelRdt: remove %s: %s", group->path, strerror(errno));
        resctrl_group_free(group);
}

int resctrl_join(const char *root, const char *id, const struct oci_intel_rdt *rdt, pid_t pid,
                 struct resctrl_group *group)
{
        int r;

        *group = (struct resctrl_group){0};
        r = enter_control_group(root, id, rdt, group);
        if (r == 0 && rdt->enable_monitoring)
                r = add_monitoring(id, group);
        if (r == 0)
                r = add_task(group->path, pid);
        if (r == 0 && group->monitoring)
                r = add_task(group->monitoring, pid);
        if (r < 0)
                undo(group);
        return r;
}

int resctrl_update(const char *path, const char *l3_cache_schema, const char *mem_bw_schema)
{
        const struct oci_intel_rdt rdt = {.l3_cache_schema = l3_cache_schema, .mem_bw_schema = mem_bw_schema};

        return write_schemata(NULL, path, &rdt);
}

int resctrl_remove(const char *path)
{
        if (rmdir(path) == 0 || errno == ENOENT)
                return 0;
        return fail(errno, "linux.intelRdt: remove group %s", path);
}
