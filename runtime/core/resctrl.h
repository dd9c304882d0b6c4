/* linux.intelRdt: cache and memory bandwidth by the resctrl file system. Parent side. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"

/* Where resctrl is mounted; malloc'ed, the caller's. mountinfo: the file to read, NULL: /proc/self/mountinfo. -ENOENT
 * when there is none: "linux.intelRdt: no resctrl file system is mounted on this host". */
int resctrl_find(const char *mountinfo, char **path);

struct resctrl_group {
        char *path;         /* absolute path of the control group; malloc'ed */
        char *monitoring;   /* absolute path of the monitoring group, NULL: none; malloc'ed */
        bool created;       /* the control group was made by resctrl_join */
        bool remove;        /* and goes with the container, because there was no closID */
        bool monitor_added; /* the monitoring group was made by resctrl_join */
};

/* What delete has to remove (record.h: resctrl), NULL: nothing. Removing a control group removes its monitoring groups.
 */
const char *resctrl_group_owned(const struct resctrl_group *group);

void resctrl_group_free(struct resctrl_group *group);

/* Makes or checks the group by the rules of the specification (closID set or not, schemata given or not), writes the
 * schemata, makes the monitoring group, puts `pid` into both. root: the mount, or a directory that looks like one.
 * *group is the caller's, also its free; on failure what was made is removed again. */
int resctrl_join(const char *root, const char *id, const struct oci_intel_rdt *rdt, pid_t pid,
                 struct resctrl_group *group);

/* For update: writes new schemata (NULL: unchanged) to the group at `path`. */
int resctrl_update(const char *path, const char *l3_cache_schema, const char *mem_bw_schema);

/* For delete: removes a group (control or monitoring) that create made. A missing one is success. */
int resctrl_remove(const char *path);
