#include "runtime/core/procfs_self.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "namespaces/procfs.h"

/* thread-self is an ordinary symlink "PID/task/TID" in the numbers of that procfs's pid namespace, which need not be
 * the ones that getpid() tells. It is read rather than followed, so that no step of the path is a link. */
static int read_thread_self(int proc, char *text, size_t size)
{
        _cleanup_close_ int link = procfs_open_at(proc, "thread-self", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
        ssize_t n;

        if (link < 0)
                return link;
        n = readlinkat(link, "", text, size);
        if (n < 0)
                return -errno;
        if ((size_t)n >= size)
                return -ENAMETOOLONG;
        text[n] = '\0';
        return 0;
}

int procfs_open_self(int proc, const char *name, int flags)
{
        struct statfs fs;
        char self[64], path[192];
        int r, n;

        if (fstatfs(proc, &fs) < 0)
                return -errno;
        if (fs.f_type != PROC_SUPER_MAGIC)
                return -ENOTTY;
        r = read_thread_self(proc, self, sizeof(self));
        if (r < 0)
                return r;
        n = snprintf(path, sizeof(path), "%s/%s", self, name);
        if (n < 0 || (size_t)n >= sizeof(path))
                return -ENAMETOOLONG;
        return procfs_open_at(proc, path, flags, RESOLVE_NO_SYMLINKS);
}

int procfs_write_self(int proc, const char *name, const char *text)
{
        _cleanup_close_ int fd = procfs_open_self(proc, name, O_WRONLY);

        return fd < 0 ? fd : write_once(fd, text);
}
