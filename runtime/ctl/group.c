#include "runtime/ctl/group.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "runtime/ctl/settings_checks.h"
#include "runtime/life/target.h"

#define REMOVE_MS 5000

_Static_assert(GROUP_PATH_SIZE > CGROUP_PARENT_MOST + CTL_NAME_MAX + 1, "a path has room");

static bool has_unified_tree(void)
{
        const struct cgroup_host *host = host_cgroups();

        if (!host)
                error_clear();
        return host && !host->hybrid;
}

bool group_by_users_systemd(const struct settings *settings)
{
        const char *directory = getenv("XDG_RUNTIME_DIR");
        char path[PATH_MAX];

        if (geteuid() == 0 || (settings && settings->cgroup_parent) || !directory || directory[0] != '/')
                return false;
        return snprintf(path, sizeof(path), "%s/systemd/private", directory) < PATH_MAX && access(path, W_OK) == 0 &&
               has_unified_tree();
}

bool group_path(const struct ctl_container *container, char path[GROUP_PATH_SIZE])
{
        const char *parent = container->settings.cgroup_parent;

        if (group_by_users_systemd(&container->settings)) {
                snprintf(path, GROUP_PATH_SIZE, "user.slice:berthctl:%s", container->name);
                return true;
        }
        if (!parent && geteuid() == 0)
                parent = "/berth";
        if (parent)
                snprintf(path, GROUP_PATH_SIZE, "%s/%s", parent, container->name);
        return parent;
}

/* The parents stay, and one that holds processes is refused when the container is made. */
static int clear(const struct cgroup_host *host, const char *path)
{
        _cleanup_close_ int group = cgroup_open(host, path);
        int depth = group >= 0 ? cgroup_existing_depth(host, path) : 0;

        if (depth <= 0 || cgroup_check_reusable(host, path) < 0) {
                error_clear();
                return 0;
        }
        return cgroup_remove(host, path, depth - 1, now_ms() + REMOVE_MS);
}

int group_clear(const struct ctl_container *container)
{
        const struct cgroup_host *host;
        char path[GROUP_PATH_SIZE];

        if (group_by_users_systemd(&container->settings) || !group_path(container, path))
                return 0;
        host = host_cgroups();
        if (host)
                return clear(host, path);
        error_clear();
        return 0;
}
