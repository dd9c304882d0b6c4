#include "runtime/ctl/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"

#define DRAFT_ROOTFS CTL_ROOTFS ".new"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static int open_directory(const struct ctl_container *container, const char *name)
{
        int fd = openat(container->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open the root of container %s", container->name) : fd;
}

int storage_open(const struct ctl_container *container)
{
        return open_directory(container, CTL_ROOTFS);
}

int storage_draft(const struct ctl_container *container, struct storage_draft *draft)
{
        int r = storage_discard(container, draft);

        if (r < 0)
                return r;
        if (mkdirat(container->fd, DRAFT_ROOTFS, 0700) < 0)
                return fail(errno, "make a new root of container %s", container->name);
        draft->root = open_directory(container, DRAFT_ROOTFS);
        return draft->root < 0 ? draft->root : 0;
}

/* What was written must be on the disk before the name is. */
int storage_adopt(const struct ctl_container *container, struct storage_draft *draft)
{
        if (syncfs(draft->root) < 0)
                return fail(errno, "write the new root of container %s", container->name);
        if (syscall(SYS_renameat2, container->fd, DRAFT_ROOTFS, container->fd, CTL_ROOTFS, RENAME_EXCHANGE) < 0 ||
            fsync(container->fd) < 0)
                return fail(errno, "replace the root of container %s", container->name);
        return storage_discard(container, draft);
}

int storage_discard(const struct ctl_container *container, struct storage_draft *draft)
{
        int r;

        replace_fd(&draft->root, -EBADF);
        r = remove_tree_at(container->fd, DRAFT_ROOTFS);
        return r < 0 ? fail_in(r, "remove what is left in container %s", container->name) : 0;
}
