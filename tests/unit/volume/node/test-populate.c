/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

#define CLAIM "{\"name\":\"v-1\",\"persistentVolumeClaim\":{\"claimName\":\"c-1\"}}"

/* What keeps the pod "p" from having its volume, "" = nothing. */
static const char *problem(struct fixture *f)
{
    const struct node_pod *p;

    fixture_populate(f);
    p = ol_table_find_str(&f->world.pods, "p");
    assert_non_null(p);
    return p->problems.n ? p->problems.v[0] : "";
}

static void claims_are_judged_in_the_kubelets_words(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *claim, *want;
    } cases[] = {
        {"{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\"},\"status\":{"
         "\"phase\":\"Pending\"}}",
         "error processing PVC ns/c-1: PVC is not bound"},
        {"{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\","
         "\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"},\"spec\":{\"volumeName\":\"pv-1\"},"
         "\"status\":{\"phase\":\"Bound\"}}",
         "error processing PVC ns/c-1: can't start pod because PVC is being deleted"},
        {"{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"other\"},\"spec\":{"
         "\"volumeName\":\"pv-1\"},\"status\":{\"phase\":\"Bound\"}}",
         "found PV object pv-1 with a claimRef.UID claim-1 that does not point to claim PVC "
         "other"},
        {"{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\"},\"spec\":{"
         "\"volumeName\":\"pv-9\"},\"status\":{\"phase\":\"Bound\"}}",
         "error processing PVC ns/c-1: failed to fetch PV \"pv-9\" from API server: "
         "persistentvolumes \"pv-9\" not found"},
        {"{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\"},\"spec\":{"
         "\"volumeName\":\"pv-1\"},\"status\":{\"phase\":\"Bound\"}}",
         ""},
    };

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM);
    for (size_t i = 0; i < ol_count(cases); i++) {
        fixture_add(f, &kube_pvc_kind, cases[i].claim);
        assert_string_equal(problem(f), cases[i].want);
    }
}

static void a_volume_is_used_by_its_mode(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, ",\"volumeMode\":\"Block\"");
    fixture_pod(f, "p", CLAIM);
    assert_string_equal(problem(f),
                        "volume v-1 has volumeMode Block, but is specified in volumeMounts");
}

static void a_volume_has_to_be_reachable_from_here(void **state)
{
    struct fixture *f = *state;

    fixture_add(f, &kube_node_kind,
                "{\"metadata\":{\"name\":\"node\",\"labels\":{\"kubernetes.io/hostname\":\"a\"}}}");
    fixture_claim(
        f, 1,
        ",\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{"
        "\"key\":\"kubernetes.io/hostname\",\"operator\":\"In\",\"values\":[\"b\"]}]}]}}");
    fixture_pod(f, "p", CLAIM);
    assert_string_equal(problem(f),
                        "MountVolume.NodeAffinity check failed for volume \"pv-1\" : no matching "
                        "NodeSelectorTerms");
}

static void inline_volumes_need_a_driver_that_takes_them(void **state)
{
    struct fixture *f = *state;

    fixture_pod(f, "p", "{\"name\":\"v-1\",\"csi\":{\"driver\":\"d.io\"}}");
    assert_string_equal(problem(f), "volume mode \"Ephemeral\" not supported by driver d.io (only "
                                    "supports [\"Persistent\"])");
    fixture_add(f, &kube_csidriver_kind,
                "{\"metadata\":{\"name\":\"d.io\"},\"spec\":{\"volumeLifecycleModes\":["
                "\"Ephemeral\"]}}");
    assert_string_equal(problem(f), "");
    assert_string_equal(fixture_step(f), "set up v-1 in p; "); /* no device, no attaching */
    assert_string_equal(f->world.volumes[0]->name, "kubernetes.io/csi/p-v-1");
    assert_int_equal(strlen(f->world.volumes[0]->handle), 68);
}

static void an_ephemeral_claim_belongs_to_its_pod(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", "{\"name\":\"v-1\",\"ephemeral\":{\"volumeClaimTemplate\":{\"spec\":{}}}}");
    assert_string_equal(problem(f),
                        "error processing PVC ns/p-v-1: failed to fetch PVC from API server: "
                        "persistentvolumeclaims \"p-v-1\" not found");
    fixture_add(f, &kube_pvc_kind, "{\"metadata\":{\"name\":\"p-v-1\",\"namespace\":\"ns\"}}");
    assert_string_equal(problem(f), "PVC ns/p-v-1 was not created for pod ns/p (pod is not owner)");
}

static void one_pod_alone_has_a_readwriteoncepod_volume(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_add(f, &kube_pv_kind,
                "{\"metadata\":{\"name\":\"pv-1\"},\"spec\":{\"accessModes\":[\"ReadWriteOncePod\"]"
                ",\"claimRef\":{\"uid\":\"claim-1\"},\"csi\":{\"driver\":\"d.io\","
                "\"volumeHandle\":\"h-1\"}}}");
    fixture_pod(f, "a", CLAIM);
    fixture_pod(f, "p", CLAIM);
    assert_string_equal(problem(f), "volume uses the ReadWriteOncePod access mode and is already "
                                    "in use by another pod");
}

static void what_no_container_mounts_is_left_alone(void **state)
{
    struct fixture *f = *state;

    fixture_pod(f, "p", "{\"name\":\"unused\",\"emptyDir\":{}}");
    assert_string_equal(fixture_step(f), "");
    assert_int_equal(f->world.n_volumes, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(claims_are_judged_in_the_kubelets_words),
        CASE(a_volume_is_used_by_its_mode),
        CASE(a_volume_has_to_be_reachable_from_here),
        CASE(inline_volumes_need_a_driver_that_takes_them),
        CASE(an_ephemeral_claim_belongs_to_its_pod),
        CASE(one_pod_alone_has_a_readwriteoncepod_volume),
        CASE(what_no_container_mounts_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
