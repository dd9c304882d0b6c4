/* System calls that the C libraries we build against (glibc 2.36 and musl 1.2.3) do not wrap, or wrap in headers that
 * clash with the kernel's own. Thin: -1 and errno, as the C library would. <sys/mount.h> must not be included beside
 * this header; the constants come from <linux/mount.h>. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH      0x2
#define UMOUNT_NOFOLLOW 0x8
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static inline int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
        return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const void *data)
{
        return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int sys_umount2(const char *target, int flags)
{
        return (int)syscall(SYS_umount2, target, flags);
}

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
        return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
        return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

static inline int sys_fsopen(const char *type, unsigned flags)
{
        return (int)syscall(SYS_fsopen, type, flags);
}

static inline int sys_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux)
{
        return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

static inline int sys_fsmount(int fd, unsigned flags, unsigned attributes)
{
        return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr)
{
        return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
        return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* A fork with clone3's choices: 0 in the child, the child's pid in the parent. No stack and no CLONE_VM: the child goes
 * on with a copy of the caller's memory. */
static inline pid_t sys_clone3(struct clone_args *args)
{
        return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* The same in the caller's own memory: on a small process a fifth of what a copy costs. args->flags must hold CLONE_VM,
 * and args->stack and stack_size a stack for the child, which does nothing but child(data) and never returns from it.
 * The caller goes on beside it at once, other than after a vfork(2): what the child reads must stay as it is until it
 * executes, and its errno is the caller's too, so that it should make no system calls that are expected to fail. */
static inline pid_t sys_clone3_beside(struct clone_args *args, void (*child)(void *), void *data)
{
#if defined(__x86_64__)
        long result;

        __asm__ volatile("syscall\n\t"
                         "testq %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xorl %%ebp, %%ebp\n\t" /* the end of the chain of frames */
                         "movq %[data], %%rdi\n\t"
                         "call *%[child]\n\t"
                         "ud2\n"
                         "1:"
                         : "=a"(result)
                         : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), [child] "r"(child), [data] "r"(data)
                         : "rcx", "r11", "memory");
#elif defined(__aarch64__)
        register long number __asm__("x8") = SYS_clone3;
        register long result __asm__("x0") = (long)args;
        register long size __asm__("x1") = sizeof(*args);

        __asm__ volatile("svc #0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, %[data]\n\t"
                         "blr %[child]\n\t"
                         "brk #1\n"
                         "1:"
                         : "+r"(result)
                         : "r"(number), "r"(size), [child] "r"(child), [data] "r"(data)
                         : "memory");
#else
        long result;

        args->flags &= ~(uint64_t)CLONE_VM;
        args->stack = args->stack_size = 0;
        result = sys_clone3(args);
        if (result == 0)
                child(data);
        return (pid_t)result;
#endif
        if (result < 0) {
                errno = (int)-result;
                return -1;
        }
        return (pid_t)result;
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
        return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
        return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal)
{
        return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
        return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags);
}
