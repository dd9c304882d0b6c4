#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"

/* What the kernel named before it had /sys/kernel/cgroup/delegate (4.15). */
static const char delegate_default[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";

int cgroup_delegate(int cgroup_fd, uid_t uid, gid_t gid)
{
        char names[4096];
        ssize_t n = read_small_file_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", names, sizeof(names));

        if (n < 0)
                memcpy(names, delegate_default, sizeof(delegate_default));
        if (fchown(cgroup_fd, uid, gid) < 0)
                return fail(errno, "give the cgroup to %u:%u", uid, gid);
        for (char *rest = NULL, *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
                /* ENOENT: the file of a controller that this group does not have (memory.oom.group). */
                if (fchownat(cgroup_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                        return fail(errno, "give the cgroup's %s to %u:%u", name, uid, gid);
        return 0;
}
