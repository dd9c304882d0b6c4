#include "cli/command.h"

static int run(struct invocation *invocation)
{
        return container_pause(invocation->runtime, invocation->arguments[0]);
}

const struct command command_pause = {
        .name = "pause",
        .arguments = "ID",
        .summary = "freeze all processes of a container",
        .description = "Freezes every process of the container, through its cgroup. Frozen processes keep their memory "
                       "and do nothing until 'berth resume'.",
        .examples = "berth pause web",
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
