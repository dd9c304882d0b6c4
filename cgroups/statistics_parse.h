/* The texts of the statistics files. Pure. Lines that are not understood are skipped: kernels add some. */
#pragma once

#include "cgroups/statistics.h"

void cgroup_parse_cpu_stat(const char *text, struct cgroup_statistics *statistics);

/* 0, or -ENOMEM with a message. */
int cgroup_parse_memory_stat(const char *text, struct arena *arena, struct cgroup_statistics *statistics);
int cgroup_parse_io_stat(const char *text, struct arena *arena, struct cgroup_statistics *statistics);

/* false when there is no "some" line. */
bool cgroup_parse_pressure(const char *text, struct pressure *pressure);
