#include "runtime/core/lsm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/core/procfs_self.h"

#define LABEL_MAX 4095 /* a write to /proc/PID/attr may be one page */

int lsm_set_apparmor_exec(int proc, const char *profile)
{
        char text[LABEL_MAX + 1];
        int n = snprintf(text, sizeof(text), "exec %s", profile);
        int r;

        if (n < 0 || (size_t)n >= sizeof(text))
                return fail(ENAMETOOLONG, "apparmor profile %.64s...", profile);
        r = procfs_write_self(proc, "attr/apparmor/exec", text);
        /* Before 5.8 the modules share one file; where AppArmor is not the one that answers it refuses the text. */
        if (r == -ENOENT)
                r = procfs_write_self(proc, "attr/exec", text);
        if (r == -ENOENT || r == -EINVAL)
                return fail(-r, "apparmor profile %s: the profile is not loaded, or AppArmor is not enabled", profile);
        return r < 0 ? fail(-r, "apparmor profile %s: write attr/apparmor/exec", profile) : 0;
}

int lsm_set_selinux_exec(int proc, const char *label)
{
        int r;

        if (strlen(label) > LABEL_MAX)
                return fail(ENAMETOOLONG, "selinux label %.64s...", label);
        r = procfs_write_self(proc, "attr/exec", label);
        if (r == -EINVAL)
                return fail(EINVAL, "selinux label %s: the policy does not know it, or SELinux is not enabled", label);
        return r < 0 ? fail(-r, "selinux label %s: write attr/exec", label) : 0;
}

int lsm_set_selinux_keycreate(int proc, const char *label)
{
        int r = procfs_write_self(proc, "attr/keycreate", label);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? fail(-r, "selinux label %s: write attr/keycreate", label) : 0;
}
