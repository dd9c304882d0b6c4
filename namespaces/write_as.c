#include "namespaces/write_as.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"

/* Without the fix-up a change of the user costs no privileges. */
int write_as(uint32_t uid, uint32_t gid, int *before)
{
        *before = prctl(PR_GET_SECUREBITS);
        if (*before < 0 || prctl(PR_SET_SECUREBITS, *before | SECBIT_NO_SETUID_FIXUP) < 0)
                return fail(errno, "write as user %u", uid);
        (void)setfsgid(gid);
        (void)setfsuid(uid);
        return (uint32_t)setfsuid((uid_t)-1) == uid ? 0 : fail(EPERM, "write as user %u", uid);
}

/* The bits would be those of what is started, too. */
void write_as_self(int before)
{
        (void)setfsuid(geteuid());
        (void)setfsgid(getegid());
        if (before >= 0)
                (void)prctl(PR_SET_SECUREBITS, before);
}
