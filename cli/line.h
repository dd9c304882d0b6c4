/* A command line, parsed: options and what is none of them. What the main files of all programs share. */
#pragma once

#include "cli/command.h"

struct line {
        const struct option_table *table;
        void *values;
        struct option_positionals positionals;
};

/* Parses argv[0..argc) into a structure of `size` bytes that the line owns (line_release, also after a failure). 0,
 * OPTIONS_HELP or a negative errno with a message. */
int line_parse(struct line *line, const struct option_table *table, size_t size, int argc, char **argv);
void line_release(struct line *line);

/* Refuses too few and too many arguments. */
int line_check_arguments(const struct program *program, const struct command *command, size_t n);

/* Refuses the name of a command that there is not. */
int line_refuse_command(const struct program *program, const char *name, bool help_wanted);

/* Prints the help of a command, NULL: of the program. */
int line_show_help(const struct program *program, const struct command *command);

/* The whole of main(): `run` carries out the command line and gives the exit status; what it returns with a message is
 * reported, and the status is then never 0. An empty argv becomes `name` alone. */
int line_main(int argc, char **argv, const char *name, int (*run)(int argc, char **argv, int *exit_status));
