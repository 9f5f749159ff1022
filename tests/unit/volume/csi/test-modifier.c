/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/modifier.h"

#define CLAIM  "default/data"
#define MINUTE (60 * OL_SECOND)

/* --- the decision, pure --- */
struct decision {
    const char *wanted, *current, *status, *target; /* NULL = absent */
    bool is_final, is_slow, has_condition, lacks_class;
    enum modifier_step want;
    const char *class_name;
};

/* clang-format off */
static const struct decision decisions[] = {
    /* wanted current status target  final slow cond lacks   step */
    {NULL, NULL, NULL, NULL,         0, 0, 0, 0, MODIFIER_NOTHING, ""},
    {"a",  "a",  NULL, NULL,         0, 0, 0, 0, MODIFIER_NOTHING, ""},
    {"b",  "a",  NULL, NULL,         0, 0, 0, 0, MODIFIER_MARK,    "b"},
    {"b",  NULL, NULL, NULL,         0, 0, 0, 0, MODIFIER_MARK,    "b"},
    {"b",  "a",  NULL, NULL,         0, 0, 0, 1, MODIFIER_PEND,    "b"},
    {"b",  "a",  "Pending", "",      0, 0, 0, 1, MODIFIER_PEND,    "b"},
    {"b",  "a",  "Pending", "",      0, 0, 0, 0, MODIFIER_MARK,    "b"},
    /* what may be on its way is asked for until the answer is final */
    {"b",  "a",  "InProgress", "b",  0, 0, 1, 0, MODIFIER_MODIFY,  "b"},
    {"c",  "a",  "InProgress", "b",  0, 0, 1, 0, MODIFIER_MODIFY,  "b"},
    {"a",  "a",  "InProgress", "b",  0, 0, 1, 0, MODIFIER_MODIFY,  "b"},
    {"c",  "a",  "InProgress", "b",  0, 0, 1, 1, MODIFIER_MISSING, "b"},
    {"b",  "a",  "InProgress", "b",  1, 0, 1, 0, MODIFIER_MARK,    "b"},
    {"c",  "a",  "InProgress", "b",  1, 0, 1, 0, MODIFIER_MARK,    "c"},
    {"a",  "a",  "InProgress", "b",  1, 0, 1, 0, MODIFIER_MARK,    "a"},
    {NULL, NULL, "InProgress", "b",  0, 0, 1, 0, MODIFIER_MODIFY,  "b"},
    {NULL, NULL, "InProgress", "b",  1, 0, 1, 0, MODIFIER_MODIFY,  "b"},
    /* at rest: another wish counts, and none at all ends it */
    {"b",  "a",  "Infeasible", "b",  1, 1, 1, 0, MODIFIER_WAIT,    ""},
    {"b",  "a",  "Infeasible", "b",  1, 0, 1, 0, MODIFIER_MARK,    "b"},
    {"c",  "a",  "Infeasible", "b",  1, 1, 1, 0, MODIFIER_MARK,    "c"},
    {"a",  "a",  "Infeasible", "b",  1, 1, 1, 0, MODIFIER_MARK,    "a"},
    {NULL, NULL, "Infeasible", "b",  1, 1, 1, 0, MODIFIER_CANCEL,  ""},
    {NULL, NULL, "Infeasible", "b",  1, 1, 0, 0, MODIFIER_NOTHING, ""},
    {"",   NULL, "Pending", "",      0, 0, 0, 0, MODIFIER_NOTHING, ""},
};
/* clang-format on */

static enum modifier_step decide(const struct decision *d, unsigned capabilities, uint8_t phase,
                                 const char **ret_class)
{
    struct kube_condition condition = {.type = "ModifyingVolume", .status = "True"};
    struct kube_modify_status modify = {d->target, d->status};
    struct kube_ref ref = {.ns = "default", .uid = "u1"};
    struct kube_csi_source csi = {.driver = "x"};
    struct kube_pvc claim = {.o.meta = {.ns = "default", .uid = "u1"},
                             .spec.attributes_class = d->wanted,
                             .status = {.phase = phase,
                                        .attributes_class = d->current,
                                        .conditions = {&condition, d->has_condition},
                                        .modify = d->status ? &modify : NULL}};
    struct kube_pv pv = {.spec = {.claim = &ref, .csi = &csi}};
    struct modifier_view v = {.claim = &claim,
                              .pv = &pv,
                              .controller = capabilities,
                              .has_final_error = d->is_final,
                              .is_slow = d->is_slow,
                              .has_wanted_class = !d->lacks_class,
                              .has_target_class = !d->lacks_class};

    return modifier_decide(&v, ret_class);
}

/* demands: V30 */
static void each_state_of_a_claim_has_its_step(void **state)
{
    for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
        const struct decision *d = &decisions[i];
        const char *class_name = "";

        print_message("# row %zu\n", i);
        assert_int_equal(decide(d, CSI_CAN_MODIFY, KUBE_PVC_BOUND, &class_name), d->want);
        assert_string_equal(class_name, d->class_name);
        assert_int_equal(decide(d, 0, KUBE_PVC_BOUND, &class_name), MODIFIER_NOTHING);
        assert_int_equal(decide(d, CSI_CAN_MODIFY, KUBE_PVC_PENDING, &class_name),
                         MODIFIER_NOTHING);
    }
}

/* --- on an API and a driver in memory --- */
static void put_class(struct csi_fixture *f, const char *name, const char *iops)
{
    fake_api_putf(f->api,
                  "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'VolumeAttributesClass', "
                  "'metadata': {'name': '%s'}, 'driverName': 'csi.example.com', 'parameters': "
                  "{'iops': '%s'}}",
                  name, iops);
}

static void begin(struct csi_fixture *f)
{
    f->driver.n = 1;
    f->driver.controller |= CSI_CAN_MODIFY;
    f->driver.v[0] = (struct fake_volume){.name = "pv", .id = "h1", .size = 1LL << 30};
    put_class(f, "silver", "10");
    put_class(f, "gold", "100");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolume', 'metadata': {'name': "
                         "'pv', 'uid': 'u-pv', 'annotations': "
                         "{'volume.kubernetes.io/controller-modify-secret-name': 'key', "
                         "'volume.kubernetes.io/controller-modify-secret-namespace': 'default'}}, "
                         "'spec': {'accessModes': ['ReadWriteOnce'], 'capacity': {'storage': "
                         "'1Gi'}, 'persistentVolumeReclaimPolicy': 'Retain', "
                         "'volumeAttributesClassName': 'silver', 'claimRef': {'namespace': "
                         "'default', 'name': 'data', 'uid': 'u1'}, 'csi': {'driver': "
                         "'csi.example.com', 'volumeHandle': 'h1'}}, 'status': {'phase': "
                         "'Bound'}}");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'key', "
                         "'namespace': 'default'}, 'data': {'password': 'c2VjcmV0'}}");
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': "
                         "{'name': 'data', 'namespace': 'default', 'uid': 'u1'}, 'spec': "
                         "{'accessModes': ['ReadWriteOnce'], 'volumeName': 'pv', "
                         "'volumeAttributesClassName': 'silver', 'resources': {'requests': "
                         "{'storage': '1Gi'}}}, 'status': {'phase': 'Bound', 'capacity': "
                         "{'storage': '1Gi'}, 'currentVolumeAttributesClassName': 'silver', "
                         "'conditions': [{'type': 'Mine', 'status': 'True'}]}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
}

static void ask_for(struct csi_fixture *f, const char *class_name)
{
    char patch[128];

    (void)snprintf(patch, sizeof(patch), "{'spec': {'volumeAttributesClassName': '%s'}}",
                   class_name);
    fake_api_patch(f->api, &kube_pvc_kind, CLAIM, patch);
}

static const char *claim(struct csi_fixture *f, const char *path)
{
    return fake_api_str(f->api, &kube_pvc_kind, CLAIM, path);
}

static bool has_condition(struct csi_fixture *f, const char *text)
{
    return strstr(claim(f, "status/conditions"), text) != NULL;
}

static void assert_is(struct csi_fixture *f, const char *class_name, const char *iops)
{
    assert_string_equal(f->driver.v[0].iops, iops);
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "pv", "spec/volumeAttributesClassName"),
                        class_name);
    assert_string_equal(claim(f, "status/currentVolumeAttributesClassName"), class_name);
    assert_string_equal(claim(f, "status/modifyVolumeStatus"), "");
    assert_false(has_condition(f, "Modify"));
    assert_true(has_condition(f, "Mine"));
}

static void another_class_changes_the_volume(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume"), 0);
    ask_for(f, "gold");
    fake_api_pass(f->api, OL_SECOND);
    assert_is(f, "gold", "100");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume h1 iops=100"), 1);
    assert_string_equal(f->driver.secret, "secret");
    assert_true(fake_driver_told(&f->driver, "Normal VolumeModify external resizer is modifying "
                                             "volume data with vac gold"));
    assert_true(fake_driver_told(&f->driver, "Normal VolumeModifySuccessful external resizer "
                                             "modified volume data with vac gold successfully"));
    ask_for(f, "silver");
    fake_api_pass(f->api, OL_SECOND);
    assert_is(f, "silver", "10");
}

static void a_missing_class_is_waited_for(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    ask_for(f, "bronze");
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(claim(f, "status/modifyVolumeStatus/status"), "Pending");
    assert_true(
        fake_driver_told(&f->driver, "Warning VolumeModifyFailed VAC \"bronze\" does not exist."));
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume"), 0);
    put_class(f, "bronze", "1");
    fake_api_pass(f->api, OL_SECOND);
    assert_is(f, "bronze", "1");
}

static void a_final_error_is_told_and_another_class_may_be_tried(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerModifyVolume", OL_GRPC_INTERNAL, false, 1);
    begin(f);
    ask_for(f, "gold");
    fake_api_pass(f->api, OL_SECOND / 2);
    assert_string_equal(claim(f, "status/modifyVolumeStatus/status"), "InProgress");
    assert_string_equal(claim(f, "status/modifyVolumeStatus/targetVolumeAttributesClassName"),
                        "gold");
    assert_true(has_condition(f, "Modifying volume to \\\"gold\\\" failed. Waiting for retry."));
    assert_true(has_condition(f, "ModifyVolumeError"));
    assert_true(has_condition(f, "\"Internal\""));
    assert_true(has_condition(f, "the driver says so"));
    assert_true(fake_driver_told(&f->driver, "Warning VolumeModifyFailed rpc error: code = "
                                             "Internal desc = the driver says so"));
    ask_for(f, "silver");
    fake_api_pass(f->api, MINUTE);
    assert_is(f, "silver", "10");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume h1 iops=100"), 1);
}

static void a_change_that_may_be_on_its_way_is_finished_first(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerModifyVolume", OL_GRPC_DEADLINE_EXCEEDED, true, 1);
    begin(f);
    ask_for(f, "gold");
    fake_api_pass(f->api, OL_SECOND); /* asked, and no answer yet */
    put_class(f, "bronze", "1");
    ask_for(f, "bronze");
    fake_api_pass(f->api, 8 * OL_SECOND);
    assert_string_equal(claim(f, "status/modifyVolumeStatus/targetVolumeAttributesClassName"),
                        "gold");
    fake_api_pass(f->api, MINUTE);
    assert_true(fake_driver_told(&f->driver,
                                 "Warning VolumeModifyFailed rpc error: code = DeadlineExceeded "
                                 "desc = the driver says so. Still modifying to VAC gold"));
    assert_is(f, "bronze", "1");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume h1 iops=100"), 2);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume h1 iops=1"),
                     3); /* two of them gold's */
}

static void an_infeasible_class_waits_until_the_claim_names_another(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "ControllerModifyVolume", OL_GRPC_INVALID_ARGUMENT, false, 1);
    begin(f);
    ask_for(f, "gold");
    fake_api_pass(f->api, MINUTE);
    assert_string_equal(claim(f, "status/modifyVolumeStatus/status"), "Infeasible");
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume"), 1);
    ask_for(f, "silver");
    fake_api_pass(f->api, OL_SECOND);
    assert_is(f, "silver", "10");
}

static void a_driver_that_cannot_modify_is_left_alone(void **state)
{
    struct csi_fixture *f = *state;

    begin(f);
    csi_fixture_stop(f);
    f->driver.controller &= ~(unsigned)CSI_CAN_MODIFY;
    csi_fixture_start(f);
    ask_for(f, "gold");
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(fake_driver_calls(&f->driver, "ControllerModifyVolume"), 0);
    assert_string_equal(claim(f, "status/modifyVolumeStatus"), "");
}

static void a_crash_at_any_millisecond_ends_in_the_same_class(void **state)
{
    const struct fake_fault slow = {.http = -1, .delay = OL_MS};

    for (int ms = 0; ms < 30; ms++) {
        void *one = NULL;
        struct csi_fixture *f;

        csi_fixture_setup(&one);
        f = one;
        begin(f);
        for (int i = 0; i < 50; i++)
            fake_api_fault(f->api, &slow);
        ask_for(f, "gold");
        fake_api_pass(f->api, ms * OL_MS);
        csi_fixture_stop(f);
        csi_fixture_start(f);
        fake_api_pass(f->api, 5 * MINUTE);
        assert_is(f, "gold", "100");
        csi_fixture_teardown(&one);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, csi_fixture_setup, csi_fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_a_claim_has_its_step),
        T(another_class_changes_the_volume),
        T(a_missing_class_is_waited_for),
        T(a_final_error_is_told_and_another_class_may_be_tried),
        T(a_change_that_may_be_on_its_way_is_finished_first),
        T(an_infeasible_class_waits_until_the_claim_names_another),
        T(a_driver_that_cannot_modify_is_left_alone),
        cmocka_unit_test(a_crash_at_any_millisecond_ends_in_the_same_class),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
