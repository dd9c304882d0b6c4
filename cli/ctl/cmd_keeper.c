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
        uint32_t restarts = 0;

        if (fcntl(KEEPER_STATUS, F_SETFD, FD_CLOEXEC) < 0)
                return refuse(EINVAL, "keeper-launch is what the keeper of a container calls (use berthctl start)");
        if (invocation->n_arguments > 1 && parse_u32(invocation->arguments[1], &restarts) < 0)
                return refuse(EINVAL, "keeper-launch: '%s' is no number", invocation->arguments[1]);
        return ctl_launch_and_tell(invocation->ctl, invocation->arguments[0], restarts, KEEPER_STATUS);
}

const struct command ctl_command_launch = {
        .name = "keeper-launch",
        .arguments = "NAME [RESTARTS]",
        .description = "Starts a container for its keeper.",
        .least = 1,
        .most = 2,
        .root = ROOT_MAKE,
        .run = run_launch,
};

static int run_oom(struct invocation *invocation)
{
        uint64_t kills;

        if (parse_u64(invocation->arguments[1], UINT64_MAX, &kills) < 0)
                return refuse(EINVAL, "keeper-oom: '%s' is no number", invocation->arguments[1]);
        return ctl_oom(invocation->ctl, invocation->arguments[0], kills);
}

const struct command ctl_command_oom = {
        .name = "keeper-oom",
        .arguments = "NAME KILLS",
        .description = "Tells that processes of a container were killed for want of memory, for its keeper.",
        .least = 2,
        .most = 2,
        .root = ROOT_READ,
        .run = run_oom,
};

static int run_ended(struct invocation *invocation)
{
        const char **arguments = invocation->arguments;
        struct ctl_end end = {0};
        int64_t status, signal;

        if (parse_i64(arguments[1], 0, 255, &status) < 0 || parse_i64(arguments[2], 0, 64, &signal) < 0 ||
            parse_u64(arguments[3], UINT64_MAX, &end.kills) < 0)
                return refuse(EINVAL, "keeper-ended: '%s %s %s' is no end", arguments[1], arguments[2], arguments[3]);
        end.status = (int)status;
        end.signal = (int)signal;
        return ctl_ended(invocation->ctl, arguments[0], &end);
}

const struct command ctl_command_ended = {
        .name = "keeper-ended",
        .arguments = "NAME STATUS SIGNAL KILLS",
        .description = "Tidies up after a container that has ended, for its keeper.",
        .least = 4,
        .most = 4,
        .root = ROOT_CHANGE,
        .run = run_ended,
};
