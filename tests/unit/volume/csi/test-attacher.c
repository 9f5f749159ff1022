/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "fixture.h"
#include "volume/csi/attacher.h"

#define MINUTE    (60 * OL_SECOND)
#define FINALIZER "external-attacher/csi-example-com"

/* The attacher on an API and a driver in memory. */

static void put_volume(struct csi_fixture *f, const char *modes)
{
    f->driver.n = 1;
    f->driver.v[0] = (struct fake_volume){.name = "pv", .id = "h1", .size = 1};
    fake_api_putf(f->api,
                  "{'apiVersion': 'v1', 'kind': 'PersistentVolume', 'metadata': {'name': 'pv', "
                  "'uid': 'u-pv'}, 'spec': {'accessModes': [%s], 'capacity': {'storage': '1Gi'}, "
                  "'persistentVolumeReclaimPolicy': 'Retain', 'csi': {'driver': "
                  "'csi.example.com', 'volumeHandle': 'h1'}}, 'status': {'phase': 'Bound'}}",
                  modes);
}

static void put_node(struct csi_fixture *f)
{
    fake_api_put(f->api, "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'CSINode', 'metadata': "
                         "{'name': 'n1'}, 'spec': {'drivers': [{'name': 'csi.example.com', "
                         "'nodeID': 'node-id-1', 'topologyKeys': []}]}}");
}

static void put_va(struct csi_fixture *f)
{
    fake_api_put(f->api, "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'VolumeAttachment', "
                         "'metadata': {'name': 'va', 'uid': 'u-va'}, 'spec': {'attacher': "
                         "'csi.example.com', 'nodeName': 'n1', 'source': "
                         "{'persistentVolumeName': 'pv'}}, 'status': {'attached': false}}");
}

static void begin(struct csi_fixture *f)
{
    put_volume(f, "'ReadWriteOnce'");
    put_node(f);
    put_va(f);
    csi_fixture_start(f);
}

static const char *va(struct csi_fixture *f, const char *path)
{
    return fake_api_str(f->api, &kube_va_kind, "va", path);
}

static bool is_held(struct csi_fixture *f)
{
    return strstr(csi_fixture_finalizers(f, &kube_va_kind, "va"), FINALIZER) != NULL;
}

/* demands: V8 V21 */
static void an_attachment_is_published_and_says_so(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.v[0].node, "node-id-1");
    assert_string_equal(va(f, "status/attached"), "true");
    assert_string_equal(va(f, "status/attachmentMetadata/device"), "/dev/x");
    assert_true(is_held(f));
    assert_string_equal(fake_api_map(f->api, &kube_va_kind, "va", "metadata/annotations",
                                     "csi.alpha.kubernetes.io/node-id"),
                        "node-id-1");
    assert_non_null(strstr(csi_fixture_finalizers(f, &kube_pv_kind, "pv"), FINALIZER));
}

/* demands: V8 V24 */
static void a_deleted_attachment_is_unpublished_and_goes(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_api_delete(f->api, &kube_va_kind, "va");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.v[0].node, "");
    assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
    /* The volume keeps the finalizer as long as it lives. */
    fake_api_delete(f->api, &kube_pv_kind, "pv");
    fake_api_pass(f->api, OL_SECOND);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pv"));
}

static void a_failed_attach_is_told_retried_and_unpublished_when_it_goes(void **state)
{
    static const int codes[] = {OL_GRPC_INTERNAL, OL_GRPC_DEADLINE_EXCEEDED,
                                OL_GRPC_RESOURCE_EXHAUSTED};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char code[8];
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        fake_driver_err(&f->driver, "ControllerPublishVolume", codes[i], true, 1000);
        begin(f);
        fake_api_pass(f->api, MINUTE);
        (void)snprintf(code, sizeof(code), "%d", codes[i]);
        assert_string_equal(va(f, "status/attached"), "false");
        assert_string_equal(va(f, "status/attachError/errorCode"), code);
        assert_non_null(strstr(va(f, "status/attachError/message"), "rpc error: code = "));
        assert_true(fake_driver_calls(&f->driver, "ControllerPublishVolume") > 2);
        /* It may have been attached all the same. */
        fake_api_delete(f->api, &kube_va_kind, "va");
        fake_api_pass(f->api, MINUTE);
        assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
        assert_string_equal(f->driver.v[0].node, "");
        csi_fixture_teardown(&one);
    }
}

static void retries_wait_longer_each_time(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerPublishVolume", OL_GRPC_INTERNAL, false, 1000);
    begin(f);
    fake_api_pass(f->api, 16 * OL_SECOND);
    assert_in_range(fake_driver_calls(&f->driver, "ControllerPublishVolume"), 4, 6);
}

static void a_node_that_lost_its_driver_is_detached_by_the_annotation(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_api_delete(f->api, &kube_csinode_kind, "n1");
    fake_api_delete(f->api, &kube_va_kind, "va");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.v[0].node, "");
    assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
}

static void a_node_without_driver_is_an_error_until_it_comes(void **state)
{
    struct csi_fixture *f = *state;

    put_volume(f, "'ReadWriteOnce'");
    put_va(f);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_string_equal(va(f, "status/attachError/message"),
                        "csinode.storage.k8s.io \"n1\" not found");
    assert_false(is_held(f));
    put_node(f);
    fake_api_pass(f->api, OL_SECOND / 10); /* at once, not after the backoff */
    assert_string_equal(va(f, "status/attached"), "true");
    assert_string_equal(va(f, "status/attachError"), "");
}

static void a_driver_that_cannot_publish_is_attached_at_once(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.controller = 1 << 1;
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(va(f, "status/attached"), "true");
    assert_false(is_held(f));
    assert_int_equal(fake_driver_calls(&f->driver, "Controller"), 0);
    fake_api_delete(f->api, &kube_va_kind, "va");
    fake_api_pass(f->api, OL_SECOND);
    assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
}

static void a_volume_that_goes_is_not_attached(void **state)
{
    struct csi_fixture *f = *state;

    put_volume(f, "'ReadWriteOnce'");
    fake_api_patch(f->api, &kube_pv_kind, "pv", "{'metadata': {'finalizers': ['x/y']}}");
    fake_api_delete(f->api, &kube_pv_kind, "pv");
    put_node(f);
    put_va(f);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_string_equal(va(f, "status/attachError/message"),
                        "PersistentVolume \"pv\" is marked for deletion");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerPublishVolume"), 0);
}

static void modes_that_CSI_cannot_say_are_an_error(void **state)
{
    struct csi_fixture *f = *state;

    put_volume(f, "'ReadWriteOnce', 'ReadOnlyMany'");
    put_node(f);
    put_va(f);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_string_equal(va(f, "status/attachError/message"),
                        "CSI does not support ReadOnlyMany and ReadWriteOnce on the same "
                        "PersistentVolume");
}

static void what_the_driver_lost_is_published_again(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.controller |= 1 << 3 | 1 << 10; /* LIST_VOLUMES, published nodes */
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.v[0].node, "node-id-1");
    f->driver.v[0].node[0] = '\0';
    fake_api_pass(f->api, 2 * MINUTE);
    assert_string_equal(f->driver.v[0].node, "node-id-1");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerPublishVolume"), 2);
}

static void a_failed_detach_is_told_and_retried(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_driver_err(&f->driver, "ControllerUnpublishVolume", OL_GRPC_INTERNAL, false, 2);
    fake_api_delete(f->api, &kube_va_kind, "va");
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_string_equal(va(f, "status/detachError/message"),
                        "rpc error: code = Internal desc = the driver says so");
    assert_string_equal(va(f, "status/attached"), "true");
    fake_api_pass(f->api, MINUTE);
    assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
    assert_string_equal(f->driver.v[0].node, "");
}

/* demands: V21 */
static void a_crash_at_any_millisecond_leaves_nothing_attached(void **state)
{
    const struct fake_fault slow = {.http = -1, .delay = OL_MS};

    for (int ms = 0; ms < 40; ms++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        for (int i = 0; i < 100; i++)
            fake_api_fault(f->api, &slow);
        begin(f);
        fake_api_pass(f->api, ms * OL_MS);
        csi_fixture_stop(f);
        fake_api_delete(f->api, &kube_va_kind, "va");
        csi_fixture_start(f);
        fake_api_pass(f->api, 5 * MINUTE);
        assert_null(fake_api_text(f->api, &kube_va_kind, "va"));
        assert_string_equal(f->driver.v[0].node, "");
        csi_fixture_teardown(&one);
    }
}

static void a_driver_s_finalizer_has_letters_digits_and_dashes(void **state)
{
    static const struct {
        const char *driver, *want;
    } cases[] = {
        {"csi.example.com", "external-attacher/csi-example-com"},
        {"a_b/C9", "external-attacher/a-b-C9"},
        {"ends.", "external-attacher/ends-X"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[320];

        attacher_finalizer(cases[i].driver, got);
        assert_string_equal(got, cases[i].want);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, csi_fixture_setup, csi_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(an_attachment_is_published_and_says_so),
        T(a_deleted_attachment_is_unpublished_and_goes),
        cmocka_unit_test(a_failed_attach_is_told_retried_and_unpublished_when_it_goes),
        T(retries_wait_longer_each_time),
        T(a_node_that_lost_its_driver_is_detached_by_the_annotation),
        T(a_node_without_driver_is_an_error_until_it_comes),
        T(a_driver_that_cannot_publish_is_attached_at_once),
        T(a_volume_that_goes_is_not_attached),
        T(modes_that_CSI_cannot_say_are_an_error),
        T(what_the_driver_lost_is_published_again),
        T(a_failed_detach_is_told_and_retried),
        cmocka_unit_test(a_crash_at_any_millisecond_leaves_nothing_attached),
        cmocka_unit_test(a_driver_s_finalizer_has_letters_digits_and_dashes),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
