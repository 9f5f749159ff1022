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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_has_all_that_controllers_read),
    };

    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
