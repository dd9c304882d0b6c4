#include "vmmode/image/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/number.h"

#define FIRST_LINE "berth image 1\n" /* raised when the content of an initrd is made in another way */
#define FILE_LINE  " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %s\n"

static int put_file(char *to, size_t room, const char *what, const struct image_file *file)
{
        return snprintf(to, room, "%s" FILE_LINE, what, file->device, file->inode, file->size, file->seconds,
                        file->nanoseconds, file->path);
}

size_t image_entry_identity(const struct image_source *source, char text[ENTRY_ABOUT_MAX])
{
        size_t n = (size_t)snprintf(text, ENTRY_ABOUT_MAX, FIRST_LINE "release %s\n", source->release);

        n += (size_t)put_file(text + n, ENTRY_ABOUT_MAX - n, "kernel", &source->kernel);
        n += (size_t)put_file(text + n, ENTRY_ABOUT_MAX - n, "agent", &source->agent);
        return n + (size_t)put_file(text + n, ENTRY_ABOUT_MAX - n, "modules", &source->modules);
}

size_t image_about_finish(char text[ENTRY_ABOUT_MAX], size_t length, uint64_t kernel_size, uint64_t initrd_size)
{
        return length + (size_t)snprintf(text + length, ENTRY_ABOUT_MAX - length,
                                         ENTRY_KERNEL " %" PRIu64 "\n" ENTRY_INITRD " %" PRIu64 "\n", kernel_size,
                                         initrd_size);
}

/* Two sources with one hash do no harm: what is in `about` decides. */
void image_entry_name(const struct image_source *source, const char *identity, char name[ENTRY_NAME_MAX])
{
        uint64_t hash = hash_more(HASH_START, identity, strlen(identity));

        snprintf(name, ENTRY_NAME_MAX, "%s-%016" PRIx64, source->release, hash);
}

/* ---- reading `about` ---- */

/* Takes what stands before `end` off the text. */
static bool take(const char **text, char end, char *word, size_t room)
{
        const char *stop = strchr(*text, end);

        if (!stop || (size_t)(stop - *text) >= room)
                return false;
        memcpy(word, *text, (size_t)(stop - *text));
        word[stop - *text] = '\0';
        *text = stop + 1;
        return true;
}

static bool take_name(const char **text, const char *name)
{
        char word[16];

        return take(text, ' ', word, sizeof(word)) && strcmp(word, name) == 0;
}

static bool take_u64(const char **text, char end, uint64_t *value)
{
        char word[24];

        return take(text, end, word, sizeof(word)) && parse_u64(word, UINT64_MAX, value) == 0;
}

static bool take_i64(const char **text, char end, int64_t *value)
{
        char word[24];

        return take(text, end, word, sizeof(word)) && parse_i64(word, INT64_MIN, INT64_MAX, value) == 0;
}

static bool take_file(const char **text, const char *name, struct image_file *file)
{
        return take_name(text, name) && take_u64(text, ' ', &file->device) && take_u64(text, ' ', &file->inode) &&
               take_u64(text, ' ', &file->size) && take_i64(text, ' ', &file->seconds) &&
               take_i64(text, ' ', &file->nanoseconds) && take(text, '\n', file->path, sizeof(file->path));
}

bool image_about_parse(const char *text, struct image_source *source, uint64_t *kernel_size, uint64_t *initrd_size)
{
        *source = (struct image_source){0};
        if (strncmp(text, FIRST_LINE, sizeof(FIRST_LINE) - 1) != 0)
                return false;
        text += sizeof(FIRST_LINE) - 1;
        return take_name(&text, "release") && take(&text, '\n', source->release, sizeof(source->release)) &&
               take_file(&text, "kernel", &source->kernel) && take_file(&text, "agent", &source->agent) &&
               take_file(&text, "modules", &source->modules) && take_name(&text, ENTRY_KERNEL) &&
               take_u64(&text, '\n', kernel_size) && take_name(&text, ENTRY_INITRD) &&
               take_u64(&text, '\n', initrd_size) && *text == '\0';
}

/* ---- opening ---- */

static int check_owner(int fd, const char *what)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(errno, "image cache %s", what);
        if (st.st_uid != 0 && st.st_uid != geteuid())
                return refuse(EPERM, "image cache %s: it belongs to user %u, not to root or you", what, st.st_uid);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return refuse(EPERM, "image cache %s: others may write to it (mode %04o)", what, st.st_mode & 07777);
        return 0;
}

int image_cache_open(const char *path, int *cache)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return fail(errno, "image cache %s", path);
        r = check_owner(fd, path);
        if (r == 0)
                *cache = take_fd(&fd);
        return r;
}

static int open_part(int directory, const char *name, uint64_t size, int *part)
{
        _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -ENOENT;
        r = check_owner(fd, name);
        if (r < 0)
                return r;
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
                return -ENOENT;
        *part = take_fd(&fd);
        return 0;
}

int image_entry_open(int cache, const struct image_source *source, struct image_entry *entry)
{
        char identity[ENTRY_ABOUT_MAX], name[ENTRY_NAME_MAX];
        _cleanup_close_ int directory = -EBADF;
        _cleanup_free_ char *about = NULL;
        uint64_t kernel_size, initrd_size;
        size_t size, length = image_entry_identity(source, identity);
        struct image_source found;
        int r;

        *entry = (struct image_entry)IMAGE_ENTRY_NONE;
        image_entry_name(source, identity, name);
        directory = openat(cache, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (directory < 0)
                return -ENOENT;
        r = check_owner(directory, name);
        if (r < 0)
                return r;
        if (read_regular_file_at(directory, ENTRY_ABOUT, ENTRY_ABOUT_MAX, &about, &size) < 0 ||
            strncmp(about, identity, length) != 0 || !image_about_parse(about, &found, &kernel_size, &initrd_size))
                return -ENOENT;
        r = open_part(directory, ENTRY_KERNEL, kernel_size, &entry->kernel);
        if (r == 0)
                r = open_part(directory, ENTRY_INITRD, initrd_size, &entry->initrd);
        if (r < 0)
                image_entry_close(entry);
        return r;
}

void image_entry_close(struct image_entry *entry)
{
        cleanup_close(&entry->kernel);
        cleanup_close(&entry->initrd);
        *entry = (struct image_entry)IMAGE_ENTRY_NONE;
}
