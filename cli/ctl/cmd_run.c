/* start, stop, restart, kill, pause, resume, destroy, rename: commands that do one thing to containers by their names.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/report.h"
#include "oci/vocabulary.h"
#include "runtime/ctl/ctl.h"

/* Carries it out for each name; one that fails does not keep the others from it. */
static int for_each(struct invocation *invocation, size_t n,
                    int (*act)(struct invocation *invocation, const char *name))
{
        for (size_t i = 0; i < n; i++) {
                int r = act(invocation, invocation->arguments[i]);

                if (r < 0 && n == 1)
                        return r;
                if (r == 0)
                        continue;
                report_error(error_message());
                invocation->exit_status = 1;
        }
        return 0;
}

static int start_one(struct invocation *invocation, const char *name)
{
        return ctl_start(invocation->ctl, name);
}

static int run_start(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, start_one);
}

const struct command ctl_command_start = {
        .name = "start",
        .arguments = "NAME...",
        .summary = "start containers",
        .description = "Starts containers. Returns when their programs run.",
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_MAKE,
        .run = run_start,
};

struct stop_options {
        struct option_duration timeout;
        bool force;
};

static const struct option_spec stop_specs[] = {
        OPTION(struct stop_options, timeout, "timeout", 't', "DURATION",
               "how long the program may take to end, such as 30s (default: the container's stop-timeout, 10s); 0 is "
               "--force"),
        OPTION(struct stop_options, force, "force", 'f', NULL, "kill it at once"),
};

static int stop_one(struct invocation *invocation, const char *name)
{
        const struct stop_options *options = invocation->options;

        return ctl_stop(invocation->ctl, name,
                        options->force         ? 0
                        : options->timeout.set ? options->timeout.milliseconds
                                               : -1,
                        true);
}

static int run_stop(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, stop_one);
}

const struct command ctl_command_stop = {
        .name = "stop",
        .arguments = "NAME...",
        .summary = "stop containers",
        .description = "Asks the programs to end by their stop signal and kills those that have not after a while. A "
                       "container that does not run is no error.",
        .options = OPTION_TABLE(stop_specs),
        .options_size = sizeof(struct stop_options),
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_CHANGE,
        .run = run_stop,
};

static int restart_one(struct invocation *invocation, const char *name)
{
        int r = stop_one(invocation, name);

        return r < 0 ? r : ctl_start(invocation->ctl, name);
}

static int run_restart(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, restart_one);
}

const struct command ctl_command_restart = {
        .name = "restart",
        .arguments = "NAME...",
        .summary = "stop and start containers",
        .description = "Stops containers as stop does, and starts them.",
        .options = OPTION_TABLE(stop_specs),
        .options_size = sizeof(struct stop_options),
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_MAKE,
        .run = run_restart,
};

struct destroy_options {
        bool force;
};

static const struct option_spec destroy_specs[] = {
        OPTION(struct destroy_options, force, "force", 'f', NULL, "even when it runs, or is damaged"),
};

static int destroy_one(struct invocation *invocation, const char *name)
{
        const struct destroy_options *options = invocation->options;

        return ctl_destroy(invocation->ctl, name, options->force);
}

static int run_destroy(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, destroy_one);
}

const struct command ctl_command_destroy = {
        .name = "destroy",
        .arguments = "NAME...",
        .summary = "remove containers with all their files",
        .description = "Removes containers, their files, logs and settings. Also what a crash left of one that was "
                       "being made.",
        .options = OPTION_TABLE(destroy_specs),
        .options_size = sizeof(struct destroy_options),
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_CHANGE,
        .run = run_destroy,
};

struct kill_options {
        bool all;
};

static const struct option_spec kill_specs[] = {
        OPTION(struct kill_options, all, "all", 'a', NULL, "signal every process, not only the first"),
};

static int run_kill(struct invocation *invocation)
{
        const struct kill_options *options = invocation->options;
        const char *name = invocation->arguments[0];
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int signal = SIGTERM, r;

        if (invocation->n_arguments > 1 && signal_parse(invocation->arguments[1], &signal) < 0)
                return refuse(EINVAL, "unknown signal '%s': expected a number from 1 to 64 or a name such as TERM",
                              invocation->arguments[1]);
        r = ctl_find_running(invocation->ctl, name, &container);
        if (r == 0)
                r = container_kill(invocation->runtime, name, signal, options->all);
        return r < 0 ? fail_in(r, "kill %s", name) : 0;
}

const struct command ctl_command_kill = {
        .name = "kill",
        .arguments = "NAME [SIGNAL]",
        .summary = "send a signal to a container",
        .description = "Sends SIGNAL (TERM when there is none) to the container's program.",
        .options = OPTION_TABLE(kill_specs),
        .options_size = sizeof(struct kill_options),
        .least = 1,
        .most = 2,
        .root = ROOT_CHANGE,
        .run = run_kill,
};

static int pause_one(struct invocation *invocation, const char *name)
{
        return ctl_pause(invocation->ctl, name);
}

static int run_pause(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, pause_one);
}

const struct command ctl_command_pause = {
        .name = "pause",
        .arguments = "NAME...",
        .summary = "freeze containers",
        .description = "Freezes every process of running containers, until resume.",
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_CHANGE,
        .run = run_pause,
};

static int resume_one(struct invocation *invocation, const char *name)
{
        return ctl_resume(invocation->ctl, name);
}

static int run_resume(struct invocation *invocation)
{
        return for_each(invocation, invocation->n_arguments, resume_one);
}

const struct command ctl_command_resume = {
        .name = "resume",
        .arguments = "NAME...",
        .summary = "thaw paused containers",
        .description = "Lets the processes of paused containers go on.",
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_CHANGE,
        .run = run_resume,
};

static int run_rename(struct invocation *invocation)
{
        return ctl_rename(invocation->ctl, invocation->arguments[0], invocation->arguments[1]);
}

const struct command ctl_command_rename = {
        .name = "rename",
        .arguments = "NAME NEW-NAME",
        .summary = "give a stopped container another name",
        .description = "Gives a container that does not run another name. Files and settings stay as they are.",
        .least = 2,
        .most = 2,
        .root = ROOT_CHANGE,
        .run = run_rename,
};

struct autostart_options {
        bool stop;
};

static const struct option_spec autostart_specs[] = {
        OPTION(struct autostart_options, stop, "stop", 0, NULL,
               "the host stops: stop all that run, in the opposite order"),
};

static int run_autostart(struct invocation *invocation)
{
        const struct autostart_options *options = invocation->options;
        int r = ctl_autostart(invocation->ctl, !options->stop, report_error);

        if (r > 0)
                invocation->exit_status = 1;
        return r < 0 ? r : 0;
}

const struct command ctl_command_autostart = {
        .name = "autostart",
        .arguments = "",
        .summary = "what the host does when it starts",
        .description =
                "Starts the containers that have autostart set and do not run, one after the other, by their "
                "start-order and name; but not those with the policy unless-stopped that a person has stopped. "
                "The service berthctl.service of systemd calls it, and with --stop when the host stops; a user's "
                "does so for his own containers, with his systemd.",
        .examples = "berthctl set web --autostart --start-order 10\n"
                    "systemctl enable berthctl.service\n"
                    "systemctl --user enable berthctl.service",
        .exit_codes = "0  all are started (stopped)\n"
                      "1  some are not; standard error says which",
        .options = OPTION_TABLE(autostart_specs),
        .options_size = sizeof(struct autostart_options),
        .least = 0,
        .most = 0,
        .root = ROOT_MAKE,
        .run = run_autostart,
};

static int run_clone(struct invocation *invocation)
{
        return ctl_clone(invocation->ctl, invocation->arguments[0], invocation->arguments[1]);
}

const struct command ctl_command_clone = {
        .name = "clone",
        .arguments = "NAME NEW-NAME",
        .summary = "copy a stopped container",
        .description = "Makes a container with a copy of the files and settings of one that does not run. Ids and "
                       "addresses are its own; fixed ones are not copied.",
        .least = 2,
        .most = 2,
        .root = ROOT_MAKE,
        .interruptible = true,
        .run = run_clone,
};
