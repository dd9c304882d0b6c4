#include "vmmode/vmm/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* A call that may be made: always, or when the low half of one argument, masked, has a value. Low halves are all that
 * the kernel looks at in these (an ioctl's command, a process id, protection bits, advice). */
struct rule {
        uint32_t call;
        bool looks; /* at an argument */
        uint8_t argument;
        uint32_t mask, value;
};

#define ALWAYS(name)                                                                                                   \
        {                                                                                                              \
                .call = SYS_##name                                                                                     \
        }
#define WHEN(name, n, m, v)                                                                                            \
        {                                                                                                              \
                .call = SYS_##name, .looks = true, .argument = (n), .mask = (m), .value = (v)                          \
        }
#define COMMAND(value)     WHEN(ioctl, 1, UINT32_MAX, (uint32_t)(value))
#define SELF               0xffffffffU /* stands for this process's id */
#define ALL_BITS           UINT32_MAX
#define NO_EXECUTION(name) WHEN(name, 2, PROT_EXEC, 0)

/* Locks, events, memory, the end of the thread. The clock and restart_syscall: where the clock cannot be read without
 * the kernel, and after a stop. */
static const struct rule common[] = {
        ALWAYS(futex),         ALWAYS(read),
        ALWAYS(write),         COMMAND(KVM_SIGNAL_MSI),
        ALWAYS(epoll_ctl),     ALWAYS(brk),
        NO_EXECUTION(mmap),    NO_EXECUTION(mprotect),
        ALWAYS(munmap),        WHEN(tgkill, 0, ALL_BITS, SELF),
        ALWAYS(rt_sigreturn),  ALWAYS(rt_sigprocmask),
        ALWAYS(clock_gettime), ALWAYS(restart_syscall),
        ALWAYS(exit),
};

/* A write to a device's status register may set up its back end, or give it up. */
static const struct rule cpu[] = {
        COMMAND(KVM_RUN),       COMMAND(KVM_GET_REGS), COMMAND(KVM_KVMCLOCK_CTRL),
        COMMAND(TUNSETOFFLOAD), ALWAYS(sendmsg),       ALWAYS(recvfrom),
        ALWAYS(poll),           ALWAYS(close),         ALWAYS(shutdown),
};

/* The same where that back end is vhost-net: its rings, and the messages that KVM sends for it. */
static const struct rule cpu_vhost[] = {
        COMMAND(KVM_IRQFD),
        COMMAND(KVM_SET_GSI_ROUTING),
        COMMAND(VHOST_SET_FEATURES),
        COMMAND(VHOST_SET_VRING_NUM),
        COMMAND(VHOST_SET_VRING_BASE),
        COMMAND(VHOST_SET_VRING_ADDR),
        COMMAND(VHOST_GET_VRING_BASE),
        COMMAND(VHOST_NET_SET_BACKEND),
};

/* A tap comes, and vhost-net with it. */
static const struct rule main_vhost[] = {
        COMMAND(VHOST_SET_OWNER),      COMMAND(VHOST_GET_FEATURES),   COMMAND(VHOST_SET_MEM_TABLE),
        COMMAND(VHOST_SET_VRING_CALL), COMMAND(VHOST_SET_VRING_KICK), COMMAND(VHOST_SET_VRING_ERR),
};

static const struct rule disk[] = {
        ALWAYS(epoll_pwait), ALWAYS(io_uring_enter), ALWAYS(preadv),
        ALWAYS(pwritev),     ALWAYS(fallocate),      ALWAYS(fdatasync),
};

static const struct rule net[] = {
        ALWAYS(epoll_pwait),
        ALWAYS(readv),
        ALWAYS(writev),
};

static const struct rule main_thread[] = {
        ALWAYS(epoll_pwait),
        ALWAYS(readv),
        ALWAYS(writev),
        ALWAYS(getrandom),
        WHEN(madvise, 2, ALL_BITS, MADV_REMOVE),
        ALWAYS(accept4),
        ALWAYS(sendmsg),
        ALWAYS(sendto),
        ALWAYS(recvmsg),
        ALWAYS(recvfrom),
        ALWAYS(poll),
        ALWAYS(shutdown),
        ALWAYS(close),
        WHEN(fcntl, 1, ALL_BITS, F_SETFL),
        COMMAND(TUNSETVNETHDRSZ),
        ALWAYS(exit_group),
};

static const struct {
        const char *name;
        const struct rule *rules;
        size_t n;
        const struct rule *vhost; /* with vhost-net, these too */
        size_t n_vhost;
} filters[] = {
        [FILTER_CPU] = {"a processor's thread", cpu, ELEMENTS(cpu), cpu_vhost, ELEMENTS(cpu_vhost)},
        [FILTER_DISK] = {"a disk's thread", disk, ELEMENTS(disk), NULL, 0},
        [FILTER_NET] = {"a network device's thread", net, ELEMENTS(net), NULL, 0},
        [FILTER_MAIN] = {"the main thread", main_thread, ELEMENTS(main_thread), main_vhost, ELEMENTS(main_vhost)},
};

static bool vhost_is_possible;

/* ---- the programs ---- */

#define RULES_MAX   40
#define PER_RULE    6
#define PROGRAM_MAX (4 + RULES_MAX * PER_RULE)

struct program {
        unsigned short n;
        struct sock_filter v[PROGRAM_MAX];
};

static void add(struct program *program, struct sock_filter instruction)
{
        program->v[program->n++] = instruction;
}

static void load(struct program *program, size_t offset)
{
        add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void result(struct program *program, uint32_t value)
{
        add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* The number of the call is in the accumulator before it and after it. */
static void add_rule(struct program *program, const struct rule *rule, uint32_t process)
{
        uint32_t value = rule->value == SELF && rule->mask == ALL_BITS ? process : rule->value;

        if (!rule->looks) {
                add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->call, 0, 1));
                result(program, SECCOMP_RET_ALLOW);
                return;
        }
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->call, 0, 5));
        load(program, offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
        add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask));
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
        result(program, SECCOMP_RET_ALLOW);
        load(program, offsetof(struct seccomp_data, nr));
}

static void write_program(struct program *program, enum filter_kind kind)
{
        uint32_t process = (uint32_t)getpid();

        program->n = 0;
        load(program, offsetof(struct seccomp_data, arch));
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
        result(program, SECCOMP_RET_KILL_PROCESS);
        load(program, offsetof(struct seccomp_data, nr));
        /* The kind's own first: a processor's way through its filter is on every exit of the guest. */
        for (size_t i = 0; i < filters[kind].n; i++)
                add_rule(program, &filters[kind].rules[i], process);
        for (size_t i = 0; i < ELEMENTS(common); i++)
                add_rule(program, &common[i], process);
        for (size_t i = 0; i < filters[kind].n_vhost && vhost_is_possible; i++)
                add_rule(program, &filters[kind].vhost[i], process);
        result(program, SECCOMP_RET_TRAP);
}

/* ---- the answer ---- */

/* Whose filter it was, for the message. */
static _Thread_local enum filter_kind own_kind;

/* Runs in the thread whose call was not carried out. Its own forbidden call ends the process: the handler is for one
 * signal only. */
static void tell(int signal, siginfo_t *info, void *context)
{
        char text[128];
        int n = snprintf(text, sizeof(text), "berth-vmm: %s made the forbidden system call %d\n",
                         filters[own_kind].name, info->si_syscall);

        (void)signal;
        (void)context;
        if (n > 0)
                (void)!write(STDERR_FILENO, text, (size_t)n);
        (void)syscall(SYS_getppid);
}

int filter_prepare(bool vhost)
{
        struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};

        vhost_is_possible = vhost;
        return sigaction(SIGSYS, &action, NULL) < 0 ? fail(errno, "set a signal handler") : 0;
}

int filter_install(enum filter_kind kind)
{
        struct program program;
        struct sock_fprog code = {.filter = program.v};

        write_program(&program, kind);
        code.len = program.n;
        own_kind = kind;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) < 0
                       ? fail(errno, "put %s behind its filter", filters[kind].name)
                       : 0;
}

int filter_cpu(void)
{
        return filter_install(FILTER_CPU);
}

int filter_disk(void)
{
        return filter_install(FILTER_DISK);
}

int filter_net(void)
{
        return filter_install(FILTER_NET);
}
