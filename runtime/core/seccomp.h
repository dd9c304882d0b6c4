/* linux.seccomp as a BPF program: parent side. Compiled, or taken from the cache. */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>

#include "oci/spec.h"

struct seccomp_program {
        struct sock_filter *filter; /* malloc'ed */
        unsigned short n;           /* instructions, at most BPF_MAXINSNS (4096) */
        unsigned flags;             /* SECCOMP_FILTER_FLAG_* for seccomp_load_filter() */
        bool listener;              /* flags hold SECCOMP_FILTER_FLAG_NEW_LISTENER */
};

void seccomp_program_free(struct seccomp_program *program);

/* Compiles the profile: names become numbers by libseccomp (seccomp_table.h), numbers and arguments become code
 * (seccomp_code.h). The native architecture is always filtered, too. Without "flags" SPEC_ALLOW is set, as in runc.
 * *program is the caller's (seccomp_program_free). -E2BIG with a message for a profile too large for the kernel. */
int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *program);

/* The same through the cache (seccomp_cache.h) in the directory `cache`; -EBADF: without one. A cache that cannot be
 * read or written is a debug line, not an error. */
int seccomp_prepare(const struct oci_seccomp *profile, int cache, struct seccomp_program *program);

/* The flags of the profile as seccomp_load_filter() wants them; pure. */
unsigned seccomp_flags(const struct oci_seccomp *profile);
