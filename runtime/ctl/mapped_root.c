#include "runtime/ctl/mapped_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/storage.h"

static int user_namespace(const struct ctl_container *container)
{
        struct oci_id_map map = {.host_id = (uint32_t)container->settings.ids.value, .size = SETTINGS_IDS_SIZE};
        const struct oci_id_maps maps = {.n = 1, .v = &map};
        _cleanup_close_ int procfs = procfs_open();

        return procfs < 0 ? procfs : idmap_namespace(procfs, &maps, &maps);
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

bool mapped_root_is_simple(const struct ctl_container *container)
{
        return container->settings.ids.set && !storage_has_layers(container);
}

/* In the mount namespace that it is attached in: descriptors of before are of mounts of another one, so by its path. */
static int mount_layers(const struct ctl *ctl, const struct ctl_container *container, const char *path)
{
        _cleanup_close_ int user = user_namespace(container);

        return user < 0 ? user : layers_mount_mapped(ctl, container, path, user);
}

int mapped_root_attach(const struct ctl *ctl, const struct ctl_container *container, int *before)
{
        /* Layers are mapped each by itself. */
        const bool mapped_layers = container->settings.ids.set && storage_has_layers(container);
        _cleanup_close_ int tree = -EBADF, target = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        if (!mapped_layers) {
                tree = storage_mount(ctl, container, true);
                if (tree < 0)
                        return tree == -ENOENT ? 0 : tree;
        }
        if (asprintf(&path, "%s/containers/%s/%s", ctl->directory, container->name, CTL_ROOTFS) < 0) {
                path = NULL;
                return fail(ENOMEM, "keep the path of a root");
        }
        r = enter_namespace(before);
        if (r < 0)
                return r;
        if (mapped_layers)
                tree = mount_layers(ctl, container, path);
        if (tree < 0)
                return tree;
        target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return fail(errno, "open %s", path);
        return mount_attach(tree, target);
}

/* What root is on this host owns the root of the container. */
static _Noreturn void try_mapped_root(const struct ctl *ctl, const struct ctl_container *container)
{
        uint32_t owner = container->settings.ids.set ? (uint32_t)container->settings.ids.value : 0;
        char path[4096];
        struct statvfs fs;
        struct stat st;
        int before;

        snprintf(path, sizeof(path), "%s/containers/%s/" CTL_ROOTFS, ctl->directory, container->name);
        _exit(mapped_root_attach(ctl, container, &before) == 0 && stat(path, &st) == 0 && st.st_uid == owner &&
                              statvfs(path, &fs) == 0 && !(fs.f_flag & ST_RDONLY)
                      ? 0
                      : 1);
}

bool mapped_root_works(const struct ctl *ctl, const struct ctl_container *container)
{
        int status = -1;
        pid_t pid = fork();

        if (pid == 0)
                try_mapped_root(ctl, container);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return pid > 0 && status == 0;
}

int mapped_root_leave(int before)
{
        return setns(before, CLONE_NEWNS) < 0 ? fail(errno, "go back to the mount namespace") : 0;
}
