/* A bump allocator: many small pieces with one life, freed together. What a parsed configuration lives in.
 * Allocation failure ends in NULL and is the caller's -ENOMEM. */
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
        struct arena_block *last;
        size_t used; /* bytes handed out of the last block */
};

/* Zeroed, aligned for any type. NULL when memory is short. A zeroed struct arena is an empty one. */
void *arena_alloc(struct arena *arena, size_t size);

/* Zeroed array; NULL also on overflow of count * size. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* NUL-terminated copies. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees everything; the arena is empty and usable again. */
void arena_free(struct arena *arena);
