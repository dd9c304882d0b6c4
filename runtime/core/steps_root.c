/* The steps that build the root: devices, masks, console, hooks, and the change of root itself. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"
#include "namespaces/console.h"
#include "namespaces/devices.h"
#include "namespaces/mount.h"
#include "namespaces/procfs.h"
#include "namespaces/rootfs.h"
#include "runtime/core/channel.h"
#include "runtime/core/hook_run.h"
#include "runtime/core/init.h"
#include "runtime/core/procfs_self.h"

int step_root(struct init *init, const struct step_root *step)
{
        const char *path = init_text(init, step->path);
        int r;

        if (!step->attach) {
                init->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                return init->root < 0 ? fail(errno, "open root file system %s", path) : 0;
        }
        r = step->parent_propagation ? rootfs_detach_propagation(step->parent_propagation, path) : 0;
        if (r < 0)
                return r;
        init->root = rootfs_attach(path, init_slot(init, step->slot), step->parent_propagation);
        return init->root < 0 ? init->root : 0;
}

int step_entered(struct init *init, const struct step_entered *step)
{
        int root = init_slot(init, step->root);

        if (root >= 0 && (fchdir(root) < 0 || chroot(".") < 0))
                return fail(errno, "enter the container's root");
        init->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return init->root < 0 ? fail(errno, "open the container's root") : 0;
}

int step_device(struct init *init, const struct step_device *step)
{
        const struct device_node node = {
                .path = init_text(init, step->path),
                .mode = step->mode,
                .major = step->major,
                .minor = step->minor,
                .uid = step->uid,
                .gid = step->gid,
        };

        return step->bind ? device_bind(init->root, &node) : device_make(init->root, &node);
}

int step_link(struct init *init, const struct step_link *step)
{
        return device_link(init->root, init_text(init, step->path), init_text(init, step->target));
}

int step_console(struct init *init, const struct step_console *step)
{
        _cleanup_close_ int master = -EBADF;
        char name[32];
        int r = console_open(init->root, &master, &init->console, name, sizeof(name));

        if (r == 0)
                r = console_set_size(master, step->height, step->width);
        if (r == 0 && step->mount)
                r = console_mount(init->root, init->console);
        if (r < 0)
                return r;
        r = channel_send(init->channel, CHANNEL_CONSOLE, 0, name, master);
        if (r < 0)
                return fail(-r, "hand over the console");
        return console_attach(init->console);
}

int step_hook(struct init *init, const struct step_hook *step)
{
        _cleanup_free_ const char **args = calloc((size_t)step->args.n + 1, sizeof(*args));
        _cleanup_free_ const char **env = calloc((size_t)step->env.n + 1, sizeof(*env));
        struct oci_hook hook = {.path = init_text(init, step->path)};

        if (!args || !env)
                return fail(ENOMEM, "run a hook");
        if (plan_strings(&init->plan, step->args, args) < 0 || plan_strings(&init->plan, step->env, env) < 0)
                return refuse(EINVAL, "plan: a hook is damaged");
        hook.args = (struct oci_strings){step->args.n, args};
        hook.env = (struct oci_strings){step->env.n, env};
        /* Beside the program: its environment as it will be, with HOME. */
        if (step->env.n == 0 && init->env) {
                hook.env.v = init->env;
                while (init->env[hook.env.n])
                        hook.env.n++;
        }
        hook.timeout.set = step->timeout > 0;
        hook.timeout.value = step->timeout;
        return hook_run(init_text(init, step->kind), step->index, &hook, init->state ? init->state : "{}",
                        step->in_root ? init->root : -EBADF, -EBADF);
}

static int move_root(struct init *init, bool host_is_shared)
{
        _cleanup_close_ int mountinfo = procfs_open_self(init->procfs, "mountinfo", O_RDONLY);

        if (mountinfo < 0)
                return fail(-mountinfo, "open the list of mounts");
        return rootfs_move(init->root, mountinfo, host_is_shared);
}

int step_pivot(struct init *init, const struct step_pivot *step)
{
        int r;

        /* What masks were made from belongs to the old root. */
        mask_release(&init->mask);
        if (step->keep_namespace)
                r = fchdir(init->root) < 0 || chroot(".") < 0 || chdir("/") < 0 ? fail(errno, "chroot") : 0;
        else if (step->no_pivot)
                r = move_root(init, step->host_is_shared);
        else
                r = rootfs_pivot(init->root, step->host_is_shared);
        if (r < 0)
                return r;
        replace_fd(&init->root, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (init->root < 0)
                return fail(errno, "open the new root");
        if (step->propagation && sys_mount(NULL, "/", NULL, step->propagation, NULL) < 0)
                return fail(errno, "linux.rootfsPropagation: set the root's propagation");
        return 0;
}

int step_sysctl(struct init *init, const struct step_sysctl *step)
{
        return sysctl_write(init->procfs, init->sysctls, init_text(init, step->key), init_text(init, step->value));
}

int step_readonly_path(struct init *init, const struct step_readonly_path *step)
{
        return mask_readonly(init->root, init_text(init, step->path), &init->mask);
}

int step_mask_path(struct init *init, const struct step_mask_path *step)
{
        return mask_path(init->root, init_text(init, step->path), init_text(init, step->selinux_label), &init->mask);
}

int step_root_finish(struct init *init, const struct step_root_finish *step)
{
        int r = init->dev >= 0 ? mount_change(init->dev, MOUNT_ATTR_RDONLY, 0, false) : 0;

        replace_fd(&init->dev, -EBADF);
        if (r < 0)
                return fail_in(r, "make /dev read-only");
        return step->readonly_root ? rootfs_make_readonly() : 0;
}
