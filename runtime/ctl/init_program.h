/* What a container runs when nobody says: the init of its root, and how that one is told to stop. */
#pragma once

#include "runtime/ctl/settings.h"

/* Completes args, terminal and stop_signal by what lies in the root (a directory's descriptor). -EINVAL when there is
 * nothing to run. */
int init_program_choose(struct settings *settings, int root);
