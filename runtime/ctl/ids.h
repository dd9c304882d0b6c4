/* Ranges of host ids, one for each unprivileged container: SETTINGS_IDS_SIZE ids from SETTINGS_IDS_FIRST on. A range is
 * a container's by its settings alone, so that nothing has to be given back, and nothing can be given twice. */
#pragma once

#include "runtime/ctl/ctl.h"

/* Sets container->settings.ids to the lowest free range and writes the settings while nobody else may take one. */
int ids_allocate(struct ctl *ctl, struct ctl_container *container);
