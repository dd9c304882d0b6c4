/* One line of `events`, in the form that runc prints and go-runc decodes. Pure: from numbers to text. */
#pragma once

#include "cgroups/statistics.h"
#include "runtime/life/network_counters.h"
#include "runtime/life/rdt.h"

struct container_usage {
        struct cgroup_statistics cgroup;
        struct network_counters network;
        struct rdt_usage rdt;
};

/* {"type":"stats","id":ID,"data":{...}} with a newline, malloc'ed, the caller's. */
int usage_event_json(const char *id, const struct container_usage *usage, char **line);

/* {"type":"oom","id":ID} with a newline. */
int oom_event_json(const char *id, char **line);
