/* Holding a container still while its files are read, so that all of them are of one moment. */
#pragma once

#include "runtime/ctl/ctl.h"

/* All zero: nothing is held. */
struct freeze {
        bool held;      /* it runs, and was frozen here: thawed at the end */
        bool paused;    /* it was paused before, and stays so */
        pid_t pid;      /* its init */
        pid_t guardian; /* thaws it when this program dies before it has */
        int guard;      /* the guardian's pipe */
};

/* Freezes the container when it runs. */
int freeze_begin(struct ctl *ctl, const struct ctl_container *container, struct freeze *freeze);

/* Thaws it. -EAGAIN when it has run meanwhile, because somebody else has thawed, stopped or started it. Also after a
 * failure of freeze_begin. */
int freeze_end(struct ctl *ctl, const struct ctl_container *container, struct freeze *freeze);
