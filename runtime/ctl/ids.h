/* Ranges of host ids, one for each unprivileged container: SETTINGS_IDS_SIZE ids from SETTINGS_IDS_FIRST on. What a
 * container has stands in its settings; that nobody else has it stands in DIRECTORY/id-ranges, a claim (base/claim.h)
 * for each range, named by its first id. The claim comes before the settings and goes after the container, and a start
 * asks for it. Where the directory of claims is missing it is made from the settings of all containers.
 *
 * A host's ids are root's to give: for an ordinary user ids_keep, ids_share and ids_forget do nothing. */
#pragma once

#include "runtime/ctl/ctl.h"

/* Sets container->settings.ids to a free range, the first one from where the name's hash leads, so that it need not be
 * looked for among those of others. */
int ids_allocate(struct ctl *ctl, struct ctl_container *container);

/* Makes sure that the ids in the settings, which a hand may have written, are the container's alone. -EADDRINUSE says
 * whose they are. */
int ids_keep(struct ctl *ctl, const struct ctl_container *container);

/* Before the container becomes `to`: they are its own under both names until ids_keep. */
int ids_share(struct ctl *ctl, const struct ctl_container *container, const char *to);

/* After the container has gone. Whatever fails here leaves a claim that is in nobody's way. */
void ids_forget(struct ctl *ctl, const struct settings *settings);
