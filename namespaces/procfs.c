#include "namespaces/procfs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"

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

int sysctl_write(int procfs, const char *key, const char *value)
{
        char path[512];
        const char *slash = strchr(key, '/'), *dot = strchr(key, '.');
        int dotted = dot && (!slash || dot < slash);
        int r, n = snprintf(path, sizeof(path), "sys/%s", key);

        if (n < 0 || (size_t)n >= sizeof(path))
                return fail(ENAMETOOLONG, "sysctl %s", key);
        /* sysctl(8): the first separator decides; with dots, a slash stands for a dot inside a name ("eth0/100"). */
        for (char *p = path + strlen("sys/"); dotted && *p; p++)
                *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        r = procfs_write(procfs, path, value);
        return r < 0 ? fail(-r, "write sysctl %s = '%s'", key, value) : 0;
}
