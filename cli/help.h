/* The texts of --help, made from the tables. malloc'ed, the caller's; -ENOMEM with a message. */
#pragma once

#include "cli/command.h"

/* `berth COMMAND --help`. */
int help_command(const struct command *command, char **text);

/* `berth --help`: the global options and all commands. */
int help_program(const struct option_table *globals, char **text);
