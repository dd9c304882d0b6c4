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

/* A closed standard descriptor would be given to the next file that is opened, and messages would go there: opens
 * /dev/null in its place, or ends the program with 1. */
void line_fill_standard_descriptors(void);
