#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 16 KiB holds a usual config.json's nodes in a few blocks without touching pages that are not needed. */
#define BLOCK_SIZE ((size_t)16 * 1024)

struct arena_block {
        struct arena_block *before;
        size_t size;
        alignas(max_align_t) char bytes[];
};

/* A command has a few arenas one after the other, and the C library would give each one's pages back to the kernel and
 * ask for them again: the last usual block that was freed waits here for the next arena. */
static struct arena_block *spare;

static struct arena_block *take_block(size_t size)
{
        struct arena_block *block = NULL;

        if (size <= BLOCK_SIZE) {
                size = BLOCK_SIZE;
                block = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQUIRE);
        }
        if (!block)
                block = malloc(sizeof(*block) + size);
        if (block)
                block->size = size;
        return block;
}

static void give_block(struct arena_block *block)
{
#ifndef __SANITIZE_ADDRESS__ /* it would not see who uses what was freed */
        if (block->size == BLOCK_SIZE)
                block = __atomic_exchange_n(&spare, block, __ATOMIC_RELEASE);
#endif
        free(block);
}

void *arena_alloc(struct arena *arena, size_t size)
{
        size_t rounded;
        void *piece;

        if (size > SIZE_MAX / 2)
                return NULL;
        rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (!arena->last || arena->last->size - arena->used < rounded) {
                struct arena_block *block = take_block(rounded);

                if (!block)
                        return NULL;
                block->before = arena->last;
                arena->last = block;
                arena->used = 0;
        }
        piece = arena->last->bytes + arena->used;
        arena->used += rounded;
        /* Only what is handed out: zeroing whole blocks costs a list of a thousand records more than reading them. */
        return memset(piece, 0, rounded);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
        if (size && count > SIZE_MAX / size)
                return NULL;
        return arena_alloc(arena, count * size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
        char *copy = length == SIZE_MAX ? NULL : arena_alloc(arena, length + 1);

        if (copy)
                memcpy(copy, text, length);
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list args;
        char *text;
        int length;

        va_start(args, format);
        length = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (length < 0)
                return NULL;
        text = arena_alloc(arena, (size_t)length + 1);
        if (!text)
                return NULL;
        va_start(args, format);
        vsnprintf(text, (size_t)length + 1, format, args);
        va_end(args);
        return text;
}

void arena_free(struct arena *arena)
{
        while (arena->last) {
                struct arena_block *block = arena->last;

                arena->last = block->before;
                give_block(block);
        }
        arena->used = 0;
}
