/* How the kernel schedules a process, and its personality. To be done before capabilities are dropped: real-time
 * policies, negative nice values and IOPRIO_CLASS_RT need CAP_SYS_NICE. */
#pragma once

#include "oci/spec.h"

/* process.scheduler: sched_setattr(2). SCHED_DEADLINE is refused by the kernel (-EPERM, -EBUSY) for a process whose
 * affinity is not the whole root domain; the message says so. */
int scheduler_apply(const struct oci_scheduler *scheduler);

/* process.ioPriority: ioprio_set(2). */
int io_priority_apply(const struct oci_io_priority *priority);

/* process.execCPUAffinity: a list "0-3,7". CPUs that the cpuset does not allow are left out by the kernel; a list
 * without any allowed CPU is -EINVAL. */
int cpu_affinity_apply(const char *list);

/* linux.personality: PER_LINUX, PER_LINUX32 (affects uname and mmap of what is executed later). */
int personality_apply(unsigned long persona);
