/* What a container runs when nobody says: the init of its root, and how that one is told to stop. */
#pragma once

#include "runtime/ctl/settings.h"

/* Completes args, terminal and stop_signal by what lies in the root (a directory's descriptor). -EINVAL when there is
 * nothing to run. */
int init_program_choose(struct settings *settings, int root);

/* A machine's own name and id, where the root is run by its init: /etc/hostname gets the name, and an /etc/machine-id
 * is emptied, so that the init makes a new one. Nothing where the image has no such files. */
int init_program_personalise(const struct settings *settings, int root, const char *name);
