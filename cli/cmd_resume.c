#include "cli/command.h"

static int run(struct invocation *invocation)
{
        return container_resume(invocation->runtime, invocation->arguments[0]);
}

const struct command command_resume = {
        .name = "resume",
        .arguments = "ID",
        .summary = "thaw a paused container",
        .description = "Lets the processes of a paused container go on.",
        .examples = "berth resume web",
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
