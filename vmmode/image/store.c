#include "vmmode/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"

#define NEW_PREFIX ".new-"
#define NAME_ROOM  32
#define ATTEMPTS   16

/* ---- the directory ---- */

/* A user's are his own (XDG base directories: 0700). */
static int make_directories(const char *path)
{
        const mode_t mode = geteuid() == 0 ? 0755 : 0700;
        char partial[PATH_MAX];

        if (path[0] != '/')
                return refuse(EINVAL, "image cache %s: the path is not absolute", path);
        if (strlen(path) >= sizeof(partial))
                return fail(ENAMETOOLONG, "image cache %s", path);
        strcpy(partial, path);
        for (char *p = partial + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(partial, mode) < 0 && errno != EEXIST)
                        return fail(errno, "make directory %s for the image cache", partial);
                *p = '/';
        }
        return mkdir(partial, mode) < 0 && errno != EEXIST ? fail(errno, "make image cache %s", path) : 0;
}

int store_open(const char *path, int *cache)
{
        int r = make_directories(path);

        return r < 0 ? r : image_cache_open(path, cache);
}

/* ---- adding ---- */

/* A directory under construction is locked for as long as somebody works on it. */
struct draft {
        int cache, directory;
        char name[NAME_ROOM];
};

static void draft_drop(struct draft *draft)
{
        if (draft->directory >= 0)
                (void)remove_tree_at(draft->cache, draft->name);
        replace_fd(&draft->directory, -EBADF);
}

static bool is_still_there(int cache, const char *name, int fd)
{
        struct stat held, there;

        return fstat(fd, &held) == 0 && fstatat(cache, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

/* Between its making and its lock somebody who cleans may take it for a dead one's: then another. */
static int draft_make(int cache, struct draft *draft)
{
        for (int i = 0; i < ATTEMPTS; i++) {
                _cleanup_close_ int fd = -EBADF;
                uint64_t number;

                if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                        return -EIO;
                snprintf(draft->name, sizeof(draft->name), NEW_PREFIX "%016llx", (unsigned long long)number);
                if (mkdirat(cache, draft->name, 0755) < 0 && errno != EEXIST)
                        return -errno;
                fd = openat(cache, draft->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_still_there(cache, draft->name, fd))
                        continue;
                draft->cache = cache;
                draft->directory = take_fd(&fd);
                return 0;
        }
        return -EBUSY;
}

#define BLOCK 65536UL

static bool is_zero(const uint8_t *data, size_t size)
{
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Blocks of zeroes are left out (20 of a kernel's 50 MiB): whoever loads the file skips its holes. */
static int write_sparse(int fd, const uint8_t *data, size_t size)
{
        int r = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;

        for (size_t at = 0, here; at < size && r == 0; at += here) {
                here = size - at < BLOCK ? size - at : BLOCK;
                if (is_zero(data + at, here))
                        continue;
                r = lseek(fd, (off_t)at, SEEK_SET) < 0 ? -errno : write_all(fd, data + at, here);
        }
        return r;
}

/* The bytes are on the disk before the entry has its name: a power failure leaves no empty files behind it. */
static int write_part(int directory, const struct store_part *part)
{
        _cleanup_close_ int fd = openat(directory, part->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        int r;

        if (fd < 0)
                return -errno;
        r = write_sparse(fd, part->data, part->size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r;
}

/* Puts the draft in its place. What stands there and is not whole changes places with it and goes. */
static int draft_commit(struct draft *draft, const char *name, const struct image_source *source)
{
        struct image_entry entry;
        int r = 0;

        if (fsync(draft->directory) < 0)
                return -errno;
        if (renameat(draft->cache, draft->name, draft->cache, name) == 0) {
                replace_fd(&draft->directory, -EBADF);
        } else if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
                return -errno;
        } else if (image_entry_open(draft->cache, source, &entry) == 0) {
                image_entry_close(&entry); /* somebody else's, and as good as this one */
        } else if (renameat2(draft->cache, draft->name, draft->cache, name, RENAME_EXCHANGE) < 0) {
                r = -errno;
        }
        error_clear();
        return r;
}

/* *doing: what it was at when it failed. */
static int fill(struct draft *draft, const struct image_source *source, const struct store_part *parts, size_t n_parts,
                const char **doing)
{
        char identity[ENTRY_ABOUT_MAX], name[ENTRY_NAME_MAX];
        int r = 0;

        for (size_t i = 0; i < n_parts && r == 0; i++) {
                *doing = parts[i].name;
                r = write_part(draft->directory, &parts[i]);
        }
        if (r < 0)
                return r;
        *doing = "an entry";
        (void)image_entry_identity(source, identity);
        image_entry_name(source, identity, name);
        return draft_commit(draft, name, source);
}

int store_add(int cache, const char *path, const struct image_source *source, const struct store_part *parts,
              size_t n_parts)
{
        struct draft draft = {.directory = -EBADF};
        const char *doing = "an entry";
        int r = draft_make(cache, &draft);

        if (r == 0)
                r = fill(&draft, source, parts, n_parts, &doing);
        draft_drop(&draft);
        return r < 0 ? fail(-r, "image cache %s: write %s", path, doing) : 0;
}

/* ---- cleaning ---- */

/* Its lock is held while it goes: whoever has just made one of that name waits for no lock, and takes another name. */
static void remove_dead_draft(int cache, const char *name)
{
        _cleanup_close_ int fd = openat(cache, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                (void)remove_tree_at(cache, name);
}

static bool modules_are(const struct image_file *modules)
{
        return strcmp(modules->path, MODULES_BUILT_IN) == 0 || image_file_is(modules);
}

/* Only what is surely an entry is removed: the directory may hold other things of its owner's. */
static bool is_stale_entry(int cache, const char *name)
{
        _cleanup_close_ int fd = openat(cache, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ char *about = NULL;
        struct image_source source;
        uint64_t kernel_size, initrd_size;
        size_t size;

        if (fd < 0 || read_regular_file_at(fd, ENTRY_ABOUT, ENTRY_ABOUT_MAX, &about, &size) < 0 ||
            !image_about_parse(about, &source, &kernel_size, &initrd_size))
                return false;
        return !image_file_is(&source.kernel) || !image_file_is(&source.agent) || !modules_are(&source.modules);
}

void store_clean(int cache)
{
        _cleanup_closedir_ DIR *directory = NULL;
        int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct dirent *entry;

        directory = fd < 0 ? NULL : fdopendir(fd);
        if (!directory) {
                cleanup_close(&fd);
                return;
        }
        while ((entry = readdir(directory))) {
                if (strncmp(entry->d_name, NEW_PREFIX, sizeof(NEW_PREFIX) - 1) == 0)
                        remove_dead_draft(cache, entry->d_name);
                else if (entry->d_name[0] != '.' && is_stale_entry(cache, entry->d_name))
                        (void)remove_tree_at(cache, entry->d_name);
        }
        error_clear();
}
