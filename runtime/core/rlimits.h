/* process.rlimits */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "oci/spec.h"

/* "RLIMIT_NOFILE" for RLIMIT_NOFILE, "RLIMIT_?" for a resource without a name. */
const char *rlimit_name(int resource);

/* Applies the limits to the calling process. A message names the limit and the values; raising a hard limit needs
 * CAP_SYS_RESOURCE in the initial user namespace, which the message says for -EPERM. */
int rlimits_apply(const struct oci_rlimit *limits, size_t n);

/* Raises the hard limits of another process where these are higher, as far as the caller may: from inside a user
 * namespace the kernel would refuse it (CAP_SYS_RESOURCE counts in the initial one). What could not be raised, the
 * process's own rlimits_apply explains. */
void rlimits_raise(pid_t pid, const struct oci_rlimit *limits, size_t n);
