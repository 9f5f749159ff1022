/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define CLAIM  "default/data"
#define MINUTE (60 * OL_SECOND)

/* The resizer on an API and a driver in memory. */

static void begin(struct csi_fixture *f)
{
    f->driver.n = 1;
    f->driver.v[0] = (struct fake_volume){.name = "pv", .id = "h1", .size = 1LL << 30};
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolume', 'metadata': {'name': "
                         "'pv', 'uid': 'u-pv'}, 'spec': {'accessModes': ['ReadWriteOnce'], "
                         "'capacity': {'storage': '1Gi'}, 'persistentVolumeReclaimPolicy': "
                         "'Retain', 'claimRef': {'namespace': 'default', 'name': 'data', 'uid': "
                         "'u1'}, 'csi': {'driver': 'csi.example.com', 'volumeHandle': 'h1'}}, "
                         "'status': {'phase': 'Bound'}}");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': "
                         "{'name': 'data', 'namespace': 'default', 'uid': 'u1'}, 'spec': "
                         "{'accessModes': ['ReadWriteOnce'], 'volumeName': 'pv', 'resources': "
                         "{'requests': {'storage': '1Gi'}}}, 'status': {'phase': 'Bound', "
                         "'capacity': {'storage': '1Gi'}, 'conditions': [{'type': 'Mine', "
                         "'status': 'True'}]}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
}

static void ask_for(struct csi_fixture *f, const char *size)
{
    char patch[128];

    (void)snprintf(patch, sizeof(patch), "{'spec': {'resources': {'requests': {'storage': '%s'}}}}",
                   size);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM, patch);
}

static const char *claim(struct csi_fixture *f, const char *path)
{
    return fake_api_str(f->api, &kube_pvc_kind, CLAIM, path);
}

static const char *pv_size(struct csi_fixture *f)
{
    return fake_api_str(f->api, &kube_pv_kind, "pv", "spec/capacity/storage");
}

static bool has_condition(struct csi_fixture *f, const char *type)
{
    return strstr(claim(f, "status/conditions"), type) != NULL;
}

static void a_larger_claim_gets_a_larger_volume(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerExpandVolume"), 0);
    ask_for(f, "2Gi");
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.v[0].size, 2LL << 30);
    assert_string_equal(pv_size(f), "2Gi");
    assert_string_equal(claim(f, "status/capacity/storage"), "2Gi");
    assert_string_equal(claim(f, "status/allocatedResources/storage"), "2Gi");
    assert_string_equal(claim(f, "status/allocatedResourceStatuses/storage"), "");
    assert_false(has_condition(f, "Resizing"));
    assert_true(has_condition(f, "Mine"));
    assert_true(fake_driver_told(&f->driver, "Normal Resizing External resizer is resizing "
                                             "volume pv"));
    assert_true(
        fake_driver_told(&f->driver, "Normal VolumeResizeSuccessful Resize volume succeeded"));
}

static void what_is_left_to_the_node_is_pending(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.needs_node = true;
    begin(f);
    ask_for(f, "2Gi");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(pv_size(f), "2Gi");
    assert_string_equal(claim(f, "status/capacity/storage"), "1Gi");
    assert_string_equal(claim(f, "status/allocatedResourceStatuses/storage"), "NodeResizePending");
    assert_true(has_condition(f, "FileSystemResizePending"));
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pv", "metadata/annotations",
                                     "volume.alpha.kubernetes.io/pre-resize-capacity"),
                        "1Gi");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerExpandVolume"), 1);
    /* The node has done its part. */
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                   "{'status': {'capacity': {'storage': '2Gi'}, 'allocatedResourceStatuses': "
                   "null, 'conditions': null}}");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pv", "metadata/annotations",
                                     "volume.alpha.kubernetes.io/pre-resize-capacity"),
                        "");
}

static void a_failure_is_told_and_tried_again(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerExpandVolume", OL_GRPC_INTERNAL, false, 2);
    begin(f);
    ask_for(f, "2Gi");
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_true(fake_driver_told(&f->driver,
                                 "Warning VolumeResizeFailed resize volume \"pv\" by resizer "
                                 "\"csi.example.com\" failed: rpc error: code = Internal"));
    assert_true(has_condition(f, "ControllerResizeError"));
    assert_string_equal(pv_size(f), "1Gi");
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(pv_size(f), "2Gi");
    assert_false(has_condition(f, "ControllerResizeError"));
}

static void an_infeasible_size_can_be_lowered_again(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerExpandVolume", OL_GRPC_OUT_OF_RANGE, false, 1);
    begin(f);
    ask_for(f, "100Gi");
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(claim(f, "status/allocatedResourceStatuses/storage"),
                        "ControllerResizeInfeasible");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerExpandVolume"), 1); /* it waits */
    ask_for(f, "3Gi");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(pv_size(f), "3Gi");
    assert_string_equal(claim(f, "status/capacity/storage"), "3Gi");
}

static void a_size_that_may_be_in_the_making_is_finished_first(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerExpandVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    begin(f);
    ask_for(f, "4Gi");
    fake_api_pass(f->api, OL_SECOND); /* asked, and no answer yet */
    ask_for(f, "2Gi");
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerExpandVolume h1 4294967296"), 2);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerExpandVolume h1 2147483648"), 0);
    assert_string_equal(pv_size(f), "4Gi");
}

static void a_driver_that_cannot_expand_is_left_alone(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.controller = 1 << 1;
    begin(f);
    ask_for(f, "2Gi");
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(pv_size(f), "1Gi");
    assert_string_equal(claim(f, "status/allocatedResources/storage"), "");
}

static void a_crash_at_any_millisecond_ends_in_the_same_size(void **state)
{
    const struct fake_fault slow = {.http = -1, .delay = OL_MS};

    for (int ms = 0; ms < 30; ms++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        f->driver.needs_node = ms % 2;
        begin(f);
        for (int i = 0; i < 50; i++)
            fake_api_fault(f->api, &slow);
        ask_for(f, "2Gi");
        fake_api_pass(f->api, ms * OL_MS);
        csi_fixture_stop(f);
        csi_fixture_start(f);
        fake_api_pass(f->api, 5 * MINUTE);
        assert_string_equal(pv_size(f), "2Gi");
        assert_string_equal(claim(f, "status/allocatedResourceStatuses/storage"),
                            ms % 2 ? "NodeResizePending" : "");
        assert_string_equal(claim(f, "status/capacity/storage"), ms % 2 ? "1Gi" : "2Gi");
        csi_fixture_teardown(&one);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, csi_fixture_setup, csi_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_larger_claim_gets_a_larger_volume),
        T(what_is_left_to_the_node_is_pending),
        T(a_failure_is_told_and_tried_again),
        T(an_infeasible_size_can_be_lowered_again),
        T(a_size_that_may_be_in_the_making_is_finished_first),
        T(a_driver_that_cannot_expand_is_left_alone),
        cmocka_unit_test(a_crash_at_any_millisecond_ends_in_the_same_size),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
