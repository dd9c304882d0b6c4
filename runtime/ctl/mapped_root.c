#include "runtime/ctl/mapped_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"
#include "runtime/ctl/storage.h"

static int map(const struct ctl_container *container, int tree)
{
        struct oci_id_map map = {.host_id = (uint32_t)container->settings.ids.value, .size = SETTINGS_IDS_SIZE};
        const struct oci_id_maps maps = {.n = 1, .v = &map};
        _cleanup_close_ int procfs = procfs_open(), user = -EBADF;
        int r;

        if (procfs < 0)
                return procfs;
        user = idmap_namespace(procfs, &maps, &maps);
        if (user < 0)
                return user;
        r = mount_idmap(tree, user, false);
        return r < 0 ? fail_in(r, "root of container %s", container->name) : 0;
}

static int enter_namespace(int *before)
{
        *before = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (*before < 0)
                return fail(errno, "open /proc/self/ns/mnt");
        if (unshare(CLONE_NEWNS) < 0)
                return fail(errno, "make a mount namespace");
        /* What the host mounts from now on still arrives; what is mounted here does not go there. */
        return sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? fail(errno, "detach the mount namespace") : 0;
}

int mapped_root_attach(const struct ctl *ctl, const struct ctl_container *container, int *before)
{
        _cleanup_close_ int tree = storage_mount(container), target = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        if (tree < 0 && tree != -ENOENT)
                return tree;
        if (tree < 0 && !container->settings.ids.set)
                return 0;
        if (asprintf(&path, "%s/containers/%s/%s", ctl->directory, container->name, CTL_ROOTFS) < 0) {
                path = NULL;
                return fail(ENOMEM, "keep the path of a root");
        }
        r = enter_namespace(before);
        if (r < 0)
                return r;
        /* By its path: our descriptors are of mounts of the namespace that we have left. */
        if (tree < 0)
                tree = mount_clone(AT_FDCWD, path, false, AT_SYMLINK_NOFOLLOW);
        if (tree < 0)
                return tree;
        r = container->settings.ids.set ? map(container, tree) : 0;
        if (r < 0)
                return r;
        target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return fail(errno, "open %s", path);
        return mount_attach(tree, target);
}

int mapped_root_leave(int before)
{
        return setns(before, CLONE_NEWNS) < 0 ? fail(errno, "go back to the mount namespace") : 0;
}
