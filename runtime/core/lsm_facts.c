#include "runtime/core/lsm_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

struct lsm_facts lsm_read_facts(int sysfs)
{
        _cleanup_close_ int opened = sysfs == AT_FDCWD ? open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        int dir = sysfs == AT_FDCWD ? opened : sysfs;
        struct lsm_facts facts = {0};
        char text[8];

        if (dir < 0)
                return facts;
        facts.apparmor = read_small_file_at(dir, "module/apparmor/parameters/enabled", text, sizeof(text)) == 1 &&
                         text[0] == 'Y';
        /* selinuxfs may be mounted without a policy; the classes appear when one is loaded. */
        facts.selinux = faccessat(dir, "fs/selinux/class/process", F_OK, 0) == 0;
        return facts;
}

int lsm_check(const struct lsm_facts *facts, const char *apparmor_profile, const char *selinux_label)
{
        if (apparmor_profile && *apparmor_profile && !facts->apparmor)
                return refuse(EINVAL, "process.apparmorProfile %s: AppArmor is not enabled on this host",
                              apparmor_profile);
        if (selinux_label && *selinux_label && !facts->selinux)
                return refuse(EINVAL, "process.selinuxLabel %s: SELinux is not enabled on this host", selinux_label);
        return 0;
}
