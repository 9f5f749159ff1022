/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/base/kind.h"
#include "kube/document/patch.h"

static const struct kube_schema *schema_of(const char *kind)
{
    for (size_t i = 0; kube_kinds[i]; i++)
        if (!strcmp(kube_kinds[i]->kind, kind))
            return kube_kinds[i]->schema;
    return NULL;
}

/* One case of the table; false when it comes out otherwise. */
static bool is_as_wanted(struct ol_arena *a, const struct ol_val *c)
{
    const struct ol_val *doc = ol_val_get(c, "doc");
    const char *before = golden_text(a, doc);
    const char *name = ol_val_str(ol_val_get(c, "name")), *want = NULL, *got = NULL;
    const struct kube_schema *schema = schema_of(ol_val_str(ol_val_get(c, "kind")));
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *to = NULL;
    int r;

    if (!schema) {
        print_message("no such kind: %s\n", name);
        return false;
    }
    r = kube_patch_strategic(a, schema, doc, ol_val_get(c, "patch"), &to, &err);
    if (strcmp(before, golden_text(a, doc))) {
        print_message("%s: the document was changed\n", name);
        return false;
    }
    want = ol_val_get(c, "fails") ? "refused" : golden_text(a, ol_val_get(c, "want"));
    got = r < 0 ? "refused" : golden_text(a, to);
    if (!strcmp(want, got))
        return true;
    print_message("%s\n  patch %s\n  want  %s\n  got   %s (%s)\n", name,
                  golden_text(a, ol_val_get(c, "patch")), want, got, ol_err_text(&err));
    return false;
}

static void patches_do_as_the_reference(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(256 << 20);
    const struct ol_val *cases = golden_load(&a, "strategic/cases.json");
    size_t n_wrong = 0;

    assert_true(ol_val_count(cases) > 200);
    for (size_t i = 0; i < ol_val_count(cases); i++)
        n_wrong += !is_as_wanted(&a, ol_val_item(cases, i));
    assert_int_equal(n_wrong, 0);
}

/* A list of 20,000 in an order of 20,000 takes no time that anyone notices. */
static void long_lists_are_no_trap(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(256 << 20);
    struct ol_val *doc = ol_val_new_map(&a), *patch = ol_val_new_map(&a), *to = NULL;
    struct ol_val *meta = ol_val_new_map(&a), *change = ol_val_new_map(&a);
    struct ol_val *have = ol_val_new_list(&a), *order = ol_val_new_list(&a);

    for (int i = 0; i < 20000; i++) {
        ol_val_append(&a, have, ol_val_new_str(&a, ol_arena_printf(&a, "f%d", i)));
        ol_val_append(&a, order, ol_val_new_str(&a, ol_arena_printf(&a, "f%d", 20000 - i)));
    }
    ol_val_set(&a, meta, "finalizers", have);
    ol_val_set(&a, doc, "metadata", meta);
    ol_val_set(&a, change, "finalizers", order);
    ol_val_set(&a, change, "$setElementOrder/finalizers", order);
    ol_val_set(&a, patch, "metadata", change);
    assert_int_equal(kube_patch_strategic(&a, schema_of("Pod"), doc, patch, &to, NULL), 0);
    assert_int_equal(ol_val_count(ol_val_at(to, "metadata/finalizers")), 20001);
}

static void patches_that_are_no_objects_are_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *to = NULL;

    assert_int_equal(kube_patch_strategic(&a, schema_of("Pod"), ol_val_new_map(&a),
                                          ol_val_new_list(&a), &to, &err),
                     -EINVAL);
    assert_null(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_do_as_the_reference),
        cmocka_unit_test(long_lists_are_no_trap),
        cmocka_unit_test(patches_that_are_no_objects_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
