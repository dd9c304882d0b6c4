#include <stdlib.h>

#include "cli/command.h"

static int run(struct invocation *invocation)
{
        return container_start(invocation->runtime, invocation->arguments[0], getenv("NOTIFY_SOCKET"));
}

const struct command command_start = {
        .name = "start",
        .arguments = "ID",
        .summary = "let a created container run its program",
        .description = "Lets the first process of a container that 'berth create' made run the container's program. "
                       "Possible once in a container's life.",
        .examples = "berth start web",
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
