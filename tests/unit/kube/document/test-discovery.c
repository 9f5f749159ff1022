/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/document/describe.h"

struct answer {
    struct ol_arena arena;
    struct ol_buf text;
    struct ol_val *v;
};

static int set_up(void **state)
{
    static struct answer a;

    ol_arena_init(&a.arena, 64 << 20);
    ol_buf_init(&a.text, 64 << 20);
    *state = &a;
    return 0;
}

static int tear_down(void **state)
{
    struct answer *a = *state;

    ol_arena_done(&a->arena);
    ol_buf_done(&a->text);
    return 0;
}

static const struct ol_val *parsed(struct answer *a)
{
    assert_int_equal(ol_buf_status(&a->text), 0);
    assert_int_equal(ol_json_load(a->text.data, a->text.len, &a->arena, &a->v, NULL), 0);
    return a->v;
}

/* The item whose member has this text. */
static const struct ol_val *find(const struct ol_val *list, const char *path, const char *text)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *s = ol_val_str(ol_val_at(ol_val_item(list, i), path));

        if (s && !strcmp(s, text))
            return ol_val_item(list, i);
    }
    return NULL;
}

static void core_versions_name_the_server(void **state)
{
    struct answer *a = *state;

    kube_discover_core_versions("10.0.0.1:6443", &a->text);
    assert_string_equal(
        golden_text(&a->arena, parsed(a)),
        "{\"kind\":\"APIVersions\",\"serverAddressByClientCIDRs\":[{\"clientCIDR\":"
        "\"0.0.0.0/0\",\"serverAddress\":\"10.0.0.1:6443\"}],\"versions\":[\"v1\"]}");
}

static void groups_are_those_of_the_registry(void **state)
{
    struct answer *a = *state;
    const struct ol_val *groups;

    kube_discover_groups(&a->text);
    groups = ol_val_get(parsed(a), "groups");
    assert_null(find(groups, "name", ""));
    for (size_t i = 0; kube_kinds[i]; i++)
        if (*kube_kinds[i]->group)
            assert_non_null(find(groups, "name", kube_kinds[i]->group));
    for (size_t i = 0; i < ol_val_count(groups); i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ol_val_str(ol_val_get(ol_val_item(groups, i), "name")),
                                    ol_val_str(ol_val_get(ol_val_item(groups, k), "name")));
}

static void one_group_is_told_alone(void **state)
{
    struct answer *a = *state;

    assert_int_equal(kube_discover_group("nobody.example", &a->text), -ENOENT);
    assert_int_equal(kube_discover_group("", &a->text), -ENOENT);
    assert_int_equal(a->text.len, 0);
    assert_int_equal(kube_discover_group("storage.k8s.io", &a->text), 0);
    assert_string_equal(golden_text(&a->arena, parsed(a)),
                        "{\"apiVersion\":\"v1\",\"kind\":\"APIGroup\",\"name\":\"storage.k8s.io\","
                        "\"preferredVersion\":{\"groupVersion\":\"storage.k8s.io/v1\",\"version\":"
                        "\"v1\"},\"versions\":[{\"groupVersion\":\"storage.k8s.io/v1\",\"version\":"
                        "\"v1\"}]}");
}

static void resources_have_verbs_and_subresources(void **state)
{
    struct answer *a = *state;
    const struct ol_val *list, *r;

    assert_int_equal(kube_discover_resources("", "v2", &a->text), -ENOENT);
    assert_int_equal(kube_discover_resources("", "v1", &a->text), 0);
    list = ol_val_get(parsed(a), "resources");
    assert_string_equal(ol_val_str(ol_val_get(a->v, "groupVersion")), "v1");
    r = find(list, "name", "persistentvolumes");
    assert_string_equal(ol_val_str(ol_val_get(r, "singularName")), "persistentvolume");
    assert_string_equal(ol_val_str(ol_val_item(ol_val_get(r, "shortNames"), 0)), "pv");
    assert_false(ol_val_is_truthy(ol_val_get(r, "namespaced")));
    assert_int_equal(ol_val_count(ol_val_get(r, "verbs")), 8);
    r = find(list, "name", "persistentvolumes/status");
    assert_string_equal(ol_val_str(ol_val_get(r, "kind")), "PersistentVolume");
    assert_int_equal(ol_val_count(ol_val_get(r, "verbs")), 3);
    r = find(list, "name", "pods/eviction");
    assert_string_equal(ol_val_str(ol_val_get(r, "group")), "policy");
    assert_true(ol_val_is_truthy(ol_val_get(r, "namespaced")));
    assert_non_null(find(list, "name", "pods/binding"));
    assert_null(find(list, "name", "secrets/status"));
}

static void aggregated_discovery_has_both_halves(void **state)
{
    struct answer *a = *state;
    const struct ol_val *items, *r, *version;

    kube_discover_aggregated(true, "v2", &a->text);
    items = ol_val_get(parsed(a), "items");
    assert_string_equal(ol_val_str(ol_val_get(a->v, "apiVersion")), "apidiscovery.k8s.io/v2");
    assert_int_equal(ol_val_count(items), 1);
    version = ol_val_item(ol_val_get(ol_val_item(items, 0), "versions"), 0);
    r = find(ol_val_get(version, "resources"), "resource", "persistentvolumeclaims");
    assert_string_equal(ol_val_str(ol_val_get(r, "scope")), "Namespaced");
    r = find(ol_val_get(r, "subresources"), "subresource", "status");
    assert_string_equal(ol_val_str(ol_val_at(r, "responseKind/kind")), "PersistentVolumeClaim");

    ol_buf_clear(&a->text);
    kube_discover_aggregated(false, "v2beta1", &a->text);
    items = ol_val_get(parsed(a), "items");
    assert_string_equal(ol_val_str(ol_val_get(a->v, "apiVersion")), "apidiscovery.k8s.io/v2beta1");
    assert_non_null(find(items, "metadata/name", "storage.k8s.io"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(core_versions_name_the_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_are_those_of_the_registry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_group_is_told_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resources_have_verbs_and_subresources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aggregated_discovery_has_both_halves, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
