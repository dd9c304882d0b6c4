#include "runtime/ctl/still_view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define STILL (MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int still_view_open(int root, int directory)
{
        char path[PATH_MAX];
        bool attached = fd_path(root, path) < 0 || strcmp(path, "/") != 0;
        _cleanup_close_ int mount = attached ? mount_clone(directory, "", false, AT_EMPTY_PATH) : -EBADF;
        int fd, r;

        if (attached && mount < 0)
                return mount;
        r = mount_change(attached ? mount : root, STILL, 0, false);
        if (r < 0)
                return fail_in(r, "follow no links");
        fd = openat(attached ? mount : directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open the directory") : fd;
}

int still_view_prepare(bool mapped)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        _cleanup_close_ int procfs = -EBADF;
        int r;

        if (mapped)
                return unshare(CLONE_NEWNS) < 0 ? fail(errno, "make a mount namespace") : 1;
        if (uid == 0)
                return 0;
        procfs = procfs_open();
        if (procfs < 0)
                return procfs;
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return fail(errno, "make a user namespace");
        r = idmap_keep_self(procfs, uid, gid);
        return r < 0 ? r : 1;
}

int still_view_reopen(int *directory)
{
        char path[PATH_MAX];
        int fd, r;

        if (*directory < 0)
                return 0;
        r = fd_path(*directory, path);
        if (r < 0)
                return fail(-r, "find an open directory");
        fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "open %s", path);
        replace_fd(directory, fd);
        return 0;
}
