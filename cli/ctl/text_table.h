/* A table of texts with aligned columns. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define TEXT_TABLE_COLUMNS 16

struct text_table {
        size_t n_columns; /* set first; at most TEXT_TABLE_COLUMNS */
        size_t n;
        char **cells; /* n * n_columns, malloc'ed; those of a row are one block */
};

/* A row of n_columns texts, copied. */
int text_table_add(struct text_table *table, const char *const *texts);

/* Two blanks between columns. Control characters are printed as "?". */
void text_table_print(const struct text_table *table, FILE *out);

/* "0", "512", "4.0K", "12M": at most five bytes long up to 9999T. Returns text. */
const char *size_short(double bytes, char *text, size_t size);

void text_table_release(struct text_table *table);
