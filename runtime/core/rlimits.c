#include "runtime/core/rlimits.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Once more beside oci/vocabulary, because berth-init has no vocabulary; a unit test compares. */
static const char *const names[] = {
        [RLIMIT_CPU] = "RLIMIT_CPU",           [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
        [RLIMIT_DATA] = "RLIMIT_DATA",         [RLIMIT_STACK] = "RLIMIT_STACK",
        [RLIMIT_CORE] = "RLIMIT_CORE",         [RLIMIT_RSS] = "RLIMIT_RSS",
        [RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
        [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
        [RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
        [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
        [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};

/* The kernel's struct rlimit64; the C library's setrlimit would go through its own idea of infinity. */
struct kernel_limit {
        uint64_t soft, hard;
};

const char *rlimit_name(int resource)
{
        if (resource < 0 || (size_t)resource >= ELEMENTS(names) || !names[resource])
                return "RLIMIT_?";
        return names[resource];
}

static const char *value_text(uint64_t value, char buffer[static 24])
{
        if (value == UINT64_MAX)
                return "unlimited";
        snprintf(buffer, 24, "%llu", (unsigned long long)value);
        return buffer;
}

static int explain(int err, const struct oci_rlimit *limit)
{
        /* Even with the capability no process may have more open files. */
        const char *bound = limit->resource == RLIMIT_NOFILE ? ", and nr_open of /proc/sys/fs bounds it" : "";
        const char *name = rlimit_name(limit->resource);
        char soft[24], hard[24], present[24];
        struct kernel_limit old;

        if (err == EPERM && syscall(SYS_prlimit64, 0, limit->resource, NULL, &old) == 0)
                return fail(EPERM,
                            "set %s to %s:%s: raising the hard limit from %s needs CAP_SYS_RESOURCE in the initial "
                            "user namespace%s",
                            name, value_text(limit->soft, soft), value_text(limit->hard, hard),
                            value_text(old.hard, present), bound);
        return fail(err, "set %s to %s:%s", name, value_text(limit->soft, soft), value_text(limit->hard, hard));
}

int rlimits_apply(const struct oci_rlimit *limits, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct kernel_limit limit = {.soft = limits[i].soft, .hard = limits[i].hard};

                if (syscall(SYS_prlimit64, 0, limits[i].resource, &limit, NULL) < 0)
                        return explain(errno, &limits[i]);
        }
        return 0;
}

void rlimits_raise(pid_t pid, const struct oci_rlimit *limits, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct kernel_limit limit;

                if (syscall(SYS_prlimit64, pid, limits[i].resource, NULL, &limit) < 0 || limit.hard >= limits[i].hard)
                        continue;
                limit.hard = limits[i].hard;
                (void)syscall(SYS_prlimit64, pid, limits[i].resource, &limit, NULL);
        }
}
