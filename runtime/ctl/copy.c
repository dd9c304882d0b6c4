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
#include "runtime/ctl/storage.h"

/* A place, resolved: the directory that it is in, and its name there. */
struct place {
        int root, parent; /* root: of the container, or of the host */
        char name[NAME_MAX + 1];
};

#define PLACE_NONE                                                                                                     \
        {                                                                                                              \
                .root = -EBADF, .parent = -EBADF                                                                       \
        }

static void place_release(struct place *place)
{
        replace_fd(&place->root, -EBADF);
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

static int resolve(struct ctl *ctl, const struct copy_end *end, struct place *place)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r;

        if (!end->container)
                return resolve_on_host(end->path, place);
        r = ctl_find(ctl, end->container, CTL_UNLOCKED, &container);
        if (r < 0)
                return r;
        place->root = storage_open(&container);
        if (place->root < 0)
                return place->root;
        place->parent = in_root_parent(place->root, end->path, place->name, sizeof(place->name));
        return place->parent < 0 ? fail_in(place->parent, "container %s", end->container) : 0;
}

/* The directory itself when it is one, else what it is to be called in its parent. A link inside counts as what it
 * leads to in the container's root. */
static int resolve_target(struct ctl *ctl, const struct copy_end *end, const char *source_name, struct place *place)
{
        _cleanup_close_ int directory = -EBADF;
        int r;

        if (end->container && strspn(end->path, "/.") == strlen(end->path)) {
                _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;

                r = ctl_find(ctl, end->container, CTL_UNLOCKED, &container);
                if (r < 0)
                        return r;
                place->parent = storage_open(&container);
                snprintf(place->name, sizeof(place->name), "%s", source_name);
                return place->parent < 0 ? place->parent : 0;
        }
        if (!end->container)
                directory = open(end->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = resolve(ctl, end, place);
        if (r < 0)
                return directory >= 0 ? 0 : r;
        if (end->container) {
                directory = in_root_open(place->root, end->path, O_RDONLY | O_DIRECTORY);
                error_clear();
        }
        if (directory >= 0) {
                replace_fd(&place->parent, take_fd(&directory));
                snprintf(place->name, sizeof(place->name), "%s", source_name);
        }
        return 0;
}

int ctl_copy(struct ctl *ctl, const struct copy_end *from, const struct copy_end *to)
{
        _cleanup_(place_release) struct place source = PLACE_NONE, target = PLACE_NONE;
        _cleanup_close_ int directory = -EBADF;
        struct stat st;
        int r = resolve(ctl, from, &source);

        if (r == 0 && fstatat(source.parent, source.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                r = fail(errno, "copy %s", from->path);
        if (r == 0)
                r = resolve_target(ctl, to, source.name, &target);
        if (r < 0)
                return r;
        /* libarchive wants one that it can enter. */
        directory = openat(target.parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return fail(errno, "open the directory of %s", to->path);
        return image_copy_tree(ctl, source.parent, source.name, directory, target.name);
}
