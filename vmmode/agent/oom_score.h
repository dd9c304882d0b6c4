/* The machine ends with its agent: the out-of-memory killer must leave it alone. What it launches has the score of its
 * plan, or none; children inherit it, so it is taken off for the moment of a launch. Without a machine nothing is
 * done. */
#pragma once

#include "vmmode/agent/agent.h"

void oom_score_protect(const struct agent *agent);
void oom_score_expose(const struct agent *agent);
