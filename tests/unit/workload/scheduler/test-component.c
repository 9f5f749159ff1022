/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "workload/scheduler/scheduler.h"

struct fixture {
    struct fake_api *api;
    struct kube_context k;
    void *state;
};

static void run(void *ctx)
{
    struct fixture *f = ctx;

    scheduler_component.run(f->state);
}

static void start(struct fixture *f)
{
    f->k.loop = &f->api->loop;
    f->k.client = fake_api_client(f->api);
    f->k.informers = kube_informers_new(f->k.client);
    assert_int_equal(scheduler_component.start(&f->k, NULL, &f->state, NULL), 0);
    kube_informers_start(f->k.informers, run, f);
}

static void stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->state = NULL;
}

static void stop(struct fixture *f)
{
    kube_informers_stop(f->k.informers);
    scheduler_component.stop(f->state, stopped, f);
    assert_null(f->state);
    kube_informers_free(f->k.informers);
    kube_client_free(f->k.client);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    stop(f);
    fake_api_free(f->api);
    free(f);
    return 0;
}

static void put_node(struct fixture *f, const char *name)
{
    fake_api_putf(
        f->api,
        "{'kind': 'Node', 'apiVersion': 'v1', 'metadata': {'name': '%s', 'labels': "
        "{'zone': '%s'}}, 'status': {'allocatable': {'cpu': '1', 'memory': '1Gi', 'pods': "
        "'10'}}}",
        name, name);
}

static void put_pod(struct fixture *f, const char *name, const char *spec)
{
    fake_api_putf(f->api,
                  "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': '%s'}, 'spec': {%s}}",
                  name, spec);
}

static void put_class(struct fixture *f, const char *provisioner)
{
    fake_api_putf(
        f->api,
        "{'kind': 'StorageClass', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
        "'late'}, 'provisioner': '%s', 'volumeBindingMode': 'WaitForFirstConsumer'}",
        provisioner);
}

static void put_claim(struct fixture *f, const char *name)
{
    fake_api_putf(f->api,
                  "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': {'name': "
                  "'%s'}, 'spec': {'accessModes': ['ReadWriteOnce'], 'resources': {'requests': "
                  "{'storage': '1Gi'}}, 'storageClassName': 'late'}, 'status': {'phase': "
                  "'Pending'}}",
                  name);
}

static void put_volume(struct fixture *f, const char *name, const char *zone)
{
    fake_api_putf(
        f->api,
        "{'kind': 'PersistentVolume', 'apiVersion': 'v1', 'metadata': {'name': '%s'}, "
        "'spec': {'capacity': {'storage': '1Gi'}, 'accessModes': ['ReadWriteOnce'], "
        "'storageClassName': 'late', 'nodeAffinity': {'required': {'nodeSelectorTerms': "
        "[{'matchExpressions': [{'key': 'zone', 'operator': 'In', 'values': ['%s']}]}]}}},"
        " 'status': {'phase': 'Available'}}",
        name, zone);
}

/* What the binder does when a volume is there. */
static void bind_claim(struct fixture *f, const char *key, const char *volume)
{
    char patch[256];

    snprintf(patch, sizeof(patch),
             "{'metadata': {'annotations': {'pv.kubernetes.io/bind-completed': 'yes'}}, 'spec': "
             "{'volumeName': '%s'}, 'status': {'phase': 'Bound'}}",
             volume);
    fake_api_patch(f->api, &kube_pvc_kind, key, patch);
}

static const char *node_of(struct fixture *f, const char *pod)
{
    return fake_api_str(f->api, &kube_pod_kind, pod, "spec/nodeName");
}

static const char *selected(struct fixture *f, const char *claim)
{
    return fake_api_map(f->api, &kube_pvc_kind, claim, "metadata/annotations",
                        "volume.kubernetes.io/selected-node");
}

#define USES_DATA "'volumes': [{'name': 'v', 'persistentVolumeClaim': {'claimName': 'data'}}]"

static void pod_is_bound_and_told(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_pod(f, "p", "'containers': [{'name': 'c'}]");
    fake_api_settle(f->api);
    assert_string_equal(node_of(f, "default/p"), "a");
    assert_string_equal(fake_api_event(f->api, "Scheduled"),
                        "Successfully assigned default/p to a");
}

static void other_schedulers_pods_are_left_alone(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_pod(f, "p", "'schedulerName': 'mine'");
    put_pod(f, "q", "'schedulingGates': [{'name': 'wait'}]");
    put_pod(f, "r", "'schedulerName': 'default-scheduler'");
    fake_api_settle(f->api);
    assert_string_equal(node_of(f, "default/p"), "");
    assert_string_equal(node_of(f, "default/q"), "");
    assert_string_equal(node_of(f, "default/r"), "a");
}

static void pod_without_place_says_why_and_gets_one_later(void **state)
{
    struct fixture *f = *state;

    put_pod(f, "p", "'nodeSelector': {'zone': 'b'}");
    put_node(f, "a");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(
        fake_api_event(f->api, "FailedScheduling"),
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.");
    assert_string_equal(fake_api_str(f->api, &kube_pod_kind, "default/p", "status/conditions"),
                        "[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
                        "\"Unschedulable\",\"message\":\"0/1 nodes are available: 1 node(s) didn't "
                        "match Pod's node affinity/selector.\",\"lastTransitionTime\":"
                        "\"2026-01-01T00:16:40Z\"}]");
    put_node(f, "b");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "b");
}

static void room_that_becomes_free_is_used(void **state)
{
    struct fixture *f = *state;
    const char *spec = "'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '600m'}}}]";

    put_node(f, "a");
    put_pod(f, "p", spec);
    fake_api_settle(f->api);
    put_pod(f, "q", spec);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/q"), "");
    fake_api_delete(f->api, &kube_pod_kind, "default/p");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/q"), "a");
}

static void pods_that_come_at_once_do_not_overfill_a_node(void **state)
{
    struct fixture *f = *state;
    const char *spec = "'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '400m'}}}]";
    char name[8];

    put_node(f, "a");
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        put_pod(f, name, spec);
    }
    fake_api_pass(f->api, 10 * OL_SECOND);
    assert_int_equal(fake_api_asked(f->api, "POST /api/v1/namespaces/default/pods/"), 2);
}

/* demands: V12 */
static void free_volume_is_reserved_and_the_pod_waits_for_its_claim(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_node(f, "b");
    put_class(f, "kubernetes.io/no-provisioner");
    put_volume(f, "pv", "b");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "pv", "spec/claimRef/name"), "data");
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pv", "metadata/annotations",
                                     "pv.kubernetes.io/bound-by-controller"),
                        "yes");
    assert_string_equal(node_of(f, "default/p"), "");
    bind_claim(f, "default/data", "pv");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "b");
    assert_string_equal(selected(f, "default/data"), "");
}

/* demands: V12 V15 */
static void claim_is_provisioned_for_the_node(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(selected(f, "default/data"), "a");
    assert_string_equal(node_of(f, "default/p"), "");
    /* The claim's news may come before the volume's. */
    bind_claim(f, "default/data", "pv");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "");
    put_volume(f, "pv", "a");
    fake_api_patch(f->api, &kube_pv_kind, "pv",
                   "{'spec': {'claimRef': {'namespace': 'default', 'name': 'data'}}}");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "a");
}

static void provisioner_that_gives_up_makes_the_scheduler_choose_again(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(selected(f, "default/data"), "a");
    put_node(f, "b");
    fake_api_patch(f->api, &kube_node_kind, "a", "{'spec': {'unschedulable': true}}");
    fake_api_patch(f->api, &kube_pvc_kind, "default/data",
                   "{'metadata': {'annotations': {'volume.kubernetes.io/selected-node': null}}}");
    fake_api_pass(f->api, 2 * OL_SECOND);
    assert_string_equal(selected(f, "default/data"), "b");
    assert_string_equal(fake_api_event(f->api, "FailedScheduling"),
                        "running PreBind plugin \"VolumeBinding\": binding volumes: provisioning "
                        "failed for PVC \"data\"");
}

static void provisioner_that_refuses_always_is_asked_less_and_less_often(void **state)
{
    struct fixture *f = *state;
    unsigned n_asked = 0;

    put_node(f, "a");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    for (unsigned i = 0; i < 300; i++) {
        fake_api_pass(f->api, OL_SECOND / 10);
        if (!*selected(f, "default/data"))
            continue;
        n_asked++;
        fake_api_patch(
            f->api, &kube_pvc_kind, "default/data",
            "{'metadata': {'annotations': {'volume.kubernetes.io/selected-node': null}}}");
    }
    /* After 1, 2, 4, 8 and 10 s. */
    assert_int_equal(n_asked, 6);
}

static void waiting_ends_after_ten_minutes(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, 599 * OL_SECOND);
    assert_null(fake_api_event(f->api, "FailedScheduling"));
    fake_api_pass(f->api, 2 * OL_SECOND);
    assert_string_equal(fake_api_event(f->api, "FailedScheduling"),
                        "running PreBind plugin \"VolumeBinding\": binding volumes: context "
                        "deadline exceeded");
}

static void two_pods_of_one_claim_go_to_one_node(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_node(f, "b");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    put_pod(f, "q", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(
        fake_api_asked(f->api, "PATCH /api/v1/namespaces/default/persistentvolumeclaims/data "), 1);
    put_volume(f, "pv", "a");
    bind_claim(f, "default/data", "pv");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), node_of(f, "default/q"));
}

static void conflict_is_decided_anew(void **state)
{
    static const struct fake_fault conflict = {
        .method = "PATCH", .path = "persistentvolumeclaims", .http = 409, .reason = "Conflict"};
    struct fixture *f = *state;

    put_node(f, "a");
    put_class(f, "csi.test");
    put_claim(f, "data");
    fake_api_fault(f->api, &conflict);
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(selected(f, "default/data"), "a");
    assert_null(fake_api_event(f->api, "FailedScheduling"));
}

static void binding_whose_answer_is_lost_is_made_good(void **state)
{
    static const struct fake_fault lost = {
        .method = "POST", .path = "/binding", .http = 0, .is_done = true};
    struct fixture *f = *state;

    fake_api_fault(f->api, &lost);
    put_node(f, "a");
    put_pod(f, "p", "'containers': [{'name': 'c'}]");
    fake_api_pass(f->api, 5 * OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "a");
}

static void new_process_goes_on_where_the_old_one_stopped(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_node(f, "b");
    put_class(f, "csi.test");
    put_claim(f, "data");
    put_pod(f, "p", USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(selected(f, "default/data"), "a");
    stop(f);
    start(f);
    fake_api_pass(f->api, OL_SECOND);
    put_volume(f, "pv", "a");
    bind_claim(f, "default/data", "pv");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/p"), "a");
}

static void pod_that_goes_meanwhile_gives_back_what_it_held(void **state)
{
    struct fixture *f = *state;

    put_node(f, "a");
    put_class(f, "kubernetes.io/no-provisioner");
    put_volume(f, "pv", "a");
    put_claim(f, "data");
    put_pod(f, "p",
            "'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '1'}}}], " USES_DATA);
    fake_api_pass(f->api, OL_SECOND);
    put_pod(f, "q", "'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '1'}}}]");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/q"), "");
    fake_api_delete(f->api, &kube_pod_kind, "default/p");
    fake_api_pass(f->api, OL_SECOND);
    assert_string_equal(node_of(f, "default/q"), "a");
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_api(pod_is_bound_and_told),
        with_api(other_schedulers_pods_are_left_alone),
        with_api(pod_without_place_says_why_and_gets_one_later),
        with_api(room_that_becomes_free_is_used),
        with_api(pods_that_come_at_once_do_not_overfill_a_node),
        with_api(free_volume_is_reserved_and_the_pod_waits_for_its_claim),
        with_api(claim_is_provisioned_for_the_node),
        with_api(provisioner_that_gives_up_makes_the_scheduler_choose_again),
        with_api(provisioner_that_refuses_always_is_asked_less_and_less_often),
        with_api(waiting_ends_after_ten_minutes),
        with_api(two_pods_of_one_claim_go_to_one_node),
        with_api(conflict_is_decided_anew),
        with_api(binding_whose_answer_is_lost_is_made_good),
        with_api(new_process_goes_on_where_the_old_one_stopped),
        with_api(pod_that_goes_meanwhile_gives_back_what_it_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
