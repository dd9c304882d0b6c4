#include "runtime/ctl/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/archive_library.h"
#include "runtime/ctl/create.h"
#include "runtime/ctl/freeze.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"

#define READ_SIZE    ((size_t)64 * 1024)
#define ARCHIVE_ROOT CTL_ROOTFS

/* ---- export ---- */

struct exporting {
        struct ctl *ctl;
        const struct ctl_container *container;
        int fd;
        enum compression compression;
        struct archive *out;
};

static void archive_drop(struct archive **archive)
{
        if (*archive)
                archive_write_free(*archive);
}

static void entry_drop(struct archive_entry **entry)
{
        if (*entry)
                archive_entry_free(*entry);
}

static int archive_failure(const char *name, struct archive *archive)
{
        int error = archive_errno(archive);
        const char *text = archive_error_string(archive);

        /* libarchive's number for what is damaged, or no archive. */
        if (error > 0 && error != EILSEQ)
                return fail(error, "%s", name);
        return refuse(EINVAL, "%s: %s", name, text ? text : "damaged archive");
}

static int put_file(const struct exporting *exporting, const char *name, const char *text)
{
        _cleanup_(entry_drop) struct archive_entry *entry = archive_entry_new();
        size_t size = strlen(text);

        if (!entry)
                return fail(ENOMEM, "write %s", name);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0600);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_mtime(entry, time(NULL), 0);
        if (archive_write_header(exporting->out, entry) < ARCHIVE_OK ||
            archive_write_data(exporting->out, text, size) != (la_ssize_t)size)
                return archive_failure(name, exporting->out);
        return 0;
}

static int write_all_entries(const struct exporting *exporting)
{
        const struct ctl_container *container = exporting->container;
        _cleanup_close_ int root = storage_open(exporting->ctl, container, STORAGE_READ);
        _cleanup_free_ char *text = NULL;
        int r = root < 0 ? root : settings_format(&container->settings, &text);

        if (r == 0)
                r = put_file(exporting, SETTINGS_FILE, text);
        if (r == 0)
                r = image_pack_root(exporting->ctl, root, container->name, ARCHIVE_ROOT, exporting->out);
        return r < 0 ? r : put_file(exporting, ARCHIVE_END, "");
}

static enum compression by_name(const char *path)
{
        static const struct {
                const char *end;
                enum compression compression;
        } ends[] = {{".zst", COMPRESSION_ZSTD}, {".tzst", COMPRESSION_ZSTD}, {".xz", COMPRESSION_XZ},
                    {".txz", COMPRESSION_XZ},   {".gz", COMPRESSION_GZIP},   {".tgz", COMPRESSION_GZIP}};

        for (size_t i = 0; path && i < ELEMENTS(ends); i++) {
                size_t length = strlen(path), end = strlen(ends[i].end);

                if (length > end && strcmp(path + length - end, ends[i].end) == 0)
                        return ends[i].compression;
        }
        return COMPRESSION_NONE;
}

static int write_archive(void *data)
{
        struct exporting *exporting = data;
        _cleanup_(archive_drop) struct archive *out = exporting->out = archive_write_new();
        int r = ARCHIVE_OK;

        if (!out)
                return fail(ENOMEM, "pack it");
        if (exporting->compression == COMPRESSION_ZSTD)
                r = archive_write_add_filter_zstd(out);
        else if (exporting->compression == COMPRESSION_GZIP)
                r = archive_write_add_filter_gzip(out);
        else if (exporting->compression == COMPRESSION_XZ)
                r = archive_write_add_filter_xz(out);
        /* Into a pipe it would write whole blocks, with zeros behind what is packed: no zstd reads these. */
        if (r != ARCHIVE_OK || archive_write_set_format_pax(out) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(out, 1) != ARCHIVE_OK ||
            archive_write_open_fd(out, exporting->fd) != ARCHIVE_OK)
                return archive_failure("open the archive", out);
        r = write_all_entries(exporting);
        if (r == 0 && archive_write_close(out) != ARCHIVE_OK)
                r = archive_failure("end the archive", out);
        return r;
}

static int write_mapped(void *data)
{
        const struct exporting *exporting = data;

        return subids_run(&exporting->container->settings, write_archive, data);
}

static int pack(struct ctl *ctl, const struct ctl_container *container, int fd, enum compression compression)
{
        struct exporting exporting = {.ctl = ctl, .container = container, .fd = fd, .compression = compression};

        return freeze_during(ctl, container, write_mapped, &exporting);
}

/* What is no regular file (a pipe, a device) is written as it is. */
static bool is_written_in_place(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int pack_into_file(struct ctl *ctl, const struct ctl_container *container, const char *path,
                          enum compression compression)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *draft = NULL;
        int r;

        if (is_written_in_place(path)) {
                fd = open(path, O_WRONLY | O_CLOEXEC);
                return fd < 0 ? fail(errno, "open %s", path) : pack(ctl, container, fd, compression);
        }
        if (asprintf(&draft, "%s.XXXXXX", path) < 0) {
                draft = NULL;
                return fail(ENOMEM, "write %s", path);
        }
        fd = mkostemp(draft, O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "make %s", path);
        r = pack(ctl, container, fd, compression);
        if (r == 0 && (fsync(fd) < 0 || rename(draft, path) < 0))
                r = fail(errno, "write %s", path);
        if (r < 0)
                (void)unlink(draft);
        return r;
}

int ctl_export(struct ctl *ctl, const char *name, const char *path, int fd, enum compression compression)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find(ctl, name, CTL_LOCKED, &container);

        if (r < 0)
                return r;
        if (compression == COMPRESSION_BY_NAME)
                compression = by_name(path);
        r = path ? pack_into_file(ctl, &container, path, compression) : pack(ctl, &container, fd, compression);
        return r < 0 ? fail_in(r, "export container %s", name) : 0;
}

/* ---- import ---- */

void import_close(struct import *import)
{
        if (import->in)
                archive_read_free(import->in);
        replace_fd(&import->fd, -EBADF);
        settings_release(&import->settings);
}

static int read_settings(struct import *import)
{
        struct archive_entry *entry;
        _cleanup_free_ char *text = NULL;
        la_int64_t size;
        int r = archive_read_next_header(import->in, &entry);

        if (r < ARCHIVE_WARN)
                return r == ARCHIVE_EOF ? refuse(EINVAL, "%s is empty", import->name)
                                        : archive_failure(import->name, import->in);
        size = archive_entry_size(entry);
        if (strcmp(archive_entry_pathname(entry) ?: "", SETTINGS_FILE) != 0 ||
            archive_entry_filetype(entry) != AE_IFREG || size < 0 || size > (la_int64_t)SETTINGS_MOST)
                return refuse(EINVAL,
                              "%s is no archive of berthctl export: it does not begin with settings (a root file "
                              "system is an image: berthctl create --image tar:FILE)",
                              import->name);
        text = calloc(1, (size_t)size + 1);
        if (!text)
                return fail(ENOMEM, "read %s", import->name);
        if (archive_read_data(import->in, text, (size_t)size) != size)
                return archive_failure(import->name, import->in);
        if (strlen(text) != (size_t)size)
                return refuse(EINVAL, "%s: the settings hold a NUL byte", import->name);
        return settings_parse(import->name, text, &import->settings);
}

int import_open(const char *path, struct import *import)
{
        static const char *const own[] = {"created", "ids", "subuids", "subgids"};
        int r;

        *import = (struct import){.name = path ? path : "standard input", .in = archive_read_new()};
        import->fd = path ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        if (import->fd < 0)
                return fail(errno, "open %s", import->name);
        if (!import->in)
                return fail(ENOMEM, "read %s", import->name);
        (void)archive_read_support_filter_gzip(import->in);
        (void)archive_read_support_filter_zstd(import->in);
        (void)archive_read_support_filter_xz(import->in);
        (void)archive_read_support_format_tar(import->in);
        if (archive_read_open_fd(import->in, import->fd, READ_SIZE) != ARCHIVE_OK)
                return archive_failure(import->name, import->in);
        r = read_settings(import);
        if (r < 0)
                return r;
        /* What is the other host's, or the moment's. */
        for (size_t i = 0; i < ELEMENTS(own); i++)
                settings_unset(&import->settings, setting_find(own[i]));
        /* An ordinary user has no privileges to give. */
        if (geteuid() != 0)
                import->settings.unprivileged = true;
        return 0;
}

/* A network of berthctl's, where it is held to its own addresses, or none. */
static bool stays_inside(const char *net)
{
        size_t length = strcspn(net, ",");

        return !strstr(net, "allow-spoofing") && !memchr(net, ':', length) &&
               !(length == 4 && strncmp(net, "host", 4) == 0);
}

/* What it would do to the host beside what it is shown of it: run unasked, fill its disk, take a share that others
 * have. A key that this version does not know may be a volume to the next. */
static int check_weight(const struct import *import, uint64_t said)
{
        const struct settings *settings = &import->settings;

        if (settings->autostart && !setting_is_among(said, "autostart"))
                return refuse(EPERM,
                              "%s: its settings start it with this host (--trust takes them as they are, --autostart "
                              "says so, --unset autostart not)",
                              import->name);
        if (settings->log_size.set && settings->log_size.value > SETTINGS_LOG_SIZE &&
            !setting_is_among(said, "log-size"))
                return refuse(EPERM,
                              "%s: its settings let its log become larger than 10m (--trust takes them as they are, "
                              "--log-size says another size, --unset log-size the usual one)",
                              import->name);
        if (settings->cgroup_parent && !setting_is_among(said, "cgroup-parent"))
                return refuse(EPERM,
                              "%s: its settings put it into the cgroup %s (--trust takes them as they are, "
                              "--cgroup-parent says another, --unset cgroup-parent the usual one)",
                              import->name, settings->cgroup_parent);
        if (settings->unknown.n)
                return refuse(EPERM,
                              "%s: this version does not know what its setting '%.64s' means (--trust takes them as "
                              "they are)",
                              import->name, settings->unknown.v[0]);
        return 0;
}

int import_check_reach(const struct import *import, uint64_t said)
{
        const struct settings *settings = &import->settings;

        if (!settings->unprivileged && geteuid() == 0)
                return refuse(EPERM, "%s: its settings make it privileged (--trust takes them as they are)",
                              import->name);
        if (settings->volumes.n && !setting_is_among(said, "volume"))
                return refuse(EPERM,
                              "%s: its settings show it %s of the host (--trust takes them as they are, --volume says "
                              "others, --unset volume none)",
                              import->name, settings->volumes.v[0]);
        for (size_t i = 0; i < settings->nets.n && !setting_is_among(said, "net"); i++)
                if (!stays_inside(settings->nets.v[i]))
                        return refuse(EPERM,
                                      "%s: its settings give it net = %s (--trust takes them as they are, --net says "
                                      "another)",
                                      import->name, settings->nets.v[i]);
        return check_weight(import, said);
}

static int fill_from_archive(struct ctl *ctl, int root, struct arena *arena, struct image_config *config,
                             const void *data)
{
        const struct import *import = data;

        (void)arena;
        (void)config;
        return image_unpack_root(ctl, import->in, import->name, ARCHIVE_ROOT,
                                 !import->settings.unprivileged && geteuid() == 0, root);
}

int ctl_import(struct ctl *ctl, const char *name, struct import *import)
{
        return create_container(ctl, name,
                                &(struct create_source){.fill = fill_from_archive, .data = import, .moved = true},
                                &import->settings);
}
