/* The program: reads the command line, runs one command, reports and exits. Nothing else of berth does any of these. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/globals.h"
#include "cli/help.h"
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

static int show_help(const struct command *command)
{
        _cleanup_free_ char *text = NULL;
        int r = command ? help_command(command, &text) : help_program(&global_table, &text);

        return r < 0 ? r : output_text(text);
}

/* A parsed command line: options and what is none of them. */
struct line {
        const struct option_table *table;
        void *values;
        struct option_positionals positionals;
};

static void line_release(struct line *line)
{
        if (line->values)
                options_release(line->table, line->values);
        free(line->values);
        free(line->positionals.v);
}

static int line_parse(struct line *line, const struct option_table *table, size_t size, int argc, char **argv)
{
        line->table = table;
        line->values = calloc(1, size + 1);
        line->positionals.v = calloc((size_t)argc + 1, sizeof(*line->positionals.v));
        if (!line->values || !line->positionals.v)
                return fail(ENOMEM, "read the command line");
        return options_parse(table, argc, argv, line->values, &line->positionals);
}

static int check_arguments(const struct command *command, size_t n)
{
        if (n >= command->least && n <= command->most)
                return 0;
        return refuse(EINVAL, "%s: too %s arguments: expected %s (see berth %s --help)", command->name,
                      n < command->least ? "few" : "many", *command->arguments ? command->arguments : "none",
                      command->name);
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

/* The first words are runc's. */
static int refuse_command(const char *name, bool help_wanted)
{
        if (help_wanted)
                return refuse(EINVAL, "No help topic for '%s': unknown command (see berth --help)", name);
        return refuse(EINVAL, "unknown command '%s' (see berth --help)", name);
}

/* argv begins with the command's name. */
static int dispatch(const struct global_options *globals, const char *program, int argc, char **argv, int *exit_status)
{
        _cleanup_(line_release) struct line line = {0};
        const struct command *command = command_find(argv[0]);
        int r;

        if (!command && strcmp(argv[0], "help") == 0) {
                command = argc > 1 ? command_find(argv[1]) : NULL;
                if (argc > 1 && !command)
                        return refuse_command(argv[1], true);
                *exit_status = 0;
                return show_help(command);
        }
        if (!command)
                return refuse_command(argv[0],
                                      argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0));
        line.positionals.stop_at_first = command->stop_at_first;
        r = line_parse(&line, &command->options, command->options_size, argc - 1, argv + 1);
        if (r == OPTIONS_HELP) {
                *exit_status = command->help_status;
                return show_help(command);
        }
        if (r < 0)
                return fail_in(r, "%s", command->name);
        r = check_arguments(command, line.positionals.n);
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
                return parsed == OPTIONS_HELP ? show_help(NULL) : show_version();
        }
        r = report_open(&report);
        if (r < 0)
                return r;
        if (line.positionals.n == 0)
                return refuse(EINVAL, "no command given (see berth --help)");
        return dispatch(globals, argv[0], (int)line.positionals.n, argv + argc - line.positionals.n, exit_status);
}

/* A closed standard descriptor would be given to the next file that is opened, and messages would go there. */
static void fill_standard_descriptors(void)
{
        struct pollfd standard[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

        poll(standard, ELEMENTS(standard), 0);
        for (size_t i = 0; i < ELEMENTS(standard); i++)
                if (standard[i].revents & POLLNVAL && open("/dev/null", O_RDWR) < 0)
                        _exit(1);
}

int main(int argc, char **argv)
{
        char *nobody[] = {"berth", NULL};
        int exit_status = 1;

        fill_standard_descriptors();

        /* execve with an empty argv: nothing may index argv[0] (CVE-2021-4034). */
        if (argc < 1) {
                argc = 1;
                argv = nobody;
        }
        if (run_program(argc, argv, &exit_status) < 0) {
                report_error(error_message());
                if (exit_status == 0)
                        exit_status = 1;
        }
        return exit_status;
}
