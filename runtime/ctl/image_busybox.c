/* A userland from this machine's own static busybox: one program, a link for each of its applets, a few files. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "base/process.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/layers.h"

#define BUSYBOX_DEADLINE_MS 10000
#define APPLETS_SIZE        65536

static const struct {
        const char *path, *text;
        mode_t mode;
} files[] = {
        {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0644},
        {"etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n", 0644},
        {"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", 0644},
        {"etc/profile", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport PS1='\\u@\\h:\\w\\$ '\n", 0644},
        {"etc/inittab",
         "::sysinit:/etc/init.d/rcS\n"
         "console::respawn:-/bin/sh\n"
         "::shutdown:/bin/kill -TERM -1\n",
         0644},
        {"etc/init.d/rcS",
         "#!/bin/sh\n[ -z \"$(ls /etc/rc.d 2>/dev/null)\" ] || for f in /etc/rc.d/*; do \"$f\"; done\n", 0755},
};

static const struct {
        const char *path;
        mode_t mode;
} directories[] = {
        {"bin", 0755},      {"sbin", 0755}, {"usr/bin", 0755}, {"usr/sbin", 0755}, {"etc/init.d", 0755},
        {"etc/rc.d", 0755}, {"root", 0700}, {"home", 0755},    {"var/log", 0755},  {"proc", 0555},
        {"sys", 0555},      {"dev", 0755},  {"run", 0755},     {"tmp", 01777},     {"mnt", 0755},
};

static int make_directories(int root)
{
        for (size_t i = 0; i < ELEMENTS(directories); i++) {
                _cleanup_close_ int fd = in_root_mkdir(root, directories[i].path, 0755);

                if (fd < 0)
                        return fd;
                if (fchmodat(root, directories[i].path, directories[i].mode, 0) < 0)
                        return fail(errno, "set the mode of /%s", directories[i].path);
        }
        return 0;
}

static int make_files(int root)
{
        for (size_t i = 0; i < ELEMENTS(files); i++) {
                _cleanup_close_ int fd =
                        openat(root, files[i].path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, files[i].mode);
                int r = fd < 0 ? -errno : write_all(fd, files[i].text, strlen(files[i].text));

                if (r == 0 && fchmod(fd, files[i].mode) < 0)
                        r = -errno;
                if (r < 0)
                        return fail(-r, "make /%s", files[i].path);
        }
        return 0;
}

/* A program that wants a loader could not run where there is none. */
static int check_static(int fd, const char *path)
{
        Elf64_Ehdr header;

        if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_ident[EI_CLASS] != ELFCLASS64)
                return refuse(EINVAL, "%s is no program for this machine", path);
        for (unsigned i = 0; i < header.e_phnum; i++) {
                Elf64_Phdr segment;

                if (pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) !=
                    sizeof(segment))
                        return refuse(EINVAL, "%s is damaged", path);
                if (segment.p_type == PT_INTERP)
                        return refuse(EINVAL, "%s needs shared libraries (package busybox-static has one without)",
                                      path);
        }
        return 0;
}

static int find_program(const char **path)
{
        static const char *const paths[] = {"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"};

        for (size_t i = 0; i < ELEMENTS(paths); i++)
                if (access(paths[i], X_OK) == 0) {
                        *path = paths[i];
                        return 0;
                }
        return refuse(ENOENT, "this machine has no busybox (package busybox-static)");
}

static int copy_program(int root, const char *from)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -EBADF;
        ssize_t n;
        int r;

        if (in < 0)
                return fail(errno, "open %s", from);
        r = check_static(in, from);
        if (r < 0)
                return r;
        out = openat(root, "bin/busybox", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        if (out < 0 || fchmod(out, 0755) < 0)
                return fail(errno, "make /bin/busybox");
        /* Of the same file system, where it can, it takes neither time nor room. */
        if (ioctl(out, FICLONE, in) == 0)
                return 0;
        do
                n = sendfile(out, in, NULL, 1 << 20);
        while (n > 0);
        return n < 0 ? fail(errno, "copy %s", from) : 0;
}

/* "bin/ls" and so on, one a line. Hard links, as `busybox --install` makes them: 272 symbolic links are as many inodes,
 * and where many containers come and go ext4 searches long for each (fs/ext4/ialloc.c, recently_deleted). */
static int link_applets(int root, const char *program, struct process_call *listing)
{
        _cleanup_free_ char *list = malloc(APPLETS_SIZE);
        char *save = NULL;
        int r;

        if (!list) {
                process_drop(listing);
                return fail(ENOMEM, "list the applets of busybox");
        }
        r = process_finish(listing, BUSYBOX_DEADLINE_MS, -EBADF, list, APPLETS_SIZE);
        if (r != 0)
                return r < 0 ? fail_in(r, "run %s", program) : refuse(EINVAL, "%s --list-full failed", program);
        for (char *name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
                if (linkat(root, "bin/busybox", root, name, 0) < 0 && errno != EEXIST && errno != ENOENT)
                        return fail(errno, "make /%s", name);
        return 0;
}

static int fill(int root, void *data)
{
        const char *program = data;
        struct process_call listing = PROCESS_CALL_NONE;
        /* It writes a word at a time, and who waits for each is woken hundreds of times. */
        int r = process_begin(program, (const char *[]){program, "--list-full", NULL}, -EBADF, &listing);

        if (r < 0)
                return fail_in(r, "run %s", program);
        r = make_directories(root);
        if (r == 0)
                r = make_files(root);
        if (r == 0)
                r = copy_program(root, program);
        if (r == 0)
                return link_applets(root, program, &listing);
        process_drop(&listing);
        return r;
}

/* Another one when the program is replaced, or when what is made here changes: LAYOUT counts that. */
#define LAYOUT 1

static int add_layer(struct layers *layers, const char *program)
{
        char digest[128];
        struct stat st;

        if (stat(program, &st) < 0)
                return fail(errno, "look at %s", program);
        snprintf(digest, sizeof(digest), "busybox:%d:%" PRIu64 ":%" PRIu64 ":%" PRIi64 ":%" PRIi64 ".%09ld", LAYOUT,
                 (uint64_t)st.st_dev, (uint64_t)st.st_ino, (int64_t)st.st_size, (int64_t)st.st_ctim.tv_sec,
                 st.st_ctim.tv_nsec);
        return layers_add(layers, digest, fill, (void *)(uintptr_t)program);
}

int image_busybox(int root, struct layers *layers)
{
        const char *program = NULL;
        int r = find_program(&program);

        if (r < 0)
                return r;
        return layers ? add_layer(layers, program) : fill(root, (void *)(uintptr_t)program);
}
