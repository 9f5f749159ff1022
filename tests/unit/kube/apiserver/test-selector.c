/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/apiserver/selector.h"

static const char object_text[] =
    "{\"metadata\":{\"name\":\"n\",\"namespace\":\"s\",\"labels\":{\"app\":\"web\",\"tier\":\"\","
    "\"example.com/n\":\"7\"}}}";

static void labels_are_selected_as_kubectl_documents(void **state)
{
    static const struct {
        const char *text;
        bool is_selected;
    } cases[] = {
        {"", true},
        {"app=web", true},
        {"app==web", true},
        {" app = web , tier = ", true},
        {"app!=web", false},
        {"none!=web", true},
        {"app in (db, web)", true},
        {"app in (db)", false},
        {"app notin (db)", true},
        {"none notin (db)", true},
        {"app notin (web,db)", false},
        {"app", true},
        {"!app", false},
        {"! none", true},
        {"none", false},
        {"tier=", true},
        {"tier in (,x)", true},
        {"example.com/n>6", true},
        {"example.com/n<7", false},
        {"app>1", false},
        {"app=web,none", false},
        {"in in (in)", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct api_selector s;
        struct ol_val *object;

        assert_int_equal(ol_json_load(object_text, strlen(object_text), &a, &object, NULL), 0);
        if (api_selector_labels(cases[i].text, &a, &s, &err) < 0)
            fail_msg("'%s': %s", cases[i].text, err.msg);
        if (api_selector_has_labels(&s, object) != cases[i].is_selected)
            fail_msg("'%s' selects %d", cases[i].text, !cases[i].is_selected);
    }
}

static void wrong_label_selectors_are_refused(void **state)
{
    static const char *const cases[] = {
        "app in web", "app in (web", "=web",  "app=web,", "app=a b",  "app=-x", "a/b/c=d",
        "app in (a",  "app notin",   "app>x", ",",        "app=web)", "-app",   "app=(web)",
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct api_selector s;

        if (api_selector_labels(cases[i], &a, &s, &err) != -EINVAL || !err.msg[0])
            fail_msg("'%s' is taken", cases[i]);
    }
}

static void fields_are_selected_by_path(void **state)
{
    static const struct {
        const char *text;
        int is_selected; /* or -errno */
    } cases[] = {
        {"metadata.name=n", true},   {"metadata.name==n,metadata.namespace=s", true},
        {"metadata.name!=n", false}, {"metadata.namespace!=x", true},
        {"metadata.name=\\n", true}, {"spec.nope=1", -EINVAL},
        {"metadata.name", -EINVAL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct api_selector s;
        struct ol_val *object;
        int r;

        assert_int_equal(ol_json_load(object_text, strlen(object_text), &a, &object, NULL), 0);
        r = api_selector_fields(cases[i].text, &kube_pvc_kind, &a, &s, &err);
        if (r == 0)
            r = api_selector_has_fields(&s, &kube_pvc_kind, object);
        if (r != cases[i].is_selected)
            fail_msg("'%s': %d", cases[i].text, r);
    }
}

static void field_that_cannot_be_selected_is_named(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct api_selector s;

    assert_int_equal(api_selector_fields("spec.foo=1", &kube_pv_kind, &a, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "field label not supported: spec.foo");
    assert_int_equal(api_selector_fields("metadata.namespace=x", &kube_pv_kind, &a, &s, &err),
                     -EINVAL);
    assert_int_equal(api_selector_fields("metadata.name=x", &kube_pv_kind, &a, &s, &err), 0);
    assert_string_equal(api_selector_exact(&s, "metadata.name"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_selected_as_kubectl_documents),
        cmocka_unit_test(wrong_label_selectors_are_refused),
        cmocka_unit_test(fields_are_selected_by_path),
        cmocka_unit_test(field_that_cannot_be_selected_is_named),
    };

    return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
