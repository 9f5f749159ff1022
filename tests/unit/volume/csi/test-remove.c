/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "volume/csi/csi-driver.h"

#define MINUTE (60 * OL_SECOND)

/* The provisioner on an API and a driver in memory: what becomes of released volumes, and the
 * objects that tell of capacity. */

static void begin(struct csi_fixture *f)
{
    csi_fixture_class(f, NULL);
    csi_fixture_claim(f);
    csi_fixture_start(f);
}

/* --- deleting --- */
static void release(struct csi_fixture *f)
{
    fake_api_patch(f->api, &kube_pv_kind, "pvc-u1", "{'status': {'phase': 'Released'}}");
}

/* demands: V18 */
static void a_released_volume_is_deleted_with_its_object(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    release(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.n, 0);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
}

static void a_failed_delete_is_told_and_tried_again(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "DeleteVolume", OL_GRPC_INTERNAL, false, 3);
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    release(f);
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_true(fake_driver_told(&f->driver, "Warning VolumeFailedDelete rpc error: code = "
                                             "Internal desc = the driver says so"));
    assert_non_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
    fake_api_pass(f->api, MINUTE);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
    assert_int_equal(f->driver.n, 0);
}

/* A driver that finds it mounted is asked again when the node has unmounted it, not later. */
static void a_volume_that_leaves_the_node_is_deleted_at_once(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "DeleteVolume", OL_GRPC_FAILED_PRECONDITION, false, 1);
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    release(f);
    fake_api_pass(f->api, OL_SECOND / 2); /* the next try is due after a second */
    assert_int_equal(fake_driver_calls(&f->driver, "DeleteVolume"), 1);
    csi_volume_left(f->options.drivers, "csi.example.com", "another");
    csi_volume_left(f->options.drivers, "other.example.com", "id-of-pvc-u1");
    fake_api_pass(f->api, OL_SECOND / 10);
    assert_int_equal(fake_driver_calls(&f->driver, "DeleteVolume"), 1);
    csi_volume_left(f->options.drivers, "csi.example.com", "id-of-pvc-u1");
    fake_api_pass(f->api, OL_SECOND / 10);
    assert_int_equal(f->driver.n, 0);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
}

static void an_attached_volume_is_not_deleted(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_api_put(f->api, "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'VolumeAttachment', "
                         "'metadata': {'name': 'va'}, 'spec': {'attacher': 'other', 'nodeName': "
                         "'n1', 'source': {'persistentVolumeName': 'pvc-u1'}}}");
    release(f);
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 1);
    assert_true(fake_driver_told(&f->driver, "Warning VolumeFailedDelete persistentvolume pvc-u1 "
                                             "is still attached to node n1"));
    fake_api_delete(f->api, &kube_va_kind, "va");
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.n, 0);
}

static void a_kept_volume_loses_the_finalizer_and_nothing_else(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_non_null(strstr(csi_fixture_finalizers(f, &kube_pv_kind, "pvc-u1"),
                           "external-provisioner.volume.kubernetes.io/finalizer"));
    fake_api_patch(f->api, &kube_pv_kind, "pvc-u1",
                   "{'spec': {'persistentVolumeReclaimPolicy': 'Retain'}}");
    release(f);
    fake_api_pass(f->api, MINUTE);
    assert_null(strstr(csi_fixture_finalizers(f, &kube_pv_kind, "pvc-u1"), "external-"));
    assert_int_equal(f->driver.n, 1);
}

static void an_object_deleted_first_still_takes_its_volume_along(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_api_delete(f->api, &kube_pv_kind, "pvc-u1");
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.n, 1);
    release(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.n, 0);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
}

static void add_node(struct csi_fixture *f, const char *name, const char *zone)
{
    fake_api_putf(f->api,
                  "{'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': '%s', 'labels': "
                  "{'zone': '%s'}}}",
                  name, zone);
    fake_api_putf(f->api,
                  "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'CSINode', 'metadata': {'name': "
                  "'%s'}, 'spec': {'drivers': [{'name': 'csi.example.com', 'nodeID': 'id-%s', "
                  "'topologyKeys': ['zone']}]}}",
                  name, name);
}

/* --- capacity --- */
static void capacity_of_each_segment_is_an_object(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.plugin |= 1 << 2;
    f->driver.controller |= 1 << 4;
    add_node(f, "n1", "a");
    add_node(f, "n2", "b");
    add_node(f, "n3", "b");
    csi_fixture_class(f, NULL);
    fake_api_put(f->api, "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'CSIDriver', 'metadata': "
                         "{'name': 'csi.example.com'}, 'spec': {'storageCapacity': true}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(fake_api_count(f->api, &kube_capacity_kind), 2);
    fake_api_delete(f->api, &kube_node_kind, "n1");
    fake_api_pass(f->api, 2 * MINUTE);
    assert_int_equal(fake_api_count(f->api, &kube_capacity_kind), 1);
    fake_api_delete(f->api, &kube_csidriver_kind, "csi.example.com");
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(fake_api_count(f->api, &kube_capacity_kind), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, csi_fixture_setup, csi_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_released_volume_is_deleted_with_its_object),
        T(a_failed_delete_is_told_and_tried_again),
        T(a_volume_that_leaves_the_node_is_deleted_at_once),
        T(an_attached_volume_is_not_deleted),
        T(a_kept_volume_loses_the_finalizer_and_nothing_else),
        T(an_object_deleted_first_still_takes_its_volume_along),
        T(capacity_of_each_segment_is_an_object),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
