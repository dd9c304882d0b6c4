#include "runtime/ctl/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "base/timestamp.h"
#include "runtime/ctl/freeze.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"
#include "runtime/ctl/tree_size.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define DRAFT      ".new" /* no name of a snapshot */
#define ABOUT_FILE "about"

/* A descriptor of the container's snapshots. -ENOENT without a message when there are none. What they hold may be
 * programs that change the user, so nobody but their owner comes near them. */
static int open_snapshots(const struct ctl_container *container, bool make)
{
        int fd;

        if (make && mkdirat(container->fd, CTL_SNAPSHOTS, 0700) < 0 && errno != EEXIST)
                return fail(errno, "make a directory for snapshots of container %s", container->name);
        fd = openat(container->fd, CTL_SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        return fd < 0 ? fail(errno, "open the snapshots of container %s", container->name) : fd;
}

static int refuse_missing(const struct ctl_container *container, const char *name)
{
        return refuse(ENOENT, "container %s has no snapshot %s", container->name, name);
}

static int check_name(const char *name)
{
        return ctl_name_valid(name) ? 0
                                    : refuse(EINVAL,
                                             "'%.80s' is no name of a snapshot: expected letters, digits, '_', '.' "
                                             "and '-', a letter or digit first, at most %d",
                                             name, CTL_NAME_MAX);
}

/* "2026-08-01T12:34:56..." as "20260801-123456". */
static void name_by_date(const char *date, char *name)
{
        sprintf(name, "%.4s%.2s%.2s-%.2s%.2s%.2s", date, date + 5, date + 8, date + 11, date + 14, date + 17);
}

/* ---- create ---- */

struct copying {
        struct ctl *ctl;
        const struct ctl_container *container;
        int draft;
};

static int copy_root(void *data)
{
        const struct copying *copying = data;
        _cleanup_close_ int from = storage_open(copying->ctl, copying->container, STORAGE_READ), to = -EBADF;

        if (from < 0)
                return from;
        if (mkdirat(copying->draft, CTL_ROOTFS, 0700) < 0)
                return fail(errno, "make the snapshot's root");
        to = openat(copying->draft, CTL_ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0)
                return fail(errno, "open the snapshot's root");
        return image_copy_root(copying->ctl, from, to, copying->container->name);
}

static int copy_mapped(void *data)
{
        const struct copying *copying = data;

        return subids_run(&copying->container->settings, copy_root, data);
}

static int write_about(int draft, const struct snapshot *snapshot)
{
        char text[128];
        int r;

        snprintf(text, sizeof(text), "created = %s\nbytes = %" PRIu64 "\n", snapshot->created, snapshot->bytes);
        r = replace_file_at(draft, ABOUT_FILE, text, strlen(text), 0600);
        return r < 0 ? fail(-r, "write what the snapshot is") : 0;
}

/* Its files may be closed to all but their owners. */
struct measuring {
        int draft;
        struct snapshot *snapshot;
};

static int measure(void *data)
{
        const struct measuring *measuring = data;
        int r = tree_size(measuring->draft, CTL_ROOTFS, &measuring->snapshot->bytes);

        return r < 0 ? r : write_about(measuring->draft, measuring->snapshot);
}

/* The name comes when everything is on the disk. */
static int make(struct ctl *ctl, const struct ctl_container *container, int snapshots, struct snapshot *snapshot)
{
        _cleanup_close_ int draft = -EBADF;
        int r;

        if (mkdirat(snapshots, DRAFT, 0700) < 0)
                return fail(errno, "make a directory for it");
        draft = openat(snapshots, DRAFT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (draft < 0)
                return fail(errno, "open its directory");
        r = freeze_during(ctl, container, copy_mapped, &(struct copying){ctl, container, draft});
        if (r == 0)
                r = subids_run(&container->settings, measure, &(struct measuring){draft, snapshot});
        if (r == 0 && syncfs(draft) < 0)
                r = fail(errno, "write it to the disk");
        if (r == 0 && syscall(SYS_renameat2, snapshots, DRAFT, snapshots, snapshot->name, RENAME_NOREPLACE) < 0)
                r = fail(errno, "give it its name");
        return r == 0 && fsync(snapshots) < 0 ? fail(errno, "write its name to the disk") : r;
}

static int remove_files(void *data)
{
        return remove_tree_at(*(const int *)data, DRAFT);
}

static int remove_draft(const struct ctl_container *container, int snapshots)
{
        int r = subids_run(&container->settings, remove_files, &snapshots);

        return r < 0 ? fail_in(r, "remove what is left of a snapshot") : 0;
}

static int read_about(int snapshots, struct snapshot *snapshot)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        int r;

        if (asprintf(&path, "%s/" ABOUT_FILE, snapshot->name) < 0) {
                path = NULL;
                return fail(ENOMEM, "read snapshot %s", snapshot->name);
        }
        r = read_regular_file_at(snapshots, path, 1024, &text, &size);
        if (r < 0)
                return fail(-r, "read snapshot %s", snapshot->name);
        if (sscanf(text, "created = %39s bytes = %" SCNu64, snapshot->created, &snapshot->bytes) != 2)
                return refuse(EINVAL, "snapshot %s: damaged file '" ABOUT_FILE "'", snapshot->name);
        return 0;
}

int ctl_snapshot_create(struct ctl *ctl, const char *name, const char *text, struct snapshot *made)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_close_ int snapshots = -EBADF;
        struct snapshot snapshot = {0};
        int r = text ? check_name(text) : 0;

        if (r == 0)
                r = ctl_find(ctl, name, CTL_LOCKED, &container);
        if (r < 0)
                return r;
        timestamp_now(snapshot.created);
        if (text)
                snprintf(snapshot.name, sizeof(snapshot.name), "%s", text);
        else
                name_by_date(snapshot.created, snapshot.name);
        snapshots = open_snapshots(&container, true);
        if (snapshots < 0)
                return snapshots;
        if (faccessat(snapshots, snapshot.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return refuse(EEXIST, "container %s has a snapshot %s already", name, snapshot.name);
        r = remove_draft(&container, snapshots);
        if (r == 0)
                r = make(ctl, &container, snapshots, &snapshot);
        if (r < 0) {
                _cleanup_free_ char *reason = strdup(error_message());

                (void)remove_draft(&container, snapshots);
                return refuse(-r, "snapshot %s of container %s: %s", snapshot.name, name,
                              reason ? reason : "not enough memory");
        }
        if (made) {
                *made = snapshot;
                r = read_about(snapshots, made);
        }
        return r;
}

/* ---- list ---- */

static int by_date(const void *a, const void *b)
{
        const struct snapshot *one = a, *other = b;
        int order = strcmp(one->created, other->created);

        return order ? order : strcmp(one->name, other->name);
}

static int collect(int fd, struct snapshot **snapshots, size_t *n)
{
        _cleanup_closedir_ DIR *list = fdopendir(fd);
        struct dirent *entry;

        if (!list) {
                close(fd);
                return fail(errno, "list snapshots");
        }
        while ((entry = readdir(list))) {
                struct snapshot *bigger;
                int r;

                if (!ctl_name_valid(entry->d_name))
                        continue;
                bigger = realloc(*snapshots, (*n + 1) * sizeof(*bigger));
                if (!bigger)
                        return fail(ENOMEM, "list snapshots");
                *snapshots = bigger;
                bigger[*n] = (struct snapshot){0};
                snprintf(bigger[*n].name, sizeof(bigger[*n].name), "%s", entry->d_name);
                r = read_about(dirfd(list), &bigger[*n]);
                if (r < 0)
                        return r;
                (*n)++;
        }
        return 0;
}

int ctl_snapshot_list(struct ctl *ctl, const char *name, struct snapshot **snapshots, size_t *n)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int fd, r = ctl_find(ctl, name, CTL_UNLOCKED, &container);

        *snapshots = NULL;
        *n = 0;
        if (r < 0)
                return r;
        fd = open_snapshots(&container, false);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = collect(fd, snapshots, n);
        if (r < 0) {
                free(take_ptr(snapshots));
                return fail_in(r, "container %s", name);
        }
        if (*n)
                qsort(*snapshots, *n, sizeof(**snapshots), by_date);
        return 0;
}

/* ---- restore and delete ---- */

/* Descriptors of the container, locked, and of its snapshots, of which one has the name. */
static int find(struct ctl *ctl, const char *name, const char *text, struct ctl_container *container, int *snapshots)
{
        int r = check_name(text);

        if (r == 0)
                r = ctl_find(ctl, name, CTL_LOCKED, container);
        if (r < 0)
                return r;
        *snapshots = open_snapshots(container, false);
        if (*snapshots < 0)
                return *snapshots == -ENOENT ? refuse_missing(container, text) : *snapshots;
        return faccessat(*snapshots, text, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? refuse_missing(container, text) : 0;
}

struct restoring {
        struct ctl *ctl;
        const struct ctl_container *container;
        int root;
};

static int restore(void *data)
{
        const struct restoring *restoring = data;

        return storage_replace(restoring->ctl, restoring->container, restoring->root);
}

int ctl_snapshot_restore(struct ctl *ctl, const char *name, const char *text)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_close_ int snapshots = -EBADF, snapshot = -EBADF, root = -EBADF;
        struct ctl_status status;
        int r = find(ctl, name, text, &container, &snapshots);

        if (r == 0)
                r = ctl_status(ctl, &container, &status);
        if (r < 0)
                return r;
        if (status.state != CTL_STOPPED)
                return refuse(EBUSY, "container %s is %s: snapshots are restored to a stopped one (berthctl stop %s)",
                              name, ctl_state_name(status.state), name);
        snapshot = openat(snapshots, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (snapshot >= 0)
                root = openat(snapshot, CTL_ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (root < 0)
                return fail(errno, "open snapshot %s of container %s", text, name);
        r = subids_run(&container.settings, restore, &(struct restoring){ctl, &container, root});
        if (r < 0)
                return fail_in(r, "restore snapshot %s of container %s", text, name);
        /* It may have lain on layers. */
        ctl_configure_early(ctl, &container);
        return 0;
}

/* Without its name first: a crash leaves no half of it in the list. */
int ctl_snapshot_delete(struct ctl *ctl, const char *name, const char *text)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_close_ int snapshots = -EBADF;
        int r = find(ctl, name, text, &container, &snapshots);

        if (r == 0)
                r = remove_draft(&container, snapshots);
        if (r < 0)
                return r;
        if (renameat(snapshots, text, snapshots, DRAFT) < 0)
                return fail(errno, "delete snapshot %s of container %s", text, name);
        r = remove_draft(&container, snapshots);
        return r < 0 ? fail_in(r, "delete snapshot %s of container %s", text, name) : 0;
}
