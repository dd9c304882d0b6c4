/* The program berthctl: reads the command line, runs one command, reports and exits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/interrupt.h"
#include "cli/ctl/progress.h"
#include "cli/globals.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/report.h"
#include "runtime/ctl/ctl.h"
#include "version.h"

static int show_version(void)
{
        return output_text("berthctl version " BERTH_VERSION "\ncommit: " BERTH_COMMIT "\n");
}

/* Where everything is, opened. The texts live as long as the program. */
struct places {
        char *directory, *run, *state;
};

static void places_release(struct places *places)
{
        free(places->directory);
        free(places->run);
        free(places->state);
}

static int open_places(const struct command *command, const struct ctl_globals *globals, struct places *places,
                       struct ctl *ctl)
{
        const struct global_options options = {0};
        int r = ctl_globals_paths(globals, &places->directory, &places->run);

        if (r < 0)
                return r;
        if (asprintf(&places->state, "%s/state", places->run) < 0) {
                places->state = NULL;
                return fail(ENOMEM, "keep a path");
        }
        ctl->directory = places->directory;
        ctl->run = places->run;
        ctl->runtime->root = places->state;
        ctl->runtime->debug = globals->debug;
        r = globals_rootless(&options, true, &ctl->runtime->rootless);
        if (r == 0)
                r = runtime_open_root(ctl->runtime, command->root == ROOT_MAKE);
        return r < 0 ? r : ctl_open(ctl, command->root == ROOT_MAKE);
}

static int run_command(const struct command *command, const struct ctl_globals *globals, const struct line *line,
                       int *exit_status)
{
        _cleanup_(places_release) struct places places = {0};
        struct runtime runtime = {.root_fd = -EBADF, .environment = environ};
        struct ctl ctl = {
                .runtime = &runtime, .directory_fd = -EBADF, .containers_fd = -EBADF, .progress = progress_show};
        struct invocation invocation = {
                .runtime = &runtime,
                .ctl = &ctl,
                .options = line->values,
                .arguments = line->positionals.v,
                .n_arguments = line->positionals.n,
        };
        int r = open_places(command, globals, &places, &ctl);

        if (r == 0 && command->interruptible)
                interrupt_begin(&ctl);
        if (r == 0)
                r = command->run(&invocation);
        progress_end();
        if (r == 0)
                *exit_status = invocation.exit_status;
        else if (command->failure_status)
                *exit_status = command->failure_status;
        ctl_close(&ctl);
        cleanup_close(&runtime.root_fd);
        return r;
}

/* argv begins with the command's name. */
static int dispatch(const struct ctl_globals *globals, int argc, char **argv, int *exit_status)
{
        _cleanup_(line_release) struct line line = {0};
        const struct command *command = program_command(&berthctl_program, argv[0]);
        int r;

        if (!command && strcmp(argv[0], "help") == 0) {
                command = argc > 1 ? program_command(&berthctl_program, argv[1]) : NULL;
                if (argc > 1 && !command)
                        return line_refuse_command(&berthctl_program, argv[1], true);
                *exit_status = 0;
                return line_show_help(&berthctl_program, command);
        }
        if (!command)
                return line_refuse_command(&berthctl_program, argv[0], false);
        line.positionals.stop_at_first = command->stop_at_first;
        r = line_parse(&line, &command->options, command->options_size, argc - 1, argv + 1);
        if (r == OPTIONS_HELP) {
                *exit_status = 0;
                return line_show_help(&berthctl_program, command);
        }
        if (r < 0)
                return fail_in(r, "%s", command->name);
        r = line_check_arguments(&berthctl_program, command, line.positionals.n);
        return r < 0 ? r : run_command(command, globals, &line, exit_status);
}

static int run_program(int argc, char **argv, int *exit_status)
{
        _cleanup_(line_release) struct line line = {.positionals.stop_at_first = true};
        const struct ctl_globals *globals;
        struct report_options report = {0};
        int parsed = line_parse(&line, &ctl_global_table, sizeof(struct ctl_globals), argc - 1, argv + 1);
        int r;

        globals = line.values;
        if (parsed < 0)
                return parsed;
        if (parsed == OPTIONS_HELP || globals->version) {
                *exit_status = 0;
                return parsed == OPTIONS_HELP ? line_show_help(&berthctl_program, NULL) : show_version();
        }
        report.level = globals->log_level;
        report.debug = globals->debug;
        r = report_open(&report);
        if (r < 0)
                return r;
        if (line.positionals.n == 0)
                return refuse(EINVAL, "no command given (see berthctl --help)");
        return dispatch(globals, (int)line.positionals.n, argv + argc - line.positionals.n, exit_status);
}

int main(int argc, char **argv)
{
        int exit_status = line_main(argc, argv, "berthctl", run_program);

        interrupt_finish();
        return exit_status;
}
