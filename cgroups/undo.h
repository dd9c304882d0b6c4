/* What a change of a live group must know about the values in force. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cgroups/cgroup.h"

/* Puts into `order` (n indices) the order in which the writes must be made when `before[i]` is what the file of write
 * i holds (NULL: unknown): the planned one, but for pairs of files that bound each other. */
void cgroup_order_writes(const struct cgroup_writes *writes, char *const *before, size_t *order);

/* The text that takes back `written` to a file which held `before`. In a file of one line per device it is the line of
 * the same device, or the words that reset it. false: there is nothing to write, or it does not fit. */
bool cgroup_undo_text(const char *file, const char *written, const char *before, char *text, size_t size);
