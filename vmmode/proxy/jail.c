/* What a hostile guest says is read without privileges as early as that can be; and once the program runs, nothing is
 * left to do but to pass bytes. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "namespaces/rootfs.h"
#include "vmmode/proxy/proxy.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which system calls are this machine's?"
#endif

static const int of_the_proxy[] = {
        SYS_read,
        SYS_write,
        SYS_readv,
        SYS_writev,
        SYS_recvfrom,
        SYS_sendto,
        SYS_close,
        SYS_shutdown,
        SYS_ppoll,
        SYS_wait4,
        SYS_exit_group,
        SYS_exit,
        SYS_brk,
        SYS_munmap,
        SYS_mremap,
        SYS_madvise,
        SYS_clock_gettime,
        SYS_futex,
        SYS_restart_syscall,
        SYS_rt_sigreturn,
        SYS_rt_sigprocmask,
        SYS_rt_sigaction,
        SYS_tkill,
        SYS_gettid,
        SYS_getpid,
        SYS_dup,
#ifdef SYS_poll
        SYS_poll,
#endif
};

/* Groups, a process in one, a word about it (cgroups/oom.c). */
static const int of_counting[] = {
        SYS_read,
        SYS_pread64,
        SYS_write,
        SYS_openat,
        SYS_close,
        SYS_mkdirat,
        SYS_unlinkat,
        SYS_clone3,
        SYS_waitid,
        SYS_pidfd_send_signal,
        SYS_recvmsg,
        SYS_sendmsg,
        SYS_ppoll,
        SYS_exit_group,
        SYS_exit,
        SYS_brk,
        SYS_munmap,
        SYS_mremap,
        SYS_madvise,
        SYS_clock_gettime,
        SYS_restart_syscall,
        SYS_rt_sigreturn,
        SYS_rt_sigprocmask,
        SYS_rt_sigaction,
#ifdef SYS_poll
        SYS_poll,
#endif
#ifdef SYS_open
        SYS_open,
#endif
};

/* Sockets to ask by; no file but the one that is open. */
static const int of_the_resolver[] = {
        SYS_read,           SYS_fstat,         SYS_write,           SYS_recvfrom,
        SYS_sendto,         SYS_recvmsg,       SYS_sendmsg,         SYS_socket,
        SYS_connect,        SYS_close,         SYS_ppoll,           SYS_exit_group,
        SYS_exit,           SYS_brk,           SYS_munmap,          SYS_mremap,
        SYS_madvise,        SYS_clock_gettime, SYS_restart_syscall, SYS_rt_sigreturn,
        SYS_rt_sigprocmask,
#ifdef SYS_poll
        SYS_poll,
#endif
};

#define CALLS_MAX 40
_Static_assert(ELEMENTS(of_the_proxy) <= CALLS_MAX && ELEMENTS(of_counting) <= CALLS_MAX &&
                       ELEMENTS(of_the_resolver) <= CALLS_MAX,
               "too many calls");

#define HEAD 4
#define TAIL 9

/* Load; skip one unless equal; return. */
static size_t put_header(struct sock_filter *filter)
{
        const struct sock_filter header[HEAD] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        };

        for (size_t i = 0; i < HEAD; i++)
                filter[i] = header[i];
        return HEAD;
}

/* Memory, but none that can be executed; the size of the terminal, but no other ioctl (TIOCSTI). */
static size_t put_tail(struct sock_filter *filter)
{
        const struct sock_filter tail[TAIL] = {
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 4, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 2),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCGWINSZ, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        for (size_t i = 0; i < TAIL; i++)
                filter[i] = tail[i];
        return TAIL;
}

static int load(const int *allowed, size_t n_allowed)
{
        struct sock_filter filter[HEAD + 2 * CALLS_MAX + TAIL];
        struct sock_fprog program = {.filter = filter};
        size_t n = put_header(filter);

        for (size_t i = 0; i < n_allowed; i++) {
                filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
                filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        }
        n += put_tail(filter + n);
        program.len = (unsigned short)n;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? fail(errno, "load the proxy's seccomp filter")
                                                                        : 0;
}

int jail_enter(void)
{
        return load(of_the_proxy, ELEMENTS(of_the_proxy));
}

int jail_enter_counting(void)
{
        return load(of_counting, ELEMENTS(of_counting));
}

int jail_enter_resolver(void)
{
        return load(of_the_resolver, ELEMENTS(of_the_resolver));
}

int jail_drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        const struct __user_cap_data_struct none[2] = {{0}};

        /* What cannot be dropped (without CAP_SETPCAP) cannot be had either. */
        for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
                (void)prctl(PR_CAPBSET_DROP, capability);
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (syscall(SYS_capset, &header, none) < 0)
                return fail(errno, "drop the proxy's capabilities");
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? fail(errno, "set no_new_privs") : 0;
}

/* A mount namespace that lives on would hold what the host wants to unmount. Where the root cannot be changed (it is a
 * ramfs), the mounts still follow the host's. */
static int leave_the_hosts_files(struct proxy *proxy)
{
        if (proxy->share >= 0 && rootfs_pivot(proxy->share, false) < 0)
                error_clear();
        replace_fd(&proxy->share, -EBADF);
        return chdir("/") < 0 ? fail(errno, "chdir to /") : 0;
}

int jail_drop_privileges(struct proxy *proxy)
{
        int r = leave_the_hosts_files(proxy);

        return r == 0 ? jail_drop_capabilities() : r;
}
