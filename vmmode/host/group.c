#include "vmmode/host/group.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/oom.h"
#include "namespaces/idmap.h"

#define PANIC_ALWAYS 2 /* vm.panic_on_oom: for a group's limit, too */

/* The user that the box runs as, when that is another one than ours. A joined user namespace is not known here. */
static bool is_anothers(const struct launch *launch, uint32_t *uid)
{
        const struct oci_namespace *user = &launch->inside->spec->linux_.namespaces[OCI_NS_USER];

        *uid = 0;
        return user->listed && launch->privileged && idmap_host_id(&launch->inside->spec->linux_.uid_mappings, uid);
}

/* The box moves itself and what it starts: that takes a say in both groups, but none in their limits. */
static int give_to_box(const struct launch *launch, int below)
{
        uint32_t uid;
        int r;

        if (!is_anothers(launch, &uid))
                return 0;
        r = cgroup_delegate(launch->inside->cgroup, uid, (gid_t)-1);
        return r < 0 ? r : cgroup_delegate(below, uid, (gid_t)-1);
}

int vm_group_make(const struct launch *launch)
{
        int cgroup = launch->inside->cgroup;
        _cleanup_close_ int below = -EBADF;

        if (cgroup < 0)
                return -EBADF;
        if (mkdirat(cgroup, CGROUP_ASIDE, 0755) == 0 || errno == EEXIST)
                below = vm_group_open_below(cgroup);
        if (below >= 0 && give_to_box(launch, below) == 0)
                return cgroup;
        log_debug("no group below the virtual machine's: %s", below < 0 ? strerror(errno) : error_message());
        error_clear();
        return -EBADF;
}

bool vm_group_counts_kills(int cgroup)
{
        char text[256];

        /* A host that panics over every kill is not to have one for nothing. */
        if (cgroup < 0 || read_small_file_at(AT_FDCWD, "/proc/sys/vm/panic_on_oom", text, sizeof(text)) < 0 ||
            text[0] == '0' + PANIC_ALWAYS)
                return false;
        return read_small_file_at(cgroup, "cgroup.controllers", text, sizeof(text)) > 0 &&
               cgroup_controllers_parse(text) & CGROUP_MEMORY;
}

int vm_group_open_below(int cgroup)
{
        return cgroup < 0 ? -EBADF : openat(cgroup, CGROUP_ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
