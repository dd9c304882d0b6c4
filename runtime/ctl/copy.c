#include "runtime/ctl/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "namespaces/write_as.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/still_view.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"

/* A place, resolved: the directory that it is in, and its name there. */
struct place {
        int parent;
        char name[NAME_MAX + 1];
        bool needs_directory; /* the path ends with a slash, and no directory is there */
};

#define PLACE_NONE                                                                                                     \
        {                                                                                                              \
                .parent = -EBADF                                                                                       \
        }

static void place_release(struct place *place)
{
        replace_fd(&place->parent, -EBADF);
}

/* Of the host: paths are the person's own. */
static int resolve_on_host(const char *path, struct place *place)
{
        _cleanup_free_ char *copy = strdup(path);
        char *slash;

        if (!copy)
                return fail(ENOMEM, "copy %s", path);
        for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
                copy[n - 1] = '\0';
        slash = strrchr(copy, '/');
        if (slash)
                *slash = '\0';
        if (snprintf(place->name, sizeof(place->name), "%s", slash ? slash + 1 : copy) > NAME_MAX)
                return fail(ENAMETOOLONG, "copy %s", path);
        if (!*place->name)
                return refuse(EINVAL, "%s: does not name a file", path);
        place->parent = open(slash ? (*copy ? copy : "/") : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return place->parent < 0 ? fail(errno, "open the directory of %s", path) : 0;
}

/* As in_root_parent, but nothing is made, and "/" and "." name a directory in itself: what is in it. */
static int find_parent(int root, const char *path, char *name, size_t size)
{
        _cleanup_free_ char *parent = strdup(path);
        char *last;

        if (!parent)
                return fail(ENOMEM, "copy %s", path);
        for (size_t n = strlen(parent); n > 0 && parent[n - 1] == '/'; n--)
                parent[n - 1] = '\0';
        last = strrchr(parent, '/');
        last = last ? last + 1 : parent;
        if (strcmp(last, "..") == 0 || strlen(last) >= size)
                return refuse(EINVAL, "%s: does not name a file", path);
        if (!*last || strcmp(last, ".") == 0) {
                snprintf(name, size, ".");
                return in_root_open(root, path, O_PATH | O_DIRECTORY);
        }
        snprintf(name, size, "%s", last);
        *last = '\0';
        return in_root_open(root, *parent ? parent : "/", O_PATH | O_DIRECTORY);
}

static int resolve(int root, const struct copy_end *end, struct place *place)
{
        if (!end->container)
                return resolve_on_host(end->path, place);
        place->parent = find_parent(root, end->path, place->name, sizeof(place->name));
        return place->parent < 0 ? fail_in(place->parent, "container %s", end->container) : 0;
}

/* A file takes the place of the one that was there: of what a link leads to, and never of a device such as /dev/null.
 */
static int resolve_file_on_host(const char *path, struct place *place)
{
        _cleanup_free_ char *real = realpath(path, NULL);
        struct stat st;

        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return refuse(EINVAL, "%s: neither a regular file nor a directory", path);
        if (!real && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
                return fail(ENOENT, "%s is a link: find what it leads to", path);
        return resolve_on_host(real ? real : path, place);
}

/* The directory itself when it is one, else what it is to be called in its parent. A link inside counts as what it
 * leads to in the container's root. */
static int resolve_target(int root, const struct copy_end *end, const char *source_name, struct place *place)
{
        _cleanup_close_ int directory = -EBADF;
        int r;

        if (end->container && strspn(end->path, "/.") == strlen(end->path)) {
                place->parent = fcntl(root, F_DUPFD_CLOEXEC, 3);
                snprintf(place->name, sizeof(place->name), "%s", source_name);
                return place->parent < 0 ? fail(errno, "open the root of container %s", end->container) : 0;
        }
        if (end->container) {
                r = resolve(root, end, place);
                if (r < 0)
                        return r;
                directory = in_root_open(root, end->path, O_RDONLY | O_DIRECTORY);
                error_clear();
        } else {
                directory = open(end->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = directory < 0 ? resolve_file_on_host(end->path, place) : 0;
                if (r < 0)
                        return r;
        }
        if (directory >= 0) {
                replace_fd(&place->parent, take_fd(&directory));
                snprintf(place->name, sizeof(place->name), "%s", source_name);
        } else
                place->needs_directory = end->path[strlen(end->path) - 1] == '/';
        return 0;
}

/* What is a container's is looked at without following what it puts there in the meantime. */
static int open_place(const struct copy_end *end, int root, const struct place *place)
{
        int fd = end->container ? still_view_open(root, place->parent)
                                : openat(place->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && end->container)
                return fail_in(fd, "container %s", end->container);
        return fd < 0 ? fail(errno, "open the directory of %s", end->path) : fd;
}

struct side {
        const struct copy_end *end;
        struct ctl_container container;
        int root;   /* -EBADF: the host's, or that of a container's own mount namespace */
        int inside; /* its mount namespace, -EBADF: none */
};

#define SIDE_NONE                                                                                                      \
        {                                                                                                              \
                .container = CTL_CONTAINER_NONE, .root = -EBADF, .inside = -EBADF                                      \
        }

static void side_release(struct side *side)
{
        replace_fd(&side->root, -EBADF);
        replace_fd(&side->inside, -EBADF);
        ctl_release(&side->container);
}

/* Only the mount that a container with layers runs on may write to them. */
static int open_inside(struct ctl *ctl, struct side *side)
{
        struct ctl_status status;
        char path[64];
        int r = ctl_status(ctl, &side->container, &status);

        if (r < 0 || !status.pid)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)status.pid);
        side->inside = open(path, O_RDONLY | O_CLOEXEC);
        if (side->inside < 0)
                return fail(errno, "open the mounts of container %s", side->container.name);
        /* The number may be another's by now. */
        r = ctl_status(ctl, &side->container, &status);
        return r == 0 && !status.pid ? refuse(ESRCH, "container %s has just ended", side->container.name) : r;
}

/* One with layers is locked while it is written to. */
static int open_side(struct ctl *ctl, const struct copy_end *end, bool writable, struct side *side)
{
        int r;

        side->end = end;
        if (!end->container)
                return 0;
        r = ctl_find(ctl, end->container, CTL_UNLOCKED, &side->container);
        if (r == 0 && writable && storage_has_layers(&side->container)) {
                ctl_release(&side->container);
                r = ctl_find(ctl, end->container, CTL_LOCKED, &side->container);
                if (r == 0)
                        r = open_inside(ctl, side);
        }
        if (r < 0 || side->inside >= 0)
                return r;
        /* A mount lives as long as this descriptor of it, and can be changed (still_view.h). */
        side->root = storage_mount(ctl, &side->container, writable ? STORAGE_WRITE : STORAGE_READ);
        if (side->root == -ENOENT)
                side->root = storage_open(ctl, &side->container, STORAGE_READ);
        return side->root < 0 ? side->root : 0;
}

struct copying {
        struct ctl *ctl;
        struct side *from, *to;
        bool mapped;
};

static int open_target(const struct side *to, int root, const char *source_name, struct place *target)
{
        int r = resolve_target(root, to->end, source_name, target);

        /* The mount that a container runs on stays as it is. */
        return r < 0 ? r : open_place(to->end, to->root, target);
}

/* The working directory is lost. */
static int open_target_inside(const struct side *to, const char *source_name, struct place *target)
{
        _cleanup_close_ int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), fd = -EBADF, root = -EBADF;

        if (own < 0 || setns(to->inside, CLONE_NEWNS) < 0)
                return fail(errno, "enter the mounts of container %s", to->end->container);
        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root >= 0)
                fd = open_target(to, root, source_name, target);
        else
                fd = fail(errno, "open the root of container %s", to->end->container);
        return setns(own, CLONE_NEWNS) < 0 ? fail(errno, "leave the mounts of container %s", to->end->container)
                                           : take_fd(&fd);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
        return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Whether the directory, or one that it lies in, is `outer`. */
static bool lies_in(int directory, const struct stat *outer)
{
        _cleanup_close_ int fd = openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st, above;

        while (fd >= 0 && fstat(fd, &st) == 0 && !is_same(&st, outer)) {
                if (fstatat(fd, "..", &above, 0) < 0 || is_same(&st, &above))
                        return false;
                replace_fd(&fd, openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
        }
        return fd >= 0;
}

static bool are_layers_of_one(const struct side *from, const struct side *to)
{
        return from->end->container && to->end->container && strcmp(from->end->container, to->end->container) == 0 &&
               storage_has_layers(&to->container);
}

static int path_of(const struct place *place, char path[PATH_MAX])
{
        size_t length;
        int r = fd_path(place->parent, path);

        if (r < 0)
                return fail(-r, "find where %s lies", place->name);
        if (strcmp(place->name, ".") == 0)
                return 0;
        length = strlen(path);
        if ((size_t)snprintf(path + length, PATH_MAX - length, "%s%s", length > 1 ? "/" : "", place->name) >=
            PATH_MAX - length)
                return fail(ENAMETOOLONG, "find where %s lies", place->name);
        return 0;
}

/* Of layers each side is a mount of its own, and a file is another one on either: it is known by its path. */
static int check_paths(const struct copy_end *to, const struct stat *st, const struct place *source,
                       const struct place *target)
{
        char from[PATH_MAX], place[PATH_MAX];
        size_t length;
        int r = path_of(source, from);

        if (r == 0)
                r = path_of(target, place);
        if (r < 0)
                return r;
        length = strcmp(from, "/") == 0 ? 0 : strlen(from);
        if (strcmp(from, place) == 0)
                return refuse(EINVAL, "%s: it is the file that is to be copied", to->path);
        if (S_ISDIR(st->st_mode) && strncmp(from, place, length) == 0 && place[length] == '/')
                return refuse(EINVAL, "%s: a directory cannot be copied into itself", to->path);
        return 0;
}

/* Where what is written to layers lies on the host. */
static bool is_written_into(const struct side *to, const struct stat *source)
{
        _cleanup_close_ int upper = -EBADF;

        if (!to->end->container || !storage_has_layers(&to->container))
                return false;
        upper = openat(to->container.fd, LAYERS_RW "/upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return upper >= 0 && lies_in(upper, source);
}

/* What can be seen before the first byte; the rest is seen where it stands in the way (image_copy_tree). */
static int check_target(const struct side *side, const struct stat *source, int directory, const struct place *target)
{
        const struct copy_end *to = side->end;
        struct stat st;
        bool exists = fstatat(directory, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0;

        if (S_ISDIR(source->st_mode) && (lies_in(directory, source) || is_written_into(side, source)))
                return refuse(EINVAL, "%s: a directory cannot be copied into itself", to->path);
        if (target->needs_directory && (exists || !S_ISDIR(source->st_mode)))
                return fail(exists ? ENOTDIR : ENOENT, "copy to %s", to->path);
        if (exists && is_same(&st, source))
                return refuse(EINVAL, "%s: it is the file that is to be copied", to->path);
        return 0;
}

static int copy_into(const struct copying *copying, int from, const char *name, int to, const char *as)
{
        const struct settings *settings = &copying->to->container.settings;
        uint32_t shift = copying->to->inside >= 0 && settings->ids.set ? (uint32_t)settings->ids.value : 0;
        int before, r = shift ? write_as(shift, shift, &before) : 0;

        if (r == 0)
                r = image_copy_tree(copying->ctl, from, name, to, as, shift, !copying->to->end->container);
        if (shift)
                write_as_self(before);
        return r;
}

static int copy(void *data)
{
        struct copying *copying = data;
        const struct copy_end *from = copying->from->end;
        _cleanup_(place_release) struct place source = PLACE_NONE, target = PLACE_NONE;
        _cleanup_close_ int read_from = -EBADF, write_to = -EBADF;
        struct stat st;
        int r = still_view_prepare(copying->mapped);

        if (r > 0) {
                r = still_view_reopen(&copying->from->root);
                if (r == 0)
                        r = still_view_reopen(&copying->to->root);
        }
        if (r == 0)
                r = resolve(copying->from->root, from, &source);
        if (r == 0 && fstatat(source.parent, source.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                r = fail(errno, from->container ? "copy %s:%s" : "copy %s%s", from->container ?: "", from->path);
        if (r < 0)
                return r;
        read_from = open_place(from, copying->from->root, &source);
        if (read_from < 0)
                return read_from;
        write_to = copying->to->inside >= 0 ? open_target_inside(copying->to, source.name, &target)
                                            : open_target(copying->to, copying->to->root, source.name, &target);
        if (write_to < 0)
                return write_to;
        r = check_target(copying->to, &st, write_to, &target);
        if (r == 0 && are_layers_of_one(copying->from, copying->to))
                r = check_paths(copying->to->end, &st, &source, &target);
        return r < 0 ? r : copy_into(copying, read_from, source.name, write_to, target.name);
}

/* Where the container's ids are mapped, so that owners are what they are inside. */
int ctl_copy(struct ctl *ctl, const struct copy_end *from, const struct copy_end *to)
{
        _cleanup_(side_release) struct side source = SIDE_NONE, target = SIDE_NONE;
        struct copying copying = {ctl, &source, &target, false};
        const struct settings *settings;
        int r = open_side(ctl, from, false, &source);

        if (r == 0)
                r = open_side(ctl, to, true, &target);
        settings = to->container ? &target.container.settings : &source.container.settings;
        copying.mapped = settings->subuids && settings->subgids;
        return r < 0 ? r : subids_run(settings, copy, &copying);
}
