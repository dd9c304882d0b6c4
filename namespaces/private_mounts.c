#include "namespaces/private_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

int private_mounts_enter(struct private_mounts *before)
{
        _cleanup_close_ int namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

        before->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        before->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (namespace < 0 || before->root < 0 || before->directory < 0)
                return fail(errno, "open the mount namespace");
        if (unshare(CLONE_NEWNS) < 0)
                return fail(errno, "make a mount namespace");
        before->namespace = take_fd(&namespace);
        return sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? fail(errno, "detach the mount namespace") : 0;
}

int private_mounts_leave(struct private_mounts *before)
{
        int r = 0;

        /* setns(2) puts both at the namespace's own root. */
        if (before->namespace >= 0 && (setns(before->namespace, CLONE_NEWNS) < 0 || fchdir(before->root) < 0 ||
                                       chroot(".") < 0 || fchdir(before->directory) < 0))
                r = fail(errno, "go back to the mount namespace");
        replace_fd(&before->namespace, -EBADF);
        replace_fd(&before->root, -EBADF);
        replace_fd(&before->directory, -EBADF);
        return r;
}
