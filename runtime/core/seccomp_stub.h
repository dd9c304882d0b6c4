/* System calls that are newer than a profile.
 *
 * A profile whose default action is an errno other than ENOSYS would answer EPERM for every system call that was
 * invented after it was written; programs that try the new call first and fall back on ENOSYS (glibc with clone3,
 * faccessat2...) then break. So a stub in front of the filter answers ENOSYS for each number above the highest one that
 * the profile names, per architecture: what a kernel without that call would say. */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* One audit architecture, or x32 (same AUDIT_ARCH_X86_64, numbers with bit 30 set). */
struct seccomp_stub_arch {
        uint32_t audit_arch; /* AUDIT_ARCH_* of linux/audit.h */
        int x32;             /* numbers from X32_SYSCALL_BIT on; only with AUDIT_ARCH_X86_64 */
        uint32_t newest;     /* highest number that the profile names; larger ones answer ENOSYS */
};

/* Writes the stub into *stub (malloc'ed, the caller's; *n instructions). Falls through to what follows for everything
 * that it does not answer, also for architectures that are not listed. -ENOMEM without a message. */
int seccomp_stub_build(const struct seccomp_stub_arch *archs, size_t n_archs, struct sock_filter **stub, size_t *n);
