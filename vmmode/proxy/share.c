/* The share: what the file server serves. A tmpfs of our mount namespace alone, with a mount at each entry, at a place
 * that every root file system has and no file server needs: it has to be found by a path, from the mount namespace that
 * the file server makes for itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "vmmode/proxy/proxy.h"

/* As <sys/mount.h> has them, which clashes with <linux/mount.h>. */
#define PROPAGATION_SLAVE (1UL << 19)
#define PROPAGATION_ALL   (1UL << 14)

static int make_entry(int share, const char *name, int is_directory)
{
        if (is_directory < 0)
                return is_directory;
        if (is_directory)
                return mkdirat(share, name, 0755) < 0 ? -errno : 0;
        return mknodat(share, name, S_IFREG | 0644, 0) < 0 ? -errno : 0;
}

/* An ordinary user's berth could make no copy of a mount, and gave the place: the copy is made here, where the mount
 * namespace is ours. Its path is the place's own, not a name that somebody could have changed since. */
static int own_tree(int *tree)
{
        char link[32], path[PATH_MAX];
        ssize_t n;
        int copy;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", *tree);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return fail(errno, "find the place of the tree");
        path[n] = '\0';
        copy = mount_clone(AT_FDCWD, path, true, AT_SYMLINK_NOFOLLOW);
        if (copy < 0)
                return copy;
        replace_fd(tree, copy);
        return 0;
}

/* Device nodes of the host mean nothing to the guest, and must mean nothing to the file server (CVE-2020-35517). */
static int attach_entry(int share, const char *name, int tree)
{
        _cleanup_close_ int target = -EBADF;
        int r = make_entry(share, name, fd_is_directory(tree));

        if (r < 0)
                return fail(-r, "share: make entry %s", name);
        r = mount_change(tree, MOUNT_ATTR_NODEV, 0, true);
        if (r < 0)
                return r;
        target = openat(share, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return fail(errno, "share: open entry %s", name);
        return mount_attach(tree, target);
}

int share_make(struct proxy *proxy)
{
        _cleanup_close_ int share = -EBADF, place = open(SHARE_PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (place < 0)
                return fail(errno, "share: open " SHARE_PLACE);
        /* Nothing of ours reaches the host; what the host unmounts goes away here too, and is not held by us. */
        if (sys_mount(NULL, "/", NULL, PROPAGATION_SLAVE | PROPAGATION_ALL, NULL) < 0)
                return fail(errno, "share: take our mounts off the host's");
        share = mount_new("tmpfs", "berth", "mode=0755,size=1m", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (share < 0)
                return fail_in(share, "share");
        r = mount_attach(share, place);
        proxy->share = take_fd(&share);
        return r;
}

int share_fill(struct proxy *proxy)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < proxy->options.n_trees; i++) {
                if (proxy->options.trees[i].is_place)
                        r = own_tree(&proxy->options.trees[i].fd);
                if (r == 0)
                        r = attach_entry(proxy->share, proxy->options.trees[i].entry, proxy->options.trees[i].fd);
                if (r < 0)
                        r = fail_in(r, "share: entry %s", proxy->options.trees[i].entry);
                replace_fd(&proxy->options.trees[i].fd, -EBADF);
        }
        /* The entries are all that the guest has there. */
        return r < 0 ? r : mount_change(proxy->share, MOUNT_ATTR_RDONLY, 0, false);
}
