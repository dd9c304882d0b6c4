/* What PID 1 does once: from the initramfs to a guest in which containers can be made. */
#pragma once

#include "vmmode/agent/agent.h"

/* The log (the kernel's, and with it its console), file systems, modules, the root, the share, limits and the loopback
 * interface. What fails has a message, and the machine is of no use then; a share that is not there is told in the
 * kernel's log, and again by who needs it. */
int boot_machine(struct agent *agent);

/* Writes what is not written yet, within a deadline, and switches the machine off. */
void boot_power_off(void);
