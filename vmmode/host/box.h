/* The host part of a VM container: the first process, which makes the namespaces and becomes berth-proxy, and the same
 * for an exec. */
#pragma once

#include "runtime/core/launch.h"
#include "vmmode/host/machine.h"

/* launch: the inside part. Like launch_begin. */
int vm_box_create(const struct launch *launch, const struct vm_machine *machine, struct launched *launched);
int vm_box_exec(const struct launch *launch, struct launched *launched);
