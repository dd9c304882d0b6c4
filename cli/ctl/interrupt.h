/* Ctrl-C while a container is made or copied: what takes long gives up and undoes what it has done, and then the
 * program ends by the signal, as its caller expects. A second one ends it at once. */
#pragma once

#include "runtime/ctl/ctl.h"

/* From here to interrupt_end SIGINT, SIGTERM and SIGHUP are noted in ctl->interrupted; one that is ignored stays so. */
void interrupt_begin(struct ctl *ctl);
void interrupt_end(void);

/* At the end of the program: ends it by the signal that was noted, if any. */
void interrupt_finish(void);
