/* The group in which a process of a container is launched, with the limits that hold inside the machine. */
#pragma once

#include "vmmode/agent/agent.h"
#include "vmmode/agent/launch_request.h"

/* Makes the container's group with its limits (but that of processes), or for an exec opens the one that was asked for.
 * Returns the descriptor. *made: there is a group to undo, also after a failure. */
int launch_cgroup_begin(const struct agent *agent, const struct launch_request *request, bool *made);

/* What has to wait for the first process: the limit of processes, because the init is two for a moment, and the device
 * program, because the init makes devices. */
int launch_cgroup_finish(const struct launch_request *request, int cgroup);

/* An exec for which nobody asked for a group of its own may go where the container's first process is. */
bool launch_cgroup_may_differ(const struct launch_request *request);
int launch_cgroup_of_first(const struct agent *agent, const struct launch_request *request);

/* For an exec whose group cannot be had: ENOENT or EBUSY, in the words of the host's (core/messages.h). */
int launch_cgroup_refuse(const struct launch_request *request, int err);

/* Removes the group, when nobody is left in it. */
void launch_cgroup_undo(const struct agent *agent, const char *id);
