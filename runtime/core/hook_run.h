/* Running one hook of the configuration (runtime-spec "POSIX-platform Hooks"): the same code for hooks of the runtime's
 * namespaces (parent) and of the container's (child). */
#pragma once

#include <stddef.h>

#include "oci/spec.h"

/* For a hook without a timeout. The specification sets none; a hook that hangs for ever would hang the engine. */
#define HOOK_TIMEOUT_SECONDS 600

/* How much of what a hook wrote to standard error is kept for the message: its end. The whole chain has
 * room for 4096. */
#define HOOK_STDERR_KEPT 2048

/* Runs hook->path with hook->args (the path alone when empty), exactly the environment hook->env, and `state` (the
 * container's state as JSON) on standard input, and waits for its end. kind and index ("createRuntime", 0) are for
 * messages:
 *
 *   error running hook hooks.createRuntime[0] /usr/bin/x: exit status 3: <the end of its standard error>
 *   error running hook hooks.createRuntime[0] /usr/bin/x: killed by signal 9 (killed)
 *   error running hook hooks.createRuntime[0] /usr/bin/x: timed out after 5 seconds
 *
 * Returns 0, -EIO for a hook that failed, -ETIMEDOUT after its whole process group was killed, or the errno of what
 * could not be started.
 *
 * directory: its working directory; -EBADF: the caller's. interrupt: a signalfd; anything to read there ends the hook
 * and is -EINTR. -EBADF: none.
 *
 * The hook gets its own session, default signal dispositions, an empty signal mask, and no descriptor but its three:
 * everything else of the caller is closed. Its standard output and error are pipes that are read here (output goes to
 * the debug log) and never the container's own. A hook that leaves a process behind with these pipes open does not hold
 * the caller up: what counts is the end of the hook itself (later writes of what stays get EPIPE).
 *
 * The caller may be PID 1 of a pid namespace, may ignore SIGCHLD or SIGPIPE, may be under a seccomp profile that knows
 * no clone3, and needs neither /proc nor /dev. */
int hook_run(const char *kind, size_t index, const struct oci_hook *hook, const char *state, int directory,
             int interrupt);
