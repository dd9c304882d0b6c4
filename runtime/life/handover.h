/* What a command hands to its caller: the console's master, a pidfd, a pid file. */
#pragma once

#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/core/launch.h"

/* Sends a descriptor in one message whose text is `name` (runc's form, which conmon and containerd read). */
int handover_send(const char *socket_path, const char *name, int fd);

/* The same for the master of the console, which has the size that the process asks for. */
int handover_console(const char *socket_path, const struct launched *launched, const struct oci_process *process);

/* Writes the pid, decimal and without a newline, into a new file beside `path` and renames it: a reader sees all of it
 * or none. */
int handover_pid_file(const char *path, pid_t pid);
