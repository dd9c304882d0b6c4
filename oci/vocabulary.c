#include "oci/vocabulary.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "oci/spec.h"

/* Newer than the headers of Debian 12. */
#ifndef SCMP_ARCH_LOONGARCH64
#define SCMP_ARCH_LOONGARCH64 0xc0000102U /* AUDIT_ARCH_LOONGARCH64 */
#endif
#ifndef SCMP_ARCH_M68K
#define SCMP_ARCH_M68K 4U /* AUDIT_ARCH_M68K */
#endif
#ifndef SCMP_ARCH_SH
#define SCMP_ARCH_SH   0x4000002aU /* AUDIT_ARCH_SHEL */
#define SCMP_ARCH_SHEB 42U         /* AUDIT_ARCH_SH */
#endif
#define MPOL_WEIGHTED_INTERLEAVE_6_9 6

#define WORDS(array)                                                                                                   \
        {                                                                                                              \
                .n = ELEMENTS(array), .v = (array)                                                                     \
        }
#define SAME(word)                                                                                                     \
        {                                                                                                              \
#word, word                                                                                            \
        }

static const struct word namespace_table[] = {
        {"cgroup", OCI_NS_CGROUP}, {"ipc", OCI_NS_IPC},   {"mount", OCI_NS_MOUNT}, {"network", OCI_NS_NETWORK},
        {"pid", OCI_NS_PID},       {"time", OCI_NS_TIME}, {"user", OCI_NS_USER},   {"uts", OCI_NS_UTS},
};
const struct words namespace_words = WORDS(namespace_table);

static const struct word capability_table[] = {
        SAME(CAP_CHOWN),
        SAME(CAP_DAC_OVERRIDE),
        SAME(CAP_DAC_READ_SEARCH),
        SAME(CAP_FOWNER),
        SAME(CAP_FSETID),
        SAME(CAP_KILL),
        SAME(CAP_SETGID),
        SAME(CAP_SETUID),
        SAME(CAP_SETPCAP),
        SAME(CAP_LINUX_IMMUTABLE),
        SAME(CAP_NET_BIND_SERVICE),
        SAME(CAP_NET_BROADCAST),
        SAME(CAP_NET_ADMIN),
        SAME(CAP_NET_RAW),
        SAME(CAP_IPC_LOCK),
        SAME(CAP_IPC_OWNER),
        SAME(CAP_SYS_MODULE),
        SAME(CAP_SYS_RAWIO),
        SAME(CAP_SYS_CHROOT),
        SAME(CAP_SYS_PTRACE),
        SAME(CAP_SYS_PACCT),
        SAME(CAP_SYS_ADMIN),
        SAME(CAP_SYS_BOOT),
        SAME(CAP_SYS_NICE),
        SAME(CAP_SYS_RESOURCE),
        SAME(CAP_SYS_TIME),
        SAME(CAP_SYS_TTY_CONFIG),
        SAME(CAP_MKNOD),
        SAME(CAP_LEASE),
        SAME(CAP_AUDIT_WRITE),
        SAME(CAP_AUDIT_CONTROL),
        SAME(CAP_SETFCAP),
        SAME(CAP_MAC_OVERRIDE),
        SAME(CAP_MAC_ADMIN),
        SAME(CAP_SYSLOG),
        SAME(CAP_WAKE_ALARM),
        SAME(CAP_BLOCK_SUSPEND),
        SAME(CAP_AUDIT_READ),
        SAME(CAP_PERFMON),
        SAME(CAP_BPF),
        SAME(CAP_CHECKPOINT_RESTORE),
};
const struct words capability_words = WORDS(capability_table);

static const struct word rlimit_table[] = {
        SAME(RLIMIT_AS),     SAME(RLIMIT_CORE),   SAME(RLIMIT_CPU),        SAME(RLIMIT_DATA),
        SAME(RLIMIT_FSIZE),  SAME(RLIMIT_LOCKS),  SAME(RLIMIT_MEMLOCK),    SAME(RLIMIT_MSGQUEUE),
        SAME(RLIMIT_NICE),   SAME(RLIMIT_NOFILE), SAME(RLIMIT_NPROC),      SAME(RLIMIT_RSS),
        SAME(RLIMIT_RTPRIO), SAME(RLIMIT_RTTIME), SAME(RLIMIT_SIGPENDING), SAME(RLIMIT_STACK),
};
const struct words rlimit_words = WORDS(rlimit_table);

/* glibc keeps 32 and 33 for itself, musl 34 too: the names count from the kernel's view of glibc, as crun's do. */
#define REALTIME_LEAST 34
#define REALTIME_MOST  64

static const struct word signal_table[] = {
        {"HUP", SIGHUP},       {"INT", SIGINT},           {"QUIT", SIGQUIT},
        {"ILL", SIGILL},       {"TRAP", SIGTRAP},         {"ABRT", SIGABRT},
        {"IOT", SIGIOT},       {"BUS", SIGBUS},           {"FPE", SIGFPE},
        {"KILL", SIGKILL},     {"USR1", SIGUSR1},         {"SEGV", SIGSEGV},
        {"USR2", SIGUSR2},     {"PIPE", SIGPIPE},         {"ALRM", SIGALRM},
        {"TERM", SIGTERM},     {"STKFLT", SIGSTKFLT},     {"CHLD", SIGCHLD},
        {"CLD", SIGCHLD},      {"CONT", SIGCONT},         {"STOP", SIGSTOP},
        {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},         {"TTOU", SIGTTOU},
        {"URG", SIGURG},       {"XCPU", SIGXCPU},         {"XFSZ", SIGXFSZ},
        {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},         {"WINCH", SIGWINCH},
        {"IO", SIGIO},         {"POLL", SIGIO},           {"PWR", SIGPWR},
        {"SYS", SIGSYS},       {"RTMIN", REALTIME_LEAST}, {"RTMAX", REALTIME_MOST},
};
const struct words signal_words = WORDS(signal_table);

static const struct word hook_table[] = {
        {"prestart", OCI_HOOK_PRESTART},
        {"createRuntime", OCI_HOOK_CREATE_RUNTIME},
        {"createContainer", OCI_HOOK_CREATE_CONTAINER},
        {"startContainer", OCI_HOOK_START_CONTAINER},
        {"poststart", OCI_HOOK_POSTSTART},
        {"poststop", OCI_HOOK_POSTSTOP},
};
const struct words hook_words = WORDS(hook_table);

static const struct word seccomp_action_table[] = {
        SAME(SCMP_ACT_KILL),
        SAME(SCMP_ACT_KILL_PROCESS),
        SAME(SCMP_ACT_KILL_THREAD),
        SAME(SCMP_ACT_TRAP),
        {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
        {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
        SAME(SCMP_ACT_ALLOW),
        SAME(SCMP_ACT_LOG),
        SAME(SCMP_ACT_NOTIFY),
};
const struct words seccomp_action_words = WORDS(seccomp_action_table);

static const struct word seccomp_operator_table[] = {
        SAME(SCMP_CMP_NE), SAME(SCMP_CMP_LT), SAME(SCMP_CMP_LE),        SAME(SCMP_CMP_EQ),
        SAME(SCMP_CMP_GE), SAME(SCMP_CMP_GT), SAME(SCMP_CMP_MASKED_EQ),
};
const struct words seccomp_operator_words = WORDS(seccomp_operator_table);

static const struct word seccomp_arch_table[] = {
        SAME(SCMP_ARCH_X86),     SAME(SCMP_ARCH_X86_64),   SAME(SCMP_ARCH_X32),         SAME(SCMP_ARCH_ARM),
        SAME(SCMP_ARCH_AARCH64), SAME(SCMP_ARCH_MIPS),     SAME(SCMP_ARCH_MIPS64),      SAME(SCMP_ARCH_MIPS64N32),
        SAME(SCMP_ARCH_MIPSEL),  SAME(SCMP_ARCH_MIPSEL64), SAME(SCMP_ARCH_MIPSEL64N32), SAME(SCMP_ARCH_PPC),
        SAME(SCMP_ARCH_PPC64),   SAME(SCMP_ARCH_PPC64LE),  SAME(SCMP_ARCH_S390),        SAME(SCMP_ARCH_S390X),
        SAME(SCMP_ARCH_PARISC),  SAME(SCMP_ARCH_PARISC64), SAME(SCMP_ARCH_RISCV64),     SAME(SCMP_ARCH_LOONGARCH64),
        SAME(SCMP_ARCH_M68K),    SAME(SCMP_ARCH_SH),       SAME(SCMP_ARCH_SHEB),
};
const struct words seccomp_arch_words = WORDS(seccomp_arch_table);

static const struct word seccomp_flag_table[] = {
        SAME(SECCOMP_FILTER_FLAG_TSYNC),
        SAME(SECCOMP_FILTER_FLAG_LOG),
        SAME(SECCOMP_FILTER_FLAG_SPEC_ALLOW),
        SAME(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
};
const struct words seccomp_flag_words = WORDS(seccomp_flag_table);

/* The specification also lists SCHED_ISO, which Linux reserves and has never had. */
static const struct word scheduler_table[] = {
        {"SCHED_OTHER", SCHED_NORMAL}, SAME(SCHED_FIFO), SAME(SCHED_RR), SAME(SCHED_BATCH), SAME(SCHED_IDLE),
        SAME(SCHED_DEADLINE),
};
const struct words scheduler_words = WORDS(scheduler_table);

static const struct word scheduler_flag_table[] = {
        SAME(SCHED_FLAG_RESET_ON_FORK),  SAME(SCHED_FLAG_RECLAIM),     SAME(SCHED_FLAG_DL_OVERRUN),
        SAME(SCHED_FLAG_KEEP_POLICY),    SAME(SCHED_FLAG_KEEP_PARAMS), SAME(SCHED_FLAG_UTIL_CLAMP_MIN),
        SAME(SCHED_FLAG_UTIL_CLAMP_MAX),
};
const struct words scheduler_flag_words = WORDS(scheduler_flag_table);

static const struct word io_class_table[] = {
        SAME(IOPRIO_CLASS_RT),
        SAME(IOPRIO_CLASS_BE),
        SAME(IOPRIO_CLASS_IDLE),
};
const struct words io_class_words = WORDS(io_class_table);

static const struct word memory_policy_mode_table[] = {
        SAME(MPOL_DEFAULT),
        SAME(MPOL_PREFERRED),
        SAME(MPOL_BIND),
        SAME(MPOL_INTERLEAVE),
        SAME(MPOL_LOCAL),
        SAME(MPOL_PREFERRED_MANY),
        {"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE_6_9},
};
const struct words memory_policy_mode_words = WORDS(memory_policy_mode_table);

static const struct word memory_policy_flag_table[] = {
        SAME(MPOL_F_STATIC_NODES),
        SAME(MPOL_F_RELATIVE_NODES),
        SAME(MPOL_F_NUMA_BALANCING),
};
const struct words memory_policy_flag_words = WORDS(memory_policy_flag_table);

static const struct word propagation_table[] = {
        {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},       {"rshared", MS_SHARED | MS_REC},
        {"rslave", MS_SLAVE | MS_REC}, {"runbindable", MS_UNBINDABLE | MS_REC}, {"shared", MS_SHARED},
        {"slave", MS_SLAVE},           {"unbindable", MS_UNBINDABLE},
};
const struct words propagation_words = WORDS(propagation_table);

static const struct word personality_table[] = {
        {"LINUX", PER_LINUX},
        {"LINUX32", PER_LINUX32},
};
const struct words personality_words = WORDS(personality_table);

const struct word *word_find(const struct words *words, const char *name)
{
        for (size_t i = 0; i < words->n; i++) {
                if (strcmp(words->v[i].name, name) == 0)
                        return &words->v[i];
        }
        return NULL;
}

const char *word_name(const struct words *words, uint64_t value)
{
        for (size_t i = 0; i < words->n; i++) {
                if (words->v[i].value == value)
                        return words->v[i].name;
        }
        return NULL;
}

/* "RTMIN+3" counts up from the first real-time signal, "RTMAX-3" down from the last. */
static int parse_realtime(const char *text, int *number)
{
        int up = strncasecmp(text, "RTMIN+", 6) == 0;
        uint64_t distance;

        if (!up && strncasecmp(text, "RTMAX-", 6) != 0)
                return -EINVAL;
        if (parse_u64(text + 6, REALTIME_MOST - REALTIME_LEAST, &distance) < 0)
                return -EINVAL;
        *number = up ? REALTIME_LEAST + (int)distance : REALTIME_MOST - (int)distance;
        return 0;
}

int signal_parse(const char *text, int *signal)
{
        uint64_t number;

        if (text[0] >= '0' && text[0] <= '9') {
                if (parse_u64(text, REALTIME_MOST, &number) < 0 || number == 0)
                        return -EINVAL;
                *signal = (int)number;
                return 0;
        }
        if (strncasecmp(text, "SIG", 3) == 0)
                text += 3;
        for (size_t i = 0; i < ELEMENTS(signal_table); i++) {
                if (strcasecmp(signal_table[i].name, text) == 0) {
                        *signal = (int)signal_table[i].value;
                        return 0;
                }
        }
        return parse_realtime(text, signal);
}
