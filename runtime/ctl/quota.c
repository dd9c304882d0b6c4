#include "runtime/ctl/quota.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

#define UNIT 1024U /* of limits */

static int call(int fd, unsigned command, uint32_t project, void *data)
{
        return (int)syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, data);
}

bool quota_is_enforced(int fd)
{
        struct fs_quota_statv state = {.qs_version = FS_QSTATV_VERSION1};

        return call(fd, Q_XGETQSTATV, 0, &state) == 0 && (state.qs_flags & FS_QUOTA_PDQ_ENFD);
}

uint32_t quota_project(int directory)
{
        struct fsxattr attributes = {0};

        return ioctl(directory, FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid : 0;
}

int quota_set_project(int directory, uint32_t project)
{
        struct fsxattr attributes = {0};

        if (ioctl(directory, FS_IOC_FSGETXATTR, &attributes) < 0)
                return fail(errno, "read the project of a directory");
        attributes.fsx_projid = project;
        attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
        return ioctl(directory, FS_IOC_FSSETXATTR, &attributes) < 0 ? fail(errno, "set the project of a directory") : 0;
}

int quota_set_limits(int fd, uint32_t project, uint64_t bytes, uint64_t inodes)
{
        struct if_dqblk limits = {
                .dqb_bhardlimit = (bytes + UNIT - 1) / UNIT, .dqb_ihardlimit = inodes, .dqb_valid = QIF_LIMITS};

        return call(fd, Q_SETQUOTA, project, &limits) < 0 ? fail(errno, "set the quota of project %u", project) : 0;
}

/* A project that has never had anything is not there. */
int quota_read(int fd, uint32_t project, struct quota *quota)
{
        struct if_dqblk limits = {0};

        if (call(fd, Q_GETQUOTA, project, &limits) < 0 && errno != ENOENT)
                return fail(errno, "read the quota of project %u", project);
        *quota = (struct quota){
                .bytes = limits.dqb_curspace,
                .bytes_limit = limits.dqb_bhardlimit * UNIT,
                .inodes = limits.dqb_curinodes,
                .inodes_limit = limits.dqb_ihardlimit,
        };
        return 0;
}
