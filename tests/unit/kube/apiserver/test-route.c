/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/apiserver/route.h"

static void paths_name_objects(void **state)
{
    static const struct {
        const char *path;
        const struct kube_kind *kind;
        const char *ns, *name, *sub;
    } cases[] = {
        {"/api/v1/persistentvolumes", &kube_pv_kind, "", "", NULL},
        {"/api/v1/persistentvolumes/a%2Db", &kube_pv_kind, "", "a-b", NULL},
        {"/api/v1/persistentvolumes/a/status", &kube_pv_kind, "", "a", "status"},
        {"/api/v1/persistentvolumes/a/", &kube_pv_kind, "", "a", NULL},
        {"/api/v1/persistentvolumeclaims", &kube_pvc_kind, "", "", NULL},
        {"/api/v1/namespaces/n/persistentvolumeclaims", &kube_pvc_kind, "n", "", NULL},
        {"/api/v1/namespaces/n/persistentvolumeclaims/c", &kube_pvc_kind, "n", "c", NULL},
        {"/api/v1/namespaces/n/pods/p/binding", &kube_pod_kind, "n", "p", "binding"},
        {"/api/v1/namespaces", &kube_namespace_kind, "", "", NULL},
        {"/api/v1/namespaces/n", &kube_namespace_kind, "", "n", NULL},
        {"/api/v1/namespaces/n/status", &kube_namespace_kind, "", "n", "status"},
        {"/api/v1/namespaces/n/finalize", &kube_namespace_kind, "", "n", "finalize"},
        {"/apis/storage.k8s.io/v1/storageclasses/x", &kube_class_kind, "", "x", NULL},
        {"/apis/coordination.k8s.io/v1/namespaces/n/leases/l", &kube_lease_kind, "n", "l", NULL},
        {"/api/v1/persistentvolumeclaims/c", NULL, "", "c", NULL},
        {"/api/v1/namespaces/n/persistentvolumes", NULL, "n", "", NULL},
        {"/api/v1/namespaces/n/pods/p/proxy/x", NULL, "n", "p", "proxy"},
        {"/apis/storage.k8s.io/v2/storageclasses", NULL, "", "", NULL},
        {"/healthz", NULL, "", "", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct api_route r;

        assert_int_equal(api_route_parse(cases[i].path, &a, &r), 0);
        if (r.kind != cases[i].kind || strcmp(r.ns, cases[i].ns) != 0
            || strcmp(r.name, cases[i].name) != 0
            || strcmp(r.subresource ? r.subresource : "", cases[i].sub ? cases[i].sub : "") != 0)
            fail_msg("%s: kind %s ns '%s' name '%s' sub '%s'", cases[i].path,
                     r.kind ? r.kind->kind : "none", r.ns, r.name,
                     r.subresource ? r.subresource : "");
    }
}

static void wrong_paths_are_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "api",
                                        "/api//v1",
                                        "/api/%zz",
                                        "/api/%0",
                                        "/api/%00",
                                        "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct api_route r;

        if (api_route_parse(cases[i], &a, &r) != -EINVAL)
            fail_msg("'%s' is taken", cases[i]);
    }
}

static void query_is_unescaped_and_typed(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct api_query q;

    assert_int_equal(api_query_parse("limit=500&labelSelector=a+in+%28b%2Cc%29&watch&"
                                     "allowWatchBookmarks=true&force=false&x=y&dryRun=All",
                                     &a, &q),
                     0);
    assert_int_equal(q.limit, 500);
    assert_string_equal(q.label_selector, "a in (b,c)");
    assert_true(q.is_watch && q.want_bookmarks && q.has_force && q.is_dry_run);
    assert_false(q.is_forced);
    assert_int_equal(q.grace_seconds, -1);
    assert_null(q.wrong);
}

static void wrong_parameters_are_told(void **state)
{
    static const struct {
        const char *query, *wrong;
    } cases[] = {
        {"limit=x", "limit: invalid number \"x\""},
        {"limit=-1", "limit: Invalid value: must be greater than or equal to 0"},
        {"dryRun=None", "dryRun: Unsupported value: \"None\": supported values: \"All\""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct api_query q;

        assert_int_equal(api_query_parse(cases[i].query, &a, &q), 0);
        assert_string_equal(q.wrong, cases[i].wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_objects),
        cmocka_unit_test(wrong_paths_are_refused),
        cmocka_unit_test(query_is_unescaped_and_typed),
        cmocka_unit_test(wrong_parameters_are_told),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
