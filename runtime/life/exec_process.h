/* What exec runs: a process object from a file, or the container's own overlaid with the command line. Pure. */
#pragma once

#include "runtime/life/container.h"

/* *process gets the result; strings live in `arena`, in the request, or in the container's process. */
int exec_process(const struct exec_request *request, const struct oci_process *container, struct arena *arena,
                 struct oci_process *process);
