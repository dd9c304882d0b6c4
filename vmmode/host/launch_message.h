/* The request by which the agent builds a process: the inside plan with all that it needs beside (vmmode/protocol). */
#pragma once

#include "runtime/core/launch.h"

/* The whole message as a file. Returns its descriptor. */
int launch_message_file(const struct launch *launch);
