#include <errno.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/output.h"

static int run(struct invocation *invocation)
{
        _cleanup_(container_release) struct container container = {.dir_fd = -EBADF};
        _cleanup_free_ char *json = NULL;
        int r = container_load(invocation->runtime, invocation->arguments[0], &container);

        if (r < 0)
                return r;
        r = container_state_json(&container, &json);
        return r < 0 ? r : output_text(json);
}

const struct command command_state = {
        .name = "state",
        .arguments = "ID",
        .summary = "show the state of a container as JSON",
        .description = "Prints what the container is doing now, in the form that the OCI specification gives: id, pid, "
                       "status (creating, created, running, paused or stopped), bundle and annotations.",
        .examples = "berth state web\n"
                    "berth state web | jq -r .status",
        .least = 1,
        .most = 1,
        .root = ROOT_READ,
        .run = run,
};
