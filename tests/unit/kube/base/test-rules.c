/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"

static const struct kube_object *decode(const struct kube_kind *kind, const char *json)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(kind, json, strlen(json), &o, &err) < 0)
        fail_msg("%s: %s", json, err.msg);
    return o;
}

static void label_selectors_match_as_in_apimachinery(void **state)
{
    static const struct {
        const char *selector; /* NULL: none at all */
        bool want;
    } cases[] = {
        {NULL, false},
        {"{}", true},
        {"{\"matchLabels\":{\"a\":\"1\"}}", true},
        {"{\"matchLabels\":{\"a\":\"2\"}}", false},
        {"{\"matchLabels\":{\"c\":\"\"}}", false},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"2\",\"1\"]}]}",
         true},
        {"{\"matchExpressions\":[{\"key\":\"c\",\"operator\":\"In\",\"values\":[\"1\"]}]}", false},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}",
         false},
        {"{\"matchExpressions\":[{\"key\":\"c\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}",
         true},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"}]}", true},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"DoesNotExist\"}]}", false},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Like\"}]}", false},
    };
    static const struct kube_pair pairs[] = {{"a", "1"}, {"b", ""}};
    const struct kube_map labels = {(struct kube_pair *)pairs, 2};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        char json[400];

        snprintf(json, sizeof(json), "{\"spec\":{\"selector\":%s}}",
                 cases[i].selector ? cases[i].selector : "null");
        o = decode(&kube_pvc_kind, json);
        assert_int_equal(kube_labels_match(kube_as_pvc(o)->spec.selector, &labels), cases[i].want);
    }
}

static void node_selectors_are_terms_of_requirements(void **state)
{
    static const struct {
        const char *terms; /* NULL: no selector */
        bool want;
    } cases[] = {
        {NULL, true},
        {"", false},
        {"{}", false},
        {"{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"a\"]}]}",
         true},
        {"{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"b\"]}]},"
         "{\"matchExpressions\":[{\"key\":\"disks\",\"operator\":\"Gt\",\"values\":[\"3\"]}]}",
         true},
        {"{\"matchExpressions\":[{\"key\":\"disks\",\"operator\":\"Lt\",\"values\":[\"4\"]}]}",
         false},
        {"{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"Gt\",\"values\":[\"1\"]}]}",
         false},
        {"{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"Exists\"},{\"key\":\"x\","
         "\"operator\":\"Exists\"}]}",
         false},
        {"{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":[\"n\"]}]}",
         true},
        {"{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"NotIn\",\"values\":[\"n"
         "\"]}]}",
         false},
        {"{\"matchFields\":[{\"key\":\"other\",\"operator\":\"In\",\"values\":[\"n\"]}]}", false},
    };
    ol_auto(kube_object_unref_at) const struct kube_object *node =
        decode(&kube_node_kind,
               "{\"metadata\":{\"name\":\"n\",\"labels\":{\"zone\":\"a\",\"disks\":\"4\"}}}");

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        const struct kube_pv *pv;
        char json[600];

        snprintf(json, sizeof(json),
                 "{\"spec\":{\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[%s]}}}}",
                 cases[i].terms ? cases[i].terms : "");
        o = decode(&kube_pv_kind, json);
        pv = kube_as_pv(o);
        assert_int_equal(kube_node_matches(cases[i].terms ? pv->spec.affinity->required : NULL,
                                           kube_as_node(node)),
                         cases[i].want);
    }
}

static void tolerations_fit_taints_as_in_core_v1(void **state)
{
    static const struct {
        const char *toleration;
        bool want;
    } cases[] = {
        {"{\"operator\":\"Exists\"}", true},
        {"{\"key\":\"k\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"}", false},
        {"{\"key\":\"k\",\"value\":\"v\"}", true},
        {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"v\",\"effect\":\"NoSchedule\"}", true},
        {"{\"key\":\"k\",\"operator\":\"Equal\",\"value\":\"w\"}", false},
        {"{\"key\":\"j\",\"operator\":\"Exists\"}", false},
    };
    const struct kube_taint taint = {"k", "v", "NoSchedule"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        char json[300];

        snprintf(json, sizeof(json), "{\"spec\":{\"tolerations\":[%s]}}", cases[i].toleration);
        o = decode(&kube_pod_kind, json);
        assert_int_equal(kube_is_tolerated(&kube_as_pod(o)->spec.tolerations, &taint),
                         cases[i].want);
    }
}

static void the_beta_annotation_wins_over_the_class(void **state)
{
    static const struct {
        const char *json, *want;
        bool is_set;
    } cases[] = {
        {"{}", "", false},
        {"{\"spec\":{\"storageClassName\":\"\"}}", "", true},
        {"{\"spec\":{\"storageClassName\":\"s\"}}", "s", true},
        {"{\"metadata\":{\"annotations\":{\"volume.beta.kubernetes.io/storage-class\":\"b\"}},"
         "\"spec\":{\"storageClassName\":\"s\"}}",
         "b", true},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o =
            decode(&kube_pvc_kind, cases[i].json);
        ol_auto(kube_object_unref_at) const struct kube_object *pv =
            decode(&kube_pv_kind, cases[i].json);
        bool is_set;

        assert_string_equal(kube_claim_class(kube_as_pvc(o), &is_set), cases[i].want);
        assert_int_equal(is_set, cases[i].is_set);
        assert_string_equal(kube_pv_class(kube_as_pv(pv)), cases[i].want);
    }
}

static void keys_are_split_and_versions_compared(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o =
        decode(&kube_pvc_kind, "{\"metadata\":{\"name\":\"c\",\"namespace\":\"n\"}}");
    ol_autofree char *key = kube_object_key(o);
    char ns[254], name[254];
    int order = 5;

    assert_string_equal(key, "n/c");
    assert_int_equal(kube_key_split(key, ns, name), 0);
    assert_string_equal(ns, "n");
    assert_string_equal(name, "c");
    assert_int_equal(kube_key_split("pv-1", ns, name), 0);
    assert_string_equal(ns, "");
    assert_true(kube_key_split("", ns, name) < 0 && kube_key_split("a/b/c", ns, name) < 0);
    assert_int_equal(kube_version_cmp("9", "10", &order), 0);
    assert_int_equal(order, -1);
    assert_true(kube_version_cmp("9", "x", &order) < 0);
}

static void kinds_are_found_by_place_and_by_word(void **state)
{
    char version[96];

    assert_ptr_equal(kube_kind_by_plural("storage.k8s.io", "v1", "storageclasses"),
                     &kube_class_kind);
    assert_null(kube_kind_by_plural("", "v1", "storageclasses"));
    assert_ptr_equal(kube_kind_by_name("v1", "Pod"), &kube_pod_kind);
    assert_null(kube_kind_by_name("v2", "Pod"));
    kube_api_version(&kube_lease_kind, version);
    assert_string_equal(version, "coordination.k8s.io/v1");
}

static void field_selectors_see_what_kubernetes_lets_them_see(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *json, *path, *want; /* want NULL: "" */
    } cases[] = {
        {&kube_pod_kind, "{\"spec\":{\"nodeName\":\"n\"}}", "spec.nodeName", "n"},
        {&kube_pod_kind, "{\"spec\":{}}", "spec.nodeName", NULL},
        {&kube_pod_kind, "{}", "spec.hostNetwork", "false"},
        {&kube_node_kind, "{\"spec\":{\"unschedulable\":true}}", "spec.unschedulable", "true"},
        {&kube_event_kind, "{\"source\":{\"component\":\"c\"}}", "source", "c"},
        {&kube_event_kind, "{\"reportingComponent\":\"r\"}", "source", "r"},
        {&kube_event_kind, "{\"involvedObject\":{\"uid\":\"u\"}}", "involvedObject.uid", "u"},
        {&kube_pv_kind, "{\"metadata\":{\"name\":\"v\"}}", "metadata.name", "v"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_val *v = NULL;
        const char *got;

        assert_int_equal(ol_json_load(cases[i].json, strlen(cases[i].json), &a, &v, NULL), 0);
        got = cases[i].kind->select(v, cases[i].path);
        assert_string_equal(got ? got : "none", cases[i].want ? cases[i].want : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(label_selectors_match_as_in_apimachinery),
        cmocka_unit_test(node_selectors_are_terms_of_requirements),
        cmocka_unit_test(tolerations_fit_taints_as_in_core_v1),
        cmocka_unit_test(the_beta_annotation_wins_over_the_class),
        cmocka_unit_test(field_selectors_see_what_kubernetes_lets_them_see),
        cmocka_unit_test(keys_are_split_and_versions_compared),
        cmocka_unit_test(kinds_are_found_by_place_and_by_word),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
