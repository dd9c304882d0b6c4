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

static int refuse_frozen(const char *path)
{
        return refuse(EBUSY, "container's cgroup unexpectedly frozen: %s", path);
}

/* Somebody else's processes would share our limits and die with our container; a frozen group would hang the first
 * process that enters it. The words are runc's. */
static int check_unused(int cgroup_fd, const char *path)
{
        uint64_t value = 0;
        char text[256];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.events", text, sizeof(text));

        if (n < 0)
                return fail((int)-n, "cgroup %s exists: read its cgroup.events", path);
        if (cgroup_find_number(text, "populated", &value) && value)
                return refuse(EBUSY, "container's cgroup is not empty: %s holds processes", path);
        if (cgroup_find_number(text, "frozen", &value) && value)
                return refuse_frozen(path);
        return 0;
}

/* Threaded controllers alone may be enabled beside processes, but then no sub-group of a group with processes can hold
 * any: such a group answers EBUSY for them as it does for all others. The root is exempt. */
static bool holds_processes(const struct cgroup_host *host, const char *prefix)
{
        char file[4096 + 32], first[1];
        _cleanup_close_ int fd = -EBADF;

        if (!prefix[0])
                return false;
        snprintf(file, sizeof(file), "%s/cgroup.procs", prefix);
        fd = openat(host->root_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd >= 0 && read(fd, first, sizeof(first)) > 0;
}

/* Bare result: what is missing in one level. */
static int write_controllers(const struct cgroup_host *host, const char *prefix, unsigned missing)
{
        char file[4096 + 32], words[128];

        if ((missing & ~CGROUP_THREADED) == 0 && holds_processes(host, prefix))
                return -EBUSY;
        snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, prefix[0] ? "/" : "");
        cgroup_controllers_to_enable(missing, words, sizeof(words));
        return write_file_at(host->root_fd, file, words);
}

static int enable_at(const struct cgroup_host *host, const char *prefix, unsigned missing)
{
        char words[128];
        int r = write_controllers(host, prefix, missing);

        if (r >= 0)
                return 0;
        cgroup_controllers_to_enable(missing, words, sizeof(words));
        if (r == -EBUSY)
                return refuse(EBUSY,
                              "enable \"%s\" in %s/%s%scgroup.subtree_control: the group holds processes itself, and "
                              "cgroup v2 lets a group have either processes or controllers for its sub-groups (no "
                              "internal processes)",
                              words, host->mount_point, prefix, prefix[0] ? "/" : "");
        return fail(-r, "enable \"%s\" in %s/%s%scgroup.subtree_control", words, host->mount_point, prefix,
                    prefix[0] ? "/" : "");
}

/* Best effort, bare: those of `missing` that the level hands on now. One that the kernel refuses alone (cpu beside
 * realtime processes) must not cost the others. */
static unsigned offer_at(const struct cgroup_host *host, const char *prefix, unsigned missing)
{
        unsigned offered = 0;
        int r = write_controllers(host, prefix, missing);

        if (r >= 0)
                return missing;
        if (r == -EBUSY || r == -EACCES || r == -EPERM || r == -EROFS)
                return 0;
        for (unsigned bit = 1; bit <= missing; bit <<= 1)
                if ((missing & bit) && write_controllers(host, prefix, bit) >= 0)
                        offered |= bit;
        return offered;
}

/* From the root down, since a group can only hand on what it got; each level is read once and written only when
 * something is missing there. */
static int enable_controllers(const struct cgroup_host *host, const char *path, unsigned controllers, bool needed)
{
        char prefix[4096], file[4096 + 32], text[256];
        const char *rest = below_root(path);

        for (const char *end = rest; end && controllers; end = strchr(end + 1, '/')) {
                unsigned there;
                ssize_t n;
                int r = 0;

                if (snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - rest), rest) >= (int)sizeof(prefix))
                        return fail(ENAMETOOLONG, "cgroup %s", path);
                snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, prefix[0] ? "/" : "");
                n = read_small_file_at(host->root_fd, file, text, sizeof(text));
                if (n < 0)
                        return needed ? fail((int)-n, "read %s/%s", host->mount_point, file) : 0;
                there = cgroup_controllers_parse(text);
                if ((controllers & ~there) == 0)
                        continue;
                if (needed)
                        r = enable_at(host, prefix, controllers & ~there);
                else
                        controllers &= there | offer_at(host, prefix, controllers & ~there);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the group got from all levels above stands in its own cgroup.controllers: one read says whether there is
 * anything to enable. */
static int read_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path, unsigned *there)
{
        char text[256];
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.controllers", text, sizeof(text));

        if (n < 0)
                return fail((int)-n, "read %s%s/cgroup.controllers", host->mount_point, path);
        *there = cgroup_controllers_parse(text);
        return 0;
}

static int enable_needed(const struct cgroup_host *host, const char *path, unsigned missing)
{
        if (missing == 0)
                return 0;
        if (missing & ~host->controllers)
                return refuse(EOPNOTSUPP, "the %s controller is not in %s/cgroup.controllers%s",
                              cgroup_controller_name(missing & ~host->controllers), host->mount_point,
                              host->hybrid ? ": hybrid host, the controller is on cgroup v1" : "");
        return enable_controllers(host, path, missing, true);
}

int cgroup_enable_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path, unsigned controllers)
{
        unsigned there = 0;
        int r = read_controllers(host, cgroup_fd, path, &there);

        return r < 0 ? r : enable_needed(host, path, controllers & ~there);
}

int cgroup_offer_controllers(const struct cgroup_host *host, int cgroup_fd, const char *path)
{
        unsigned there = 0;
        int r = read_controllers(host, cgroup_fd, path, &there);

        return r < 0 ? r : enable_controllers(host, path, host->controllers & ~there, false);
}

int cgroup_open(const struct cgroup_host *host, const char *path)
{
        const char *name = below_root(path);
        int fd = openat(host->root_fd, name[0] ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open cgroup %s%s", host->mount_point, path) : fd;
}

#define FILE_PATH 4200

static int file_of(const char *path, const char *name, char file[FILE_PATH])
{
        const char *below = below_root(path);

        if (strlen(below) + strlen(name) + sizeof(".//") > FILE_PATH)
                return -ENAMETOOLONG;
        strcpy(stpcpy(stpcpy(stpcpy(file, "./"), below), "/"), name);
        return 0;
}

int cgroup_is_frozen_at(const struct cgroup_host *host, const char *path)
{
        char file[FILE_PATH];
        uint64_t frozen;
        int r = file_of(path, "cgroup.freeze", file);

        if (r == 0)
                r = cgroup_read_number(host->root_fd, file, &frozen);
        return r < 0 ? r : frozen != 0;
}

int cgroup_is_at_work(const struct cgroup_host *host, const char *path)
{
        char file[FILE_PATH], text[256];
        ssize_t n = file_of(path, "cgroup.events", file);

        if (n == 0)
                n = read_line_file_at(host->root_fd, file, text, sizeof(text));
        if (n < 0)
                return (int)n;
        return strstr(text, "populated 1") && strstr(text, "frozen 0");
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

int cgroup_check_thawed(int cgroup_fd, const char *path)
{
        int r = cgroup_is_frozen(cgroup_fd);

        return r > 0 ? refuse_frozen(path) : r;
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
        unsigned there = 0;
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
        if ((controllers | host->controllers) == 0)
                return take_fd(&fd);
        r = read_controllers(host, fd, path, &there);
        if (r >= 0)
                r = enable_needed(host, path, controllers & ~there);
        if (r >= 0)
                r = enable_controllers(host, path, host->controllers & ~there & ~controllers, false);
        return r < 0 ? r : take_fd(&fd);
}
