/* Entries are checked before libarchive writes them, and it writes below the root only: it follows no link that an
 * earlier entry has put there. */
#include "runtime/ctl/unpacking.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/ctl/image_entry.h"

#define CHUNK_SIZE ((size_t)64 * 1024)
#define EXTRACT_COMMON                                                                                                 \
        (ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |                   \
         ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |  \
         ARCHIVE_EXTRACT_UNLINK)

int unpacking_failure(const struct unpacking *unpacking, struct archive *archive)
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

/* Of a name that is no UTF-8 libarchive warns, and packs it as it is. */
static bool has_failed_header(const struct unpacking *unpacking, int result)
{
        return unpacking->packing ? result < ARCHIVE_WARN : has_failed(unpacking, result);
}

static bool leads_out(const char *path)
{
        for (const char *p = path; *p; p += strcspn(p, "/"), p += strspn(p, "/"))
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        return true;
        return false;
}

const char *unpacking_relative(const char *path)
{
        while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
                path++;
        return path;
}

/* The name below the prefix, NULL when it does not lie there. */
static const char *below_prefix(const struct unpacking *unpacking, const char *path)
{
        size_t length = unpacking->prefix ? strlen(unpacking->prefix) : 0;

        path = unpacking_relative(path);
        if (length == 0)
                return path;
        if (strncmp(path, unpacking->prefix, length) != 0 || (path[length] && path[length] != '/'))
                return NULL;
        return unpacking_relative(path + length);
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
        static const char zeros[CHUNK_SIZE];

        while (size > 0) {
                la_ssize_t n = archive_write_data(unpacking->out, zeros,
                                                  size < (int64_t)CHUNK_SIZE ? (size_t)size : CHUNK_SIZE);

                if (n <= 0)
                        return unpacking_failure(unpacking, unpacking->out);
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
                               ? unpacking_failure(unpacking, unpacking->out)
                               : 0;
        /* A full disk is no more than a warning to libarchive. */
        return archive_write_data_block(unpacking->out, block, size, offset) < ARCHIVE_OK
                       ? unpacking_failure(unpacking, unpacking->out)
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
                return unpacking_failure(unpacking, unpacking->in);
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
        _cleanup_free_ char *block = malloc(CHUNK_SIZE);
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
                n = pread(from, block, left < (int64_t)CHUNK_SIZE ? (size_t)left : CHUNK_SIZE, offset);
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

int unpacking_copy_entry(struct unpacking *unpacking, struct archive_entry *entry)
{
        bool skip = false;
        int r = go_on(unpacking);

        if (r == 0)
                r = check_entry(unpacking, entry, &skip);
        if (r < 0 || skip || (unpacking->what == UNPACKING_LAYER && image_entry_is_whiteout(entry)))
                return r;
        r = unpacking->into ? check_merge(unpacking, entry) : 0;
        if (r < 0)
                return r;
        if (unpacking->what == UNPACKING_WHITEOUTS)
                r = image_entry_whiteout(unpacking->root, entry);
        else if (unpacking->what != UNPACKING_COPY)
                r = image_entry_settle(unpacking->root, entry, unpacking->prefix);
        else if (unpacking->disarm)
                r = image_entry_disarm(entry);
        if (r < 0)
                return fail_in(r, "%s: entry '%.200s'", unpacking->name, archive_entry_pathname(entry));
        if (unpacking->what == UNPACKING_WHITEOUTS)
                return 0;
        if (has_failed_header(unpacking, archive_write_header(unpacking->out, entry)))
                return fail_in(unpacking_failure(unpacking, unpacking->out), "entry '%.200s'",
                               archive_entry_pathname(entry));
        r = copy_content(unpacking, entry);
        if (r < 0)
                return r;
        return has_failed(unpacking, archive_write_finish_entry(unpacking->out))
                       ? unpacking_failure(unpacking, unpacking->out)
                       : 0;
}

int unpacking_close(const struct unpacking *unpacking)
{
        return has_failed(unpacking, archive_write_close(unpacking->out)) ? unpacking_failure(unpacking, unpacking->out)
                                                                          : 0;
}

/* libarchive writes relative to the working directory. */
int unpacking_begin(struct unpacking *unpacking, int root)
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

void unpacking_end(struct unpacking *unpacking)
{
        if (unpacking->in)
                archive_read_free(unpacking->in);
        if (unpacking->out)
                archive_write_free(unpacking->out);
        if (unpacking->before >= 0)
                (void)!fchdir(unpacking->before);
        replace_fd(&unpacking->before, -EBADF);
}
