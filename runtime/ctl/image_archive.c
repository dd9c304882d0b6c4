/* Roots that come out of archives: tar and cpio files, layers, and what export has written. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/unpacking.h"

#define READ_SIZE ((size_t)64 * 1024)

static int copy_all(struct unpacking *unpacking)
{
        bool ended = false;

        for (;;) {
                struct archive_entry *entry;
                int r = archive_read_next_header(unpacking->in, &entry);

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return unpacking_failure(unpacking, unpacking->in);
                if (unpacking->prefix && strcmp(archive_entry_pathname(entry) ?: "", ARCHIVE_END) == 0) {
                        ended = true;
                        break;
                }
                r = unpacking_copy_entry(unpacking, entry);
                if (r < 0)
                        return r;
        }
        if (unpacking->prefix && !ended)
                return refuse(EINVAL, "%s: the archive ends too early", unpacking->name);
        return unpacking_close(unpacking);
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
        r = unpacking_begin(unpacking, root);
        if (r < 0)
                return r;
        support_formats(unpacking->in);
        if (archive_read_open_fd(unpacking->in, fd, READ_SIZE) != ARCHIVE_OK)
                return unpacking_failure(unpacking, unpacking->in);
        return copy_all(unpacking);
}

int image_unpack_file(const struct ctl *ctl, const char *path, const char *name, int root, bool whiteouts)
{
        _cleanup_unpacking_ struct unpacking unpacking = {.ctl = ctl,
                                                          .name = name,
                                                          .in = archive_read_new(),
                                                          .before = -EBADF,
                                                          .what = whiteouts ? UNPACKING_LAYER : UNPACKING_ARCHIVE};

        if (whiteouts) {
                _cleanup_unpacking_ struct unpacking first = {.ctl = ctl,
                                                              .name = name,
                                                              .in = archive_read_new(),
                                                              .before = -EBADF,
                                                              .what = UNPACKING_WHITEOUTS};
                int r = unpack(&first, path, root);

                if (r < 0)
                        return r;
        }
        return unpack(&unpacking, path, root);
}

int image_unpack_root(const struct ctl *ctl, struct archive *in, const char *name, const char *prefix, bool devices,
                      int root)
{
        _cleanup_unpacking_ struct unpacking unpacking = {.ctl = ctl,
                                                          .name = name,
                                                          .in = in,
                                                          .before = -EBADF,
                                                          .what = UNPACKING_ARCHIVE,
                                                          .devices = devices,
                                                          .prefix = prefix};
        int r = unpacking_begin(&unpacking, root);

        if (r == 0)
                r = copy_all(&unpacking);
        unpacking.in = NULL;
        return r;
}
