/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include "kube/base/kind.h"
#include "kube/document/describe.h"

enum { LARGEST = 64 << 20 };

static struct ol_val *parsed(struct ol_arena *a, const struct ol_buf *text)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_buf_status(text), 0);
    assert_int_equal(ol_json_load(text->data, text->len, a, &v, NULL), 0);
    return v;
}

/* Counts references, and those that lead nowhere. */
static size_t dangling(const struct ol_val *v, const struct ol_val *definitions, size_t *n)
{
    const char *ref = ol_val_str(ol_val_get(v, "$ref"));
    size_t n_wrong = 0;

    if (ref) {
        ++*n;
        n_wrong += !ol_val_get(definitions, strrchr(ref, '/') + 1);
    }
    for (size_t i = 0; i < ol_val_count(v); i++)
        n_wrong += dangling(v->type == OL_VAL_LIST ? v->list.items[i] : v->map.pairs[i].value,
                            definitions, n);
    return n_wrong;
}

static const struct ol_val *definition_of(const struct ol_val *doc, const char *name)
{
    return ol_val_get(ol_val_get(doc, "definitions"), name);
}

static void version_2_has_every_kind_and_what_it_needs(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST);
    const struct ol_val *doc;
    size_t n = 0;

    kube_openapi_v2_json(&text);
    doc = parsed(&a, &text);
    assert_string_equal(ol_val_str(ol_val_get(doc, "swagger")), "2.0");
    for (size_t i = 0; kube_kinds[i]; i++) {
        const struct ol_val *d = definition_of(doc, kube_kinds[i]->schema->name);
        const struct ol_val *gvk = ol_val_item(ol_val_get(d, "x-kubernetes-group-version-kind"), 0);

        assert_non_null(d);
        assert_string_equal(ol_val_str(ol_val_get(gvk, "kind")), kube_kinds[i]->kind);
        assert_string_equal(ol_val_str(ol_val_get(gvk, "group")), kube_kinds[i]->group);
    }
    assert_int_equal(dangling(doc, ol_val_get(doc, "definitions"), &n), 0);
    assert_true(n > 500);
}

static void merge_keys_are_told(void **state)
{
    static const struct {
        const char *type, *field, *want;
    } cases[] = {
        {"io.k8s.api.core.v1.Container", "ports",
         "{\"x-kubernetes-list-map-keys\":[\"containerPort\",\"protocol\"],"
         "\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-patch-merge-key\":\"containerPort\","
         "\"x-kubernetes-patch-strategy\":\"merge\"}"},
        {"io.k8s.api.core.v1.PodSpec", "volumes",
         "{\"x-kubernetes-list-map-keys\":[\"name\"],\"x-kubernetes-list-type\":\"map\","
         "\"x-kubernetes-patch-merge-key\":\"name\","
         "\"x-kubernetes-patch-strategy\":\"merge,retainKeys\"}"},
        {"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers",
         "{\"x-kubernetes-list-type\":\"set\",\"x-kubernetes-patch-strategy\":\"merge\"}"},
        {"io.k8s.api.core.v1.PersistentVolumeSpec", "accessModes",
         "{\"x-kubernetes-list-type\":\"atomic\"}"},
        {"io.k8s.api.core.v1.PodSpec", "nodeSelector", "{\"x-kubernetes-map-type\":\"atomic\"}"},
        {"io.k8s.api.core.v1.PersistentVolumeSpec", "capacity", "{}"},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST);
    const struct ol_val *doc;

    kube_openapi_v2_json(&text);
    doc = parsed(&a, &text);
    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct ol_val *all = ol_val_get(definition_of(doc, cases[i].type), "properties");
        const struct ol_val *field = ol_val_get(all, cases[i].field);
        struct ol_val *told = ol_val_new_map(&a);

        assert_non_null(field);
        for (size_t k = 0; k < field->map.n; k++)
            if (field->map.pairs[k].key->str.data[0] == 'x')
                ol_val_set_key(&a, told, field->map.pairs[k].key, field->map.pairs[k].value);
        assert_string_equal(golden_text(&a, told), cases[i].want);
    }
}

/* kubectl looks at the parameters of PATCH to know what a server can do. */
static void patch_knows_dry_run_and_field_validation(void **state)
{
    static const char *const want[] = {"dryRun", "fieldManager", "fieldValidation", "force"};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST);
    const struct ol_val *path, *patch;

    assert_int_equal(kube_openapi_v3("api/v1", &text), 0);
    path = ol_val_get(ol_val_get(parsed(&a, &text), "paths"), "/api/v1/persistentvolumes/{name}");
    patch = ol_val_get(path, "patch");
    assert_string_equal(golden_text(&a, ol_val_get(patch, "x-kubernetes-group-version-kind")),
                        "{\"group\":\"\",\"kind\":\"PersistentVolume\",\"version\":\"v1\"}");
    for (size_t i = 0; i < ol_count(want); i++)
        assert_string_equal(
            ol_val_str(ol_val_get(ol_val_item(ol_val_get(patch, "parameters"), i), "name")),
            want[i]);
}

static void version_3_is_told_by_group(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf index = OL_BUF_INIT(LARGEST);
    const struct ol_val *paths;
    size_t n = 0;

    kube_openapi_v3_index(&index);
    paths = ol_val_get(parsed(&a, &index), "paths");
    assert_non_null(ol_val_get(paths, "api/v1"));
    for (size_t i = 0; i < ol_val_count(paths); i++) {
        const char *path = ol_val_str(ol_val_pair(paths, i)->key);
        const struct ol_val *doc;

        ol_buf_clear(&text);
        assert_int_equal(kube_openapi_v3(path, &text), 0);
        doc = parsed(&a, &text);
        assert_int_equal(dangling(doc, ol_val_at(doc, "components/schemas"), &n), 0);
    }
    assert_true(n > 500);
    assert_int_equal(kube_openapi_v3("apis/nobody.example/v1", &text), -ENOENT);
}

/* A varint, or -1. */
static int64_t varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t v = 0;

    for (unsigned shift = 0; *at < end && shift < 35; shift += 7) {
        v |= (uint64_t)(**at & 0x7f) << shift;
        if (!(*(*at)++ & 0x80))
            return (int64_t)v;
    }
    return -1;
}

/* Number of fields of this message, all of wire types 0 and 2; -1 when it is none. */
static int fields_of(const uint8_t *at, size_t len, unsigned wanted, const uint8_t **ret,
                     size_t *ret_len)
{
    const uint8_t *end = at + len;
    int n = 0;

    while (at < end) {
        int64_t tag = varint(&at, end), value = varint(&at, end);

        if (tag < 0 || value < 0 || ((tag & 7) != 0 && (tag & 7) != 2))
            return -1;
        if ((tag & 7) == 2 && value > end - at)
            return -1;
        if ((unsigned)tag >> 3 == wanted) {
            *ret = at;
            *ret_len = (size_t)value;
            n++;
        }
        at += (tag & 7) == 2 ? value : 0;
    }
    return n;
}

static void protobuf_has_as_many_definitions_as_json(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf proto = OL_BUF_INIT(LARGEST);
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(LARGEST);
    const uint8_t *part = NULL, *one = NULL;
    const struct ol_val *doc;
    size_t len = 0, one_len = 0;

    kube_openapi_v2(&proto);
    kube_openapi_v2_json(&json);
    doc = parsed(&a, &json);
    assert_int_equal(ol_buf_status(&proto), 0);
    assert_memory_equal(proto.data,
                        "\x0a\x03"
                        "2.0",
                        5);
    assert_int_equal(fields_of((const uint8_t *)proto.data, proto.len, 9, &part, &len), 1);
    assert_int_equal(fields_of(part, len, 1, &one, &one_len),
                     ol_val_count(ol_val_get(doc, "definitions")));
    assert_int_equal(fields_of((const uint8_t *)proto.data, proto.len, 8, &part, &len), 1);
    assert_int_equal(fields_of(part, len, 2, &one, &one_len),
                     ol_val_count(ol_val_get(doc, "paths")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_has_every_kind_and_what_it_needs),
        cmocka_unit_test(merge_keys_are_told),
        cmocka_unit_test(patch_knows_dry_run_and_field_validation),
        cmocka_unit_test(version_3_is_told_by_group),
        cmocka_unit_test(protobuf_has_as_many_definitions_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
