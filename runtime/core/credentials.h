/* Who a process is: its groups and ids. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct credentials {
        uint32_t uid, gid;
        size_t n_groups;
        const uint32_t *groups; /* additionalGids */
        bool keep_groups;       /* leave the supplementary groups alone (annotation run.oci.keep_original_groups) */
        bool setgroups_denied;  /* credentials_setgroups_denied */
};

/* 1 when the caller's user namespace forbids setgroups(2), 0 when not, -errno with a message. proc: a private procfs
 * (procfs_self.h). To be asked while one is at hand. */
int credentials_setgroups_denied(int proc);

/* Supplementary groups, then all three group ids, then all three user ids, by raw system calls: the C library's
 * wrappers would signal threads that berth does not have.
 *
 * Where /proc/self/setgroups says "deny" (a user namespace whose map an unprivileged process wrote, CVE-2014-8989) the
 * kernel forbids setgroups: then no group may be asked for but the process's own gid, which changes nothing; any other
 * is -EPERM and names the group, because a process without its groups is not what was asked for.
 *
 * An id that the user namespace does not map is -EINVAL and is named. */
int credentials_apply(const struct credentials *credentials);

/* The file mode creation mask, 0 to 0777. */
void credentials_set_umask(mode_t mask);
