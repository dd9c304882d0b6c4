/* An ordinary user's containers with more than one id: the user is root inside, and the subordinate ids that
 * /etc/subuid and /etc/subgid grant (subuid(5)) are the others. Their files have these ids on disk, so whoever makes or
 * removes them does it inside a user namespace with the same maps. */
#pragma once

#include "oci/spec.h"
#include "runtime/ctl/settings.h"

/* Sets subuids and subgids where the host grants some and newuidmap(1) is there; none is no error. */
int subids_choose(struct settings *settings);

/* The map of one kind of ids: `own` is 0 inside, and "FIRST:COUNT" (NULL: none) begins at 1. */
void subids_map(const char *range, uint32_t own, struct oci_id_map map[2], struct oci_id_maps *maps);

/* "600000:65536". Bare -EINVAL. */
int subids_parse(const char *text, uint32_t *first, uint32_t *count);

/* Calls work(data) in a process that is root in such a namespace; in this one where the settings have no such ids. Its
 * result and message; what it changes in memory is lost with the process. */
int subids_run(const struct settings *settings, int (*work)(void *data), void *data);
