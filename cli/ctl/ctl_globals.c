#include "cli/ctl/ctl_globals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct option_spec specs[] = {
        OPTION(struct ctl_globals, directory, "directory", 0, "DIR",
               "where containers lie (default: /var/lib/berth; for an ordinary user ~/.local/share/berth)"),
        OPTION(struct ctl_globals, run, "run", 0, "DIR",
               "where the state of running ones lies (default: /run/berthctl; for an ordinary user "
               "$XDG_RUNTIME_DIR/berthctl)"),
        OPTION(struct ctl_globals, log_level, "log-level", 0, "LEVEL", "error, warning or debug (default: warning)"),
        OPTION(struct ctl_globals, debug, "debug", 0, NULL, "the same as --log-level debug"),
        OPTION(struct ctl_globals, version, "version", 'v', NULL, "show the version"),
};
const struct option_table ctl_global_table = OPTION_TABLE(specs);

/* In the order in which a person meets them. */
static const struct command *const commands[] = {
        &ctl_command_create,  &ctl_command_list,      &ctl_command_info,    &ctl_command_start,   &ctl_command_stop,
        &ctl_command_restart, &ctl_command_enter,     &ctl_command_exec,    &ctl_command_console, &ctl_command_logs,
        &ctl_command_set,     &ctl_command_kill,      &ctl_command_pause,   &ctl_command_resume,  &ctl_command_rename,
        &ctl_command_clone,   &ctl_command_snapshot,  &ctl_command_export,  &ctl_command_import,  &ctl_command_cp,
        &ctl_command_destroy, &ctl_command_stats,     &ctl_command_top,     &ctl_command_check,   &ctl_command_metrics,
        &ctl_command_events,  &ctl_command_autostart, &ctl_command_network, &ctl_command_launch,  &ctl_command_oom,
        &ctl_command_ended,
};

const struct program berthctl_program = {
        .name = "berthctl",
        .description = "Persistent containers for people: small machines that keep their files, names and limits, made "
                       "from an image, started and stopped, and entered with a shell.",
        .examples = "berthctl create web --image busybox    a container that needs nothing else\n"
                    "berthctl start web && berthctl enter web\n"
                    "berthctl list\n"
                    "berthctl COMMAND --help                everything about one command",
        .globals = &ctl_global_table,
        .commands = commands,
        .n_commands = ELEMENTS(commands),
};

static int absolute(const char *option, const char *text, char **path)
{
        _cleanup_free_ char *here = NULL;

        if (!*text)
                return refuse(EINVAL, "invalid value '' for flag --%s: expected a directory", option);
        here = text[0] == '/' ? strdup("") : getcwd(NULL, 0);
        if (!here)
                return fail(errno, "find the current directory for --%s %s", option, text);
        if (asprintf(path, "%s%s%s", here, *here ? "/" : "", text) < 0) {
                *path = NULL;
                return fail(ENOMEM, "keep a path");
        }
        return 0;
}

/* Below what the environment names, or below another place. option: what says it otherwise. */
static int below(const char *variable, const char *other, const char *otherwise, const char *name, const char *option,
                 char **path)
{
        const char *base = getenv(variable);

        if (base && base[0] == '/')
                otherwise = "";
        else
                base = other ? getenv(other) : NULL;
        if (!base || base[0] != '/')
                return refuse(EINVAL, "an ordinary user needs $%s%s%s, or the option --%s", variable,
                              other ? " or $" : "", other ? other : "", option);
        if (asprintf(path, "%s%s/%s", base, otherwise, name) < 0) {
                *path = NULL;
                return fail(ENOMEM, "keep a path");
        }
        return 0;
}

int ctl_globals_paths(const struct ctl_globals *globals, char **directory, char **run)
{
        bool root = geteuid() == 0;
        int r;

        if (globals->directory || root)
                r = absolute("directory", globals->directory ? globals->directory : "/var/lib/berth", directory);
        else
                r = below("XDG_DATA_HOME", "HOME", "/.local/share", "berth", "directory", directory);
        if (r < 0)
                return r;
        if (globals->run || root)
                return absolute("run", globals->run ? globals->run : "/run/berthctl", run);
        return below("XDG_RUNTIME_DIR", NULL, "", "berthctl", "run", run);
}
