/* The one way back: what a failed create, `delete`, and what a crash left all go through. Every name comes from the
 * record, everything that is gone already is fine. */
#pragma once

#include "runtime/life/record.h"

#define UNDO_DEADLINE_MS 10000

/* Kills what lives, removes the cgroup, the resctrl group and the state directory <root>/<id>. dir_fd is that
 * directory. Goes on after a failure, and reports the first; the directory stays then, for the next delete. */
int undo_container(struct runtime *runtime, const struct record *record, int dir_fd);

/* Removes a state directory without a usable record. */
int undo_directory(struct runtime *runtime, const char *id);
