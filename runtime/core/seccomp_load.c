#include "runtime/core/seccomp_load.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif

static const struct {
        unsigned flag;
        const char *name, *since;
} flag_words[] = {
        {SECCOMP_FILTER_FLAG_TSYNC, "SECCOMP_FILTER_FLAG_TSYNC", "3.17"},
        {SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG", "4.14"},
        {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "4.17"},
        {SECCOMP_FILTER_FLAG_NEW_LISTENER, "SECCOMP_FILTER_FLAG_NEW_LISTENER", "5.0"},
        {SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH", "5.7"},
        {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "5.19"},
};

/* A kernel that knows a flag and gets no program answers EFAULT; it checks the flags first (seccomp(2)). The last two
 * are only legal beside the ones they change. */
static int kernel_knows(unsigned flag)
{
        if (flag == SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
                flag |= SECCOMP_FILTER_FLAG_TSYNC;
        if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
                flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static int explain(int err, unsigned flags)
{
        for (size_t i = 0; err == EINVAL && i < ELEMENTS(flag_words); i++)
                if ((flags & flag_words[i].flag) && !kernel_knows(flag_words[i].flag))
                        return refuse(EINVAL, "load seccomp filter: this kernel does not have %s (Linux %s)",
                                      flag_words[i].name, flag_words[i].since);
        if (err == EACCES)
                return fail(EACCES, "load seccomp filter: needs process.noNewPrivileges or CAP_SYS_ADMIN");
        if (err == EBUSY)
                return fail(EBUSY, "load seccomp filter: a listener is installed already");
        return fail(err, "load seccomp filter");
}

int seccomp_load_filter(const struct sock_filter *filter, unsigned short n, unsigned flags, int *listener)
{
        /* The kernel's struct lacks the const; it only reads. */
        struct sock_fprog program = {.len = n, .filter = (struct sock_filter *)(uintptr_t)filter};
        long r;

        if (listener)
                *listener = -EBADF;
        else if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
                return refuse(EINVAL, "load seccomp filter: nobody takes the listener");
        /* With a listener the result is a descriptor, so a thread that cannot follow must be told by ESRCH. */
        if ((flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) && (flags & SECCOMP_FILTER_FLAG_TSYNC))
                flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        if (r < 0)
                return explain(errno, flags);
        if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
                *listener = (int)r;
        else if (r > 0)
                return refuse(ESRCH, "load seccomp filter: thread %ld cannot follow (TSYNC)", r);
        return 0;
}
