#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/values.h"

struct exec_options {
        const char *console_socket, *pidfd_socket, *pid_file, *cwd, *process, *process_label, *apparmor, *user;
        struct option_list env, additional_gids, cap, cgroup;
        struct option_switch tty, no_new_privs;
        bool detach, ignore_paused;
        struct option_number preserve_fds;
};

static const struct option_spec specs[] = {
        OPTION(struct exec_options, tty, "tty", 't', NULL, "give the process a terminal"),
        OPTION(struct exec_options, detach, "detach", 'd', NULL, "return as soon as the process runs"),
        OPTION(struct exec_options, user, "user", 'u', "UID[:GID]", "run as this user and group"),
        OPTION(struct exec_options, additional_gids, "additional-gids", 'g', "GID",
               "add a supplementary group (repeatable)"),
        OPTION(struct exec_options, env, "env", 'e', "NAME=VALUE", "set an environment variable (repeatable)"),
        OPTION(struct exec_options, cwd, "cwd", 0, "DIR", "working directory in the container"),
        OPTION(struct exec_options, cap, "cap", 'c', "NAME", "add a capability (repeatable)"),
        OPTION(struct exec_options, no_new_privs, "no-new-privs", 0, NULL, "forbid gaining privileges by execve"),
        OPTION(struct exec_options, apparmor, "apparmor", 0, "PROFILE", "AppArmor profile of the process"),
        OPTION(struct exec_options, process_label, "process-label", 0, "LABEL", "SELinux label of the process"),
        OPTION(struct exec_options, process, "process", 'p', "FILE",
               "take the whole process from a JSON file, the OCI process object; - is standard input"),
        OPTION(struct exec_options, console_socket, "console-socket", 0, "PATH",
               "unix socket that receives the master of the terminal"),
        OPTION(struct exec_options, pidfd_socket, "pidfd-socket", 0, "PATH",
               "unix socket that receives a pidfd of the process"),
        OPTION(struct exec_options, pid_file, "pid-file", 0, "FILE", "write the pid of the process there"),
        OPTION_BETWEEN(struct exec_options, preserve_fds, "preserve-fds", 0, "N", 0, INT_MAX,
                       "hand on N descriptors after stdio and $LISTEN_FDS (default: 0)"),
        OPTION(struct exec_options, cgroup, "cgroup", 0, "PATH", "run in this group below the container's own"),
        OPTION(struct exec_options, ignore_paused, "ignore-paused", 0, NULL, "allow it in a paused container"),
};

static int read_user(const struct exec_options *options, struct exec_request *request)
{
        if (!options->user)
                return 0;
        if (parse_user(options->user, &request->uid, &request->gid_set, &request->gid) < 0)
                return refuse(EINVAL, "invalid user '%s': expected UID or UID:GID, decimal numbers below 4294967295",
                              options->user);
        request->user_set = true;
        return 0;
}

static int read_groups(const struct exec_options *options, struct arena *arena, struct exec_request *request)
{
        uint32_t *gids = arena_array(arena, options->additional_gids.n, sizeof(*gids));

        if (options->additional_gids.n && !gids)
                return fail(ENOMEM, "keep the additional groups");
        for (size_t i = 0; i < options->additional_gids.n; i++)
                if (parse_id(options->additional_gids.v[i], &gids[i]) < 0)
                        return refuse(EINVAL, "--additional-gids '%s': expected a decimal number below 4294967295",
                                      options->additional_gids.v[i]);
        request->additional_gids = gids;
        request->n_additional_gids = options->additional_gids.n;
        return 0;
}

static int read_capabilities(const struct exec_options *options, struct exec_request *request)
{
        for (size_t i = 0; i < options->cap.n; i++) {
                unsigned bit;

                if (parse_capability(options->cap.v[i], &bit) < 0)
                        return refuse(EINVAL, "unknown capability '%s'", options->cap.v[i]);
                request->capabilities |= UINT64_C(1) << bit;
        }
        return 0;
}

static int check_environment(const struct exec_options *options)
{
        for (size_t i = 0; i < options->env.n; i++) {
                const char *equals = strchr(options->env.v[i], '=');

                if (!equals || equals == options->env.v[i])
                        return refuse(EINVAL, "invalid environment variable '%s': expected NAME=VALUE",
                                      options->env.v[i]);
        }
        return 0;
}

/* runc lets a group be named for each controller of cgroup v1. There is one tree in v2. */
static int read_cgroup(const struct exec_options *options, struct exec_request *request)
{
        if (options->cgroup.n > 1)
                return refuse(EINVAL, "--cgroup was given more than once: cgroup v2 has a single tree");
        if (options->cgroup.n == 0)
                return 0;
        if (strchr(options->cgroup.v[0], ':'))
                return refuse(EINVAL, "invalid cgroup '%s': cgroup v2 has no tree for one controller",
                              options->cgroup.v[0]);
        request->cgroup = options->cgroup.v[0];
        return 0;
}

/* ID is followed by the command; "--" between them is for people who are used to it. */
static int read_command(const struct invocation *invocation, const struct exec_options *options,
                        struct exec_request *request)
{
        size_t first = invocation->n_arguments > 1 && strcmp(invocation->arguments[1], "--") == 0 ? 2 : 1;

        request->id = invocation->arguments[0];
        request->args = invocation->arguments + first;
        request->n_args = invocation->n_arguments > first ? invocation->n_arguments - first : 0;
        if (request->n_args == 0 && !options->process)
                return refuse(EINVAL, "no command given: expected ID COMMAND, or --process FILE ID");
        return 0;
}

static int read_request(const struct invocation *invocation, struct arena *arena, struct exec_request *request)
{
        const struct exec_options *options = invocation->options;
        int r = read_command(invocation, options, request);

        if (r == 0)
                r = read_user(options, request);
        if (r == 0)
                r = read_groups(options, arena, request);
        if (r == 0)
                r = read_capabilities(options, request);
        if (r == 0)
                r = check_environment(options);
        if (r == 0)
                r = read_cgroup(options, request);
        return r;
}

static int run(struct invocation *invocation)
{
        const struct exec_options *options = invocation->options;
        _cleanup_(arena_free) struct arena arena = {0};
        struct exec_request request = {
                .process_file = options->process,
                .console_socket = unless_empty(options->console_socket),
                .pidfd_socket = unless_empty(options->pidfd_socket),
                .pid_file = options->pid_file,
                .cwd = options->cwd,
                .env = options->env.v,
                .n_env = options->env.n,
                .tty_set = options->tty.set,
                .tty = options->tty.value,
                .detach = options->detach,
                .process_label = unless_empty(options->process_label),
                .apparmor = unless_empty(options->apparmor),
                .no_new_privs_set = options->no_new_privs.set,
                .no_new_privs = options->no_new_privs.value,
                .preserve_fds = (unsigned)options->preserve_fds.value,
                .listen_fds = getenv("LISTEN_FDS"),
                .ignore_paused = options->ignore_paused,
        };
        int r = read_request(invocation, &arena, &request);

        if (r == 0)
                r = container_exec(invocation->runtime, &request, &invocation->exit_status);
        return r < 0 ? fail_in(r, "exec failed") : 0;
}

const struct command command_exec = {
        .name = "exec",
        .arguments = "ID COMMAND [ARGUMENT...]",
        .summary = "run one more process in a container",
        .description =
                "Runs COMMAND in the running container ID and waits for it. User, environment, working directory and "
                "privileges are those of the container's own process where no option says otherwise. Options end at "
                "ID: what follows belongs to the command.",
        .examples = "berth exec -t web sh\n"
                    "berth exec -u 1000:1000 -e LANG=C.UTF-8 web id\n"
                    "berth exec -d --process process.json --pid-file p web",
        .exit_codes = "N      the command's own status\n"
                      "128+N  the command was killed by signal N\n"
                      "0      with --detach: the command runs\n"
                      "255    the command could not be run; standard error says why\n"
                      "1      wrong use of the command line",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct exec_options),
        .least = 1,
        .most = SIZE_MAX,
        .stop_at_first = true,
        .root = ROOT_CHANGE,
        .failure_status = 255,
        .run = run,
};
