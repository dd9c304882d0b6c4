/* The host's procfs by descriptor, verified: what labels, sysctls and id maps are written through. A file system that
 * an image or a volume put at /proc never gets those writes (CVE-2019-16884), nor does something mounted over a part of
 * the real one (CVE-2025-52881): resolution below the descriptor may cross no mount and no magic link. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Opens /proc (O_PATH) and checks that it is procfs and its root. Returns the descriptor. */
int procfs_open(void);

/* Opens `path` below. flags as open(2); resolve: what else of RESOLVE_* shall hold. A bare negative errno, no message.
 */
int procfs_open_at(int procfs, const char *path, int flags, uint64_t resolve);

/* Writes the whole text in one write. A bare negative errno, no message. */
int procfs_write(int procfs, const char *path, const char *text);

/* The directory of sysctls. A bare negative errno, no message. */
int procfs_open_sys(int procfs);

/* Sets a sysctl ("net.ipv4.ip_forward" or with '/'): which namespace's, the kernel decides by the caller.
 *
 * own_sys: that directory in a procfs that the caller has just made, which is tried first (negative: none). The kernel
 * keeps what was looked up in the host's for each network namespace, all under the name "net" in one directory, and
 * compares it with each of these the next time (fs/proc/proc_sysctl.c, proc_sys_compare). */
int sysctl_write(int procfs, int own_sys, const char *key, const char *value);
