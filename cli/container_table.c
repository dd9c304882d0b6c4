#include "cli/container_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/output.h"
#include "runtime/life/owner.h"
#include "runtime/life/record.h"

#define WIDTH_LEAST 12
#define GAP         3

static const char *const titles[CONTAINER_COLUMNS] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};

int container_table_add(struct container_table *table, const struct container *container)
{
        const struct record *record = container->record;
        struct container_row *bigger = realloc(table->v, (table->n + 1) * sizeof(*bigger));
        bool lives = container->status != STATUS_STOPPED && container->status != STATUS_CREATING;
        char pid[16], owner[256];
        const char *texts[CONTAINER_COLUMNS] = {
                record->id, pid, container_status_name(container->status), record->bundle, record->created, owner,
        };

        if (!bigger)
                return fail(ENOMEM, "list the containers");
        table->v = bigger;
        snprintf(pid, sizeof(pid), "%d", lives ? (int)record->init.pid : 0);
        owner_name(record->owner, owner, sizeof(owner));
        memset(&table->v[table->n], 0, sizeof(*bigger));
        table->n++;
        for (size_t i = 0; i < CONTAINER_COLUMNS; i++) {
                table->v[table->n - 1].cells[i] = strdup(texts[i]);
                if (!table->v[table->n - 1].cells[i])
                        return fail(ENOMEM, "list the containers");
        }
        return 0;
}

static void print_cell(const char *text, size_t width, FILE *out)
{
        size_t length = strlen(text);

        output_printable(text, out);
        for (; length < width; length++)
                fputc(' ', out);
}

static void print_row(const char *const *cells, const size_t *widths, FILE *out)
{
        for (size_t i = 0; i < CONTAINER_COLUMNS; i++)
                print_cell(cells[i], i + 1 < CONTAINER_COLUMNS ? widths[i] : 0, out);
        fputc('\n', out);
}

void container_table_print(const struct container_table *table, FILE *out)
{
        size_t widths[CONTAINER_COLUMNS];

        for (size_t i = 0; i < CONTAINER_COLUMNS; i++) {
                widths[i] = WIDTH_LEAST;
                for (size_t row = 0; row < table->n; row++) {
                        size_t length = strlen(table->v[row].cells[i]) + GAP;

                        if (length > widths[i])
                                widths[i] = length;
                }
        }
        print_row(titles, widths, out);
        for (size_t row = 0; row < table->n; row++)
                print_row((const char *const *)table->v[row].cells, widths, out);
}

void container_table_release(struct container_table *table)
{
        for (size_t row = 0; row < table->n; row++)
                for (size_t i = 0; i < CONTAINER_COLUMNS; i++)
                        free(table->v[row].cells[i]);
        free(table->v);
        *table = (struct container_table){0};
}
