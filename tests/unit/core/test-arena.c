/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/arena.h"
#include "core/cleanup.h"

static void memory_is_zero_and_aligned(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

    for (size_t size = 0; size < 5000; size += 37) {
        unsigned char *p = ol_arena_alloc(&a, size);

        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xaa, size);
    }
    (void)state;
}

static void the_newest_grows_in_place_and_others_are_copied(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    char *p = ol_arena_memdup(&a, "abc", 3), *q, *r;

    q = ol_arena_grow(&a, p, 4, 100);
    assert_ptr_equal(p, q);
    assert_string_equal(q, "abc");
    assert_non_null(ol_arena_alloc(&a, 1));
    r = ol_arena_grow(&a, q, 100, 60000);
    assert_ptr_not_equal(q, r);
    assert_string_equal(r, "abc");
    for (size_t i = 4; i < 60000; i++)
        assert_int_equal(r[i], 0);
    assert_non_null(ol_arena_grow(&a, NULL, 0, 10));
    (void)state;
}

static void it_knows_when_its_maximum_is_passed(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1000);

    assert_non_null(ol_arena_alloc(&a, 1000 - 1000 % 16));
    assert_false(ol_arena_is_over(&a));
    assert_non_null(ol_arena_alloc(&a, 16));
    assert_true(ol_arena_is_over(&a));
    ol_arena_done(&a);
    assert_false(ol_arena_is_over(&a));
    assert_int_equal(a.max, 1000);
    (void)state;
}

static void a_big_item_does_not_waste_the_chunk_before_it(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    char *small = ol_arena_strdup(&a, "x"), *big = ol_arena_alloc(&a, 100000);
    char *next = ol_arena_strdup(&a, "y");

    assert_int_equal(next - small, 16);
    memset(big, 1, 100000);
    assert_string_equal(ol_arena_printf(&a, "%s%d%s", small, 7, next), "x7y");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_and_aligned),
        cmocka_unit_test(the_newest_grows_in_place_and_others_are_copied),
        cmocka_unit_test(it_knows_when_its_maximum_is_passed),
        cmocka_unit_test(a_big_item_does_not_waste_the_chunk_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
