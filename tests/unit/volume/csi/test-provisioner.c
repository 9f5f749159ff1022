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

#define CLAIM  "default/data"
#define MINUTE (60 * OL_SECOND)

/* The provisioner on an API and a driver in memory: what becomes of a claim, and of its volume. */

static const char *text(struct csi_fixture *f, const struct kube_kind *kind, const char *key,
                        const char *path)
{
    return fake_api_str(f->api, kind, key, path);
}

static void begin(struct csi_fixture *f)
{
    csi_fixture_class(f, NULL);
    csi_fixture_claim(f);
    csi_fixture_start(f);
}

static bool in_flight(struct csi_fixture *f)
{
    return strstr(csi_fixture_finalizers(f, &kube_pvc_kind, CLAIM), "in-flight") != NULL;
}

/* demands: V6 V17 */
static void a_claim_gets_a_volume_of_its_size_and_name(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->driver.n, 1);
    assert_string_equal(f->driver.v[0].name, "pvc-u1");
    assert_int_equal(f->driver.v[0].size, 1LL << 30);
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/capacity/storage"), "1Gi");
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/claimRef/uid"), "u1");
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/csi/driver"), "csi.example.com");
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/csi/volumeHandle"), "id-of-pvc-u1");
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/persistentVolumeReclaimPolicy"),
                        "Delete");
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pvc-u1", "metadata/annotations",
                                     "pv.kubernetes.io/provisioned-by"),
                        "csi.example.com");
    assert_false(in_flight(f));
    assert_true(fake_driver_told(&f->driver, "Normal ProvisioningSucceeded Successfully "
                                             "provisioned volume pvc-u1"));
    assert_true(fake_driver_told(&f->driver, "Normal Provisioning External provisioner is "
                                             "provisioning volume for claim \"default/data\""));
}

static void the_driver_is_asked_only_when_the_claim_is_held(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    begin(f);
    fake_api_pass(f->api, 5 * OL_SECOND); /* the call is under way */
    assert_true(in_flight(f));
    fake_api_pass(f->api, MINUTE);
    assert_false(in_flight(f));
    assert_int_equal(f->driver.n, 1);
}

static void each_code_leaves_a_finalizer_only_while_a_volume_may_come(void **state)
{
    static const struct {
        int code;
        bool is_unsure;
    } cases[] = {
        {OL_GRPC_CANCELLED, true},
        {OL_GRPC_UNKNOWN, false},
        {OL_GRPC_INVALID_ARGUMENT, false},
        {OL_GRPC_DEADLINE_EXCEEDED, true},
        {OL_GRPC_NOT_FOUND, false},
        {OL_GRPC_ALREADY_EXISTS, false},
        {OL_GRPC_PERMISSION_DENIED, false},
        {OL_GRPC_RESOURCE_EXHAUSTED, false},
        {OL_GRPC_FAILED_PRECONDITION, false},
        {OL_GRPC_ABORTED, true},
        {OL_GRPC_OUT_OF_RANGE, false},
        {OL_GRPC_UNIMPLEMENTED, false},
        {OL_GRPC_INTERNAL, false},
        {OL_GRPC_UNAVAILABLE, true},
        {OL_GRPC_DATA_LOSS, false},
        {OL_GRPC_UNAUTHENTICATED, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        fake_driver_err(&f->driver, "CreateVolume", cases[i].code, false, 1000);
        begin(f);
        fake_api_pass(f->api, 20 * OL_SECOND);
        print_message("# %s\n", ol_grpc_code_name((enum ol_grpc_code)cases[i].code));
        assert_int_equal(in_flight(f), cases[i].is_unsure);
        assert_true(fake_driver_told(&f->driver, "Warning ProvisioningFailed failed to provision "
                                                 "volume with StorageClass \"fast\": rpc error"));
        csi_fixture_teardown(&one);
    }
}

static void retries_wait_longer_each_time(void **state)
{
    struct csi_fixture *f = *state;
    size_t n;

    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_INTERNAL, false, 1000);
    begin(f);
    fake_api_pass(f->api, 16 * OL_SECOND); /* 0, 1, 3, 7, 15 s */
    n = fake_driver_calls(&f->driver, "CreateVolume");
    assert_in_range(n, 4, 6);
    fake_api_pass(f->api, 60 * MINUTE);
    n = fake_driver_calls(&f->driver, "CreateVolume");
    assert_in_range(n, 15, 25); /* every 5 minutes at last */
}

/* demands: V18 */
static void a_claim_deleted_during_CreateVolume_leaks_nothing(void **state)
{
    static const int codes[] = {OL_GRPC_DEADLINE_EXCEEDED, OL_GRPC_UNAVAILABLE, OL_GRPC_ABORTED,
                                OL_GRPC_CANCELLED};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        fake_driver_err(&f->driver, "CreateVolume", codes[i], true, 2);
        begin(f);
        fake_api_pass(f->api, OL_SECOND / 2);
        fake_api_delete(f->api, &kube_pvc_kind, CLAIM);
        fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                       "{'metadata': {'finalizers': "
                       "['external-provisioner.volume.kubernetes.io/in-flight']}}");
        fake_api_settle(f->api);
        assert_non_null(fake_api_text(f->api, &kube_pvc_kind, CLAIM));
        fake_api_pass(f->api, 10 * MINUTE);
        assert_null(fake_api_text(f->api, &kube_pvc_kind, CLAIM));
        assert_int_equal(f->driver.n, 0);
        assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 0);
        csi_fixture_teardown(&one);
    }
}

static void a_claim_whose_finalizers_are_torn_off_leaks_nothing(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM, "{'metadata': {'finalizers': null}}");
    fake_api_delete(f->api, &kube_pvc_kind, CLAIM);
    assert_null(fake_api_text(f->api, &kube_pvc_kind, CLAIM));
    fake_api_pass(f->api, 10 * MINUTE);
    assert_int_equal(f->driver.n, 0);
}

/* --- crashes --- */
struct crash {
    const char *what;
    struct fake_fault fault; /* of the API; method NULL = none */
    int create_code;         /* of the driver */
    bool is_created;
};

/* The answer of the write that is named is never seen, and the process ends. */
static const struct crash crashes[] = {
    {"before the finalizer", {.method = "PATCH", .path = "/data", .http = 500}, 0, false},
    {"after the finalizer", {.method = "PATCH", .path = "/data", .http = 0, .is_done = true}, 0, 0},
    {"before CreateVolume", {0}, OL_GRPC_DEADLINE_EXCEEDED, false},
    {"after CreateVolume", {0}, OL_GRPC_DEADLINE_EXCEEDED, true},
    {"before the volume is saved",
     {.method = "POST", .path = "/persistentvolumes", .http = 503},
     0,
     0},
    {"after the volume is saved",
     {.method = "POST", .path = "/persistentvolumes", .http = 0, .is_done = true},
     0,
     0},
};

static void crash_once(struct csi_fixture *f, const struct crash *c)
{
    if (c->fault.method)
        fake_api_fault(f->api, &c->fault);
    if (c->create_code)
        fake_driver_err(&f->driver, "CreateVolume", c->create_code, c->is_created, 1);
    begin(f);
    /* The driver takes 2 ms for each of three questions and for CreateVolume; a lost answer is
     * noticed much later. */
    fake_api_pass(f->api, 200 * OL_MS);
    csi_fixture_stop(f);
    print_message("# crash %s\n", c->what);
}

static void after_a_crash_anywhere_the_claim_gets_one_volume(void **state)
{
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        crash_once(f, &crashes[i]);
        csi_fixture_start(f);
        fake_api_pass(f->api, 10 * MINUTE);
        assert_int_equal(f->driver.n, 1);
        assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 1);
        assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/csi/volumeHandle"),
                            "id-of-pvc-u1");
        assert_false(in_flight(f));
        csi_fixture_teardown(&one);
    }
}

static void after_a_crash_a_deleted_claim_leaves_no_volume(void **state)
{
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        crash_once(f, &crashes[i]);
        fake_api_delete(f->api, &kube_pvc_kind, CLAIM);
        csi_fixture_start(f);
        fake_api_pass(f->api, 10 * MINUTE);
        /* A volume that has its object goes the way of all volumes; no other one is left. */
        assert_int_equal(f->driver.n, fake_api_count(f->api, &kube_pv_kind));
        assert_false(in_flight(f));
        csi_fixture_teardown(&one);
    }
}

/* Every answer of the API takes 1 ms, the driver's 2: so each millisecond is another step. */
static void crash_after(struct csi_fixture *f, int ms, bool want_delete)
{
    const struct fake_fault slow = {.http = -1, .delay = OL_MS};

    for (int i = 0; i < 100; i++)
        fake_api_fault(f->api, &slow);
    begin(f);
    fake_api_pass(f->api, ms * OL_MS);
    csi_fixture_stop(f);
    if (want_delete)
        fake_api_delete(f->api, &kube_pvc_kind, CLAIM);
    fake_api_settle(f->api);
    csi_fixture_start(f);
    fake_api_pass(f->api, 10 * MINUTE);
}

/* demands: V17 V18 */
static void a_crash_at_any_millisecond_ends_in_the_same_state(void **state)
{
    enum { LAST_MS = 40 };
    int n_held = 0;

    for (int i = 0; i <= 2 * LAST_MS; i++) {
        bool want_delete = i % 2;
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        crash_after(f, i / 2, want_delete);
        assert_false(in_flight(f));
        assert_int_equal(f->driver.n, fake_api_count(f->api, &kube_pv_kind));
        if (!want_delete)
            assert_int_equal(f->driver.n, 1);
        n_held += fake_driver_calls(&f->driver, "CreateVolume") > 1;
        csi_fixture_teardown(&one);
    }
    assert_true(n_held > 0); /* some did crash in the middle */
}

/* --- what is not ours, or not yet --- */
static void a_driver_that_is_not_there_leaves_the_claim_as_it_was(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.is_gone = true;
    begin(f);
    fake_api_pass(f->api, MINUTE);
    assert_false(in_flight(f));
    assert_int_equal(f->driver.n, 0);
    f->driver.is_gone = false;
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 1);
    assert_non_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
}

static void a_driver_that_goes_is_told_and_its_claims_can_be_deleted(void **state)
{
    struct csi_fixture *f = *state;

    csi_fixture_class(f, NULL);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    f->driver.is_gone = true;
    fake_api_pass(f->api, MINUTE); /* its periodic question finds out */
    csi_fixture_claim(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_true(fake_driver_told(
        &f->driver, "Warning ProvisioningFailed failed to provision volume with "
                    "StorageClass \"fast\": CSI driver csi.example.com is not running"));
    assert_false(in_flight(f));
}

static void capabilities_are_read_again_after_a_reconnect(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.controller = 0;
    begin(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_true(fake_driver_told(&f->driver,
                                 "Warning ProvisioningFailed failed to provision volume "
                                 "with StorageClass \"fast\": CSI driver does not "
                                 "support dynamic provisioning"));
    assert_false(in_flight(f));
    f->driver.controller = 1 << 1;
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 1);
}

/* demands: V12 */
static void a_delayed_claim_waits_for_its_node(void **state)
{
    struct csi_fixture *f = *state;

    csi_fixture_class(f, "'volumeBindingMode': 'WaitForFirstConsumer'");
    csi_fixture_claim(f);
    csi_fixture_start(f);
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 0);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                   "{'metadata': {'annotations': {'volume.kubernetes.io/selected-node': 'n1'}}}");
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 1);
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

static void delayed_with_topology(struct csi_fixture *f)
{
    f->driver.plugin |= 1 << 2;
    add_node(f, "n1", "a");
    add_node(f, "n2", "b");
    csi_fixture_class(f, "'volumeBindingMode': 'WaitForFirstConsumer'");
    csi_fixture_claim(f);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                   "{'metadata': {'annotations': {'volume.kubernetes.io/selected-node': 'n2'}}}");
}

static void the_volume_is_made_near_the_selected_node(void **state)
{
    struct csi_fixture *f = *state;

    delayed_with_topology(f);
    (void)snprintf(f->driver.segment, sizeof(f->driver.segment), "zone=b");
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.first_preferred, "zone=b");
    assert_non_null(strstr(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"), "nodeAffinity"));
}

static void a_node_without_room_is_given_back_to_the_scheduler(void **state)
{
    struct csi_fixture *f = *state;

    delayed_with_topology(f);
    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_RESOURCE_EXHAUSTED, false, 1);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(fake_api_map(f->api, &kube_pvc_kind, CLAIM, "metadata/annotations",
                                     "volume.kubernetes.io/selected-node"),
                        "");
    assert_false(in_flight(f));
}

static void a_volume_that_is_too_small_is_removed_again(void **state)
{
    struct csi_fixture *f = *state;

    f->driver.size_given = 1000;
    begin(f);
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_true(fake_driver_told(&f->driver,
                                 "Warning ProvisioningFailed failed to provision volume with "
                                 "StorageClass \"fast\": created volume capacity 1000 less than "
                                 "requested capacity 1073741824"));
    assert_true(fake_driver_calls(&f->driver, "DeleteVolume id-of-pvc-u1") > 0);
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 0);
    assert_int_equal(fake_driver_calls(&f->driver, "CreateVolume"), 1); /* it waits, too */
    assert_false(in_flight(f));
}

static void secrets_go_to_the_driver_and_their_names_into_the_volume(void **state)
{
    struct csi_fixture *f = *state;

    csi_fixture_class(f, "'parameters': {'csi.storage.k8s.io/provisioner-secret-name': 'key-of-"
                         "${pvc.name}', 'csi.storage.k8s.io/provisioner-secret-namespace': "
                         "'${pvc.namespace}', 'pool': 'x'}");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': "
                         "'key-of-data', 'namespace': 'default'}, 'data': {'password': "
                         "'aGlkZGVu'}}");
    csi_fixture_claim(f);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(f->driver.secret, "hidden");
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pvc-u1", "metadata/annotations",
                                     "volume.kubernetes.io/provisioner-deletion-secret-name"),
                        "key-of-data");
    for (size_t i = 0; i < f->driver.events.n; i++)
        assert_null(strstr(f->driver.events.v[i], "hidden"));
}

/* --- clones --- */
static void a_clone_s_source_is_protected_while_it_is_read(void **state)
{
    struct csi_fixture *f = *state;
    static const char source[] = "default/src";

    f->driver.controller |= 1 << 7;
    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': "
                         "{'name': 'src', 'namespace': 'default', 'uid': 'u0'}, 'spec': "
                         "{'accessModes': ['ReadWriteOnce'], 'storageClassName': 'fast', "
                         "'volumeName': 'v0', 'resources': {'requests': {'storage': '1Gi'}}}, "
                         "'status': {'phase': 'Bound'}}");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolume', 'metadata': {'name': "
                         "'v0'}, 'spec': {'claimRef': {'namespace': 'default', 'name': 'src', "
                         "'uid': 'u0'}, 'csi': {'driver': 'csi.example.com', 'volumeHandle': "
                         "'h0'}}, 'status': {'phase': 'Bound'}}");
    csi_fixture_class(f, NULL);
    csi_fixture_claim(f);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                   "{'spec': {'dataSource': {'kind': 'PersistentVolumeClaim', 'name': 'src'}}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, 5 * OL_SECOND);
    assert_non_null(strstr(csi_fixture_finalizers(f, &kube_pvc_kind, source), "cloning"));
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(text(f, &kube_pv_kind, "pvc-u1", "spec/csi/volumeHandle"), "id-of-pvc-u1");
    /* The binder's part. */
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM, "{'spec': {'volumeName': 'pvc-u1'}}");
    fake_api_pass(f->api, OL_SECOND);
    assert_null(strstr(csi_fixture_finalizers(f, &kube_pvc_kind, source), "cloning"));
}

static void what_somebody_else_fills_is_left_alone(void **state)
{
    struct csi_fixture *f = *state;

    csi_fixture_class(f, NULL);
    csi_fixture_claim(f);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM,
                   "{'spec': {'dataSource': {'kind': 'Book', 'apiGroup': 'x.y', 'name': 'b'}}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(f->driver.n, 0);
    assert_false(in_flight(f));
    assert_true(fake_driver_told(&f->driver, "Normal Provisioning Assuming an external populator "
                                             "will provision the volume"));
}

/* A hundred calls under way, one of them hanging: nobody waits for it. */
static void claims_do_not_wait_for_each_other(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "CreateVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    csi_fixture_class(f, NULL);
    for (int i = 0; i < 50; i++)
        fake_api_putf(f->api,
                      "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': {'name': "
                      "'data-%d', 'namespace': 'default', 'uid': 'u%d', 'annotations': "
                      "{'volume.kubernetes.io/storage-provisioner': 'csi.example.com'}}, 'spec': "
                      "{'accessModes': ['ReadWriteOnce'], 'storageClassName': 'fast', "
                      "'resources': {'requests': {'storage': '1Gi'}}}}",
                      i, i);
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 49);
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 50);
    assert_int_equal(f->driver.n, 50);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, csi_fixture_setup, csi_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_claim_gets_a_volume_of_its_size_and_name),
        T(the_driver_is_asked_only_when_the_claim_is_held),
        cmocka_unit_test(each_code_leaves_a_finalizer_only_while_a_volume_may_come),
        T(retries_wait_longer_each_time),
        cmocka_unit_test(a_claim_deleted_during_CreateVolume_leaks_nothing),
        T(a_claim_whose_finalizers_are_torn_off_leaks_nothing),
        cmocka_unit_test(after_a_crash_anywhere_the_claim_gets_one_volume),
        cmocka_unit_test(after_a_crash_a_deleted_claim_leaves_no_volume),
        cmocka_unit_test(a_crash_at_any_millisecond_ends_in_the_same_state),
        T(a_driver_that_is_not_there_leaves_the_claim_as_it_was),
        T(a_driver_that_goes_is_told_and_its_claims_can_be_deleted),
        T(capabilities_are_read_again_after_a_reconnect),
        T(a_delayed_claim_waits_for_its_node),
        T(the_volume_is_made_near_the_selected_node),
        T(a_node_without_room_is_given_back_to_the_scheduler),
        T(a_volume_that_is_too_small_is_removed_again),
        T(secrets_go_to_the_driver_and_their_names_into_the_volume),
        T(a_clone_s_source_is_protected_while_it_is_read),
        T(what_somebody_else_fills_is_left_alone),
        T(claims_do_not_wait_for_each_other),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
