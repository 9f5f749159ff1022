/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"

static const struct kube_object *decode(const char *json)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r = kube_decode_text(NULL, json, strlen(json), &o, &err);

    if (r < 0)
        fail_msg("%s", err.msg);
    return o;
}

static void a_volume_has_all_that_controllers_read(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = decode(
        "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"pv-1\","
        "\"uid\":\"u-1\",\"resourceVersion\":\"7\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\","
        "\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"finalizers\":[\"kubernetes.io/pv-protection\"],"
        "\"managedFields\":[{\"manager\":\"x\",\"fieldsV1\":{\"f:spec\":{}}}]},"
        "\"spec\":{\"capacity\":{\"storage\":\"10Gi\"},\"accessModes\":[\"ReadWriteOnce\","
        "\"ReadWriteMany\"],\"persistentVolumeReclaimPolicy\":\"Keep\",\"volumeMode\":\"Block\","
        "\"claimRef\":{\"namespace\":\"default\",\"name\":\"c\",\"uid\":\"u-2\"},"
        "\"storageClassName\":\"\",\"unknown\":[1,{\"x\":null}],"
        "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\",\"volumeAttributes\":{\"k\":\"v\"},"
        "\"nodeStageSecretRef\":{\"name\":\"s\",\"namespace\":\"ns\"}},"
        "\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":"
        "[{\"key\":\"zone\",\"operator\":\"NotIn\",\"values\":[\"a\",\"b\"]}]}]}}},"
        "\"status\":{\"phase\":\"Bound\",\"message\":null}}");
    const struct kube_pv *pv = kube_as_pv(o);
    const struct kube_node_term *term;
    const struct kube_requirement *r;

    assert_non_null(pv);
    assert_null(kube_as_pvc(o));
    assert_string_equal(o->meta.name, "pv-1");
    assert_string_equal(o->meta.ns, "");
    assert_true(o->meta.created == 1767323045 * OL_SECOND);
    assert_true(o->meta.deleted == 0 && o->meta.grace_seconds == -1);
    assert_string_equal(kube_map_get(&o->meta.labels, "a"), "1");
    assert_string_equal(kube_map_get(&o->meta.labels, "b"), "2");
    assert_null(kube_map_get(&o->meta.labels, "c"));
    assert_true(kube_strs_has(&o->meta.finalizers, "kubernetes.io/pv-protection"));
    assert_true(ol_quantity_value(kube_resource_get(&pv->spec.capacity, "storage")) == 10ll << 30);
    assert_int_equal(pv->spec.access_modes, KUBE_RWO | KUBE_RWX);
    assert_int_equal(pv->spec.reclaim, KUBE_RECLAIM_NONE);
    assert_string_equal(pv->spec.reclaim_text, "Keep");
    assert_int_equal(pv->spec.volume_mode, KUBE_MODE_BLOCK);
    assert_string_equal(pv->spec.claim->name, "c");
    assert_string_equal(pv->spec.claim->kind, "");
    assert_string_equal(pv->spec.class_name, "");
    assert_null(pv->spec.attributes_class);
    assert_string_equal(pv->spec.csi->node_stage_secret->ns, "ns");
    assert_string_equal(kube_map_get(&pv->spec.csi->attributes, "k"), "v");
    assert_string_equal(pv->spec.csi->fs_type, "");
    assert_null(pv->spec.nfs);
    term = pv->spec.affinity->required->terms.v;
    r = term->match_expressions.v;
    assert_int_equal(r->op, KUBE_OP_NOT_IN);
    assert_string_equal(r->values.v[1], "b");
    assert_int_equal(pv->status.phase, KUBE_PV_BOUND);
    assert_string_equal(pv->status.message, "");
}

static void a_claim_tells_absent_from_empty(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *none = decode(
        "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"namespace\""
        ":\"n\"}}");
    ol_auto(kube_object_unref_at) const struct kube_object *empty = decode(
        "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"spec\":{\"storageClassNam"
        "e\":\"\","
        "\"selector\":{},\"resources\":{\"requests\":{\"storage\":\"800E\"}}}}");

    assert_null(kube_as_pvc(none)->spec.class_name);
    assert_null(kube_as_pvc(none)->spec.selector);
    assert_string_equal(kube_as_pvc(none)->spec.volume_name, "");
    assert_string_equal(kube_as_pvc(empty)->spec.class_name, "");
    assert_non_null(kube_as_pvc(empty)->spec.selector);
    assert_int_equal(kube_as_pvc(empty)->spec.requests.n, 1);
}

static void numbers_that_are_absent_are_minus_one_where_it_is_said(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *node = decode(
        "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"CSINode\",\"spec\":{\"drivers\":["
        "{\"name\":\"a\",\"nodeID\":\"i\"},{\"name\":\"b\",\"allocatable\":{\"count\":0}}]}}");
    ol_auto(kube_object_unref_at) const struct kube_object *driver =
        decode("{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"CSIDriver\",\"spec\":{"
               "\"attachRequired\":false}}");
    const struct kube_csinode_driver *d = kube_as_csinode(node)->drivers.v;

    assert_true(d[0].max_volumes == -1 && d[1].max_volumes == 0);
    assert_int_equal(kube_as_csidriver(driver)->attach_required, 0);
    assert_int_equal(kube_as_csidriver(driver)->pod_info, -1);
}

static void a_topology_term_means_one_of_its_values(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = decode(
        "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\",\"allowedTopologies\":"
        "[{\"matchLabelExpressions\":[{\"key\":\"zone\",\"values\":[\"a\"]}]}]}");
    const struct kube_topology_term *term = kube_as_class(o)->allowed_topologies.v;
    const struct kube_requirement *r = term->expressions.v;

    assert_int_equal(r->op, KUBE_OP_IN);
    assert_string_equal(r->values.v[0], "a");
    assert_int_equal(kube_as_class(o)->allow_expansion, -1);
}

static void a_pod_has_its_volumes_and_containers(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = decode(
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"affinity\":{\"nodeAffinity\":{"
        "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{}]},"
        "\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":5,\"preference\":{}}]}},"
        "\"securityContext\":{\"fsGroup\":0,\"supplementalGroups\":[1,2]},"
        "\"volumes\":[{\"name\":\"a\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}},"
        "{\"name\":\"b\",\"ephemeral\":{\"volumeClaimTemplate\":{\"metadata\":{\"labels\":{\"x"
        "\":\"y\"}},"
        "\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}}},"
        "{\"name\":\"e\",\"emptyDir\":{\"sizeLimit\":\"5Mi\"}}],"
        "\"containers\":[{\"name\":\"m\",\"command\":[\"a\",null],\"resources\":{\"limits\":{"
        "\"cpu\":2}},"
        "\"volumeMounts\":[{\"name\":\"a\",\"mountPath\":\"/d\",\"readOnly\":true}],"
        "\"livenessProbe\":{\"httpGet\":{\"port\":80}}}]}}");
    const struct kube_pod *pod = kube_as_pod(o);
    const struct kube_volume *v = pod->spec.volumes.v;
    const struct kube_container *c = pod->spec.containers.v;
    const struct kube_volume_mount *mount = c->mounts.v;
    const struct kube_preferred_term *preferred = pod->spec.preferred_nodes.v;
    const int64_t *groups = pod->spec.security->supplemental_groups.v;

    assert_int_equal(pod->spec.volumes.n, 3);
    assert_string_equal(v[0].claim->claim, "c");
    assert_string_equal(kube_map_get(&v[1].ephemeral->claim_template->meta.labels, "x"), "y");
    assert_string_equal(v[1].ephemeral->claim_template->meta.name, "");
    assert_int_equal(v[1].ephemeral->claim_template->spec.requests.n, 1);
    assert_true(ol_quantity_value(v[2].empty_dir->size_limit) == 5 << 20);
    assert_null(v[2].claim);
    assert_string_equal(c->command.v[0], "a");
    assert_string_equal(c->command.v[1], "");
    assert_true(ol_quantity_value(kube_resource_get(&c->limits, "cpu")) == 2);
    assert_true(mount->is_read_only && !strcmp(mount->path, "/d"));
    assert_int_equal(pod->spec.required_nodes->terms.n, 1);
    assert_true(preferred->weight == 5 && preferred->preference);
    assert_true(pod->spec.security->fs_group == 0 && pod->spec.security->run_as_user == -1);
    assert_true(groups[1] == 2);
    assert_true(pod->spec.grace_seconds == -1);
}

static void secrets_are_bytes_sorted_by_key(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o =
        decode("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"z\":\"AAE=\",\"a\":\"\","
               "\"k\":\"eA\\u003d=\"}}");
    const struct kube_data *data = kube_as_secret(o);
    const struct kube_datum *d = data->data.v;

    assert_int_equal(data->data.n, 3);
    assert_string_equal(d[0].key, "a");
    assert_int_equal(d[0].value.size, 0);
    assert_true(d[1].value.size == 1 && d[1].value.data[0] == 'x');
    assert_true(d[2].value.size == 2 && d[2].value.data[1] == 1);
}

static void strings_have_their_escapes_resolved(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o =
        decode("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"d\\u0061ta\":{\"a\":"
               "\"\\u00e9\\n\\/\\\"\\ud83d\\ude00\\ud800x\\u0000\"}}");

    assert_string_equal(kube_map_get(&kube_as_config_map(o)->text, "a"),
                        "é\n/\"😀\xef\xbf\xbdx\xef\xbf\xbd");
}

static void wrong_types_are_told_with_their_place(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *json, *want;
    } cases[] = {
        {&kube_pv_kind, "{\"spec\":{\"capacity\":{\"storage\":\"x\"}}}",
         "spec.capacity[storage]: quantities must match the regular expression "
         "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
        {&kube_pv_kind, "{\"spec\":{\"csi\":[]}}", "spec.csi: a map was expected"},
        {&kube_pod_kind, "{\"spec\":{\"containers\":[{},{\"name\":1}]}}",
         "spec.containers[1].name: a string was expected"},
        {&kube_pod_kind, "{\"spec\":{\"priority\":1.5}}",
         "spec.priority: a whole number of 64 bits was expected"},
        {&kube_pvc_kind, "{\"metadata\":{\"creationTimestamp\":\"now\"}}",
         "metadata.creationTimestamp: a time as in RFC 3339 was expected"},
        {&kube_pv_kind, "{\"spec\":{\"accessModes\":[\"ReadWriteOnce\",2]}}",
         "spec.accessModes[1]: a string was expected"},
        {&kube_pv_kind, "[]", "<root>: a map was expected"},
        {&kube_pv_kind, "{\"spec\":{\"x\":01}}", "spec: not JSON, or nested too deep"},
        {&kube_pv_kind, "{\"spec\":{}", "<root>: not JSON, or nested too deep"},
        {&kube_pv_kind, "{} x", "<root>: not JSON, or nested too deep"},
        {&kube_pv_kind, "{\"a\":\"\xff\"}", "object is not UTF-8"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct kube_object *o = NULL;
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(
            kube_decode_text(cases[i].kind, cases[i].json, strlen(cases[i].json), &o, &err),
            -EINVAL);
        assert_string_equal(err.msg, cases[i].want);
        assert_null(o);
    }
}

static void deep_nesting_is_refused(void **state)
{
    char json[3000] = "{\"x\":";
    const struct kube_object *o = NULL;

    memset(json + 5, '[', 2900);
    assert_int_equal(kube_decode_text(&kube_pv_kind, json, strlen(json), &o, NULL), -EINVAL);
}

static void the_kind_is_found_in_the_text(void **state)
{
    const struct kube_object *o = NULL;
    static const char unknown[] = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}";
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(kube_decode_text(NULL, unknown, strlen(unknown), &o, &err), -ENOENT);
    assert_string_equal(err.msg, "no kind \"Deployment\" in version \"apps/v1\"");
    assert_int_equal(kube_decode_text(NULL, "{}", 2, &o, &err), -ENOENT);
}

static void a_tree_decodes_as_its_text(void **state)
{
    static const char json[] =
        "{\"metadata\":{\"name\":\"é\"},\"spec\":{\"capacity\":{\"storage\":5}}}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL, *again = NULL;
    struct ol_val *v;

    assert_int_equal(ol_json_load(json, strlen(json), &a, &v, NULL), 0);
    assert_int_equal(kube_decode(&kube_pv_kind, v, &o, NULL), 0);
    assert_string_equal(o->meta.name, "é");
    again = kube_object_ref(o);
    assert_ptr_equal(again, o);
}

static void pieces_of_a_list_are_found_without_a_tree(void **state)
{
    static const char json[] = "{\"kind\":\"List\",\"items\":[ {\"a\":[1,2]} , {} ],\"z\":1}";
    struct kube_text_items items = {0};
    const char *at;
    size_t len, n = 0;

    assert_int_equal(kube_text_member(json, strlen(json), "items", &at, &len), 0);
    items = (struct kube_text_items){.at = at, .end = at + len};
    assert_int_equal(kube_text_next(&items, &at, &len), 1);
    assert_int_equal(strncmp(at, "{\"a\":[1,2]}", len), 0);
    for (n = 1; kube_text_next(&items, &at, &len) > 0; n++)
        ;
    assert_int_equal(n, 2);
    assert_int_equal(kube_text_member(json, strlen(json), "none", &at, &len), -ENOENT);
    assert_int_equal(kube_text_member("{\"a\" 1}", 7, "none", &at, &len), -EINVAL);
}

/* Every row that is decoded has what its type needs, and no name stands twice in a table. */
static void check_schema(const struct kube_schema *s, unsigned depth)
{
    if (depth > 20)
        fail_msg("%s is nested without end", s->name);
    for (const struct kube_field *f = s->fields; f->name; f++) {
        for (const struct kube_field *g = s->fields; g < f; g++)
            assert_string_not_equal(f->name, g->name);
        if (f->type == KUBE_OBJECT || f->type == KUBE_LIST) {
            assert_non_null(f->of);
            assert_true(f->member == KUBE_NO_MEMBER || f->of->size > 0);
            check_schema(f->of, depth + 1);
        }
        if (f->type == KUBE_ENUM || f->type == KUBE_ENUM_SET)
            assert_non_null(f->names);
        assert_true(f->member <= s->size);
        if (f->merge_keys && f->type == KUBE_LIST)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz", f->merge_keys[0]));
    }
}

static void tables_are_sound(void **state)
{
    for (size_t i = 0; kube_kinds[i]; i++) {
        check_schema(kube_kinds[i]->schema, 0);
        assert_non_null(kube_kinds[i]->columns);
        assert_non_null(kube_kinds[i]->select);
    }
}

/* 10,000 bound volumes and claims are kept in memory. */
static void a_bound_pair_is_small(void **state)
{
    ol_auto(kube_object_unref_at) const struct kube_object *pv = decode(
        "{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
        "\"pvc-0b8c1ad4-7e65-4a3f-8f54-3c9d2f1f5a10\",\"uid\":\"9e0f6c33-27b2-4c22-9c52-5d2b3b"
        "9e2f11\","
        "\"resourceVersion\":\"123456\",\"annotations\":{\"pv.kubernetes.io/provisioned-by\":"
        "\"hostpath.csi.k8s.io\"},\"finalizers\":[\"kubernetes.io/pv-protection\"]},\"spec\":{"
        "\"capacity\":"
        "{\"storage\":\"1Gi\"},\"csi\":{\"driver\":\"hostpath.csi.k8s.io\",\"volumeHandle\":"
        "\"6f0c2b9a-e7a8-11ee-9f2f-0242ac110003\"},\"accessModes\":[\"ReadWriteOnce\"],\"claim"
        "Ref\":"
        "{\"kind\":\"PersistentVolumeClaim\",\"namespace\":\"default\",\"name\":\"data-web-123"
        "\",\"uid\":"
        "\"0b8c1ad4-7e65-4a3f-8f54-3c9d2f1f5a10\",\"apiVersion\":\"v1\"},\"storageClassName\":"
        "\"fast\"}}");

    assert_in_range(pv->size, 1, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_has_all_that_controllers_read),
        cmocka_unit_test(a_claim_tells_absent_from_empty),
        cmocka_unit_test(numbers_that_are_absent_are_minus_one_where_it_is_said),
        cmocka_unit_test(a_topology_term_means_one_of_its_values),
        cmocka_unit_test(a_pod_has_its_volumes_and_containers),
        cmocka_unit_test(secrets_are_bytes_sorted_by_key),
        cmocka_unit_test(strings_have_their_escapes_resolved),
        cmocka_unit_test(wrong_types_are_told_with_their_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(the_kind_is_found_in_the_text),
        cmocka_unit_test(a_tree_decodes_as_its_text),
        cmocka_unit_test(pieces_of_a_list_are_found_without_a_tree),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(a_bound_pair_is_small),
    };

    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
