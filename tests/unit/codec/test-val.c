/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "codec/val.h"
#include "core/cleanup.h"

static void floats_are_shown_as_python_shows_them(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        {1.5, "1.5"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {1.5e300, "1.5e+300"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {1311.31, "1311.31"},
        {-0.0, "-0.0"},
        {INFINITY, "inf"},
        {-2.5, "-2.5"},
        {123456789.125, "123456789.125"},
        {5e-324, "5e-324"},
        {100.0, "100.0"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char got[32];

        ol_float_repr(cases[i].v, got);
        assert_string_equal(got, cases[i].want);
    }
}

static void equal_keys_of_different_types_are_one_key(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *m = ol_val_new_map(&a);

    ol_val_set_key(&a, m, ol_val_new_int(&a, 1), ol_val_new_str(&a, "first"));
    ol_val_set_key(&a, m, ol_val_new_bool(&a, true), ol_val_new_str(&a, "second"));
    ol_val_set_key(&a, m, ol_val_new_float(&a, 1.0), ol_val_new_str(&a, "third"));
    assert_int_equal(ol_val_count(m), 1);
    assert_string_equal(ol_val_to_repr(&a, m), "{1: 'third'}");
}

static void large_maps_keep_order_and_find_every_key(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *m = ol_val_new_map(&a);
    char key[16];

    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        ol_val_set_int(&a, m, key, i);
    }
    assert_true(ol_val_remove(m, "k7"));
    assert_false(ol_val_remove(m, "k7"));
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(ol_val_int(ol_val_get(m, key), -1), i == 7 ? -1 : i);
    }
    assert_string_equal(ol_val_str(ol_val_pair(m, 7)->key), "k8");
}

static void text_is_quoted_as_python_quotes_it(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

    assert_string_equal(ol_val_to_repr(&a, ol_val_new_str(&a, "it's")), "\"it's\"");
    assert_string_equal(ol_val_to_repr(&a, ol_val_new_str(&a, "a\"'\n")), "'a\"\\'\\n'");
    assert_string_equal(ol_val_to_repr(&a, ol_val_new_bytes(&a, "\xff", 1)), "b'\\xff'");
}

static void big_integers_keep_their_digits(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const char *big = "123456789012345678901234567890";

    assert_string_equal(ol_val_to_text(&a, ol_val_new_int_text(&a, big)), big);
    assert_string_equal(ol_val_to_text(&a, ol_val_new_int_text(&a, "-007")), "-7");
}

static void a_value_within_itself_has_no_size(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct ol_val *cycle = ol_val_new_list(&a), *laughs = ol_val_new_str(&a, "ha"), *map;

    ol_val_append(&a, cycle, cycle);
    ol_val_append(&a, cycle, cycle);
    assert_false(ol_val_is_within(cycle, 1 << 30));
    map = ol_val_new_map(&a);
    ol_val_set(&a, map, "a", map);
    assert_false(ol_val_is_within(map, 1 << 30));
    for (int i = 0; i < 30; i++) {
        struct ol_val *twice = ol_val_new_list(&a);

        ol_val_append(&a, twice, laughs);
        ol_val_append(&a, twice, laughs);
        laughs = twice;
    }
    assert_false(ol_val_is_within(laughs, 1 << 20));
    assert_true(ol_val_is_within(ol_val_new_str(&a, "x"), 1000));
    assert_false(ol_val_is_within(ol_val_new_str(&a, "x"), 1));
    assert_true(ol_val_is_within(NULL, 0));
    /* A copy of it ends all the same, when the arena is full; the top keeps its type. */
    assert_non_null(ol_val_copy(&a, laughs));
    assert_true(a.used < 32u << 20);
    assert_true(ol_arena_is_over(&a));
    assert_true(ol_val_is(ol_val_copy(&a, map), OL_VAL_MAP));
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_shown_as_python_shows_them),
        cmocka_unit_test(equal_keys_of_different_types_are_one_key),
        cmocka_unit_test(large_maps_keep_order_and_find_every_key),
        cmocka_unit_test(text_is_quoted_as_python_quotes_it),
        cmocka_unit_test(big_integers_keep_their_digits),
        cmocka_unit_test(a_value_within_itself_has_no_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
