#include "runtime/ctl/still_view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

int still_view_open(int directory)
{
        _cleanup_close_ int mount = mount_clone(directory, "", false, AT_EMPTY_PATH);
        int fd, r;

        if (mount < 0)
                return mount;
        r = mount_change(mount, MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
                         false);
        if (r < 0)
                return fail_in(r, "follow no links");
        fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open the directory") : fd;
}

/* Everybody stays who he is. setgroups: CVE-2014-8989. */
static int map_self(int procfs, uid_t uid, gid_t gid)
{
        char uids[32], gids[32];
        int r = procfs_write(procfs, "self/setgroups", "deny");

        snprintf(uids, sizeof(uids), "%u %u 1", uid, uid);
        snprintf(gids, sizeof(gids), "%u %u 1", gid, gid);
        if (r == 0)
                r = procfs_write(procfs, "self/uid_map", uids);
        if (r == 0)
                r = procfs_write(procfs, "self/gid_map", gids);
        return r < 0 ? fail(-r, "map the user into a namespace") : 0;
}

static int open_again(int *directory)
{
        char link[64], path[PATH_MAX];
        ssize_t n;
        int fd;

        if (*directory < 0)
                return 0;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", *directory);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return fail(errno, "read %s", link);
        path[n] = '\0';
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "open %s", path);
        replace_fd(directory, fd);
        return 0;
}

int still_view_prepare(int **directories, size_t n)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        _cleanup_close_ int procfs = procfs_open();
        int r = 0;

        if (procfs < 0)
                return procfs;
        if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
                return fail(errno, "make a mount namespace");
        if (uid != 0)
                r = map_self(procfs, uid, gid);
        for (size_t i = 0; i < n && r == 0; i++)
                r = open_again(directories[i]);
        return r;
}
