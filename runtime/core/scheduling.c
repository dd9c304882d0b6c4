#include "runtime/core/scheduling.h"

#include <errno.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number_list.h"

#define POLICY_DEADLINE  6 /* SCHED_DEADLINE of linux/sched.h, which clashes with the C library's sched.h */
#define IOPRIO_PROCESS   1 /* IOPRIO_WHO_PROCESS of linux/ioprio.h (Linux 6.x headers only) */
#define IOPRIO_CLASS_BIT 13

/* The first version of struct sched_attr (48 bytes, Linux 3.14), which every kernel takes. The spec cannot set the
 * utilisation clamps that came later. */
struct scheduler_attributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

int scheduler_apply(const struct oci_scheduler *scheduler)
{
        struct scheduler_attributes attributes = {
                .size = sizeof(attributes),
                .policy = scheduler->policy,
                .flags = scheduler->flags,
                .nice = scheduler->nice,
                .priority = (uint32_t)scheduler->priority,
                .runtime = scheduler->runtime,
                .deadline = scheduler->deadline,
                .period = scheduler->period,
        };
        const char *hint = "";

        if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0)
                return 0;
        if (scheduler->policy == POLICY_DEADLINE && (errno == EPERM || errno == EBUSY))
                hint = " (SCHED_DEADLINE needs CAP_SYS_NICE, free bandwidth, and no CPU affinity or cpuset)";
        else if (errno == EPERM)
                hint = " (needs CAP_SYS_NICE)";
        return fail(errno, "set process.scheduler: policy %u, nice %d, priority %d%s", scheduler->policy,
                    scheduler->nice, scheduler->priority, hint);
}

int io_priority_apply(const struct oci_io_priority *priority)
{
        int value = priority->class << IOPRIO_CLASS_BIT | priority->priority;

        if (syscall(SYS_ioprio_set, IOPRIO_PROCESS, 0, value) == 0)
                return 0;
        return fail(errno, "set process.ioPriority: class %d, priority %d%s", priority->class, priority->priority,
                    errno == EPERM ? " (IOPRIO_CLASS_RT needs CAP_SYS_NICE)" : "");
}

int cpu_affinity_apply(const char *list)
{
        unsigned long mask[NUMBER_LIST_WORDS];
        int r = number_list_parse(list, mask);

        if (r < 0)
                return fail(-r, "process.execCPUAffinity: list \"%s\"", list);
        if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) == 0)
                return 0;
        return fail(errno, "set CPU affinity \"%s\"%s", list,
                    errno == EINVAL ? " (none of these CPUs is there or allowed by the cpuset)" : "");
}

int personality_apply(unsigned long persona)
{
        if (syscall(SYS_personality, persona) < 0)
                return fail(errno, "set personality 0x%lx", persona);
        return 0;
}
