#include "runtime/core/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/core/procfs_self.h"

/* The 32-bit architectures have 16-bit calls under the plain names. */
#ifdef SYS_setresuid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETRESUID SYS_setresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETRESUID SYS_setresuid
#endif

int credentials_setgroups_denied(int proc)
{
        _cleanup_close_ int fd = procfs_open_self(proc, "setgroups", O_RDONLY);
        char word[8];
        ssize_t n;

        if (fd == -ENOENT)
                return 0; /* before Linux 3.19, or without user namespaces */
        if (fd < 0)
                return fail(-fd, "open /proc/self/setgroups");
        n = read(fd, word, sizeof(word));
        if (n < 0)
                return fail(errno, "read /proc/self/setgroups");
        return n >= 4 && memcmp(word, "deny", 4) == 0;
}

static int set_groups(const struct credentials *credentials)
{
        if (credentials->setgroups_denied) {
                for (size_t i = 0; i < credentials->n_groups; i++)
                        if (credentials->groups[i] != credentials->gid)
                                return refuse(EPERM,
                                              "process.user.additionalGids: group %u: this user namespace denies "
                                              "setgroups (its map was written without privilege)",
                                              credentials->groups[i]);
                return 0;
        }
        if (syscall(CALL_SETGROUPS, credentials->n_groups, credentials->groups) == 0)
                return 0;
        if (errno == EINVAL)
                return fail(EINVAL, "set supplementary groups: one of process.user.additionalGids is not mapped in the "
                                    "user namespace, or there are too many");
        return fail(errno, "set %zu supplementary groups", credentials->n_groups);
}

int credentials_apply(const struct credentials *credentials)
{
        uint32_t uid = credentials->uid, gid = credentials->gid;

        if (!credentials->keep_groups) {
                int r = set_groups(credentials);

                if (r < 0)
                        return r;
        }
        if (syscall(CALL_SETRESGID, gid, gid, gid) < 0)
                return fail(errno, "switch to group %u%s", gid,
                            errno == EINVAL ? " (not mapped in the user namespace)" : "");
        if (syscall(CALL_SETRESUID, uid, uid, uid) < 0)
                return fail(errno, "switch to user %u%s", uid,
                            errno == EINVAL ? " (not mapped in the user namespace)" : "");
        return 0;
}

void credentials_set_umask(mode_t mask)
{
        umask(mask & 0777);
}
