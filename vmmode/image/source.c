#include "vmmode/image/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/image/vmlinux.h"

#define BOOT         "/boot"
#define BOOT_PREFIX  "vmlinuz-"
#define CLOUD_SUFFIX "-cloud-amd64"
#define MODULES      "/lib/modules"
#define LAST_RESORT  "/vmlinuz"

#define KERNEL_PATH_SIZE (sizeof(MODULES) + NAME_MAX + 32)

static void keep(struct image_file *file, const struct stat *st)
{
        file->device = st->st_dev;
        file->inode = st->st_ino;
        file->size = (uint64_t)st->st_size;
        file->seconds = st->st_ctim.tv_sec;
        file->nanoseconds = st->st_ctim.tv_nsec;
}

/* Fills *file. Bare negative errno; -EMEDIUMTYPE for what is no regular file. */
static int look_at(const char *path, struct image_file *file)
{
        struct stat st;

        /* An entry of the cache holds a line for each path. */
        if (strlen(path) >= sizeof(file->path) || strchr(path, '\n'))
                return -ENAMETOOLONG;
        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EMEDIUMTYPE;
        strcpy(file->path, path);
        keep(file, &st);
        return 0;
}

bool image_file_is(const struct image_file *file)
{
        struct image_file now;

        return look_at(file->path, &now) == 0 && now.device == file->device && now.inode == file->inode &&
               now.size == file->size && now.seconds == file->seconds && now.nanoseconds == file->nanoseconds;
}

static int look(const char *what, const char *path, struct image_file *file)
{
        int r;

        if (path[0] != '/')
                return refuse(EINVAL, "%s %s: the path is not absolute", what, path);
        r = look_at(path, file);
        if (r == -EMEDIUMTYPE)
                return refuse(ENOEXEC, "%s %s: not a regular file", what, path);
        return r < 0 ? fail(-r, "%s %s", what, path) : 0;
}

/* ---- the release ---- */

static int read_piece(int fd, uint64_t offset, void *data, size_t size)
{
        ssize_t n = pread(fd, data, size, (off_t)offset);

        return n < 0 ? -errno : (int)n;
}

static int release_of_bzimage(int fd, const struct image_file *kernel, const uint8_t *head, char *release)
{
        char text[KERNEL_RELEASE_MAX + 1];
        struct bzimage image;
        int r = bzimage_parse(kernel->path, head, kernel->size, &image);

        if (r < 0)
                return r;
        r = image.version ? read_piece(fd, image.version, text, sizeof(text)) : 0;
        if (r < 0)
                return fail(-r, "read kernel %s", kernel->path);
        if (kernel_release_parse(text, (size_t)r, release) < 0)
                return refuse(ENOEXEC, "kernel %s: its header does not say which release it is", kernel->path);
        return 0;
}

/* An ELF file says it somewhere among its texts. */
static int release_of_elf(int fd, const struct image_file *kernel, char *release)
{
        void *data = mmap(NULL, kernel->size, PROT_READ, MAP_PRIVATE, fd, 0);
        int r;

        if (data == MAP_FAILED)
                return fail(errno, "read kernel %s", kernel->path);
        r = vmlinux_release(data, kernel->size, release);
        munmap(data, kernel->size);
        return r < 0 ? refuse(ENOEXEC, "kernel %s: nothing in it says which release of Linux it is", kernel->path) : 0;
}

static int find_release(const struct image_file *kernel, char *release)
{
        _cleanup_close_ int fd = open(kernel->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t head[BZIMAGE_HEAD];
        int n;

        if (fd < 0)
                return fail(errno, "open kernel %s", kernel->path);
        n = read_piece(fd, 0, head, sizeof(head));
        if (n < 0)
                return fail(-n, "read kernel %s", kernel->path);
        if (kernel->size > IMAGE_KERNEL_MOST)
                return refuse(EFBIG, "kernel %s: %llu MiB is more than a kernel has", kernel->path,
                              (unsigned long long)(kernel->size >> 20));
        if (bzimage_is(head, (size_t)n))
                return release_of_bzimage(fd, kernel, head, release);
        if (vmlinux_is(head, (size_t)n))
                return release_of_elf(fd, kernel, release);
        return refuse(ENOEXEC, "kernel %s: no kernel: neither a bzImage nor an ELF file", kernel->path);
}

/* ---- finding one ---- */

static bool has_modules(const char *release)
{
        char path[KERNEL_PATH_SIZE];

        return snprintf(path, sizeof(path), MODULES "/%s/modules.dep", release) < (int)sizeof(path) &&
               access(path, F_OK) == 0;
}

/* Most distributions have it in /boot; some beside its modules alone. */
static bool kernel_of(const char *release, char path[KERNEL_PATH_SIZE])
{
        snprintf(path, KERNEL_PATH_SIZE, BOOT "/" BOOT_PREFIX "%s", release);
        if (access(path, F_OK) == 0)
                return true;
        snprintf(path, KERNEL_PATH_SIZE, MODULES "/%s/vmlinuz", release);
        return access(path, F_OK) == 0;
}

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text), n = strlen(end);

        return length >= n && strcmp(text + length - n, end) == 0;
}

/* The kernel of the newest of the releases that end so, of those that have their modules: packages leave kernels
 * without behind. */
static bool newest_kernel(const char *suffix, char path[KERNEL_PATH_SIZE])
{
        _cleanup_closedir_ DIR *modules = opendir(MODULES);
        const struct dirent *entry;
        char newest[NAME_MAX + 1] = "";

        while (modules && (entry = readdir(modules))) {
                char candidate[KERNEL_PATH_SIZE];

                if (entry->d_name[0] == '.' || !ends_with(entry->d_name, suffix) ||
                    strverscmp(entry->d_name, newest) <= 0 || !has_modules(entry->d_name) ||
                    !kernel_of(entry->d_name, candidate))
                        continue;
                strcpy(newest, entry->d_name);
                strcpy(path, candidate);
        }
        return newest[0] != '\0';
}

static int find_kernel(char path[KERNEL_PATH_SIZE])
{
        struct utsname running;

        if (newest_kernel(CLOUD_SUFFIX, path))
                return 0;
        if (uname(&running) == 0 && has_modules(running.release) && kernel_of(running.release, path))
                return 0;
        if (newest_kernel("", path))
                return 0;
        snprintf(path, KERNEL_PATH_SIZE, "%s", LAST_RESORT);
        if (access(path, F_OK) == 0)
                return 0;
        return refuse(ENOENT,
                      "no kernel for the virtual machine: no " BOOT "/" BOOT_PREFIX "* and no " MODULES
                      "/*/vmlinuz has its modules in " MODULES " (Debian: install linux-image-cloud-amd64, or name one "
                      "by \"kernel\" in berth.conf)");
}

static int find_modules(struct image_source *source, const char *modules)
{
        char directory[PATH_MAX], path[PATH_MAX + 16];
        int r;

        if (modules && strcmp(modules, MODULES_BUILT_IN) == 0) {
                strcpy(source->modules.path, MODULES_BUILT_IN);
                return 0;
        }
        if (modules && modules[0] != '/')
                return refuse(EINVAL, "modules %s: the path is not absolute", modules);
        if (modules && strlen(modules) >= sizeof(directory))
                return fail(ENAMETOOLONG, "modules %s", modules);
        if (modules)
                strcpy(directory, modules);
        else
                snprintf(directory, sizeof(directory), MODULES "/%s", source->release);
        snprintf(path, sizeof(path), "%s/modules.dep", directory);
        r = look_at(path, &source->modules);
        if (r < 0)
                return fail(-r,
                            "kernel %s is Linux %s, whose modules are missing: %s (\"modules = none\" in berth.conf is "
                            "for a kernel that has its drivers built in)",
                            source->kernel.path, source->release, path);
        return 0;
}

int image_source_find(const char *kernel, const char *modules, const char *agent, struct image_source *source)
{
        char found[KERNEL_PATH_SIZE];
        int r = 0;

        *source = (struct image_source){0};
        if (!kernel) {
                r = find_kernel(found);
                kernel = found;
        }
        if (r == 0)
                r = look("kernel", kernel, &source->kernel);
        if (r == 0)
                r = find_release(&source->kernel, source->release);
        if (r == 0)
                r = find_modules(source, modules);
        return r == 0 ? look("agent", agent, &source->agent) : r;
}
