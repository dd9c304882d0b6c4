#include "runtime/ctl/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/still_view.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"

/* A place, resolved: the directory that it is in, and its name there. */
struct place {
        int parent;
        char name[NAME_MAX + 1];
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
        snprintf(place->name, sizeof(place->name), "%s", slash ? slash + 1 : copy);
        place->parent = open(slash ? (*copy ? copy : "/") : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return place->parent < 0 ? fail(errno, "open the directory of %s", path) : 0;
}

/* As in_root_parent, but nothing is made. */
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
        if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strlen(last) >= size)
                return refuse(EINVAL, "%s: does not name a file", path);
        snprintf(name, size, "%s", last);
        *last = '\0';
        return in_root_open(root, *parent ? parent : "/", O_PATH | O_DIRECTORY);
}

/* The root of an end's container, -EBADF for the host. */
static int open_root(struct ctl *ctl, const struct copy_end *end, struct settings *settings, int *root)
{
        struct ctl_container container = CTL_CONTAINER_NONE;
        int r;

        if (!end->container)
                return 0;
        r = ctl_find(ctl, end->container, CTL_UNLOCKED, &container);
        if (r == 0) {
                /* A disk image's mount lives as long as this descriptor of it, and can be changed (still_view.h). */
                *root = storage_mount(&container);
                if (*root == -ENOENT)
                        *root = storage_open(&container);
                r = *root < 0 ? *root : 0;
        }
        settings_release(settings);
        *settings = container.settings;
        replace_fd(&container.fd, -EBADF);
        return r;
}

static int resolve(int root, const struct copy_end *end, struct place *place)
{
        if (!end->container)
                return resolve_on_host(end->path, place);
        place->parent = find_parent(root, end->path, place->name, sizeof(place->name));
        return place->parent < 0 ? fail_in(place->parent, "container %s", end->container) : 0;
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
        if (!end->container)
                directory = open(end->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = resolve(root, end, place);
        if (r < 0)
                return directory >= 0 ? 0 : r;
        if (end->container) {
                directory = in_root_open(root, end->path, O_RDONLY | O_DIRECTORY);
                error_clear();
        }
        if (directory >= 0) {
                replace_fd(&place->parent, take_fd(&directory));
                snprintf(place->name, sizeof(place->name), "%s", source_name);
        }
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

struct copying {
        struct ctl *ctl;
        const struct copy_end *from, *to;
        int from_root, to_root;
        bool mapped;
};

static int copy(void *data)
{
        struct copying *copying = data;
        const struct copy_end *from = copying->from, *to = copying->to;
        _cleanup_(place_release) struct place source = PLACE_NONE, target = PLACE_NONE;
        _cleanup_close_ int read_from = -EBADF, write_to = -EBADF;
        struct stat st;
        int r = still_view_prepare(copying->mapped);

        if (r > 0) {
                r = still_view_reopen(&copying->from_root);
                if (r == 0)
                        r = still_view_reopen(&copying->to_root);
        }
        if (r == 0)
                r = resolve(copying->from_root, from, &source);
        if (r == 0 && fstatat(source.parent, source.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                r = fail(errno, "copy %s", from->path);
        if (r == 0)
                r = resolve_target(copying->to_root, to, source.name, &target);
        if (r < 0)
                return r;
        read_from = open_place(from, copying->from_root, &source);
        if (read_from < 0)
                return read_from;
        write_to = open_place(to, copying->to_root, &target);
        return write_to < 0
                       ? write_to
                       : image_copy_tree(copying->ctl, read_from, source.name, write_to, target.name, !to->container);
}

/* Where the container's ids are mapped, so that owners are what they are inside. */
int ctl_copy(struct ctl *ctl, const struct copy_end *from, const struct copy_end *to)
{
        struct copying copying = {ctl, from, to, -EBADF, -EBADF, false};
        _cleanup_settings_ struct settings settings = {0};
        int r = open_root(ctl, from, &settings, &copying.from_root);

        if (r == 0)
                r = open_root(ctl, to, &settings, &copying.to_root);
        copying.mapped = settings.subuids && settings.subgids;
        if (r == 0)
                r = subids_run(&settings, copy, &copying);
        cleanup_close(&copying.from_root);
        cleanup_close(&copying.to_root);
        return r;
}
