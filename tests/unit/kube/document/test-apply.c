/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/base/kind.h"
#include "kube/document/patch.h"

static const struct kube_kind *kind_of(const char *name)
{
    for (size_t i = 0; kube_kinds[i]; i++)
        if (!strcmp(kube_kinds[i]->kind, name))
            return kube_kinds[i];
    return NULL;
}

static const char *text(const struct ol_val *step, const char *key)
{
    return ol_val_str(ol_val_get(step, key));
}

/* Does one step; NULL when it was refused. */
static struct ol_val *do_step(struct ol_arena *a, const struct kube_kind *kind,
                              const struct ol_val *live, const struct ol_val *step,
                              struct kube_findings *conflicts)
{
    const struct kube_manager m = {.name = text(step, "manager"),
                                   .subresource = text(step, "subresource"),
                                   .time = text(step, "time"),
                                   .is_apply = !strcmp(text(step, "op"), "apply"),
                                   .is_forced = ol_val_is_truthy(ol_val_get(step, "force"))};
    const struct ol_val *object = ol_val_get(step, "object");
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *now = NULL;

    if (m.is_apply) {
        return kube_apply(a, kind, live, object, &m, &now, conflicts, &err) < 0 ? NULL : now;
    }
    now = kube_patch_merge(a, live, object);
    kube_managed_update(a, kind, live, now, &m);
    return now;
}

static bool conflicts_are(struct ol_arena *a, const struct ol_val *step,
                          const struct kube_findings *got)
{
    const struct ol_val *want = ol_val_get(step, "conflicts");
    const char *message = text(step, "message");
    bool is_same = ol_val_count(want) == got->n;

    for (size_t i = 0; is_same && i < got->n; i++)
        is_same = !strcmp(got->v[i].path, text(ol_val_item(want, i), "path"))
                  && !strcmp(got->v[i].message, text(ol_val_item(want, i), "message"))
                  && !strcmp(got->v[i].reason, "FieldManagerConflict");
    if (is_same && message && got->n)
        is_same = !strcmp(message, kube_apply_conflict_text(a, got));
    if (!is_same) {
        print_message("  conflicts want %s %s\n", golden_text(a, want), message);
        print_message("  got %s\n", got->n ? kube_apply_conflict_text(a, got) : "none");
    }
    return is_same;
}

/* From a little before the place where they differ. */
static void show(const char *name, size_t step, const char *want, const char *got)
{
    size_t at = 0;

    while (want[at] && want[at] == got[at])
        at++;
    at = at < 60 ? 0 : at - 60;
    print_message("%s, step %zu\n  want %.200s\n  got  %.200s\n", name, step, want + at,
                  at < strlen(got) ? got + at : "");
}

/* One sequence; false when a step comes out otherwise. */
static bool is_as_wanted(struct ol_arena *a, const struct ol_val *c)
{
    const struct ol_val *steps = ol_val_get(c, "steps");
    const struct kube_kind *kind = kind_of(text(c, "kind"));
    struct ol_val *live = NULL;

    for (size_t i = 0; i < ol_val_count(steps); i++) {
        const struct ol_val *step = ol_val_item(steps, i), *want = ol_val_get(step, "want");
        struct kube_findings conflicts = {.arena = a};
        const char *before = golden_text(a, live);
        struct ol_val *now = do_step(a, kind, live, step, &conflicts);
        bool is_same =
            !now == !want && (!now || !strcmp(golden_text(a, now), golden_text(a, want)));

        if (!want)
            is_same = is_same && conflicts_are(a, step, &conflicts);
        if (!is_same) {
            show(text(c, "name"), i, golden_text(a, want), golden_text(a, now));
            return false;
        }
        if (strcmp(before, golden_text(a, live)) != 0) {
            print_message("%s, step %zu: the document was changed\n", text(c, "name"), i);
            return false;
        }
        live = now ? now : live;
    }
    return true;
}

static void writes_do_as_the_reference(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(512 << 20);
    const struct ol_val *cases = golden_load(&a, "apply/cases.json");
    size_t n_wrong = 0;

    assert_true(ol_val_count(cases) > 60);
    for (size_t i = 0; i < ol_val_count(cases); i++)
        n_wrong += !is_as_wanted(&a, ol_val_item(cases, i));
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_do_as_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
