#include "cli/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define HELP_WIDTH  80
#define NAME_COLUMN 30 /* where the explanations begin; a longer name gets a line of its own */

/* Folds text at blanks. `column` is where the cursor stands; further lines begin at `indent`. A newline stays. */
static void write_folded(FILE *out, const char *text, int column, int indent)
{
        const char *p = text;

        while (*p) {
                int length = (int)strcspn(p, " \n");

                if (column > indent && column + 1 + length > HELP_WIDTH) {
                        fprintf(out, "\n%*s", indent, "");
                        column = indent;
                } else if (column > indent) {
                        fputc(' ', out);
                        column++;
                }
                fprintf(out, "%.*s", length, p);
                column += length;
                p += length;
                if (*p == '\n') {
                        fprintf(out, "\n%*s", indent, "");
                        column = indent;
                }
                if (*p)
                        p++;
        }
        fputc('\n', out);
}

static void write_entry(FILE *out, const char *name, const char *help, int help_column)
{
        int column = fprintf(out, "%s", name);

        if (column >= help_column - 1)
                fprintf(out, "\n%*s", help_column, "");
        else
                fprintf(out, "%*s", help_column - column, "");
        write_folded(out, help, help_column, help_column);
}

static void write_option(FILE *out, const struct option_spec *spec)
{
        char name[128];
        int n;

        if (!spec->help)
                return;
        if (spec->letter)
                n = snprintf(name, sizeof(name), "  -%c, --%s", spec->letter, spec->name);
        else
                n = snprintf(name, sizeof(name), "      --%s", spec->name);
        if (spec->placeholder)
                snprintf(name + n, sizeof(name) - (size_t)n, " %s", spec->placeholder);
        else if (spec->kind == OPTION_SWITCH)
                snprintf(name + n, sizeof(name) - (size_t)n, "[=BOOL]");
        write_entry(out, name, spec->help, NAME_COLUMN);
}

static void write_options(FILE *out, const char *title, const struct option_table *table)
{
        fprintf(out, "\n%s:\n", title);
        for (size_t i = 0; i < table->n; i++)
                write_option(out, &table->v[i]);
        write_entry(out, "  -h, --help", "show this text", NAME_COLUMN);
}

/* Paragraphs written as a block of lines, each with an indent. */
static void write_block(FILE *out, const char *title, const char *lines)
{
        const char *p = lines;

        if (!lines)
                return;
        fprintf(out, "\n%s:\n", title);
        while (*p) {
                int length = (int)strcspn(p, "\n");

                fprintf(out, "  %.*s\n", length, p);
                p += length + (p[length] == '\n');
        }
}

static int finish(FILE **out, char **text)
{
        FILE *file = take_ptr(out);

        if (fclose(file) == 0)
                return 0;
        free(*text);
        *text = NULL;
        return fail(ENOMEM, "write the help text");
}

int help_command(const struct program *program, const struct command *command, char **text)
{
        _cleanup_fclose_ FILE *out = NULL;
        size_t size;

        out = open_memstream(text, &size);
        if (!out)
                return fail(errno, "write the help text");
        fprintf(out, "Usage: %s %s%s%s%s\n\n", program->name, command->name, command->options.n ? " [options]" : "",
                *command->arguments ? " " : "", command->arguments);
        write_folded(out, command->description, 0, 0);
        write_options(out, "Options", &command->options);
        write_block(out, "Examples", command->examples);
        write_block(out, "Exit status",
                    command->exit_codes ? command->exit_codes : "0  done\n1  an error; standard error says which");
        return finish(&out, text);
}

int help_program(const struct program *program, char **text)
{
        _cleanup_fclose_ FILE *out = NULL;
        size_t size;

        out = open_memstream(text, &size);
        if (!out)
                return fail(errno, "write the help text");
        fprintf(out, "Usage: %s [global options] COMMAND [options] [arguments]\n\n", program->name);
        write_folded(out, program->description, 0, 0);
        fputs("\nCommands:\n", out);
        for (size_t i = 0; i < program->n_commands; i++) {
                const struct command *command = program->commands[i];
                char name[32];

                if (!command->summary)
                        continue;
                snprintf(name, sizeof(name), "  %s", command->name);
                write_entry(out, name, command->summary, 14);
        }
        write_options(out, "Global options", program->globals);
        write_block(out, "Examples", program->examples);
        return finish(&out, text);
}
