/* The texts of --help, made from the tables. malloc'ed, the caller's; -ENOMEM with a message. */
#pragma once

#include "cli/command.h"

/* `PROGRAM COMMAND --help`. */
int help_command(const struct program *program, const struct command *command, char **text);

/* `PROGRAM --help`: the global options and all commands that have a summary. */
int help_program(const struct program *program, char **text);
