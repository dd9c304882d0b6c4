/* linux.seccomp as a BPF program: parent side. Made with libseccomp, or taken from the cache. */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>

#include "oci/spec.h"

struct seccomp_program {
        struct sock_filter *filter; /* malloc'ed */
        unsigned short n;           /* instructions, at most BPF_MAXINSNS (4096) */
        unsigned flags;             /* SECCOMP_FILTER_FLAG_* for seccomp_load() */
        bool listener;              /* flags hold SECCOMP_FILTER_FLAG_NEW_LISTENER */
};

void seccomp_program_free(struct seccomp_program *program);

/* Compiles the profile. Native architecture is always filtered, too. Unknown system call names are skipped (engines
 * list calls that this libseccomp does not know). Several arguments of one rule must all match; rules with the same
 * names are alternatives; a rule that tests one argument twice, which libseccomp cannot express, becomes alternatives
 * of one argument each, as in runc. Where the default action is an error, calls newer than the profile answer ENOSYS
 * (seccomp_stub.h). Without "flags" SPEC_ALLOW is set, as in runc. *program is the caller's (seccomp_program_free). */
int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *program);

/* The same through the cache (seccomp_cache.h) in the directory `cache`; -EBADF: without one. A cache that cannot be
 * read or written is a debug line, not an error. */
int seccomp_prepare(const struct oci_seccomp *profile, int cache, struct seccomp_program *program);

/* The flags of the profile as seccomp_load() wants them; pure. */
unsigned seccomp_flags(const struct oci_seccomp *profile);
