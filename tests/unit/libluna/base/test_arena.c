#include "luna/base/arena.h"

#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 500 };
    struct luna_arena arena;
    unsigned char *pieces[PIECES];
    luna_arena_init(&arena, 1024, 1 << 20);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = luna_arena_alloc(&arena, i % 97 + i % 5 * 100);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), i % 97 + i % 5 * 100);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < i % 97 + i % 5 * 100; k++)
            assert_int_equal(pieces[i][k], i % 251);
    }
    luna_arena_done(&arena);
}

static void the_maximum_is_never_passed(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 64, 1000);
    size_t got = 0;
    while (luna_arena_alloc(&arena, 48) != NULL)
        got += 48;
    assert_in_range(got, 900, 1000);
    assert_null(luna_arena_alloc(&arena, 1000));
    assert_true(arena.used_bytes <= 1000);
    luna_arena_reset(&arena);
    assert_non_null(luna_arena_alloc(&arena, 900)); /* a reset gives it all back */
    luna_arena_done(&arena);
}

static void huge_sizes_do_not_wrap_around(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 64, SIZE_MAX);
    assert_null(luna_arena_alloc(&arena, SIZE_MAX));
    assert_null(luna_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(luna_arena_calloc(&arena, SIZE_MAX / 4, 8));
    assert_null(luna_arena_strndup(&arena, "x", SIZE_MAX));
    luna_arena_done(&arena);
}

static void reset_keeps_the_first_block_and_frees_the_rest(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 256, 1 << 20);
    /* The first piece is larger than a block: the block that is kept must be the small one
     * all the same. */
    assert_non_null(luna_arena_alloc(&arena, 100000));
    void *small = luna_arena_alloc(&arena, 16);
    luna_arena_reset(&arena);
    failing_alloc_at(1);
    assert_ptr_equal(luna_arena_alloc(&arena, 16), small);
    assert_false(failing_alloc_fired());
    /* the large block is gone, so this asks the system */
    assert_null(luna_arena_alloc(&arena, 100000));
    assert_true(failing_alloc_fired());
    failing_alloc_at(0);
    luna_arena_done(&arena);
}

static void large_pieces_do_not_waste_the_block_in_use(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 4096, 1 << 20);
    char *before = luna_arena_alloc(&arena, 16);
    assert_non_null(luna_arena_alloc(&arena, 8000));
    char *after = luna_arena_alloc(&arena, 16);
    assert_ptr_equal(after, before + 16);
    luna_arena_done(&arena);
}

static void size_zero_gives_distinct_pointers(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 256, 4096);
    void *a = luna_arena_alloc(&arena, 0), *b = luna_arena_alloc(&arena, 0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    luna_arena_done(&arena);
}

static void strings_are_copied_whole(void **state)
{
    (void)state;
    struct luna_arena arena;
    luna_arena_init(&arena, 64, 1 << 16);
    assert_string_equal(luna_arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(luna_arena_strndup(&arena, NULL, 0), "");
    char *text = luna_arena_printf(&arena, "%0*d|%s", 300, 7, "end");
    assert_int_equal(strlen(text), 304);
    assert_string_equal(text + 299, "7|end");
    luna_arena_done(&arena);
}

/* Uses every function; returns false as soon as one says that memory is out. */
static bool use_all(struct luna_arena *arena)
{
    char *zeroed = luna_arena_calloc(arena, 100, 8);
    if (zeroed == NULL)
        return false;
    for (int i = 0; i < 800; i++)
        assert_int_equal(zeroed[i], 0);
    return luna_arena_strndup(arena, "hello", 5) != NULL &&
           luna_arena_printf(arena, "%200d", 1) != NULL && luna_arena_alloc(arena, 5000) != NULL;
}

static void every_failing_allocation_leaves_a_usable_arena(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct luna_arena arena;
        luna_arena_init(&arena, 256, 1 << 16);
        failing_alloc_at(n);
        bool ok = use_all(&arena);
        bool fired = failing_alloc_fired();
        failing_alloc_at(0);
        assert_int_equal(ok, !fired);
        assert_true(use_all(&arena));
        luna_arena_reset(&arena);
        assert_true(use_all(&arena));
        luna_arena_done(&arena);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(the_maximum_is_never_passed),
        cmocka_unit_test(huge_sizes_do_not_wrap_around),
        cmocka_unit_test(reset_keeps_the_first_block_and_frees_the_rest),
        cmocka_unit_test(large_pieces_do_not_waste_the_block_in_use),
        cmocka_unit_test(size_zero_gives_distinct_pointers),
        cmocka_unit_test(strings_are_copied_whole),
        cmocka_unit_test(every_failing_allocation_leaves_a_usable_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
