/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/document/field-set.h"

static struct ol_val *value(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    return v;
}

static const char *text_of(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    assert_int_equal(ol_json_dump(fset_sorted(a, v), &ol_json_compact, &text), 0);
    return ol_arena_strdup(a, text.data);
}

static void sets_combine_as_the_reference_does(void **state)
{
    static const struct {
        enum fset_op op;
        const char *x, *y, *want;
    } cases[] = {
        {FSET_UNION, "{}", "{\"f:a\":{}}", "{\"f:a\":{}}"},
        {FSET_UNION, "{\"f:b\":{}}", "{\"f:a\":{}}", "{\"f:a\":{},\"f:b\":{}}"},
        {FSET_UNION, "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\".\":{},\"f:b\":{}}}"},
        {FSET_UNION, "{\"f:a\":{\"f:c\":{}}}", "{\"f:a\":{\"f:b\":{}}}",
         "{\"f:a\":{\"f:b\":{},\"f:c\":{}}}"},
        {FSET_DIFFERENCE, "{\"f:a\":{}}", "{\"f:a\":{}}", "{}"},
        {FSET_DIFFERENCE, "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{}}",
         "{\"f:a\":{\"f:b\":{}}}"},
        {FSET_DIFFERENCE, "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{\"f:b\":{}}}",
         "{\"f:a\":{}}"},
        {FSET_DIFFERENCE, "{\"f:a\":{\"f:b\":{}},\"f:c\":{}}", "{\"f:a\":{\"f:b\":{}}}",
         "{\"f:c\":{}}"},
        {FSET_INTERSECTION, "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{}}", "{\"f:a\":{}}"},
        {FSET_INTERSECTION, "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}", "{}"},
        {FSET_INTERSECTION, "{\"f:a\":{\"f:b\":{},\"f:c\":{}}}", "{\"f:a\":{\"f:c\":{}}}",
         "{\"f:a\":{\"f:c\":{}}}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        const struct ol_val *x = value(&a, cases[i].x), *y = value(&a, cases[i].y);

        assert_string_equal(text_of(&a, fset_combine(&a, cases[i].op, x, y)), cases[i].want);
        assert_string_equal(text_of(&a, x), text_of(&a, value(&a, cases[i].x)));
    }
}

/* What doesn't change is the very same value, so that an entry need not be written anew. */
static void a_difference_without_effect_is_the_set_itself(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct ol_val *x = value(&a, "{\"f:a\":{\"f:b\":{}},\"f:c\":{\".\":{},\"f:d\":{}}}");
    const struct ol_val *y = value(&a, "{\"f:a\":{\".\":{},\"f:z\":{}},\"f:c\":{\"f:e\":{}}}");

    assert_ptr_equal(fset_combine(&a, FSET_DIFFERENCE, x, y), x);
    assert_ptr_equal(fset_sorted(&a, x), x);
}

static void elements_stand_in_the_references_order(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct ol_val *set = value(
        &a, "{\"v:\\\"b\\\"\":{},\"v:10\":{},\"v:9\":{},\"k:{\\\"port\\\":443}\":{},"
            "\"k:{\\\"port\\\":80,\\\"proto\\\":\\\"TCP\\\"}\":{},\"k:{\\\"port\\\":80}\":{},"
            "\"k:{\\\"name\\\":\\\"a b\\\"}\":{},\"k:{\\\"name\\\":\\\"a\\\"}\":{},\"f:b\":{},"
            "\"f:a\":{},\".\":{}}");

    assert_string_equal(
        text_of(&a, set),
        "{\".\":{},\"f:a\":{},\"f:b\":{},\"k:{\\\"name\\\":\\\"a\\\"}\":{},"
        "\"k:{\\\"name\\\":\\\"a b\\\"}\":{},\"k:{\\\"port\\\":80}\":{},"
        "\"k:{\\\"port\\\":80,\\\"proto\\\":\\\"TCP\\\"}\":{},\"k:{\\\"port\\\":443}\":{},"
        "\"v:9\":{},\"v:10\":{},\"v:\\\"b\\\"\":{}}");
}

static void add_line(void *ctx, const char *path)
{
    ol_buf_printf(ctx, "%s\n", path);
}

static void paths_are_told_members_first(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    const struct ol_val *set = value(
        &a, "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},"
            "\"f:image\":{}}},\"f:x\":{}},\"f:metadata\":{\"f:finalizers\":{\"v:\\\"a<b\\\"\":{}}},"
            "\"f:z\":{}}");

    fset_each(&a, set, add_line, &text);
    assert_string_equal(text.data, ".z\n.metadata.finalizers[=\"a\\u003cb\"]\n.spec.x\n"
                                   ".spec.containers[name=\"web\"]\n"
                                   ".spec.containers[name=\"web\"].image\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_combine_as_the_reference_does),
        cmocka_unit_test(a_difference_without_effect_is_the_set_itself),
        cmocka_unit_test(elements_stand_in_the_references_order),
        cmocka_unit_test(paths_are_told_members_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
