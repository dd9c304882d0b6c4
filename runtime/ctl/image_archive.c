/* Unpacking archives, copying directories and packing them by libarchive. Entries are checked before it writes them,
 * and it writes below the root only: it follows no link that an earlier entry has put there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/ctl/archive_library.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/image_entry.h"

#define READ_SIZE ((size_t)64 * 1024)
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
        bool disarm;
        const struct stat *into; /* the directory that a tree is merged into, NULL: an empty root */
        enum {
                COPY,
                ARCHIVE,
                WHITEOUTS,
                LAYER
        } what;             /* of a layer the whiteouts first: they hide nothing of its own */
        bool own;           /* a container's own files, not a stranger's: nothing is checked, and all is copied */
        bool shared;        /* extents of files are shared as long as the file system can */
        bool packing;       /* out is an archive, the caller's */
        bool devices;       /* a stranger's device files are made */
        uint32_t shift;     /* of ids */
        const char *prefix; /* what all names begin with that belong into the root; NULL: nothing */
};

static int archive_failure(const struct unpacking *unpacking, struct archive *archive)
{
        const char *text = archive_error_string(archive);
        int error = archive_errno(archive);

        if (error == ENOSPC || error == EDQUOT || error == EIO)
                return fail(error, "%s", unpacking->name);
        return refuse(EINVAL, "%s: %s", unpacking->name, text ? text : "damaged archive");
}

/* What an image has beyond the host's means (attributes that this file system cannot have) is left out; of a container
 * nothing may get lost. An ordinary user never had the attributes that he may not set. */
static bool has_failed(const struct unpacking *unpacking, int result)
{
        return (unpacking->own || unpacking->prefix) && geteuid() == 0 ? result < ARCHIVE_OK : result < ARCHIVE_WARN;
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

/* The name below the prefix, NULL when it does not lie there. */
static const char *below_prefix(const struct unpacking *unpacking, const char *path)
{
        size_t length = unpacking->prefix ? strlen(unpacking->prefix) : 0;

        path = relative(path);
        if (length == 0)
                return path;
        if (strncmp(path, unpacking->prefix, length) != 0 || (path[length] && path[length] != '/'))
                return NULL;
        return relative(path + length);
}

/* Overlay file systems in a container say by device 0:0 that a file is gone: nobody can open it. */
static bool is_device(const struct unpacking *unpacking, struct archive_entry *entry)
{
        bool block = archive_entry_filetype(entry) == AE_IFBLK;

        if (unpacking->devices || (!block && archive_entry_filetype(entry) != AE_IFCHR))
                return false;
        return block || !unpacking->prefix || archive_entry_rdev(entry) != 0;
}

static int put_names(const struct unpacking *unpacking, struct archive_entry *entry, const char *path, const char *link)
{
        _cleanup_free_ char *new_path = strdup(path), *new_link = link ? strdup(link) : NULL;

        if (!new_path || (link && !new_link))
                return fail(ENOMEM, "unpack %s", unpacking->name);
        archive_entry_copy_pathname(entry, new_path);
        if (link)
                archive_entry_copy_hardlink(entry, new_link);
        return 0;
}

/* Brings the names into the root. *skip: nothing of it is to be written. */
static int check_entry(const struct unpacking *unpacking, struct archive_entry *entry, bool *skip)
{
        const char *path = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
        const char *new_path, *new_link;

        *skip = archive_entry_filetype(entry) == AE_IFSOCK;
        if (unpacking->own)
                return 0;
        if (!path)
                return refuse(EINVAL, "%s: an entry without a name", unpacking->name);
        if (leads_out(path) || (link && leads_out(link)))
                return refuse(EINVAL, "%s: entry '%.200s' leads out of the root", unpacking->name, path);
        new_path = below_prefix(unpacking, path);
        new_link = link ? below_prefix(unpacking, link) : NULL;
        if (!new_path || (link && !new_link))
                return refuse(EINVAL, "%s: entry '%.200s' does not belong there", unpacking->name, path);
        if (is_device(unpacking, entry)) {
                *skip = true;
                if (strncmp(new_path, "dev/", 4) == 0)
                        return 0;
                return refuse(EINVAL, "%s: entry '%.200s' is a device file", unpacking->name, path);
        }
        /* The root itself: a container's has a mode of its own. */
        if (*new_path == '\0' && unpacking->prefix && archive_entry_filetype(entry) == AE_IFDIR)
                new_path = ".";
        else if (*new_path == '\0')
                *skip = true;
        return *skip ? 0 : put_names(unpacking, entry, new_path, new_link);
}

/* In an archive holes are written as what they are read as; it leaves out those that the entry has listed. */
static int pad(const struct unpacking *unpacking, int64_t size)
{
        static const char zeros[READ_SIZE];

        while (size > 0) {
                la_ssize_t n =
                        archive_write_data(unpacking->out, zeros, size < (int64_t)READ_SIZE ? (size_t)size : READ_SIZE);

                if (n <= 0)
                        return archive_failure(unpacking, unpacking->out);
                size -= n;
        }
        return 0;
}

/* *end: where the last block ended. */
static int write_block(const struct unpacking *unpacking, const void *block, size_t size, int64_t offset, int64_t *end)
{
        int r = unpacking->packing ? pad(unpacking, offset - *end) : 0;

        if (r < 0)
                return r;
        *end = offset + (int64_t)size;
        if (unpacking->packing)
                return archive_write_data(unpacking->out, block, size) != (la_ssize_t)size
                               ? archive_failure(unpacking, unpacking->out)
                               : 0;
        /* A full disk is no more than a warning to libarchive. */
        return archive_write_data_block(unpacking->out, block, size, offset) < ARCHIVE_OK
                       ? archive_failure(unpacking, unpacking->out)
                       : 0;
}

static int go_on(const struct unpacking *unpacking)
{
        const struct ctl *ctl = unpacking->ctl;

        if (ctl->interrupted && *ctl->interrupted)
                return refuse(EINTR, "interrupted");
        if (ctl->progress && unpacking->bytes)
                ctl->progress(unpacking->name, unpacking->bytes);
        return 0;
}

static int copy_data(struct unpacking *unpacking, int64_t whole)
{
        const void *block;
        size_t size;
        la_int64_t offset;
        int64_t end = 0;
        int r;

        while ((r = archive_read_data_block(unpacking->in, &block, &size, &offset)) == ARCHIVE_OK) {
                r = write_block(unpacking, block, size, offset, &end);
                if (r < 0)
                        return r;
                unpacking->bytes += size;
                r = go_on(unpacking);
                if (r < 0)
                        return r;
        }
        if (r != ARCHIVE_EOF)
                return archive_failure(unpacking, unpacking->in);
        return unpacking->packing ? pad(unpacking, whole - end) : 0;
}

/* libarchive would wait for a writer where a container has put a fifo in the file's place meanwhile. */
static int open_source(const struct unpacking *unpacking, struct archive_entry *entry)
{
        const char *path = archive_entry_sourcepath(entry);
        _cleanup_close_ int fd = path_open_long(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return fail(-fd, "%s: open %.200s", unpacking->name, archive_entry_pathname(entry));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return refuse(EINVAL, "%s: %.200s was exchanged while it was copied", unpacking->name,
                              archive_entry_pathname(entry));
        return take_fd(&fd);
}

/* True when the file got the extents of the one that it is copied from, which takes neither time nor room. */
static bool share_data(struct unpacking *unpacking, struct archive_entry *entry, int from)
{
        _cleanup_close_ int to = -EBADF;

        if (!unpacking->shared)
                return false;
        to = in_root_open(unpacking->root, archive_entry_pathname(entry),
                          O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (to >= 0 && ioctl(to, FICLONE, from) == 0)
                return true;
        unpacking->shared = false;
        error_clear();
        return false;
}

/* No more than it had when it was looked at: somebody may write to it without end. Holes stay holes. */
static int read_file(struct unpacking *unpacking, int from, int64_t size)
{
        _cleanup_free_ char *block = malloc(READ_SIZE);
        int64_t end = 0;

        if (!block)
                return fail(ENOMEM, "copy %s", unpacking->name);
        while (end < size) {
                off_t data = lseek(from, end, SEEK_DATA);
                int64_t offset = data < 0 ? end : data, left = size - offset;
                ssize_t n;
                int r;

                if ((data < 0 && errno == ENXIO) || left <= 0)
                        break;
                n = pread(from, block, left < (int64_t)READ_SIZE ? (size_t)left : READ_SIZE, offset);
                if (n < 0)
                        return fail(errno, "read %s", unpacking->name);
                if (n == 0)
                        break;
                r = write_block(unpacking, block, (size_t)n, offset, &end);
                if (r < 0)
                        return r;
                unpacking->bytes += (uint64_t)n;
                r = go_on(unpacking);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_file(struct unpacking *unpacking, struct archive_entry *entry)
{
        _cleanup_close_ int from = open_source(unpacking, entry);

        if (from < 0 || share_data(unpacking, entry, from))
                return from < 0 ? from : 0;
        return read_file(unpacking, from, archive_entry_size(entry));
}

/* Into an archive libarchive's own reader brings the holes that the entry lists; what is packed stands still. */
static int copy_content(struct unpacking *unpacking, struct archive_entry *entry)
{
        if (archive_entry_hardlink(entry) || archive_entry_size(entry) <= 0)
                return 0;
        return archive_entry_sourcepath(entry) && !unpacking->packing ? copy_file(unpacking, entry)
                                                                      : copy_data(unpacking, archive_entry_size(entry));
}

/* What lies in the way is not lost for another kind of file: a directory stays a directory, and so does a device. A
 * tree that holds the directory which it goes into would grow while it is read, without end. */
static int check_merge(const struct unpacking *unpacking, struct archive_entry *entry)
{
        const char *path = archive_entry_pathname(entry);
        mode_t type = archive_entry_hardlink(entry) ? S_IFREG : archive_entry_filetype(entry);
        struct stat st;

        if (type == S_IFDIR && (dev_t)archive_entry_dev(entry) == unpacking->into->st_dev &&
            (ino_t)archive_entry_ino64(entry) == unpacking->into->st_ino)
                return refuse(EINVAL, "%s: a directory cannot be copied into itself", unpacking->name);
        if (fstatat(unpacking->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & S_IFMT) == type)
                return 0;
        if (type == S_IFDIR)
                return refuse(ENOTDIR, "%.200s is there and no directory", path);
        if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return refuse(EEXIST, "%.200s is there and %s", path,
                              S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
        return 0;
}

static int copy_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
        bool skip = false;
        int r = go_on(unpacking);

        if (r == 0)
                r = check_entry(unpacking, entry, &skip);
        if (r < 0 || skip || (unpacking->what == LAYER && image_entry_is_whiteout(entry)))
                return r;
        r = unpacking->into ? check_merge(unpacking, entry) : 0;
        if (r < 0)
                return r;
        if (unpacking->what == WHITEOUTS)
                r = image_entry_whiteout(unpacking->root, entry);
        else if (unpacking->what != COPY)
                r = image_entry_settle(unpacking->root, entry, unpacking->prefix);
        else if (unpacking->disarm)
                r = image_entry_disarm(entry);
        if (r < 0)
                return fail_in(r, "%s: entry '%.200s'", unpacking->name, archive_entry_pathname(entry));
        if (unpacking->what == WHITEOUTS)
                return 0;
        if (has_failed(unpacking, archive_write_header(unpacking->out, entry)))
                return fail_in(archive_failure(unpacking, unpacking->out), "entry '%.200s'",
                               archive_entry_pathname(entry));
        r = copy_content(unpacking, entry);
        if (r < 0)
                return r;
        return has_failed(unpacking, archive_write_finish_entry(unpacking->out))
                       ? archive_failure(unpacking, unpacking->out)
                       : 0;
}

static int copy_all(struct unpacking *unpacking)
{
        bool ended = false;

        for (;;) {
                struct archive_entry *entry;
                int r = archive_read_next_header(unpacking->in, &entry);

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return archive_failure(unpacking, unpacking->in);
                if (unpacking->prefix && strcmp(archive_entry_pathname(entry) ?: "", ARCHIVE_END) == 0) {
                        ended = true;
                        break;
                }
                r = copy_entry(unpacking, entry);
                if (r < 0)
                        return r;
        }
        if (unpacking->prefix && !ended)
                return refuse(EINVAL, "%s: the archive ends too early", unpacking->name);
        /* Modes and times of directories are set at the end. */
        return has_failed(unpacking, archive_write_close(unpacking->out)) ? archive_failure(unpacking, unpacking->out)
                                                                          : 0;
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
        if (archive_read_open_fd(unpacking->in, fd, READ_SIZE) != ARCHIVE_OK)
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
                        return archive_failure(unpacking, unpacking->in);
                (void)archive_read_disk_descend(unpacking->in);
                if (asprintf(&name, "%s%s", as, archive_entry_pathname(entry) + prefix) < 0) {
                        name = NULL;
                        return fail(ENOMEM, "copy %s", unpacking->name);
                }
                archive_entry_copy_pathname(entry, *relative(name) ? relative(name) : ".");
                whole = entry;
                if (geteuid() != 0)
                        belong_to_root(entry);
                shift_ids(unpacking, entry);
                archive_entry_linkify(links.resolver, &whole, &sparse);
                r = whole ? copy_entry(unpacking, whole) : 0;
                if (r < 0)
                        return r;
        }
        if (unpacking->packing)
                return 0;
        return has_failed(unpacking, archive_write_close(unpacking->out)) ? archive_failure(unpacking, unpacking->out)
                                                                          : 0;
}

/* path: absolute, with neither ".." nor a link at its end. */
static int read_directory(struct unpacking *unpacking, const char *path, const char *as)
{
        (void)archive_read_disk_set_symlink_physical(unpacking->in);
        (void)archive_read_disk_set_behavior(unpacking->in,
                                             ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS | ARCHIVE_READDISK_NO_FFLAGS);
        if (archive_read_disk_open(unpacking->in, path) != ARCHIVE_OK)
                return archive_failure(unpacking, unpacking->in);
        return copy_tree(unpacking, strlen(path), as);
}

static int copy_directory(struct unpacking *unpacking, const char *path, int root, const char *as)
{
        int r = begin(unpacking, root);

        return r < 0 ? r : read_directory(unpacking, path, as);
}

int image_copy_directory(const struct ctl *ctl, const char *path, int root)
{
        _cleanup_free_ char *absolute = realpath(path, NULL);
        _cleanup_(end) struct unpacking unpacking = {
                .ctl = ctl, .name = path, .in = archive_read_disk_new(), .before = -EBADF, .shared = true};

        return absolute ? copy_directory(&unpacking, absolute, root, "") : fail(errno, "find %s", path);
}

int image_copy_tree(const struct ctl *ctl, int parent, const char *name, int root, const char *as, uint32_t shift,
                    bool disarm)
{
        _cleanup_free_ char *path = NULL;
        struct stat into;
        _cleanup_(end) struct unpacking unpacking = {.ctl = ctl,
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
        _cleanup_(end) struct unpacking unpacking = {
                .ctl = ctl, .name = name, .in = archive_read_disk_new(), .before = -EBADF, .own = true, .shared = true};
        int r;

        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", from);
        r = copy_directory(&unpacking, path, to, "");
        /* Its entries have come later. */
        if (r == 0 && (fstat(from, &st) < 0 || futimens(to, (struct timespec[]){st.st_atim, st.st_mtim}) < 0))
                r = fail(errno, "copy %s", name);
        return r;
}

int image_unpack_root(const struct ctl *ctl, struct archive *in, const char *name, const char *prefix, bool devices,
                      int root)
{
        _cleanup_(end) struct unpacking unpacking = {.ctl = ctl,
                                                     .name = name,
                                                     .in = in,
                                                     .before = -EBADF,
                                                     .what = ARCHIVE,
                                                     .devices = devices,
                                                     .prefix = prefix};
        int r = begin(&unpacking, root);

        if (r == 0)
                r = copy_all(&unpacking);
        unpacking.in = NULL;
        return r;
}

int image_pack_root(const struct ctl *ctl, int root, const char *name, const char *prefix, struct archive *out)
{
        char path[64];
        _cleanup_(end) struct unpacking unpacking = {
                .ctl = ctl, .name = name, .out = out, .before = -EBADF, .own = true, .packing = true};
        int r;

        unpacking.in = archive_read_disk_new();
        snprintf(path, sizeof(path), "/proc/self/fd/%d/.", root);
        r = unpacking.in ? read_directory(&unpacking, path, prefix) : fail(ENOMEM, "pack %s", name);
        unpacking.out = NULL;
        return r;
}
