/* exec, enter and console: the ways into a running container. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/user.h"

struct exec_options {
        const char *user, *workdir;
        struct option_list env;
        struct option_switch terminal;
};

static const struct option_spec exec_specs[] = {
        OPTION(struct exec_options, terminal, "terminal", 't', NULL,
               "give it a terminal (default: when you are at one)"),
        OPTION(struct exec_options, user, "user", 'u', "USER", "run as this user, or USER:GROUP: names or numbers"),
        OPTION(struct exec_options, workdir, "workdir", 'w', "DIR", "working directory"),
        OPTION(struct exec_options, env, "env", 'e', "NAME=VALUE", "set an environment variable (repeatable)"),
};

/* Finds the container and gives it a keeper again, should it have lost it. */
static int find_running(struct invocation *invocation, const char *name, struct ctl_container *container)
{
        struct ctl_status status;
        int r = ctl_find(invocation->ctl, name, CTL_UNLOCKED, container);

        if (r == 0)
                r = ctl_status(invocation->ctl, container, &status);
        if (r < 0)
                return r;
        if (status.state != CTL_RUNNING)
                return refuse(EINVAL, "container %s is %s", name, ctl_state_name(status.state));
        return ctl_ensure_keeper(invocation->ctl, container);
}

static bool at_a_terminal(void)
{
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* What the command's environment has in front of what the person says. */
struct environment {
        const char **v;
        size_t n;
        char home[300], term[128];
};

static void environment_release(struct environment *environment)
{
        free(environment->v);
}

static int fill_environment(struct environment *environment, const struct exec_options *options,
                            const struct user *user, bool terminal)
{
        const char *term = getenv("TERM");

        environment->v = calloc(options->env.n + 2, sizeof(*environment->v));
        if (!environment->v)
                return fail(ENOMEM, "keep the environment");
        snprintf(environment->home, sizeof(environment->home), "HOME=%s", user->home);
        environment->v[environment->n++] = environment->home;
        if (terminal && term) {
                snprintf(environment->term, sizeof(environment->term), "TERM=%s", term);
                environment->v[environment->n++] = environment->term;
        }
        for (size_t i = 0; i < options->env.n; i++) {
                if (setting_find("env")->check(options->env.v[i]) < 0)
                        return refuse(EINVAL, "--env '%s': expected NAME=VALUE", options->env.v[i]);
                environment->v[environment->n++] = options->env.v[i];
        }
        return 0;
}

static int execute(struct invocation *invocation, const struct exec_options *options, const char *const *args,
                   size_t n_args)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_(environment_release) struct environment environment = {.n = 0};
        struct exec_request request = {
                .id = invocation->arguments[0], .args = args, .n_args = n_args, .user_set = true, .gid_set = true};
        struct user user;
        int r = find_running(invocation, request.id, &container);

        if (r < 0)
                return r;
        if (options->user && setting_find("user")->check(options->user) < 0)
                return refuse(EINVAL, "--user '%s': expected %s", options->user, setting_find("user")->expected);
        r = user_find(invocation->ctl, &container, options->user ? options->user : "0", &user);
        if (r < 0)
                return fail_in(r, "container %s", request.id);
        request.uid = user.uid;
        request.gid = user.gid;
        request.additional_gids = user.groups;
        request.n_additional_gids = user.n_groups;
        request.groups_set = true;
        request.cwd = options->workdir ? options->workdir : NULL;
        request.tty_set = true;
        request.tty = options->terminal.set ? options->terminal.value : at_a_terminal();
        r = fill_environment(&environment, options, &user, request.tty);
        if (r < 0)
                return r;
        request.env = environment.v;
        request.n_env = environment.n;
        r = container_exec(invocation->runtime, &request, &invocation->exit_status);
        return r < 0 ? fail_in(r, "exec in container %s", request.id) : 0;
}

static int run_exec(struct invocation *invocation)
{
        size_t first = invocation->n_arguments > 1 && strcmp(invocation->arguments[1], "--") == 0 ? 2 : 1;

        if (invocation->n_arguments <= first)
                return refuse(EINVAL, "exec: no command given: expected NAME COMMAND (or berthctl enter)");
        return execute(invocation, invocation->options, invocation->arguments + first, invocation->n_arguments - first);
}

const struct command ctl_command_exec = {
        .name = "exec",
        .arguments = "NAME COMMAND [ARGUMENT...]",
        .summary = "run a command in a container",
        .description = "Runs COMMAND in the running container and waits for it, as root of the container where nothing "
                       "else is said. Options end at NAME.",
        .examples = "berthctl exec web ps\n"
                    "berthctl exec -u www-data web id",
        .exit_codes = "N      the command's own status\n"
                      "128+N  the command was killed by signal N\n"
                      "255    the command could not be run; standard error says why\n"
                      "1      wrong use of the command line",
        .options = OPTION_TABLE(exec_specs),
        .options_size = sizeof(struct exec_options),
        .least = 1,
        .most = SIZE_MAX,
        .stop_at_first = true,
        .root = ROOT_CHANGE,
        .failure_status = 255,
        .run = run_exec,
};

struct enter_options {
        const char *user;
};

static const struct option_spec enter_specs[] = {
        OPTION(struct enter_options, user, "user", 'u', "USER", "as this user, or USER:GROUP: names or numbers"),
};

/* The better of the shells that it has, as a login shell. */
static int run_enter(struct invocation *invocation)
{
        static const char *const shell[] = {
                "/bin/sh", "-c", "cd; if command -v bash >/dev/null; then exec bash -l; fi; exec sh -l", NULL};
        const struct enter_options *options = invocation->options;
        struct exec_options as = {.user = options->user};

        return execute(invocation, &as, shell, ELEMENTS(shell) - 1);
}

const struct command ctl_command_enter = {
        .name = "enter",
        .arguments = "NAME",
        .summary = "a login shell in a container",
        .description = "Gives you a login shell in the running container, as its root where nothing else is said.",
        .exit_codes = "N    the shell's own status\n"
                      "255  there is no shell, or the container does not run",
        .options = OPTION_TABLE(enter_specs),
        .options_size = sizeof(struct enter_options),
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .failure_status = 255,
        .run = run_enter,
};

static int run_console(struct invocation *invocation)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = find_running(invocation, invocation->arguments[0], &container);

        if (r < 0)
                return r;
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "Connected to %s. %s\n", invocation->arguments[0],
                        container.settings.terminal ? "Ctrl-] leaves."
                                                    : "It has no terminal: this is its output. Ctrl-C leaves.");
        return keeper_console(invocation->ctl, invocation->arguments[0], container.settings.terminal);
}

const struct command ctl_command_console = {
        .name = "console",
        .arguments = "NAME",
        .summary = "the terminal of a container's program",
        .description = "Connects you to the terminal of the container's own program, which Ctrl-] leaves; where it has "
                       "none, to its output, which Ctrl-C leaves. What it said before is in the log.",
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run_console,
};
