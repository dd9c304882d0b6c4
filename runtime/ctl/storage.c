#include "runtime/ctl/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "runtime/ctl/disk_image.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/quota.h"
#include "runtime/ctl/subids.h"

#define DRAFT_ROOTFS CTL_ROOTFS ".new"
#define DRAFT_DISK   STORAGE_DISK ".new"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

/* Two projects for each range of ids: while a root is copied into another, each is counted by itself. Others who use
 * project quotas number from 1 on. */
#define PROJECT_FIRST 0x42000000U

const char *storage_kind_name(enum storage_kind kind)
{
        static const char *const names[] = {[STORAGE_DIRECTORY] = "directory",
                                            [STORAGE_PROJECT] = "project quota",
                                            [STORAGE_LAYERS] = "layers",
                                            [STORAGE_IMAGE] = "disk image"};

        return names[kind];
}

static int open_directory(const struct ctl_container *container, const char *name)
{
        int fd = openat(container->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open the root of container %s", container->name) : fd;
}

static bool has_image(const struct ctl_container *container)
{
        return faccessat(container->fd, STORAGE_DISK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool storage_has_layers(const struct ctl_container *container)
{
        return !has_image(container) && faccessat(container->fd, LAYERS_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int storage_mount(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access)
{
        int mount;

        if (has_image(container)) {
                mount = disk_image_mount(container->fd, STORAGE_DISK);
                return mount < 0 ? fail_in(mount, "container %s", container->name) : mount;
        }
        if (!storage_has_layers(container))
                return -ENOENT;
        return access == STORAGE_READ ? layers_mount(ctl, container)
                                      : layers_mount_writable(ctl, container, access == STORAGE_MAKE);
}

/* The root of a detached mount keeps it. */
static int open_mount(const struct ctl_container *container, int mount)
{
        int fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open the root of container %s", container->name) : fd;
}

int storage_open(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access)
{
        _cleanup_close_ int mount = -EBADF;

        if (access == STORAGE_READ && container->root >= 0)
                return open_mount(container, container->root);
        mount = storage_mount(ctl, container, access);
        if (mount < 0)
                return mount == -ENOENT ? open_directory(container, CTL_ROOTFS) : mount;
        return open_mount(container, mount);
}

int storage_hold(const struct ctl *ctl, struct ctl_container *container)
{
        int root = storage_open(ctl, container, STORAGE_READ);

        if (root < 0)
                return root;
        replace_fd(&container->root, root);
        return 0;
}

int storage_made(const struct ctl_container *container)
{
        return storage_has_layers(container) ? layers_settle(container) : 0;
}

/* In the mount namespace that it is attached in, so by its path. */
static int attach_at(const char *path, int mount)
{
        _cleanup_close_ int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return target < 0 ? fail(errno, "open %s", path) : mount_attach(mount, target);
}

int storage_attach(const struct ctl *ctl, const struct ctl_container *container, struct private_mounts *before)
{
        _cleanup_close_ int mount = -EBADF;
        char path[PATH_MAX];
        int r;

        if (!has_image(container))
                return 0;
        mount = storage_mount(ctl, container, STORAGE_WRITE);
        if (mount < 0)
                return mount;
        snprintf(path, sizeof(path), "%s/containers/%s/" CTL_ROOTFS, ctl->directory, container->name);
        r = private_mounts_enter(before);
        return r < 0 ? r : attach_at(path, mount);
}

/* ---- limits ---- */

static uint64_t number(const struct optional_i64 *limit)
{
        return limit->set ? (uint64_t)limit->value : 0;
}

static bool is_limited(const struct settings *settings)
{
        return settings->disk.set || settings->inodes.set;
}

static uint32_t project_of(const struct settings *settings, bool second)
{
        return PROJECT_FIRST + (uint32_t)(settings->ids.value - SETTINGS_IDS_FIRST) / SETTINGS_IDS_SIZE * 2 + second;
}

static bool may_have_project(const struct ctl_container *container)
{
        const struct settings *settings = &container->settings;

        return geteuid() == 0 && settings->ids.set && settings->ids.value >= (int64_t)SETTINGS_IDS_FIRST &&
               quota_is_enforced(container->fd);
}

static bool is_own_project(const struct settings *settings, uint32_t project)
{
        return settings->ids.set && (project == project_of(settings, false) || project == project_of(settings, true));
}

static int limit_project(const struct settings *settings, int root, uint32_t project)
{
        return quota_set_limits(root, project, number(&settings->disk), number(&settings->inodes));
}

static int check_image_settings(const struct settings *settings)
{
        if (geteuid() != 0)
                return refuse(EPERM, "an ordinary user cannot limit disk space: that takes quotas or a loop device");
        if (!settings->disk.set)
                return refuse(EINVAL, "the file system here has no project quotas, so that a limit of inodes needs one "
                                      "of disk space, too: files lie in a disk image then");
        return 0;
}

int storage_read_usage(const struct ctl *ctl, const struct ctl_container *container, struct storage_usage *usage)
{
        _cleanup_close_ int root = -EBADF;
        struct statvfs fs;
        struct quota quota;
        struct stat st;
        int r = 0;

        *usage = (struct storage_usage){.kind = storage_has_layers(container) ? STORAGE_LAYERS : STORAGE_DIRECTORY};
        if (usage->kind == STORAGE_LAYERS)
                return 0;
        root = storage_open(ctl, container, STORAGE_READ);
        if (root < 0)
                return root;
        if (fstatat(container->fd, STORAGE_DISK, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                if (fstatvfs(root, &fs) < 0)
                        return fail(errno, "measure the disk of container %s", container->name);
                /* What the file system itself needs is used, too. */
                *usage = (struct storage_usage){.kind = STORAGE_IMAGE,
                                                .limit = (uint64_t)st.st_size,
                                                .used = (uint64_t)st.st_size - (uint64_t)fs.f_bavail * fs.f_frsize,
                                                .inodes = fs.f_files - fs.f_ffree,
                                                .inodes_limit = fs.f_files};
        } else if (is_own_project(&container->settings, quota_project(root))) {
                r = quota_read(root, quota_project(root), &quota);
                if (r == 0)
                        *usage = (struct storage_usage){.kind = STORAGE_PROJECT,
                                                        .used = quota.bytes,
                                                        .limit = quota.bytes_limit,
                                                        .inodes = quota.inodes,
                                                        .inodes_limit = quota.inodes_limit};
        }
        return r;
}

void storage_forget(const struct ctl_container *container)
{
        if (!may_have_project(container))
                return;
        (void)quota_set_limits(container->fd, project_of(&container->settings, false), 0, 0);
        (void)quota_set_limits(container->fd, project_of(&container->settings, true), 0, 0);
        error_clear();
}

/* ---- making ---- */

static int make_image(const struct ctl *ctl, const struct ctl_container *container, const char *name)
{
        const struct settings *settings = &container->settings;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int mount = -EBADF;
        int r = check_image_settings(settings);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/containers/%s/%s", ctl->directory, container->name, name) < 0) {
                path = NULL;
                return fail(ENOMEM, "keep a path");
        }
        r = disk_image_make(container->fd, name, path, number(&settings->disk), number(&settings->inodes));
        if (r < 0)
                return r;
        mount = disk_image_mount(container->fd, name);
        return mount < 0 ? mount : open_mount(container, mount);
}

static int make_directory(const struct ctl_container *container, const char *name)
{
        const struct settings *settings = &container->settings;
        _cleanup_close_ int root = -EBADF, other = -EBADF;
        uint32_t project;
        int r;

        if (mkdirat(container->fd, name, 0755) < 0 || fchmodat(container->fd, name, 0755, 0) < 0)
                return fail(errno, "make the root of container %s", container->name);
        root = open_directory(container, name);
        if (root < 0 || !is_limited(settings))
                return root < 0 ? root : take_fd(&root);
        /* The one that the root there is does not have. */
        other = openat(container->fd, CTL_ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        project = project_of(settings, other >= 0 && quota_project(other) == project_of(settings, false));
        r = quota_set_project(root, project);
        if (r == 0)
                r = limit_project(settings, root, project);
        return r < 0 ? r : take_fd(&root);
}

static bool needs_image(const struct ctl_container *container)
{
        return is_limited(&container->settings) && !may_have_project(container);
}

int storage_make(const struct ctl *ctl, const struct ctl_container *container)
{
        if (!needs_image(container))
                return make_directory(container, CTL_ROOTFS);
        /* What the disk is mounted on. */
        if (mkdirat(container->fd, CTL_ROOTFS, 0755) < 0)
                return fail(errno, "make the root of container %s", container->name);
        return make_image(ctl, container, STORAGE_DISK);
}

/* ---- replacing ---- */

/* A root that is being made, to take the place of the one there is. */
struct draft {
        int root; /* empty at first; -EBADF: none */
        bool image;
};

/* Or not there. */
static bool is_empty(int dirfd, const char *name)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct dirent *entry;

        if (!list)
                return errno == ENOENT;
        while ((entry = readdir(list)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return false;
        return true;
}

/* Where a disk counts, the directory below holds what was there before; where layers do, what was to take their place
 * when a crash came, and only then: else it is a person's, who has not seen that nobody sees it. */
static int empty_below_mount(const struct ctl_container *container)
{
        bool replaced =
                storage_has_layers(container) && faccessat(container->fd, DRAFT_ROOTFS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

        if ((!has_image(container) && !replaced) || is_empty(container->fd, CTL_ROOTFS))
                return 0;
        if (unlinkat(container->fd, CTL_ROOTFS, AT_REMOVEDIR) < 0) {
                int r = errno == ENOTEMPTY || errno == EEXIST ? remove_tree_at(container->fd, CTL_ROOTFS) : 0;

                if (r < 0)
                        return r;
        }
        if (mkdirat(container->fd, CTL_ROOTFS, 0755) < 0 && errno != EEXIST)
                return fail(errno, "make what the root is mounted on");
        return 0;
}

/* Removes a draft, and what a crash left of one. */
static int discard(const struct ctl_container *container, struct draft *draft)
{
        int r;

        replace_fd(&draft->root, -EBADF);
        r = empty_below_mount(container);
        if (r == 0)
                r = remove_tree_at(container->fd, DRAFT_ROOTFS);
        if (r == 0)
                r = remove_tree_at(container->fd, DRAFT_DISK);
        if (r == 0 && !storage_has_layers(container))
                r = layers_forget(container);
        return r < 0 ? fail_in(r, "remove what is left in container %s", container->name) : 0;
}

/* As the settings say. What a crash left is removed first. */
static int make_draft(const struct ctl *ctl, const struct ctl_container *container, struct draft *draft)
{
        int r = discard(container, draft);

        if (r < 0)
                return r;
        draft->image = needs_image(container);
        draft->root = draft->image ? make_image(ctl, container, DRAFT_DISK) : make_directory(container, DRAFT_ROOTFS);
        return draft->root < 0 ? draft->root : 0;
}

static int exchange(const struct ctl_container *container, bool image)
{
        if (image)
                return renameat(container->fd, DRAFT_DISK, container->fd, STORAGE_DISK) < 0 ? -errno : 0;
        if (syscall(SYS_renameat2, container->fd, DRAFT_ROOTFS, container->fd, CTL_ROOTFS, RENAME_EXCHANGE) < 0)
                return -errno;
        /* Until they are gone the disk or the layers count. */
        if ((unlinkat(container->fd, STORAGE_DISK, 0) < 0 && errno != ENOENT) ||
            (unlinkat(container->fd, LAYERS_FILE, 0) < 0 && errno != ENOENT))
                return -errno;
        return 0;
}

/* Puts it into the place of the root, which is removed: a crash leaves the one or the other, whole, because what was
 * written is on the disk before the name is. */
static int adopt(const struct ctl_container *container, struct draft *draft)
{
        int r;

        if (syncfs(draft->root) < 0 || syncfs(container->fd) < 0)
                return fail(errno, "write the new root of container %s", container->name);
        r = exchange(container, draft->image);
        if (r == 0 && fsync(container->fd) < 0)
                r = -errno;
        return r < 0 ? fail(-r, "replace the root of container %s", container->name) : discard(container, draft);
}

int storage_replace(struct ctl *ctl, const struct ctl_container *container, int from)
{
        struct draft draft = {.root = -EBADF};
        char layers[LAYERS_TEXT];
        int r;

        layers_read_chain(container, layers);
        r = make_draft(ctl, container, &draft);
        if (r == 0)
                r = image_copy_root(ctl, from, draft.root, container->name);
        if (r == 0)
                r = adopt(container, &draft);
        if (r < 0) {
                _cleanup_free_ char *reason = strdup(error_message());

                (void)discard(container, &draft);
                return refuse(-r, "%s", reason ? reason : "not enough memory");
        }
        layers_release(ctl, layers);
        return 0;
}

/* ---- changing ---- */

static int check_use(const struct ctl_container *container, const struct storage_usage *usage)
{
        const struct settings *settings = &container->settings;

        if (usage->kind == STORAGE_DIRECTORY || usage->kind == STORAGE_LAYERS)
                return 0;
        if (settings->disk.set && usage->used > number(&settings->disk))
                return refuse(EDQUOT, "container %s uses %" PRIu64 " bytes of disk space: %" PRIu64 " are less",
                              container->name, usage->used, number(&settings->disk));
        if (settings->inodes.set && usage->inodes > number(&settings->inodes))
                return refuse(EDQUOT, "container %s uses %" PRIu64 " inodes: %" PRIu64 " are less", container->name,
                              usage->inodes, number(&settings->inodes));
        return 0;
}

/* A limit counts all files of a container: shared ones cannot be counted for several. The file server of a virtual
 * machine holds files that an overlay replaces at their first change. */
bool storage_may_share(const struct settings *settings)
{
        return geteuid() == 0 && !is_limited(settings) && ctl_isolation(settings) != ISOLATION_VM;
}

/* 1: not that way. An image has its inodes from the beginning. */
static int change_in_place(const struct ctl *ctl, const struct ctl_container *container,
                           const struct storage_usage *usage, bool inodes)
{
        const struct settings *settings = &container->settings;
        int r;

        if (usage->kind == STORAGE_LAYERS)
                return !storage_may_share(settings);
        if (usage->kind == STORAGE_DIRECTORY)
                return is_limited(settings);
        if (usage->kind == STORAGE_PROJECT) {
                _cleanup_close_ int root = storage_open(ctl, container, STORAGE_READ);

                return root < 0 ? root : limit_project(settings, root, quota_project(root));
        }
        if (inodes || number(&settings->disk) < usage->limit)
                return 1;
        if (number(&settings->disk) == usage->limit)
                return 0;
        r = disk_image_grow(container->fd, STORAGE_DISK, number(&settings->disk));
        return r == -EPERM ? 1 : r;
}

int storage_change(struct ctl *ctl, const struct ctl_container *container, bool inodes, bool runs)
{
        _cleanup_close_ int from = -EBADF;
        struct storage_usage usage;
        int r = storage_read_usage(ctl, container, &usage);

        if (r == 0)
                r = check_use(container, &usage);
        if (r == 0 && needs_image(container))
                r = check_image_settings(&container->settings);
        if (r == 0)
                r = change_in_place(ctl, container, &usage, inodes);
        if (r <= 0)
                return r;
        if (runs)
                return refuse(EBUSY,
                              "container %s runs, with its files in a %s: this limit of disk space or inodes can be "
                              "changed only while it is stopped (berthctl stop %s)",
                              container->name, storage_kind_name(usage.kind), container->name);
        from = storage_open(ctl, container, STORAGE_READ);
        return from < 0 ? from : storage_replace(ctl, container, from);
}

static int discard_left(void *data)
{
        struct draft none = {.root = -EBADF};

        return discard(data, &none);
}

int storage_settle(struct ctl *ctl, struct ctl_container *container)
{
        /* Only who is root in an ordinary user's container can remove all of a draft. */
        bool draft = faccessat(container->fd, DRAFT_ROOTFS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        int r = draft ? subids_run(&container->settings, discard_left, container) : discard_left(container);

        if (r == 0)
                r = storage_made(container);
        return r < 0 ? r : storage_change(ctl, container, false, false);
}
