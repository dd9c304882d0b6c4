/* Which Linux Security Modules the host has: parent side, read once for a plan. */
#pragma once

#include <stdbool.h>

struct lsm_facts {
        bool apparmor, selinux;
};

/* AppArmor is enabled when its module says so in sysfs, SELinux when selinuxfs is mounted with a policy. Unreadable
 * files mean "not enabled". sysfs: a descriptor of /sys, or AT_FDCWD for the runtime's own. */
struct lsm_facts lsm_read_facts(int sysfs);

/* Refuses a profile or label (NULL or "": none) whose module is not enabled:
 * "process.apparmorProfile docker-default: AppArmor is not enabled on this host". */
int lsm_check(const struct lsm_facts *facts, const char *apparmor_profile, const char *selinux_label);
