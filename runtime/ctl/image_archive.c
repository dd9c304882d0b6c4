/* Unpacking archives and copying directories by libarchive. Entries are checked before it writes them, and it writes
 * below the root only: it follows no link that an earlier entry has put there. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/image_entry.h"

#define BLOCK_SIZE ((size_t)64 * 1024)
#define EXTRACT_COMMON                                                                                                 \
        (ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |                   \
         ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |  \
         ARCHIVE_EXTRACT_UNLINK)

/* One copy: where entries come from, where they go, and how far it is. */
struct unpacking {
        const struct ctl *ctl;
        const char *name;
        struct archive *in, *out;
        int root, before; /* before: the working directory of the caller */
        uint64_t bytes;
        enum {
                COPY,
                ARCHIVE,
                WHITEOUTS,
                LAYER
        } what; /* of a layer the whiteouts first: they hide nothing of its own */
};

static int archive_failure(const struct unpacking *unpacking, struct archive *archive)
{
        const char *text = archive_error_string(archive);
        int error = archive_errno(archive);

        return refuse(error == ENOSPC || error == EDQUOT || error == EIO ? error : EINVAL, "%s: %s", unpacking->name,
                      text ? text : "damaged archive");
}

static bool leads_out(const char *path)
{
        for (const char *p = path; *p; p += strcspn(p, "/"), p += strspn(p, "/"))
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        return true;
        return false;
}

/* Archives name their entries "./etc", "/etc" or "etc". */
static const char *relative(const char *path)
{
        while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
                path++;
        return path;
}

/* Brings the names into the root. *skip: nothing of it is to be written. */
static int check_entry(const struct unpacking *unpacking, struct archive_entry *entry, bool *skip)
{
        const char *path = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
        _cleanup_free_ char *copy = NULL;

        *skip = false;
        if (!path)
                return refuse(EINVAL, "%s: an entry without a name", unpacking->name);
        if (leads_out(path) || (link && leads_out(link)))
                return refuse(EINVAL, "%s: entry '%.200s' leads out of the root", unpacking->name, path);
        if (archive_entry_filetype(entry) == AE_IFCHR || archive_entry_filetype(entry) == AE_IFBLK) {
                *skip = true;
                if (strncmp(relative(path), "dev/", 4) == 0)
                        return 0;
                return refuse(EINVAL, "%s: entry '%.200s' is a device file", unpacking->name, path);
        }
        if (archive_entry_filetype(entry) == AE_IFSOCK || *relative(path) == '\0') {
                *skip = true;
                return 0;
        }
        copy = strdup(relative(path));
        if (!copy)
                return fail(ENOMEM, "unpack %s", unpacking->name);
        archive_entry_copy_pathname(entry, copy);
        if (link) {
                free(copy);
                copy = strdup(relative(link));
                if (!copy)
                        return fail(ENOMEM, "unpack %s", unpacking->name);
                archive_entry_copy_hardlink(entry, copy);
        }
        return 0;
}

static int copy_data(struct unpacking *unpacking)
{
        const void *block;
        size_t size;
        la_int64_t offset;
        int r;

        while ((r = archive_read_data_block(unpacking->in, &block, &size, &offset)) == ARCHIVE_OK) {
                if (archive_write_data_block(unpacking->out, block, size, offset) < ARCHIVE_WARN)
                        return archive_failure(unpacking, unpacking->out);
                unpacking->bytes += size;
                if (unpacking->ctl->progress)
                        unpacking->ctl->progress(unpacking->name, unpacking->bytes);
        }
        return r == ARCHIVE_EOF ? 0 : archive_failure(unpacking, unpacking->in);
}

static int copy_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
        bool skip;
        int r = check_entry(unpacking, entry, &skip);

        if (r < 0 || skip || (unpacking->what == LAYER && image_entry_is_whiteout(entry)))
                return r;
        if (unpacking->what == WHITEOUTS)
                r = image_entry_whiteout(unpacking->root, entry);
        else if (unpacking->what != COPY)
                r = image_entry_settle(unpacking->root, entry);
        if (r < 0)
                return fail_in(r, "%s: entry '%.200s'", unpacking->name, archive_entry_pathname(entry));
        if (unpacking->what == WHITEOUTS)
                return 0;
        if (archive_write_header(unpacking->out, entry) < ARCHIVE_WARN)
                return fail_in(archive_failure(unpacking, unpacking->out), "entry '%.200s'",
                               archive_entry_pathname(entry));
        if (!archive_entry_hardlink(entry) && archive_entry_size(entry) > 0) {
                r = copy_data(unpacking);
                if (r < 0)
                        return r;
        }
        return archive_write_finish_entry(unpacking->out) < ARCHIVE_WARN ? archive_failure(unpacking, unpacking->out)
                                                                         : 0;
}

static int copy_all(struct unpacking *unpacking)
{
        for (;;) {
                struct archive_entry *entry;
                int r = archive_read_next_header(unpacking->in, &entry);

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return archive_failure(unpacking, unpacking->in);
                r = copy_entry(unpacking, entry);
                if (r < 0)
                        return r;
        }
        /* Modes and times of directories are set at the end. */
        return archive_write_close(unpacking->out) < ARCHIVE_WARN ? archive_failure(unpacking, unpacking->out) : 0;
}

/* libarchive writes relative to the working directory. */
static int begin(struct unpacking *unpacking, int root)
{
        int flags = EXTRACT_COMMON | (geteuid() == 0 ? ARCHIVE_EXTRACT_OWNER : 0);

        unpacking->root = root;
        unpacking->out = archive_write_disk_new();
        if (!unpacking->in || !unpacking->out || archive_write_disk_set_options(unpacking->out, flags) != ARCHIVE_OK)
                return fail(ENOMEM, "unpack %s", unpacking->name);
        unpacking->before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (unpacking->before < 0 || fchdir(root) < 0)
                return fail(errno, "unpack %s", unpacking->name);
        return 0;
}

static void end(struct unpacking *unpacking)
{
        if (unpacking->in)
                archive_read_free(unpacking->in);
        if (unpacking->out)
                archive_write_free(unpacking->out);
        if (unpacking->before >= 0)
                (void)!fchdir(unpacking->before);
        replace_fd(&unpacking->before, -EBADF);
}

/* What Debian's libarchive unpacks by itself; it would start programs for others, which a stranger's file must not
 * choose. */
static void support_formats(struct archive *in)
{
        archive_read_support_filter_bzip2(in);
        archive_read_support_filter_compress(in);
        archive_read_support_filter_gzip(in);
        archive_read_support_filter_lz4(in);
        archive_read_support_filter_lzip(in);
        archive_read_support_filter_lzma(in);
        archive_read_support_filter_xz(in);
        archive_read_support_filter_zstd(in);
        archive_read_support_format_tar(in);
        archive_read_support_format_cpio(in);
}

static int unpack(struct unpacking *unpacking, const char *path, int root)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return fail(errno, "open %s", path);
        r = begin(unpacking, root);
        if (r < 0)
                return r;
        support_formats(unpacking->in);
        if (archive_read_open_fd(unpacking->in, fd, BLOCK_SIZE) != ARCHIVE_OK)
                return archive_failure(unpacking, unpacking->in);
        return copy_all(unpacking);
}

int image_unpack_file(const struct ctl *ctl, const char *path, const char *name, int root, bool whiteouts)
{
        _cleanup_(end) struct unpacking unpacking = {.ctl = ctl,
                                                     .name = name,
                                                     .in = archive_read_new(),
                                                     .before = -EBADF,
                                                     .what = whiteouts ? LAYER : ARCHIVE};

        if (whiteouts) {
                _cleanup_(end) struct unpacking first = {
                        .ctl = ctl, .name = name, .in = archive_read_new(), .before = -EBADF, .what = WHITEOUTS};
                int r = unpack(&first, path, root);

                if (r < 0)
                        return r;
        }
        return unpack(&unpacking, path, root);
}

/* ---- a directory ---- */

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
                        return archive_failure(unpacking, unpacking->in);
                (void)archive_read_disk_descend(unpacking->in);
                if (asprintf(&name, "%s%s", as, archive_entry_pathname(entry) + prefix) < 0) {
                        name = NULL;
                        return fail(ENOMEM, "copy %s", unpacking->name);
                }
                archive_entry_copy_pathname(entry, *relative(name) ? relative(name) : ".");
                whole = entry;
                archive_entry_linkify(links.resolver, &whole, &sparse);
                r = whole ? copy_entry(unpacking, whole) : 0;
                if (r < 0)
                        return r;
        }
        return archive_write_close(unpacking->out) < ARCHIVE_WARN ? archive_failure(unpacking, unpacking->out) : 0;
}

int image_copy_directory(const struct ctl *ctl, const char *path, int root)
{
        _cleanup_free_ char *absolute = realpath(path, NULL);
        _cleanup_(end) struct unpacking unpacking = {
                .ctl = ctl, .name = path, .in = archive_read_disk_new(), .before = -EBADF};
        int r;

        if (!absolute)
                return fail(errno, "find %s", path);
        r = begin(&unpacking, root);
        if (r < 0)
                return r;
        (void)archive_read_disk_set_symlink_physical(unpacking.in);
        (void)archive_read_disk_set_behavior(unpacking.in, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
        if (archive_read_disk_open(unpacking.in, absolute) != ARCHIVE_OK)
                return archive_failure(&unpacking, unpacking.in);
        return copy_tree(&unpacking, strlen(absolute), "");
}

int image_copy_tree(const struct ctl *ctl, int parent, const char *name, int root, const char *as)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_(end) struct unpacking unpacking = {
                .ctl = ctl, .name = name, .in = archive_read_disk_new(), .before = -EBADF};
        int r;

        if (asprintf(&path, "/proc/self/fd/%d/%s", parent, name) < 0) {
                path = NULL;
                return fail(ENOMEM, "copy %s", name);
        }
        r = begin(&unpacking, root);
        if (r < 0)
                return r;
        (void)archive_read_disk_set_symlink_physical(unpacking.in);
        (void)archive_read_disk_set_behavior(unpacking.in, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
        if (archive_read_disk_open(unpacking.in, path) != ARCHIVE_OK)
                return archive_failure(&unpacking, unpacking.in);
        return copy_tree(&unpacking, strlen(path), as);
}
