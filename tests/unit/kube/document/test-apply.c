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

static struct ol_val *value(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    return v;
}

static void configurations_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *config, *want;
    } cases[] = {
        {"[]", "the configuration is not an object"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":5}",
         "the configuration is not an object"},
        {"{\"apiVersion\":\"v2\",\"kind\":\"Pod\"}",
         "invalid object type: the configuration is no Pod"},
        {"{\"kind\":\"Pod\"}", "invalid object type: the configuration is no Pod"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"managedFields\":[]}}",
         "metadata.managedFields must be nil"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
         "\"namespace\":\"d\"},\"spec\":{\"volumes\":[{\"name\":\"v\",\"bogus\":1}]}}",
         "failed to create typed patch object (d/p; /v1, Kind=Pod): "
         ".spec.volumes[name=\"v\"].bogus: field not declared in schema"},
        {"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":[]}",
         "failed to create typed patch object (/; /v1, Kind=Pod): .spec: expected map"},
    };
    const struct kube_manager m = {.name = "m", .is_apply = true};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct kube_findings conflicts = {.arena = &a};
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *to = NULL;

        assert_int_equal(kube_apply(&a, &kube_pod_kind, NULL, value(&a, cases[i].config), &m, &to,
                                    &conflicts, &err),
                         -EINVAL);
        assert_string_equal(err.msg, cases[i].want);
        assert_null(to);
    }
}

/* YAML has values that JSON has not. */
static void configurations_hold_what_json_can_hold(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct kube_manager m = {.name = "m", .is_apply = true};
    struct kube_findings conflicts = {.arena = &a};
    struct ol_val *config = value(&a, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}"), *to = NULL;
    struct ol_err err = OL_ERR_INIT;

    ol_val_set(&a, config, "spec", ol_val_new_time(&a, "2026-01-01"));
    assert_int_equal(kube_apply(&a, &kube_pod_kind, NULL, config, &m, &to, &conflicts, &err),
                     -EINVAL);
    assert_string_equal(err.msg, "the configuration has values that JSON can't hold");
    ol_val_set(&a, config, "spec", config);
    assert_int_equal(kube_apply(&a, &kube_pod_kind, NULL, config, &m, &to, &conflicts, &err),
                     -EINVAL);
}

#define ENTRY(manager, fields)                                                                     \
    "{\"manager\":\"" manager "\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":"        \
    "\"2026-01-01T00:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":" fields "}"

/* A status write takes apart nothing but its own entry: it is on the way of every bound volume. */
#define SPEC_OF_A   ENTRY("a", "{\"f:spec\":{\".\":{},\"f:capacity\":{}}}")
#define LABELS_OF_B ENTRY("b", "{\"f:metadata\":{\"f:labels\":{\"f:x\":{}}}}")

static void entries_that_stay_are_not_made_again(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct kube_manager m = {
        .name = "binder", .subresource = "status", .time = "2026-01-02T00:00:00Z"};
    struct ol_val *old = value(&a, "{\"metadata\":{\"name\":\"pv\",\"managedFields\":[" SPEC_OF_A
                                   "," LABELS_OF_B "]},\"spec\":{\"capacity\":{"
                                   "\"storage\":\"1Gi\"}},\"status\":{\"phase\":\"Available\"}}");
    struct ol_val *patch = value(&a, "{\"status\":{\"phase\":\"Bound\"}}");
    const struct ol_val *before = ol_val_at(old, "metadata/managedFields"), *after;
    struct ol_val *now = kube_patch_merge(&a, old, patch);
    size_t used = a.used;

    kube_managed_update(&a, &kube_pv_kind, old, now, &m);
    after = ol_val_at(now, "metadata/managedFields");
    assert_int_equal(ol_val_count(after), 3);
    assert_ptr_equal(ol_val_item(after, 0), ol_val_item(before, 0));
    assert_ptr_equal(ol_val_item(after, 1), ol_val_item(before, 1));
    assert_string_equal(golden_text(&a, ol_val_get(ol_val_item(after, 2), "fieldsV1")),
                        "{\"f:status\":{\"f:phase\":{}}}");
    assert_true(a.used - used < 8192);
}

/* What nobody can read is given up on a write, as the reference does; applying refuses. */
static void managers_that_make_no_sense(void **state)
{
    static const char *const lists[] = {
        "5",
        "[{\"manager\":\"x\"}]",
        "[{\"manager\":\"x\",\"operation\":\"Delete\",\"apiVersion\":\"v1\",\"fieldsType\":"
        "\"FieldsV1\"}]",
        "[" ENTRY("x", "{\"f:spec\":[\"f:a\"]}") "]",
        "[" ENTRY("x", "5") "]",
    };
    const struct kube_manager m = {.name = "m", .time = "2026-01-01T00:00:00Z"};

    for (size_t i = 0; i < ol_count(lists); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_val *old =
            value(&a, ol_arena_printf(&a, "{\"metadata\":{\"managedFields\":%s}}", lists[i]));
        struct ol_val *config = value(&a, "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\"}");
        struct kube_findings conflicts = {.arena = &a};
        struct ol_val *now = kube_patch_merge(&a, old, value(&a, "{\"spec\":{}}")), *to = NULL;

        kube_managed_update(&a, &kube_pv_kind, old, now, &m);
        assert_null(ol_val_at(now, "metadata/managedFields"));
        assert_int_equal(kube_apply(&a, &kube_pv_kind, old, config, &m, &to, &conflicts, NULL),
                         -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_do_as_the_reference),
        cmocka_unit_test(configurations_that_make_no_sense_are_refused),
        cmocka_unit_test(configurations_hold_what_json_can_hold),
        cmocka_unit_test(entries_that_stay_are_not_made_again),
        cmocka_unit_test(managers_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
