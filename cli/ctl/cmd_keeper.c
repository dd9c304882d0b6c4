/* What the keeper of a container calls; not for people. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "cli/ctl/ctl_globals.h"
#include "runtime/ctl/ctl.h"
#include "runtime/keeper/keeper.h"

/* Says on the keeper's pipe what came of it. */
static int run_launch(struct invocation *invocation)
{
        char text[1024];
        pid_t pid = 0;
        int r;

        if (fcntl(KEEPER_STATUS, F_SETFD, FD_CLOEXEC) < 0)
                return refuse(EINVAL, "keeper-launch is what the keeper of a container calls (use berthctl start)");
        r = ctl_launch(invocation->ctl, invocation->arguments[0], KEEPER_CONSOLE_SOCKET, &pid);
        if (r < 0)
                snprintf(text, sizeof(text), "%s", error_message());
        else
                snprintf(text, sizeof(text), "pid %d", (int)pid);
        (void)write_all(KEEPER_STATUS, text, strlen(text));
        return r;
}

const struct command ctl_command_launch = {
        .name = "keeper-launch",
        .arguments = "NAME",
        .description = "Starts a container for its keeper.",
        .least = 1,
        .most = 1,
        .root = ROOT_MAKE,
        .run = run_launch,
};

static int run_ended(struct invocation *invocation)
{
        int64_t status;

        if (parse_i64(invocation->arguments[1], 0, 255, &status) < 0)
                return refuse(EINVAL, "keeper-ended: '%s' is no status", invocation->arguments[1]);
        return ctl_ended(invocation->ctl, invocation->arguments[0], (int)status);
}

const struct command ctl_command_ended = {
        .name = "keeper-ended",
        .arguments = "NAME STATUS",
        .description = "Tidies up after a container that has ended, for its keeper.",
        .least = 2,
        .most = 2,
        .root = ROOT_CHANGE,
        .run = run_ended,
};
