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
#include "base/syscalls.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/unpacking.h"

/* libarchive writes what has a path longer than the kernel's longest by changing the working directory, and gives it
 * its owner, mode and times by the rest of the path when it has changed back (3.6): to what somebody else may have put
 * there, links out of the root among that. So a directory with such a path is copied by itself, from where it is. */
#define STAGE_LENGTH 2048 /* of paths of directories; names in them are at most 256 longer */
#define STAGES_MOST  100  /* of one in the other: each keeps some descriptors */

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

/* A directory that is a copy of its own: names in the source and in the root. */
struct stage {
        char *from, *to;
};

/* What is being copied: the directory at `path`, as `as`. */
struct tree {
        const char *path, *as;
        unsigned depth; /* of stages */
        struct stage *stages;
        size_t n;
};

static void tree_release(struct tree *tree)
{
        for (size_t i = 0; i < tree->n; i++) {
                free(tree->stages[i].from);
                free(tree->stages[i].to);
        }
        free(tree->stages);
}

static int put_stage(const struct unpacking *unpacking, struct tree *tree, const char *from, const char *to)
{
        struct stage *bigger = realloc(tree->stages, (tree->n + 1) * sizeof(*bigger));

        if (bigger) {
                tree->stages = bigger;
                bigger[tree->n] = (struct stage){strdup(from), strdup(to)};
                tree->n++;
        }
        return bigger && bigger[tree->n - 1].from && bigger[tree->n - 1].to ? 0
                                                                            : fail(ENOMEM, "copy %s", unpacking->name);
}

static bool is_stage(const struct unpacking *unpacking, struct archive_entry *entry)
{
        return !unpacking->packing && archive_entry_filetype(entry) == AE_IFDIR &&
               strlen(archive_entry_pathname(entry)) >= STAGE_LENGTH;
}

/* A copy of what holds the copies would not come to an end. */
static bool is_left_out(const struct unpacking *unpacking, struct archive_entry *entry)
{
        const struct stat *without = unpacking->without;

        return without && (dev_t)archive_entry_dev(entry) == without->st_dev &&
               (ino_t)archive_entry_ino64(entry) == without->st_ino;
}

/* A stage is copied later, and what is mounted somewhere not at all. from: its name in the source. */
static int descend(struct unpacking *unpacking, struct tree *tree, struct archive_entry *entry, const char *from)
{
        if (is_left_out(unpacking, entry) || !archive_read_disk_can_descend(unpacking->in))
                return 0;
        if (is_stage(unpacking, entry))
                return put_stage(unpacking, tree, from, archive_entry_pathname(entry));
        (void)archive_read_disk_descend(unpacking->in);
        return 0;
}

/* Names become those below the directory; the second name of a file becomes a link to the first. */
static int copy_entries(struct unpacking *unpacking, struct tree *tree)
{
        const size_t prefix = strlen(tree->path);
        _cleanup_(links_release) struct links links = {archive_entry_linkresolver_new()};

        if (!links.resolver)
                return fail(ENOMEM, "copy %s", unpacking->name);
        archive_entry_linkresolver_set_strategy(links.resolver, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
        for (;;) {
                _cleanup_(archive_entry_drop) struct archive_entry *entry = archive_entry_new();
                struct archive_entry *sparse = NULL, *whole;
                _cleanup_free_ char *name = NULL, *from = NULL;
                int r = entry ? archive_read_next_header2(unpacking->in, entry) : ARCHIVE_FATAL;

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return unpacking_failure(unpacking, unpacking->in);
                from = strdup(unpacking_relative(archive_entry_pathname(entry) + prefix));
                if (!from || asprintf(&name, "%s%s", tree->as, archive_entry_pathname(entry) + prefix) < 0) {
                        name = NULL;
                        return fail(ENOMEM, "copy %s", unpacking->name);
                }
                archive_entry_copy_pathname(entry, *unpacking_relative(name) ? unpacking_relative(name) : ".");
                r = descend(unpacking, tree, entry, from);
                if (r < 0)
                        return r;
                whole = entry;
                if (geteuid() != 0)
                        belong_to_root(entry);
                shift_ids(unpacking, entry);
                archive_entry_linkify(links.resolver, &whole, &sparse);
                r = whole ? unpacking_copy_entry(unpacking, whole) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_beneath(int directory, const char *path)
{
        struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
        int fd = sys_openat2(directory, path, &how);

        return fd < 0 ? fail(errno, "open a directory far below") : fd;
}

static int read_directory(struct unpacking *unpacking, const char *path, const char *as, unsigned depth);

/* A directory that is open, into another one. */
static int copy_open(struct unpacking *unpacking, int from, int to, unsigned depth)
{
        char path[64];
        struct stat st;
        int r = unpacking_begin(unpacking, to);

        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", from);
        if (r == 0)
                r = read_directory(unpacking, path, "", depth);
        /* Its entries have come later. */
        if (r == 0 && (fstat(from, &st) < 0 || futimens(to, (struct timespec[]){st.st_atim, st.st_mtim}) < 0))
                r = fail(errno, "copy %s", unpacking->name);
        return r;
}

static int copy_stage(struct unpacking *unpacking, int base, const struct stage *stage, unsigned depth)
{
        _cleanup_close_ int from = open_beneath(base, stage->from), to = open_beneath(unpacking->root, stage->to);
        _cleanup_unpacking_ struct unpacking inner = *unpacking;
        int r;

        inner.in = archive_read_disk_new();
        inner.out = NULL;
        inner.before = -EBADF;
        if (from < 0 || to < 0)
                return from < 0 ? from : to;
        r = copy_open(&inner, from, to, depth);
        unpacking->bytes = inner.bytes;
        return r;
}

/* What the stages lie in is complete: its directories have their modes and times. */
static int copy_stages(struct unpacking *unpacking, const struct tree *tree)
{
        _cleanup_close_ int base = -EBADF;
        int r = 0;

        if (tree->n == 0)
                return 0;
        if (tree->depth == STAGES_MOST)
                return refuse(ENAMETOOLONG, "%s: its directories lie too deep", unpacking->name);
        base = open(tree->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (base < 0)
                return fail(errno, "copy %s", unpacking->name);
        for (size_t i = 0; i < tree->n && r == 0; i++)
                r = copy_stage(unpacking, base, &tree->stages[i], tree->depth + 1);
        return r;
}

/* path: absolute, with neither ".." nor a link at its end. */
static int read_directory(struct unpacking *unpacking, const char *path, const char *as, unsigned depth)
{
        _cleanup_(tree_release) struct tree tree = {.path = path, .as = as, .depth = depth};
        int r;

        (void)archive_read_disk_set_symlink_physical(unpacking->in);
        (void)archive_read_disk_set_behavior(unpacking->in,
                                             ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS | ARCHIVE_READDISK_NO_FFLAGS);
        if (archive_read_disk_open(unpacking->in, path) != ARCHIVE_OK)
                return unpacking_failure(unpacking, unpacking->in);
        r = copy_entries(unpacking, &tree);
        if (r < 0 || unpacking->packing)
                return r;
        r = unpacking_close(unpacking);
        archive_read_free(take_ptr(&unpacking->in));
        return r < 0 ? r : copy_stages(unpacking, &tree);
}

static int copy_directory(struct unpacking *unpacking, const char *path, int root, const char *as)
{
        int r = unpacking_begin(unpacking, root);

        return r < 0 ? r : read_directory(unpacking, path, as, 0);
}

int image_copy_directory(const struct ctl *ctl, const char *path, int root)
{
        _cleanup_free_ char *absolute = realpath(path, NULL);
        struct stat own;
        _cleanup_unpacking_ struct unpacking unpacking = {.ctl = ctl,
                                                          .name = path,
                                                          .in = archive_read_disk_new(),
                                                          .before = -EBADF,
                                                          .shared = true,
                                                          .without = &own};

        if (fstat(ctl->directory_fd, &own) < 0)
                return fail(errno, "look at %s", ctl->directory);
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
        _cleanup_unpacking_ struct unpacking unpacking = {
                .ctl = ctl, .name = name, .in = archive_read_disk_new(), .before = -EBADF, .own = true, .shared = true};

        return copy_open(&unpacking, from, to, 0);
}

int image_pack_root(const struct ctl *ctl, int root, const char *name, const char *prefix, struct archive *out)
{
        char path[64];
        _cleanup_unpacking_ struct unpacking unpacking = {
                .ctl = ctl, .name = name, .out = out, .before = -EBADF, .own = true, .packing = true};
        int r;

        unpacking.in = archive_read_disk_new();
        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", root);
        r = unpacking.in ? read_directory(&unpacking, path, prefix, 0) : fail(ENOMEM, "pack %s", name);
        unpacking.out = NULL;
        return r;
}
