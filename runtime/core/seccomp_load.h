/* Installing a seccomp filter in the calling process. */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/* (libseccomp owns the name seccomp_load.) seccomp(2) with SECCOMP_SET_MODE_FILTER. flags: SECCOMP_FILTER_FLAG_*
 * (TSYNC, LOG, SPEC_ALLOW, NEW_LISTENER, WAIT_KILLABLE_RECV). *listener gets the descriptor of user notifications
 * (close-on-exec) when NEW_LISTENER is asked for, else -EBADF; it may be NULL without NEW_LISTENER.
 *
 * Needs no_new_privs or an effective CAP_SYS_ADMIN. After it every system call of the caller is filtered. A kernel that
 * lacks a flag is -EINVAL and a message that names the flag and the Linux version that brought it. */
int seccomp_load_filter(const struct sock_filter *filter, unsigned short n, unsigned flags, int *listener);
