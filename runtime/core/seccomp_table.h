/* What a profile says about the system calls of one architecture, with names turned into numbers by libseccomp. */
#pragma once

#include "base/arena.h"
#include "oci/spec.h"

/* One answer to a call: `action` when all args match (no args: always). */
struct seccomp_alternative {
        uint32_t nr;
        uint32_t order; /* position in the profile */
        uint32_t action;
        size_t n_args;
        const struct oci_seccomp_arg *args;
        bool asks; /* the rule has conditions, even if this alternative lost them */
};

struct seccomp_table {
        uint32_t audit_arch; /* AUDIT_ARCH_* of linux/audit.h */
        bool x32;            /* numbers with bit 30, under AUDIT_ARCH_X86_64 */
        /* Sorted: by number; for each number first what asks for nothing and so decides alone, then the rest in the
         * order of the profile, of which the first that matches decides. */
        size_t n;
        struct seccomp_alternative *v;
        int64_t newest; /* the highest number that the profile names, with whatever action; -1: none */
};

/* Fills the table for one SCMP_ARCH_*; it lives in `arena`. -ENOMEM without a message.
 *
 *   - unknown names are skipped (engines list calls that this libseccomp does not know)
 *   - a rule that repeats the default action is skipped, as runc does: it takes nothing away from the others
 *   - a rule that tests one argument twice becomes alternatives of one test each, as in runc
 *   - where socketcall(2) and ipc(2) carry a call (x86, s390, ppc...), rules for it hold for the direct number, where
 *     there is one, and for the carrier with that sub-call. The carrier's arguments lie in memory where no filter can
 *     look: of a rule with conditions, the carrier gets none if the rule is laxer than the default, and the action
 *     without the conditions if it is stricter. */
int seccomp_table_fill(const struct oci_seccomp *profile, uint32_t arch, struct arena *arena,
                       struct seccomp_table *table);
