#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/files.h"
#include "cgroups/parents.h"

/* Another berth may remove a parent as empty between our making it and making the group in it. */
#define CREATE_TRIES 16

/* Paths in the tree start with a slash; descriptors want them without. */
static const char *below_root(const char *path)
{
        return path + strspn(path, "/");
}

int cgroup_existing_depth(const struct cgroup_host *host, const char *path)
{
        char prefix[4096];
        int depth = 0;
        char *slash;

        if (snprintf(prefix, sizeof(prefix), "%s", below_root(path)) >= (int)sizeof(prefix))
                return fail(ENAMETOOLONG, "cgroup %s", path);
        for (const char *p = prefix; *p; p++)
                depth += p == prefix || p[-1] == '/';
        while (depth > 0) {
                if (faccessat(host->root_fd, prefix, F_OK, 0) == 0)
                        return depth;
                if (errno != ENOENT)
                        return fail(errno, "look for cgroup %s/%s", host->mount_point, prefix);
                depth--;
                slash = strrchr(prefix, '/');
                if (slash)
                        *slash = '\0';
        }
        return 0;
}

static int make_parents(const struct cgroup_host *host, const char *path)
{
        char prefix[4096];

        if (snprintf(prefix, sizeof(prefix), "%s", below_root(path)) >= (int)sizeof(prefix))
                return fail(ENAMETOOLONG, "cgroup %s", path);
        for (char *slash = strchr(prefix, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdirat(host->root_fd, prefix, 0755) == 0)
                        cgroup_mark_parent(host->root_fd, prefix);
                else if (errno != EEXIST)
                        return fail(errno, "create cgroup %s/%s", host->mount_point, prefix);
                *slash = '/';
        }
        return 0;
}

/* The group itself first: its parents nearly always exist. 1: made, 0: it was there. */
static int make_group(const struct cgroup_host *host, const char *path)
{
        for (int i = 0; i < CREATE_TRIES; i++) {
                int r;

                if (mkdirat(host->root_fd, below_root(path), 0755) == 0)
                        return 1;
                if (errno == EEXIST)
                        return 0;
                if (errno != ENOENT)
                        return fail(errno, "create cgroup %s%s", host->mount_point, path);
                r = make_parents(host, path);
                if (r < 0)
                        return r;
        }
        return refuse(EAGAIN, "create cgroup %s%s: its parent keeps being removed", host->mount_point, path);
}

/* Somebody else's processes would share our limits and die with our container; a frozen group would hang the first
 * process that enters it. */
static int check_unused(int cgroup_fd, const char *path)
{
        uint64_t value = 0;
        char text[256];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.events", text, sizeof(text));

        if (n < 0)
                return fail((int)-n, "cgroup %s exists: read its cgroup.events", path);
        if (cgroup_find_number(text, "populated", &value) && value)
                return refuse(EBUSY, "cgroup %s exists and holds processes", path);
        if (cgroup_find_number(text, "frozen", &value) && value)
                return refuse(EBUSY, "cgroup %s exists and is frozen", path);
        return 0;
}

static int enable_at(const struct cgroup_host *host, const char *prefix, unsigned missing)
{
        char file[4096 + 32], words[128];
        int r;

        snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, prefix[0] ? "/" : "");
        cgroup_controllers_to_enable(missing, words, sizeof(words));
        r = write_file_at(host->root_fd, file, words);
        if (r == -EBUSY)
                return refuse(EBUSY,
                              "enable \"%s\" in %s/%s: the group holds processes itself, and cgroup v2 lets a group "
                              "have either processes or controllers for its sub-groups (no internal processes)",
                              words, host->mount_point, file);
        return r < 0 ? fail(-r, "enable \"%s\" in %s/%s", words, host->mount_point, file) : 0;
}

/* From the root down, since a group can only hand on what it got; each level is read once and written only when
 * something is missing there. */
static int enable_controllers(const struct cgroup_host *host, const char *path, unsigned controllers)
{
        char prefix[4096], file[4096 + 32], text[256];
        const char *rest = below_root(path);

        if (controllers & ~host->controllers)
                return refuse(EOPNOTSUPP, "the %s controller is not in %s/cgroup.controllers%s",
                              cgroup_controller_name(controllers & ~host->controllers), host->mount_point,
                              host->hybrid ? ": hybrid host, the controller is on cgroup v1" : "");
        for (const char *end = rest; end; end = strchr(end + 1, '/')) {
                unsigned missing;
                ssize_t n;
                int r;

                if (snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - rest), rest) >= (int)sizeof(prefix))
                        return fail(ENAMETOOLONG, "cgroup %s", path);
                snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, prefix[0] ? "/" : "");
                n = read_small_file_at(host->root_fd, file, text, sizeof(text));
                if (n < 0)
                        return fail((int)-n, "read %s/%s", host->mount_point, file);
                missing = controllers & ~cgroup_controllers_parse(text);
                r = missing ? enable_at(host, prefix, missing) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static unsigned read_controllers(int root_fd, const char *group, const char *file)
{
        char path[4096 + 32], text[256];

        snprintf(path, sizeof(path), "%s%s%s", group, group[0] ? "/" : "", file);
        return read_small_file_at(root_fd, path, text, sizeof(text)) < 0 ? 0 : cgroup_controllers_parse(text);
}

/* One write is all or nothing, and a single controller may be refused for a reason of its own (cpu: processes with
 * realtime priority): then each alone. */
static void offer_at(const struct cgroup_host *host, const char *prefix, unsigned controllers)
{
        char file[4096 + 32], words[128];

        snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, prefix[0] ? "/" : "");
        cgroup_controllers_to_enable(controllers, words, sizeof(words));
        if (write_file_at(host->root_fd, file, words) == 0)
                return;
        for (unsigned rest = controllers; rest; rest &= rest - 1) {
                cgroup_controllers_to_enable(rest & -rest, words, sizeof(words));
                (void)write_file_at(host->root_fd, file, words);
        }
}

/* What of CGROUP_USUAL nobody asked for by a limit: given where it can be, and no error where it cannot (a level of
 * somebody else's, a parent with processes of its own). */
static void offer_controllers(const struct cgroup_host *host, const char *path)
{
        const char *rest = below_root(path);
        char prefix[4096];

        for (const char *end = rest; end; end = strchr(end + 1, '/')) {
                unsigned lacking;

                if (snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - rest), rest) >= (int)sizeof(prefix))
                        return;
                lacking = CGROUP_USUAL & read_controllers(host->root_fd, prefix, "cgroup.controllers") &
                          ~read_controllers(host->root_fd, prefix, "cgroup.subtree_control");
                if (lacking)
                        offer_at(host, prefix, lacking);
        }
}

/* What the group got from all levels above stands in its own cgroup.controllers: one read says whether there is
 * anything to enable. *has: what it got already. */
static int find_and_enable(const struct cgroup_host *host, int cgroup_fd, const char *path, unsigned controllers,
                           unsigned *has)
{
        char text[256];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.controllers", text, sizeof(text));

        if (n < 0 && controllers)
                return fail((int)-n, "read %s%s/cgroup.controllers", host->mount_point, path);
        *has = n < 0 ? 0 : cgroup_controllers_parse(text);
        if ((controllers & ~*has) == 0)
                return 0;
        return enable_controllers(host, path, controllers);
}

int cgroup_enable_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path, unsigned controllers)
{
        unsigned has;

        return find_and_enable(host, cgroup_fd, path, controllers, &has);
}

int cgroup_open(const struct cgroup_host *host, const char *path)
{
        const char *name = below_root(path);
        int fd = openat(host->root_fd, name[0] ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open cgroup %s%s", host->mount_point, path) : fd;
}

int cgroup_check_reusable(const struct cgroup_host *host, const char *path)
{
        _cleanup_close_ int fd = cgroup_open(host, path);

        if (fd == -ENOENT) {
                error_clear();
                return 0;
        }
        return fd < 0 ? fd : check_unused(fd, path);
}

int cgroup_open_below(int cgroup_fd, const char *path)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
        };
        const char *name = below_root(path);
        int fd = sys_openat2(cgroup_fd, name[0] ? name : ".", &how);

        return fd < 0 ? fail(errno, "open cgroup %s", path) : fd;
}

int cgroup_create(const struct cgroup_host *host, const char *path, unsigned controllers)
{
        _cleanup_close_ int fd = -EBADF;
        int made = make_group(host, path);
        unsigned has;
        int r;

        if (made < 0)
                return made;
        fd = cgroup_open(host, path);
        if (fd < 0)
                return fd;
        if (!made) {
                r = check_unused(fd, path);
                if (r < 0)
                        return r;
        }
        r = find_and_enable(host, fd, path, controllers, &has);
        if (r < 0)
                return r;
        if (CGROUP_USUAL & host->controllers & ~has)
                offer_controllers(host, path);
        return take_fd(&fd);
}
