#include "cli/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/report.h"

void line_release(struct line *line)
{
        if (line->values)
                options_release(line->table, line->values);
        free(line->values);
        free(line->positionals.v);
}

int line_parse(struct line *line, const struct option_table *table, size_t size, int argc, char **argv)
{
        line->table = table;
        line->values = calloc(1, size + 1);
        line->positionals.v = calloc((size_t)argc + 1, sizeof(*line->positionals.v));
        if (!line->values || !line->positionals.v)
                return fail(ENOMEM, "read the command line");
        return options_parse(table, argc, argv, line->values, &line->positionals);
}

int line_check_arguments(const struct program *program, const struct command *command, size_t n)
{
        if (n >= command->least && n <= command->most)
                return 0;
        return refuse(EINVAL, "%s: too %s arguments: expected %s (see %s %s --help)", command->name,
                      n < command->least ? "few" : "many", *command->arguments ? command->arguments : "none",
                      program->name, command->name);
}

/* The first words are runc's. */
int line_refuse_command(const struct program *program, const char *name, bool help_wanted)
{
        if (help_wanted)
                return refuse(EINVAL, "No help topic for '%s': unknown command (see %s --help)", name, program->name);
        return refuse(EINVAL, "unknown command '%s' (see %s --help)", name, program->name);
}

int line_show_help(const struct program *program, const struct command *command)
{
        _cleanup_free_ char *text = NULL;
        int r = command ? help_command(program, command, &text) : help_program(program, &text);

        return r < 0 ? r : output_text(text);
}

/* A closed standard descriptor would be given to the next file that is opened, and messages would go there: opens
 * /dev/null in its place, or ends the program with 1. */
static void fill_standard_descriptors(void)
{
        struct pollfd standard[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

        poll(standard, ELEMENTS(standard), 0);
        for (size_t i = 0; i < ELEMENTS(standard); i++)
                if (standard[i].revents & POLLNVAL) {
                        if (open("/dev/null", O_RDWR) < 0)
                                _exit(1);
                        if (i == STDOUT_FILENO)
                                output_is_closed();
                }
}

int line_main(int argc, char **argv, const char *name, int (*run)(int argc, char **argv, int *exit_status))
{
        char copy[32], *nobody[] = {copy, NULL};
        int exit_status = 1, r;

        fill_standard_descriptors();
        /* A caller that ignores the ends of its children hands that on, and we could wait for none of ours. */
        signal(SIGCHLD, SIG_DFL);
        /* execve with an empty argv: nothing may index argv[0] (CVE-2021-4034). */
        if (argc < 1) {
                snprintf(copy, sizeof(copy), "%s", name);
                argc = 1;
                argv = nobody;
        }
        r = run(argc, argv, &exit_status);
        if (r < 0) {
                report_error(*error_message() ? error_message() : strerror(-r));
                if (exit_status == 0)
                        exit_status = 1;
        }
        return exit_status;
}
