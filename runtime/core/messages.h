/* The words of the parts below the commands that engines and runc's test suite look for in our messages
 * (runtime/life/messages.h has the rest and says who looks): Podman and Docker tell exit status 126 from 127 by those
 * of exec, which are printf formats with the program's name. */
#pragma once

#define MESSAGE_NOT_FOUND_IN_PATH  "exec: \"%s\": executable file not found in $PATH: no such file or directory"
#define MESSAGE_NO_SUCH_EXECUTABLE "exec: \"%s\": no such file or directory"
#define MESSAGE_NOT_EXECUTABLE     "exec: \"%s\": permission denied"
#define MESSAGE_EXEC_CGROUP        "--cgroup %s: adding pid of the new process to cgroups %s%s/cgroup.procs: %s"
#define MESSAGE_HOOK_FAILED        "error running hook"
