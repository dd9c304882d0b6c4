/* The program: reads the command line, runs one command, reports and exits. Nothing else of berth does any of these. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/globals.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/report.h"
#include "version.h"

/* go-runc and dockerd read the first three lines. */
static int show_version(void)
{
        char text[512];

        snprintf(text, sizeof(text), "berth version %s\ncommit: %s\nspec: %s\nlibseccomp: %d.%d.%d\n", BERTH_VERSION,
                 BERTH_COMMIT, OCI_SPEC_VERSION, SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
        return output_text(text);
}

/* The state directory, for commands that look at containers. *path keeps the name alive. */
static int open_state(const struct command *command, const struct global_options *globals, struct runtime *runtime,
                      char **path)
{
        int r;

        if (command->root == ROOT_UNUSED)
                return 0;
        r = globals_state_directory(globals, runtime, path);
        if (r < 0)
                return r;
        runtime->root = *path;
        r = globals_rootless(globals, command->root != ROOT_READ, &runtime->rootless);
        if (r < 0)
                return r;
        return runtime_open_root(runtime, command->root == ROOT_MAKE);
}

static int run_command(const struct command *command, const struct global_options *globals, const char *program,
                       const struct line *line, int *exit_status)
{
        _cleanup_free_ char *path = NULL;
        struct runtime runtime = {.root_fd = -EBADF, .environment = environ};
        struct invocation invocation = {
                .runtime = &runtime,
                .options = line->values,
                .arguments = line->positionals.v,
                .n_arguments = line->positionals.n,
        };
        int r = globals_resolve(globals, program, &runtime);

        if (r < 0)
                return r;
        r = open_state(command, globals, &runtime, &path);
        if (r < 0)
                return r;
        r = command->run(&invocation);
        if (r == 0)
                *exit_status = invocation.exit_status;
        else if (command->failure_status)
                *exit_status = command->failure_status;
        cleanup_close(&runtime.root_fd);
        return r;
}

/* argv begins with the command's name. */
static int dispatch(const struct global_options *globals, const char *program, int argc, char **argv, int *exit_status)
{
        _cleanup_(line_release) struct line line = {0};
        const struct command *command = program_command(&berth_program, argv[0]);
        int r;

        if (!command && (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "h") == 0)) {
                command = argc > 1 ? program_command(&berth_program, argv[1]) : NULL;
                if (argc > 1 && !command)
                        return line_refuse_command(&berth_program, argv[1], true);
                *exit_status = 0;
                return line_show_help(&berth_program, command);
        }
        if (!command)
                return line_refuse_command(&berth_program, argv[0],
                                           argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0));
        line.positionals.stop_at_first = command->stop_at_first;
        r = line_parse(&line, &command->options, command->options_size, argc - 1, argv + 1);
        if (r == OPTIONS_HELP) {
                *exit_status = command->help_status;
                return line_show_help(&berth_program, command);
        }
        if (r < 0)
                return fail_in(r, "%s", command->name);
        r = line_check_arguments(&berth_program, command, line.positionals.n);
        if (r < 0)
                return r;
        return run_command(command, globals, program, &line, exit_status);
}

static int run_program(int argc, char **argv, int *exit_status)
{
        _cleanup_(line_release) struct line line = {.positionals.stop_at_first = true};
        struct global_options *globals;
        struct report_options report;
        int parsed = line_parse(&line, &global_table, sizeof(struct global_options), argc - 1, argv + 1);
        int r;

        if (!line.values)
                return parsed;
        globals = line.values;
        if (parsed < 0)
                globals_find_report(argc - 1, argv + 1, globals);
        report = (struct report_options){globals->log, globals->log_format, globals->log_level, globals->debug};
        if (parsed < 0) {
                _cleanup_free_ char *message = strdup(error_message());

                report_open(&report);
                return refuse(-parsed, "%s", message ? message : "bad command line");
        }
        if (parsed == OPTIONS_HELP || globals->version) {
                *exit_status = 0;
                return parsed == OPTIONS_HELP ? line_show_help(&berth_program, NULL) : show_version();
        }
        r = report_open(&report);
        if (r < 0)
                return r;
        if (line.positionals.n == 0)
                return refuse(EINVAL, "no command given (see berth --help)");
        return dispatch(globals, argv[0], (int)line.positionals.n, argv + argc - line.positionals.n, exit_status);
}

/* musl gives a page back to the kernel with the last piece in it, and asks for it again for the next: two calls and two
 * faults, time and again where one piece at a time is needed. With one piece that stays of each size of which that is
 * so (yajl's buffers; files and the plan), commands take up to a fiftieth less. */
static void keep_heap(void)
{
        static void *volatile kept[2] __attribute__((used));

        kept[0] = malloc(2048);
        kept[1] = malloc(4096);
}

int main(int argc, char **argv)
{
        keep_heap();
        return line_main(argc, argv, "berth", run_program);
}
