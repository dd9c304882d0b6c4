#include "namespaces/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"

#define SYSCTL_PATH_SIZE  512
#define PROCFS_ROOT_INODE 1 /* PROC_ROOT_INO of the kernel's include/linux/proc_ns.h */

int procfs_open(void)
{
        _cleanup_close_ int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct statfs fs;
        struct stat st;

        if (fd < 0)
                return fail(errno, "open /proc");
        if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
                return fail(errno, "look at /proc");
        if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROCFS_ROOT_INODE)
                return refuse(EINVAL, "/proc is not the root of a procfs");
        return take_fd(&fd);
}

int procfs_open_at(int procfs, const char *path, int flags, uint64_t resolve)
{
        struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | resolve,
        };
        int fd = sys_openat2(procfs, path, &how);

        return fd < 0 ? -errno : fd;
}

int procfs_write(int procfs, const char *path, const char *text)
{
        _cleanup_close_ int fd = procfs_open_at(procfs, path, O_WRONLY, 0);

        return fd < 0 ? fd : write_once(fd, text);
}

/* sysctl(8): the first separator decides; with dots, a slash stands for a dot inside a name ("eth0/100"). */
static int sysctl_path(const char *key, char path[SYSCTL_PATH_SIZE])
{
        const char *slash = strchr(key, '/'), *dot = strchr(key, '.');
        int dotted = dot && (!slash || dot < slash);
        int n = snprintf(path, SYSCTL_PATH_SIZE, "%s", key);

        if (n < 0 || n >= SYSCTL_PATH_SIZE)
                return -ENAMETOOLONG;
        for (char *p = path; dotted && *p; p++)
                *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        return 0;
}

static int write_below(int sys, const char *key, const char *value)
{
        char path[SYSCTL_PATH_SIZE];
        int r = sysctl_path(key, path);

        return r < 0 ? r : procfs_write(sys, path, value);
}

int procfs_open_sys(int procfs)
{
        return procfs_open_at(procfs, "sys", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

int sysctl_write(int procfs, int own_sys, const char *key, const char *value)
{
        _cleanup_close_ int sys = -EBADF;
        int r;

        if (own_sys >= 0 && write_below(own_sys, key, value) == 0)
                return 0;
        r = sys = procfs_open_sys(procfs);
        if (r >= 0)
                r = write_below(sys, key, value);
        return r < 0 ? fail(-r, "write sysctl %s = '%s'", key, value) : 0;
}
