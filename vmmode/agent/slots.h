/* The descriptors that a plan's slots are filled with in the guest. */
#pragma once

#include "vmmode/agent/launch_request.h"

struct slots {
        int fds[PLAN_SLOTS_MAX]; /* those of a kind that needs none are all the same one */
        size_t n;
        int nothing;
};

/* Opens them; what was opened before a failure is closed by slots_close. */
int slots_open(struct slots *slots, const struct launch_request *request);
void slots_close(struct slots *slots);
