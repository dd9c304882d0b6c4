/* Away from the other calls of mounts: musl's <sys/stat.h> has since 1.2.5 a struct statx that does not know of mounts,
 * and clashes with the kernel's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "namespaces/mount.h"

int mount_identify(int fd, uint64_t *id)
{
        struct statx stx;

        if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
                return fail(errno, "ask which mount a file is on");
        *id = stx.stx_mnt_id;
        return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
