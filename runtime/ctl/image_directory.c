/* Copies of directories: images, roots of containers, what cp brings; and a root on its way into an archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/unpacking.h"

static void archive_entry_drop(struct archive_entry **entry)
{
        if (*entry)
                archive_entry_free(*entry);
}

struct links {
        struct archive_entry_linkresolver *resolver;
};

static void links_release(struct links *links)
{
        if (links->resolver)
                archive_entry_linkresolver_free(links->resolver);
}

/* An ordinary user is root in his containers. */
static void belong_to_root(struct archive_entry *entry)
{
        if (archive_entry_uid(entry) == (la_int64_t)geteuid())
                archive_entry_set_uid(entry, 0);
        if (archive_entry_gid(entry) == (la_int64_t)getegid())
                archive_entry_set_gid(entry, 0);
}

static void shift_ids(const struct unpacking *unpacking, struct archive_entry *entry)
{
        if (unpacking->shift && archive_entry_uid(entry) < (la_int64_t)SETTINGS_IDS_SIZE)
                archive_entry_set_uid(entry, archive_entry_uid(entry) + unpacking->shift);
        if (unpacking->shift && archive_entry_gid(entry) < (la_int64_t)SETTINGS_IDS_SIZE)
                archive_entry_set_gid(entry, archive_entry_gid(entry) + unpacking->shift);
}

/* Names become those below the directory; the second name of a file becomes a link to the first. */
static int copy_tree(struct unpacking *unpacking, size_t prefix, const char *as)
{
        _cleanup_(links_release) struct links links = {archive_entry_linkresolver_new()};

        if (!links.resolver)
                return fail(ENOMEM, "copy %s", unpacking->name);
        archive_entry_linkresolver_set_strategy(links.resolver, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
        for (;;) {
                _cleanup_(archive_entry_drop) struct archive_entry *entry = archive_entry_new();
                struct archive_entry *sparse = NULL, *whole;
                _cleanup_free_ char *name = NULL;
                int r = entry ? archive_read_next_header2(unpacking->in, entry) : ARCHIVE_FATAL;

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return unpacking_failure(unpacking, unpacking->in);
                (void)archive_read_disk_descend(unpacking->in);
                if (asprintf(&name, "%s%s", as, archive_entry_pathname(entry) + prefix) < 0) {
                        name = NULL;
                        return fail(ENOMEM, "copy %s", unpacking->name);
                }
                archive_entry_copy_pathname(entry, *unpacking_relative(name) ? unpacking_relative(name) : ".");
                whole = entry;
                if (geteuid() != 0)
                        belong_to_root(entry);
                shift_ids(unpacking, entry);
                archive_entry_linkify(links.resolver, &whole, &sparse);
                r = whole ? unpacking_copy_entry(unpacking, whole) : 0;
                if (r < 0)
                        return r;
        }
        return unpacking->packing ? 0 : unpacking_close(unpacking);
}

/* path: absolute, with neither ".." nor a link at its end. */
static int read_directory(struct unpacking *unpacking, const char *path, const char *as)
{
        (void)archive_read_disk_set_symlink_physical(unpacking->in);
        (void)archive_read_disk_set_behavior(unpacking->in,
                                             ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS | ARCHIVE_READDISK_NO_FFLAGS);
        if (archive_read_disk_open(unpacking->in, path) != ARCHIVE_OK)
                return unpacking_failure(unpacking, unpacking->in);
        return copy_tree(unpacking, strlen(path), as);
}

static int copy_directory(struct unpacking *unpacking, const char *path, int root, const char *as)
{
        int r = unpacking_begin(unpacking, root);

        return r < 0 ? r : read_directory(unpacking, path, as);
}

int image_copy_directory(const struct ctl *ctl, const char *path, int root)
{
        _cleanup_free_ char *absolute = realpath(path, NULL);
        _cleanup_unpacking_ struct unpacking unpacking = {
                .ctl = ctl, .name = path, .in = archive_read_disk_new(), .before = -EBADF, .shared = true};

        return absolute ? copy_directory(&unpacking, absolute, root, "") : fail(errno, "find %s", path);
}

int image_copy_tree(const struct ctl *ctl, int parent, const char *name, int root, const char *as, uint32_t shift,
                    bool disarm)
{
        _cleanup_free_ char *path = NULL;
        struct stat into;
        _cleanup_unpacking_ struct unpacking unpacking = {.ctl = ctl,
                                                          .name = name,
                                                          .in = archive_read_disk_new(),
                                                          .before = -EBADF,
                                                          .shared = true,
                                                          .shift = shift,
                                                          .disarm = disarm,
                                                          .into = &into};

        if (fstat(root, &into) < 0)
                return fail(errno, "copy %s", name);
        if (asprintf(&path, "/proc/self/fd/%d/%s", parent, name) < 0) {
                path = NULL;
                return fail(ENOMEM, "copy %s", name);
        }
        return copy_directory(&unpacking, path, root, as);
}

int image_copy_root(const struct ctl *ctl, int from, int to, const char *name)
{
        struct stat st;
        char path[64];
        _cleanup_unpacking_ struct unpacking unpacking = {
                .ctl = ctl, .name = name, .in = archive_read_disk_new(), .before = -EBADF, .own = true, .shared = true};
        int r;

        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", from);
        r = copy_directory(&unpacking, path, to, "");
        /* Its entries have come later. */
        if (r == 0 && (fstat(from, &st) < 0 || futimens(to, (struct timespec[]){st.st_atim, st.st_mtim}) < 0))
                r = fail(errno, "copy %s", name);
        return r;
}

int image_pack_root(const struct ctl *ctl, int root, const char *name, const char *prefix, struct archive *out)
{
        char path[64];
        _cleanup_unpacking_ struct unpacking unpacking = {
                .ctl = ctl, .name = name, .out = out, .before = -EBADF, .own = true, .packing = true};
        int r;

        unpacking.in = archive_read_disk_new();
        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", root);
        r = unpacking.in ? read_directory(&unpacking, path, prefix) : fail(ENOMEM, "pack %s", name);
        unpacking.out = NULL;
        return r;
}
