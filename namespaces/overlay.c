#include "namespaces/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "namespaces/mount.h"
#include "namespaces/private_mounts.h"
#include "namespaces/write_as.h"

#define VALUE_MOST 255 /* bytes of a value of fsconfig(2) */
#define OPTIONS    "index=off,metacopy=off,redirect_dir=off,xino=off"

/* The directories of one, open: the lower ones, the top one first, then that of upper and work. */
struct parts {
        size_t n;
        int fds[OCI_OVERLAY_LOWER_MOST + 1];
};

static void close_parts(struct parts *parts)
{
        while (parts->n)
                close(parts->fds[--parts->n]);
}

/* A mapped copy of the mount below it lies on the directory itself, where nobody else comes by: overlayfs takes
 * nothing that is not attached in the namespace of who mounts it. */
static int open_mapped(const char *path, int user)
{
        _cleanup_close_ int tree = mount_clone(AT_FDCWD, path, false, 0), target = -EBADF;
        int r;

        if (tree < 0)
                return tree;
        r = mount_idmap(tree, user, false);
        if (r < 0)
                return fail_in(r, "%s", path);
        target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = target < 0 ? fail(errno, "open %s", path) : mount_attach(tree, target);
        return r < 0 ? r : take_fd(&tree);
}

static int open_part(const char *base, const char *name, const struct overlay_map *map, struct parts *parts)
{
        _cleanup_free_ char *path = path_from(base, name);
        int fd;

        if (!path)
                return fail(ENOMEM, "open the layer %s", name);
        fd = map ? open_mapped(path, map->user) : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return map ? fd : fail(errno, "open %s", path);
        parts->fds[parts->n++] = fd;
        return 0;
}

/* The directory that upper and work lie in, because overlayfs wants both on one mount. */
static int open_writable(const char *base, const struct oci_overlay *overlay, const struct overlay_map *map,
                         struct parts *parts)
{
        _cleanup_free_ char *directory = strndup(overlay->upper, oci_overlay_place(overlay->upper));

        if (!directory)
                return fail(ENOMEM, "open the layer %s", overlay->upper);
        return open_part(base, *directory ? directory : ".", map, parts);
}

static int open_parts(const char *base, const struct oci_overlay *overlay, const struct overlay_map *map,
                      struct parts *parts)
{
        int r = 0;

        for (size_t i = 0; i < overlay->lower.n && r == 0; i++)
                r = open_part(base, overlay->lower.v[i], map, parts);
        return r == 0 && overlay->upper ? open_writable(base, overlay, map, parts) : r;
}

static int format_options(const struct oci_overlay *overlay, const struct parts *parts, bool brief, char **options)
{
        char lower[VALUE_MOST + 16];
        size_t used = 0;

        for (size_t i = 0; i < overlay->lower.n && used <= VALUE_MOST; i++)
                used += (size_t)snprintf(lower + used, sizeof(lower) - used, "%s%d", i ? ":" : "", parts->fds[i]);
        if (used > VALUE_MOST)
                return refuse(E2BIG, "more layers than an overlay can be told of");
        if (overlay->upper) {
                int place = parts->fds[parts->n - 1];

                used = (size_t)asprintf(options, "lowerdir=%s,upperdir=%d/%s,workdir=%d/%s,%s" OPTIONS, lower, place,
                                        overlay->upper + oci_overlay_place(overlay->upper), place,
                                        overlay->work + oci_overlay_place(overlay->work), brief ? "volatile," : "");
        } else {
                used = (size_t)asprintf(options, "lowerdir=%s," OPTIONS, lower);
        }
        if (used == (size_t)-1)
                *options = NULL;
        return *options ? 0 : fail(ENOMEM, "mount layers");
}

/* By descriptors: paths would be too long, and have characters that mean something there. */
static int mount_parts(const struct oci_overlay *overlay, const struct parts *parts, bool brief)
{
        _cleanup_close_ int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int mount = -EBADF;
        _cleanup_free_ char *options = NULL;
        int r = format_options(overlay, parts, brief, &options);

        if (r < 0)
                return r;
        if (before < 0 || chdir("/proc/self/fd") < 0)
                return fail(errno, "mount layers");
        mount = mount_new("overlay", "overlay", options, 0, 0);
        if (fchdir(before) < 0)
                return fail(errno, "mount layers");
        return mount < 0 ? mount : take_fd(&mount);
}

/* The overlay makes its files as who has mounted it, and is read-only when it cannot. */
static int open_and_mount(const char *base, const struct oci_overlay *overlay, const struct overlay_map *map,
                          bool brief)
{
        _cleanup_(close_parts) struct parts parts = {0};
        int before, r = open_parts(base, overlay, map, &parts);

        if (r < 0 || !map)
                return r < 0 ? r : mount_parts(overlay, &parts, brief);
        r = write_as(map->uid, map->gid, &before);
        if (r == 0)
                r = mount_parts(overlay, &parts, brief);
        write_as_self(before);
        return r;
}

int overlay_mount(const char *base, const struct oci_overlay *overlay, const struct overlay_map *map, bool brief)
{
        struct private_mounts before = PRIVATE_MOUNTS_NONE;
        _cleanup_close_ int mount = -EBADF;
        int r = map ? private_mounts_enter(&before) : 0, left;

        if (r == 0)
                r = mount = open_and_mount(base, overlay, map, brief);
        left = private_mounts_leave(&before);
        if (r < 0 || left < 0)
                return r < 0 ? r : left;
        return take_fd(&mount);
}
