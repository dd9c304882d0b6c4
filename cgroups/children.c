#include "cgroups/children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgroups/files.h"

/* A cgroup directory lists some sixty files, so the link count is asked first: kernfs counts the sub-directories
 * there, and 2 means none. File systems that do not count show 1. */
static bool has_no_children(int cgroup_fd)
{
        struct stat st;

        return fstat(cgroup_fd, &st) == 0 && st.st_nlink == 2;
}

int cgroup_each_child(int cgroup_fd, cgroup_child_visitor visit, void *data)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;

        if (has_no_children(cgroup_fd))
                return 0;
        fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : -errno;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        (void)take_fd(&fd);
        for (;;) {
                int r;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return cgroup_is_gone(-errno) ? 0 : -errno;
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                r = visit(dirfd(dir), entry->d_name, data);
                if (r < 0)
                        return r;
        }
}
