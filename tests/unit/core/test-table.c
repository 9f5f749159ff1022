/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/cleanup.h"
#include "core/table.h"

enum { N = 1000 };

struct thing {
    const char *key;
    char text[12];
    bool is_in;
};

static struct thing *make_things(void)
{
    struct thing *things = calloc(N, sizeof(*things));

    for (int i = 0; i < N; i++) {
        snprintf(things[i].text, sizeof(things[i].text), "pv-%d", i);
        things[i].key = things[i].text;
    }
    return things;
}

/* Adds and removes in a fixed random order and compares with what is known to be in. */
static void items_are_found_while_others_come_and_go(void **state)
{
    ol_autofree struct thing *things = make_things();
    struct ol_table t = OL_TABLE_INIT(&ol_table_of_strings);
    uint32_t random = 7;
    size_t n = 0;

    for (int step = 0; step < 20 * N; step++) {
        struct thing *one;

        random = random * 1103515245 + 12345;
        one = &things[(random >> 8) % N];
        if (one->is_in)
            ol_table_remove(&t, one);
        else
            ol_table_put(&t, one);
        one->is_in = !one->is_in;
        n += one->is_in ? 1 : (size_t)-1;
        assert_int_equal(t.n, n);
    }
    for (int i = 0; i < N; i++)
        assert_ptr_equal(ol_table_find_str(&t, things[i].key), things[i].is_in ? &things[i] : NULL);
    ol_table_done(&t);
    (void)state;
}

static void each_gives_all_items_once(void **state)
{
    ol_autofree struct thing *things = make_things();
    struct ol_table t = OL_TABLE_INIT(&ol_table_of_strings);
    struct thing *one;
    size_t at = 0, n = 0;

    assert_null(ol_table_each(&t, &at));
    assert_null(ol_table_find_str(&t, "pv-1"));
    for (int i = 0; i < N; i++)
        ol_table_put(&t, &things[i]);
    while ((one = ol_table_each(&t, &at))) {
        assert_false(one->is_in);
        one->is_in = true;
        n++;
    }
    assert_int_equal(n, N);
    ol_table_done(&t);
    (void)state;
}

static void item_is_replaced_by_one_of_its_key(void **state)
{
    struct thing old = {.key = "a"}, now = {.key = "a"};
    struct ol_table t = OL_TABLE_INIT(&ol_table_of_strings);

    ol_table_put(&t, &old);
    ol_table_replace(&t, &old, &now);
    assert_ptr_equal(ol_table_find_str(&t, "a"), &now);
    ol_table_remove(&t, &now);
    assert_int_equal(t.n, 0);
    ol_table_done(&t);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_while_others_come_and_go),
        cmocka_unit_test(each_gives_all_items_once),
        cmocka_unit_test(item_is_replaced_by_one_of_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
