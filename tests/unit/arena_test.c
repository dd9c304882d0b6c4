#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
        struct arena arena = {0};
        unsigned char *before = NULL;

        (void)state;
        for (size_t size = 1; size < 3000; size += 37) {
                unsigned char *piece = arena_alloc(&arena, size);

                assert_non_null(piece);
                assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        assert_int_equal(piece[i], 0);
                memset(piece, 0xaa, size);
                if (before)
                        assert_int_equal(before[0], 0xaa);
                before = piece;
        }
        arena_free(&arena);
}

static void a_piece_larger_than_a_block_is_whole(void **state)
{
        struct arena arena = {0};
        char *small = arena_strdup(&arena, "small"), *large = arena_alloc(&arena, 1 << 20), *after;

        (void)state;
        assert_non_null(large);
        memset(large, 1, 1 << 20);
        after = arena_strdup(&arena, "after");
        assert_string_equal(small, "small");
        assert_string_equal(after, "after");
        arena_free(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
        struct arena arena = {0};

        (void)state;
        assert_null(arena_array(&arena, SIZE_MAX / 8 + 1, 8));
        assert_null(arena_array(&arena, SIZE_MAX, 2));
        assert_null(arena_alloc(&arena, SIZE_MAX));
        assert_null(arena_alloc(&arena, SIZE_MAX - 15));
        assert_null(arena_strndup(&arena, "x", SIZE_MAX));
        assert_non_null(arena_array(&arena, 0, 8));
        assert_non_null(arena_array(&arena, 3, 0));
        arena_free(&arena);
}

static void texts_are_copied_and_end(void **state)
{
        struct arena arena = {0};
        char source[] = "abcdef", *copy, *long_one;

        (void)state;
        copy = arena_strndup(&arena, source, 3);
        source[0] = 'x';
        assert_string_equal(copy, "abc");
        assert_string_equal(arena_strdup(&arena, ""), "");
        assert_string_equal(arena_printf(&arena, "%s-%d", "n", 7), "n-7");
        long_one = arena_printf(&arena, "%020000d", 1);
        assert_int_equal(strlen(long_one), 20000);
        arena_free(&arena);
}

static void a_freed_arena_is_empty_and_can_be_used_again(void **state)
{
        struct arena arena = {0};

        (void)state;
        arena_free(&arena);
        assert_non_null(arena_alloc(&arena, 100000));
        arena_free(&arena);
        assert_null(arena.last);
        assert_string_equal(arena_strdup(&arena, "again"), "again");
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
                cmocka_unit_test(a_piece_larger_than_a_block_is_whole),
                cmocka_unit_test(sizes_that_overflow_are_refused),
                cmocka_unit_test(texts_are_copied_and_end),
                cmocka_unit_test(a_freed_arena_is_empty_and_can_be_used_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
