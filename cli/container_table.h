/* The table that `berth list` prints. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define CONTAINER_COLUMNS 6

struct container_row {
        char *cells[CONTAINER_COLUMNS]; /* ID PID STATUS BUNDLE CREATED OWNER; malloc'ed */
};

struct container_table {
        size_t n;
        struct container_row *v;
};

struct container;

int container_table_add(struct container_table *table, const struct container *container);

/* Columns as wide as runc makes them: at least 12, three blanks between them. Control characters of names are printed
 * as "?". */
void container_table_print(const struct container_table *table, FILE *out);

void container_table_release(struct container_table *table);
