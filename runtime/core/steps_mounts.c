/* STEP_MOUNT: every entry of mounts[] becomes a detached mount first and is attached to a descriptor of its target. */
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/copyup.h"
#include "namespaces/devices.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"
#include "namespaces/rootfs.h"
#include "runtime/core/init.h"

/* Files of /proc that may be mounted over, because a user space file system (lxcfs) shows them per container or because
 * the kernel's own would lie. Everything else in a procfs stays what the kernel says (CVE-2019-16884). */
static const char *const proc_exceptions[] = {
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/uptime",
        "/proc/loadavg",
        "/proc/slabinfo",
        "/proc/net/dev",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
        "/proc/timer_list",
};

static bool is_proc_exception(const char *destination)
{
        for (size_t i = 0; i < ELEMENTS(proc_exceptions); i++)
                if (strcmp(destination, proc_exceptions[i]) == 0)
                        return true;
        return false;
}

static long file_system_of(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) < 0 ? -1 : (long)fs.f_type;
}

/* ---- the kinds ---- */

static int new_file_system(struct init *init, const struct step_mount *step, const char *type, const char *data)
{
        const char *source = init_text(init, step->source);

        return mount_new(type, source ? source : type, data, step->sb_set, step->attr_set);
}

static int bind_source(struct init *init, const struct step_mount *step)
{
        const char *source = init_text(init, step->source);
        unsigned at = step->flags & PLAN_MOUNT_SOURCE_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
        int slot = init_slot(init, step->source_slot);
        int fd;

        if (slot >= 0) {
                fd = fcntl(slot, F_DUPFD_CLOEXEC, 0);
                return fd < 0 ? fail(errno, "keep source %s", source) : fd;
        }
        fd = mount_clone(AT_FDCWD, source, step->flags & PLAN_MOUNT_RECURSIVE, at);
        return fd < 0 ? fail_in(fd, "source") : fd;
}

/* A user namespace may mount a fresh procfs or sysfs only where nothing of the host's hides behind other mounts, and
 * only with a pid (network) namespace of its own. What the host shows is then the second choice. */
static int host_view(const char *path, const char *why)
{
        int fd = mount_clone(AT_FDCWD, path, true, 0);

        if (fd >= 0)
                log_debug("%s, binding the host's %s", why, path);
        return fd;
}

static int mount_proc(struct init *init, const struct step_mount *step)
{
        int fd = new_file_system(init, step, "proc", init_text(init, step->data));

        /* Some options hide them. */
        if (fd >= 0 && init->sysctls < 0)
                init->sysctls = procfs_open_sys(fd);
        if (fd == -EPERM && step->flags & PLAN_MOUNT_HOST_VIEW)
                fd = host_view("/proc", "a new procfs is not allowed here");
        return fd;
}

/* A new sysfs would be empty where the host has mounted others on its own (cgroup2, debugfs): what the options forbid
 * is forbidden there, too. */
static int mount_sysfs(struct init *init, const struct step_mount *step)
{
        const uint64_t strict = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        int fd = new_file_system(init, step, "sysfs", init_text(init, step->data));
        int r;

        if (fd != -EPERM || !(step->flags & PLAN_MOUNT_HOST_VIEW))
                return fd;
        fd = host_view("/sys", "a new sysfs is not allowed here");
        r = fd < 0 ? 0 : mount_change(fd, step->attr_set & strict, 0, true);
        if (r == 0)
                return fd;
        close(fd);
        return r;
}

static int mount_mqueue(struct init *init, const struct step_mount *step)
{
        int fd = new_file_system(init, step, "mqueue", init_text(init, step->data));

        if (fd == -EPERM && step->flags & PLAN_MOUNT_HOST_VIEW)
                fd = host_view("/dev/mqueue", "a new mqueue file system is not allowed here");
        return fd;
}

static int mount_cgroup(struct init *init, const struct step_mount *step)
{
        const char *own = init_text(init, step->source);
        int fd = -EPERM;

        if (step->flags & PLAN_MOUNT_PRIVATE_CGROUP)
                fd = mount_new("cgroup2", "cgroup", init_text(init, step->data), 0, step->attr_set);
        /* Without a namespace of its own, or where the kernel refuses (a user namespace that does not own it): the
         * group itself, by bind. */
        if ((fd == -EPERM || fd == -EBUSY) && own) {
                error_clear();
                return mount_clone(AT_FDCWD, own, true, 0);
        }
        if (fd == -EPERM && !(step->flags & PLAN_MOUNT_PRIVATE_CGROUP))
                return refuse(EPERM, "the container has neither a cgroup namespace nor a cgroup that could be shown");
        return fd;
}

/* The kernel's own choice for a tmpfs, 1777, would open to everybody what the image keeps closed. */
static int mount_inheriting_mode(struct init *init, const struct step_mount *step)
{
        _cleanup_close_ int covered =
                in_root_open(init->root, init_text(init, step->destination), O_PATH | O_DIRECTORY);
        const char *type = init_text(init, step->type), *data = init_text(init, step->data);
        _cleanup_free_ char *joined = NULL;
        struct stat st;

        if (covered < 0) {
                error_clear();
                return new_file_system(init, step, type, data);
        }
        if (fstat(covered, &st) < 0)
                return fail(errno, "look at the target");
        if (asprintf(&joined, "mode=%o%s%s", (unsigned)st.st_mode & 07777, data ? "," : "", data ? data : "") < 0) {
                joined = NULL;
                return fail(ENOMEM, "keep the options of a mount");
        }
        return new_file_system(init, step, type, joined);
}

static int mount_fs(struct init *init, const struct step_mount *step)
{
        if (step->flags & PLAN_MOUNT_INHERIT_MODE)
                return mount_inheriting_mode(init, step);
        return new_file_system(init, step, init_text(init, step->type), init_text(init, step->data));
}

static int make_mount(struct init *init, const struct step_mount *step)
{
        switch ((enum plan_mount_kind)step->kind) {
        case MOUNT_KIND_FS:
                return mount_fs(init, step);
        case MOUNT_KIND_BIND:
                return bind_source(init, step);
        case MOUNT_KIND_PROC:
                return mount_proc(init, step);
        case MOUNT_KIND_SYSFS:
                return mount_sysfs(init, step);
        case MOUNT_KIND_CGROUP:
                return mount_cgroup(init, step);
        case MOUNT_KIND_MQUEUE:
                return mount_mqueue(init, step);
        case MOUNT_KIND_REMOUNT:
                break;
        }
        return refuse(EINVAL, "unknown kind of mount");
}

/* ---- the target ---- */

/* The three names through which the runtime itself writes, with what is below. The name's length with its slash, 0: it
 * is none of them. */
static size_t runtimes_name(const char *destination)
{
        static const char *const names[] = {"/proc", "/sys", "/dev"};

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                size_t length = strlen(names[i]);

                if (strncmp(destination, names[i], length) == 0 && (destination[length] == '/' || !destination[length]))
                        return length;
        }
        return 0;
}

/* They must be real directories of the image. */
static int check_name(int root, const char *destination)
{
        size_t length = runtimes_name(destination);
        char name[8];

        snprintf(name, sizeof(name), "%.*s", (int)length, destination);
        return length ? rootfs_check_directory(root, name + 1) : 0;
}

/* One of them itself may have become a link since that was looked at. */
static int open_name(int root, const char *name)
{
        const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(root, name, flags);

        if (fd < 0 && errno == ENOENT && (mkdirat(root, name, 0755) == 0 || errno == EEXIST))
                fd = openat(root, name, flags);
        return fd < 0 ? fail(errno, "open directory /%s", name) : fd;
}

static int open_target(struct init *init, const struct step_mount *step, const char *destination, bool directory)
{
        _cleanup_close_ int parent = -EBADF;
        char name[NAME_MAX + 1];
        int fd;

        if (directory && runtimes_name(destination) == strlen(destination))
                return open_name(init->root, destination + 1);
        if (!(step->flags & PLAN_MOUNT_DESTINATION_NOFOLLOW))
                return in_root_target(init->root, destination, directory);
        parent = in_root_parent(init->root, destination, name, sizeof(name));
        if (parent < 0)
                return parent;
        fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return in_root_target(init->root, destination, directory);
        return fd < 0 ? fail(errno, "open %s", destination) : fd;
}

/* Nothing but a procfs comes to /proc, and into a procfs only the exceptions: labels and sysctls are written there. */
static int check_target(int mount, int target, const char *destination)
{
        if (strcmp(destination, "/proc") == 0)
                return file_system_of(mount) == PROC_SUPER_MAGIC ? 0
                                                                 : refuse(EINVAL, "only a procfs may be mounted there");
        if (file_system_of(target) == PROC_SUPER_MAGIC && !is_proc_exception(destination))
                return refuse(EINVAL, "inside a procfs, and not one of the files that may be mounted over");
        return 0;
}

/* move_mount(2) says EINVAL where mount(2) says ENOTDIR, by which Docker knows what to tell people. */
static int check_kind(int target, int directory)
{
        int r = fd_is_directory(target);

        if (r < 0)
                return fail(-r, "look at the target");
        return r == directory ? 0
                              : fail(ENOTDIR, "mount a %s on a %s", directory ? "directory" : "file",
                                     r ? "directory" : "file");
}

static int propagate(const struct step_mount *step, int mount)
{
        int r = mount_propagate(mount, step->propagation_before);

        return r == 0 ? mount_propagate(mount, step->propagation) : r;
}

static int attach(struct init *init, const struct step_mount *step, int mount, const char *destination)
{
        _cleanup_close_ int target = -EBADF;
        int directory = fd_is_directory(mount), r;

        if (directory < 0)
                return fail(-directory, "look at the source");
        target = open_target(init, step, destination, directory);
        if (target < 0)
                return target;
        r = check_target(mount, target, destination);
        if (r == 0)
                r = check_kind(target, directory);
        if (r == 0 && step->flags & PLAN_MOUNT_COPYUP)
                r = copy_tree(target, mount);
        if (r == 0 && step->flags & PLAN_MOUNT_READONLY_AFTER_COPY)
                r = mount_change(mount, MOUNT_ATTR_RDONLY, 0, false);
        if (r == 0)
                r = mount_attach(mount, target);
        if (r == 0)
                r = propagate(step, mount);
        return r;
}

/* What the kernel itself holds against a user namespace's root when it copies a mount (MNT_LOCK_*,
 * mount_namespaces(7)); it does not know that the parent opened this one for us. *kept: what stays all the same:
 * engines say "rw" of each volume that is not to be read-only, and mean no more than that. */
static int check_locked(const struct step_mount *step, int mount, uint64_t *kept)
{
        static const struct {
                unsigned long state;
                uint64_t attribute;
                const char *name;
        } locked[] = {
                {ST_NOSUID, MOUNT_ATTR_NOSUID, "nosuid"},
                {ST_NODEV, MOUNT_ATTR_NODEV, "nodev"},
                {ST_NOEXEC, MOUNT_ATTR_NOEXEC, "noexec"},
        };
        struct statvfs st;

        *kept = 0;
        if (!(step->flags & PLAN_MOUNT_KEEP_LOCKED))
                return 0;
        if (fstatvfs(mount, &st) < 0)
                return fail(errno, "look at the source's mount");
        for (size_t i = 0; i < ELEMENTS(locked); i++)
                if ((step->attr_clear | step->recursive_clear) & locked[i].attribute && st.f_flag & locked[i].state)
                        return refuse(EPERM, "the source is mounted %s, which a user namespace cannot lift",
                                      locked[i].name);
        if (st.f_flag & ST_RDONLY)
                *kept = MOUNT_ATTR_RDONLY;
        return 0;
}

static int set_attributes(struct init *init, const struct step_mount *step, int mount)
{
        int userns = init_slot(init, step->userns_slot);
        uint64_t kept;
        int r = check_locked(step, mount, &kept);

        if (r == 0 && userns >= 0)
                r = mount_idmap(mount, userns, step->flags & PLAN_MOUNT_IDMAP_RECURSIVE);
        /* A new file system has got its attributes with fsmount. */
        if (r == 0 && (step->kind == MOUNT_KIND_BIND || step->kind == MOUNT_KIND_REMOUNT ||
                       step->kind == MOUNT_KIND_CGROUP || step->flags & PLAN_MOUNT_HOST_VIEW))
                r = mount_change(mount, step->attr_set, step->attr_clear & ~kept, false);
        if (r == 0)
                r = mount_change(mount, step->recursive_set, step->recursive_clear & ~kept, true);
        return r;
}

/* The kernel says of any other place that the arguments are invalid, and says nothing when nothing is to be changed. */
static int check_mount_point(int target)
{
        uint64_t id;
        int r = mount_identify(target, &id);

        return r == 0 ? refuse(EINVAL, "nothing is mounted there that could be remounted") : r < 0 ? r : 0;
}

/* "remount": changes what is mounted at the destination already. */
static int remount(struct init *init, const struct step_mount *step, const char *destination)
{
        _cleanup_close_ int target = in_root_open(init->root, destination, O_PATH);
        int r;

        if (target < 0)
                return target;
        r = check_mount_point(target);
        if (r < 0)
                return r;
        if (!(step->flags & PLAN_MOUNT_BIND_REMOUNT) && (step->sb_set || step->sb_clear || step->data))
                r = mount_reconfigure(target, init_text(init, step->data), step->sb_set, step->sb_clear);
        if (r == 0)
                r = set_attributes(init, step, target);
        if (r == 0)
                r = propagate(step, target);
        return r;
}

static int carry_out(struct init *init, const struct step_mount *step, const char *destination)
{
        _cleanup_close_ int mount = -EBADF;
        int r;

        if (step->kind == MOUNT_KIND_REMOUNT)
                return remount(init, step, destination);
        if (step->flags & PLAN_MOUNT_COPY_SYMLINK)
                return device_link(init->root, destination, init_text(init, step->source));
        r = check_name(init->root, destination);
        if (r < 0)
                return r;
        mount = make_mount(init, step);
        if (mount < 0)
                return mount;
        r = set_attributes(init, step, mount);
        if (r < 0)
                return r;
        r = attach(init, step, mount, destination);
        if (r == 0)
                r = mask_note_mount(&init->mask, destination, mount);
        if (r < 0)
                return r;
        /* A mount over "/" is the root from here on. */
        if (strcmp(destination, "/") == 0)
                replace_fd(&init->root, take_fd(&mount));
        else if (step->flags & PLAN_MOUNT_READONLY_LAST)
                replace_fd(&init->dev, take_fd(&mount));
        return 0;
}

int step_mount(struct init *init, const struct step_mount *step)
{
        const char *destination = init_text(init, step->destination);
        int r = carry_out(init, step, destination);

        return r < 0 ? fail_in(r, "mounts[%u] %s", step->index, destination) : 0;
}
