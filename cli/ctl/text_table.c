#include "cli/ctl/text_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/output.h"

#define GAP 2

int text_table_add(struct text_table *table, const char *const *texts)
{
        char **bigger = realloc(table->cells, (table->n + 1) * table->n_columns * sizeof(*bigger));
        size_t size = 0;
        char *row;

        if (!bigger)
                return fail(ENOMEM, "make a table");
        table->cells = bigger;
        for (size_t i = 0; i < table->n_columns; i++)
                size += strlen(texts[i]) + 1;
        row = malloc(size);
        if (!row)
                return fail(ENOMEM, "make a table");
        for (size_t i = 0; i < table->n_columns; i++) {
                bigger[table->n * table->n_columns + i] = row;
                row = stpcpy(row, texts[i]) + 1;
        }
        table->n++;
        return 0;
}

static void print_cell(const char *text, size_t width, FILE *out)
{
        size_t length = strlen(text);

        output_printable(text, out);
        for (; length < width; length++)
                putc_unlocked(' ', out);
}

void text_table_print(const struct text_table *table, FILE *out)
{
        size_t widths[TEXT_TABLE_COLUMNS] = {0};

        for (size_t i = 0; i < table->n * table->n_columns; i++) {
                size_t length = strlen(table->cells[i]), column = i % table->n_columns;

                if (length > widths[column])
                        widths[column] = length;
        }
        for (size_t i = 0; i < table->n * table->n_columns; i++) {
                bool last = i % table->n_columns == table->n_columns - 1;

                print_cell(table->cells[i], last ? 0 : widths[i % table->n_columns] + GAP, out);
                if (last)
                        fputc('\n', out);
        }
}

void text_table_release(struct text_table *table)
{
        for (size_t i = 0; i < table->n; i++)
                free(table->cells[i * table->n_columns]);
        free(table->cells);
        *table = (struct text_table){0};
}

const char *size_short(double bytes, char *text, size_t size)
{
        static const char units[] = "\0KMGT";
        size_t unit = 0;

        while (bytes >= 1023.5 && unit + 2 < sizeof(units)) {
                bytes /= 1024;
                unit++;
        }
        snprintf(text, size, unit && bytes < 9.95 ? "%.1f%.1s" : "%.0f%.1s", bytes, units + unit);
        return text;
}
