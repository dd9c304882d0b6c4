/* The words of the specification and the kernel's numbers for them: one table for each vocabulary, from which the
 * parser, the features document and the help texts are made. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct word {
        const char *name;
        uint64_t value;
};

struct words {
        size_t n;
        const struct word *v;
};

extern const struct words namespace_words;          /* "pid" ... -> enum oci_namespace_kind */
extern const struct words capability_words;         /* "CAP_CHOWN" ... -> 0 to 40 */
extern const struct words rlimit_words;             /* "RLIMIT_CPU" ... -> RLIMIT_* */
extern const struct words signal_words;             /* "HUP" ... "RTMAX" (without SIG) -> number */
extern const struct words hook_words;               /* "prestart" ... -> enum oci_hook_kind */
extern const struct words seccomp_action_words;     /* "SCMP_ACT_ALLOW" ... -> SCMP_ACT_* without errno */
extern const struct words seccomp_operator_words;   /* "SCMP_CMP_NE" ... -> SCMP_CMP_* */
extern const struct words seccomp_arch_words;       /* "SCMP_ARCH_X86_64" ... -> SCMP_ARCH_* */
extern const struct words seccomp_flag_words;       /* "SECCOMP_FILTER_FLAG_LOG" ... -> SECCOMP_FILTER_FLAG_* */
extern const struct words scheduler_words;          /* "SCHED_OTHER" ... -> SCHED_* */
extern const struct words scheduler_flag_words;     /* "SCHED_FLAG_RESET_ON_FORK" ... -> SCHED_FLAG_* */
extern const struct words io_class_words;           /* "IOPRIO_CLASS_RT" ... */
extern const struct words memory_policy_mode_words; /* "MPOL_BIND" ... */
extern const struct words memory_policy_flag_words; /* "MPOL_F_STATIC_NODES" ... */
extern const struct words propagation_words;        /* "shared", "rshared" ... -> MS_SHARED, MS_SHARED|MS_REC ... */
extern const struct words personality_words;        /* "LINUX", "LINUX32" */

/* Exact match. Returns the entry or NULL. */
const struct word *word_find(const struct words *words, const char *name);

/* The name of a value, NULL when there is none. */
const char *word_name(const struct words *words, uint64_t value);

/* "15", "TERM", "SIGTERM", "sigterm", "RTMIN+3": a signal number of 1 to 64. -EINVAL without a message. */
int signal_parse(const char *text, int *signal);

/* Names of all mount options that berth acts on, sorted, for the features document. */
extern const struct words mount_option_words;
