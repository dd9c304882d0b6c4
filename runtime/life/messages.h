/* The words that engines look for in our messages (containerd's shim, CRI-O, conmon, Podman, Docker). They are part of
 * the contract; tests/integration/messages.bats holds them in place.
 *
 *   containerd kill     "os: process already finished", "container not running", "no such process", "does not exist"
 *   containerd delete   "does not exist"
 *   CRI-O               "no such process", "container not running", "invalid process" (case matters)
 *   Podman state        "does not exist", "No such file"
 *   Podman, Docker      "permission denied" -> 126; "executable file not found in", "no such file or directory" -> 127
 */
#pragma once

#include "runtime/core/messages.h"

#define MESSAGE_NOT_EXIST          "container does not exist: no such file or directory"
#define MESSAGE_NOT_RUNNING        "container not running: no such process"
#define MESSAGE_EXISTS             "container with given ID already exists"
#define MESSAGE_INVALID_ID         "invalid container ID format"
#define MESSAGE_START_STOPPED      "cannot start a container that has stopped"
#define MESSAGE_START_RUNNING      "cannot start an already running container"
#define MESSAGE_START_PAUSED       "cannot start a container in the paused state"
#define MESSAGE_EXEC_STOPPED       "cannot exec in a stopped container"
#define MESSAGE_EXEC_PAUSED        "cannot exec in a paused container (use --ignore-paused to override)"
#define MESSAGE_NOT_PAUSED         "container not paused"
#define MESSAGE_TTY_WITHOUT_SOCKET "cannot allocate tty if runc will detach without setting console socket"
#define MESSAGE_SOCKET_WITHOUT_TTY "cannot use console socket if runc will not detach or allocate tty"

/* Words that runc's test suite looks for. */
#define MESSAGE_EXEC_CGROUP_ABOVE "--cgroup: %s is not a sub cgroup path"
#define MESSAGE_ROOTLESS_LIMITS   "rootless needs no limits + no cgrouppath when no permission is granted for cgroups"
