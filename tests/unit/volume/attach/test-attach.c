/* SPDX-License-Identifier: Apache-2.0 */
#include "attach-fixture.h"

/* demands: V21 */
static void a_pod_with_a_node_gets_its_volume(void **state)
{
    struct fixture *f = *state;
    const char *va = NULL;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    va = va_of(f, "v", "n1");
    /* printf h-vd.example.orgn1 | sha256sum */
    assert_string_equal(va, "csi-"
                            "efe918c8d94949e28a78a7701b030fc2b7325a73471caacb880f16f15c510459");
    assert_string_equal(fake_api_str(f->api, &kube_va_kind, va, "spec/attacher"), "d.example.org");
    assert_string_equal(fake_api_str(f->api, &kube_va_kind, va, "spec/nodeName"), "n1");
    assert_string_equal(fake_api_str(f->api, &kube_va_kind, va, "spec/source/persistentVolumeName"),
                        "v");
    assert_false(is_reported(f, "n1", "v"));
    attacher_attaches(f, "v", "n1");
    assert_true(is_reported(f, "n1", "v"));
    assert_int_equal(n_told(f, "AttachVolume.Attach succeeded for volume \\\"v\\\" \""), 1);
    assert_int_equal(fake_api_asked(f->api, "POST /apis/storage.k8s.io/v1/volumeattachments"), 1);
}

/* demands: V19 */
static void only_nodes_that_ask_for_it_are_served(void **state)
{
    struct fixture *f = *state;

    fake_api_put(f->api, "{'kind':'Node','apiVersion':'v1','metadata':{'name':'own'}}");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "own", "v");
    put_pod(f, "default/waits", "", "v");
    fake_api_pass(f->api, 600 * OL_SECOND);
    assert_int_equal(fake_api_count(f->api, &kube_va_kind), 0);
    /* It changes its mind. */
    fake_api_patch(f->api, &kube_node_kind, "own",
                   "{'metadata':{'annotations':{"
                   "'volumes.kubernetes.io/controller-managed-attach-detach':'true'}}}");
    fake_api_settle(f->api);
    assert_int_equal(fake_api_count(f->api, &kube_va_kind), 1);
}

static void volumes_that_need_no_attaching_are_left(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    fake_api_put(f->api, "{'kind':'CSIDriver','apiVersion':'storage.k8s.io/v1','metadata':{"
                         "'name':'d.example.org'},'spec':{'attachRequired':false}}");
    put_volume(f, "v", "ReadWriteOnce");
    fake_api_put(f->api,
                 "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'nfs'},'spec':{"
                 "'claimRef':{'namespace':'default','name':'nfs','uid':'u'},'nfs':{'server':'s',"
                 "'path':'/'}},'status':{'phase':'Bound'}}");
    fake_api_put(f->api,
                 "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'nfs',"
                 "'uid':'u'},'spec':{'volumeName':'nfs'},'status':{'phase':'Bound'}}");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    put_pod(f, "default/q", "n1", "nfs");
    fake_api_put(
        f->api, "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'r'},'spec':{'nodeName':'n1',"
                "'volumes':[{'name':'a','hostPath':{'path':'/'}},{'name':'b','csi':{'driver':'x'}},"
                "{'name':'c','emptyDir':{}}]}}");
    fake_api_pass(f->api, 600 * OL_SECOND);
    assert_int_equal(f->api->asked.n, 0);
}

static void iscsi_is_attached_by_saying_so(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    begin(f);
    fake_api_put(f->api,
                 "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':{'nodeName':'n1',"
                 "'volumes':[{'name':'disk','iscsi':{'targetPortal':'10.0.0.1:3260','iqn':'iqn.x',"
                 "'lun':2}}]}}");
    fake_api_settle(f->api);
    assert_string_equal(fake_api_str(f->api, &kube_node_kind, "n1", "status/volumesAttached"),
                        "[{\"name\":\"kubernetes.io/iscsi/10.0.0.1:3260:iqn.x:2\","
                        "\"devicePath\":\"\"}]");
    assert_int_equal(fake_api_count(f->api, &kube_va_kind), 0);
    delete_pod(f, "default/p");
    assert_string_equal(fake_api_str(f->api, &kube_node_kind, "n1", "status/volumesAttached"),
                        "[]");
}

/* demands: V23 */
static void a_pod_waits_for_its_claim_to_be_bound(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    assert_null(va_of(f, "v", "n1"));
    put_volume(f, "v", "ReadWriteOnce");
    fake_api_settle(f->api);
    assert_non_null(va_of(f, "v", "n1"));
}

/* --- detaching --- */
/* demands: V24 */
static void the_node_is_told_before_the_volume_is_taken(void **state)
{
    struct fixture *f = *state;
    int told = 0, deleted = 0;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    delete_pod(f, "default/p");
    assert_false(is_reported(f, "n1", "v"));
    told = order_of(f, "PATCH /api/v1/nodes/n1/status", "\"volumesAttached\":[]");
    deleted = order_of(f, "DELETE /apis/storage.k8s.io/v1/volumeattachments/", "");
    assert_in_range(told, 0, deleted - 1);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    attacher_detaches(f, "v", "n1");
    assert_null(link_of(f, "v", "n1"));
    assert_int_equal(fake_api_count(f->api, &kube_va_kind), 0);
}

static void a_working_node_is_never_robbed(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    node_uses(f, "n1", "v");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 3600 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    assert_true(is_reported(f, "n1", "v"));
    node_uses_nothing(f, "n1");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
}

static void a_lost_node_is_waited_for_six_minutes(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    node_uses(f, "n1", "v");
    node_breaks(f, "n1");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 359 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    fake_api_pass(f->api, 2 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_int_equal(attach_n_forced(f->s->world, ATTACH_FORCED_TIMEOUT), 1);
}

static void force_can_be_switched_off(void **state)
{
    struct fixture *f = *state;

    f->options.is_force_disabled = true;
    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    node_uses(f, "n1", "v");
    node_breaks(f, "n1");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 3600 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
}

static void a_node_out_of_service_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    node_uses(f, "n1", "v");
    delete_pod(f, "default/p");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    fake_api_patch(f->api, &kube_node_kind, "n1",
                   "{'spec':{'taints':[{'key':'node.kubernetes.io/out-of-service',"
                   "'value':'nodeshutdown','effect':'NoExecute'}]}}");
    fake_api_settle(f->api);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_int_equal(attach_n_forced(f->s->world, ATTACH_FORCED_OUT_OF_SERVICE), 1);
}

static void a_lost_node_that_uses_nothing_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    node_breaks(f, "n1");
    delete_pod(f, "default/p");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_int_equal(attach_n_forced(f->s->world, ATTACH_FORCED_TIMEOUT), 0);
}

static void a_node_that_is_gone_is_waited_for_too(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    fake_api_delete(f->api, &kube_node_kind, "n1");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 300 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    fake_api_pass(f->api, 61 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    attacher_detaches(f, "v", "n1");
    assert_null(attach_node_find(f->s->world, "n1"));
}

static void what_the_node_is_not_told_is_not_taken(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    fake_api_fault(f->api, &(struct fake_fault){.method = "PATCH",
                                                .path = "/nodes/n1/status",
                                                .http = 500,
                                                .reason = "InternalError",
                                                .times = 3});
    delete_pod(f, "default/p");
    assert_int_equal(order_of(f, "DELETE", ""), -1);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACH_WAIT);
    fake_api_pass(f->api, 60 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_false(is_reported(f, "n1", "v"));
}

/* The node begins to use it while its status is written. */
static void the_answer_to_the_write_has_the_last_word(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    fake_api_hold_watches(f->api, true);
    fake_api_patch(f->api, &kube_node_kind, "n1",
                   "{'status':{'volumesInUse':['kubernetes.io/csi/d.example.org^h-v']}}");
    attach_pod_drops(f->s->world, link_of(f, "v", "n1")->pods[0], NULL);
    fake_api_settle(f->api);
    assert_int_equal(order_of(f, "DELETE", ""), -1);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACH_WAIT);
    assert_true(is_reported(f, "n1", "v"));
}

static void a_failed_detach_is_put_back_and_made_again(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    delete_pod(f, "default/p");
    patch_va(f, "v", "n1", "{'status':{'detachError':{'message':'busy'}}}");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACH_WAIT);
    assert_true(is_reported(f, "n1", "v"));
    patch_va(f, "v", "n1", "{'status':{'detachError':null}}");
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_false(is_reported(f, "n1", "v"));
    attacher_detaches(f, "v", "n1");
    assert_null(link_of(f, "v", "n1"));
}

static void a_pod_that_comes_back_in_time_keeps_its_volume(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    fake_api_fault(
        f->api, &(struct fake_fault){
                    .method = "PATCH", .path = "/nodes/n1/status", .http = -1, .delay = OL_SECOND});
    delete_pod(f, "default/p");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_WITHDRAWING);
    put_pod(f, "default/q", "n1", "v");
    fake_api_pass(f->api, 10 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    assert_true(is_reported(f, "n1", "v"));
    assert_int_equal(order_of(f, "DELETE", ""), -1);
}

static void a_terminated_pod_gives_its_volumes_up(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "keeps");
    fake_api_patch(f->api, &kube_node_kind, "keeps",
                   "{'metadata':{'annotations':{"
                   "'volumes.kubernetes.io/keep-terminated-pod-volumes':'true'}}}");
    put_volume(f, "v", "ReadWriteOnce");
    put_volume(f, "w", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    run_pod(f, "default/q", "keeps", "w");
    fake_api_patch(f->api, &kube_pod_kind, "default/p", "{'status':{'phase':'Succeeded'}}");
    fake_api_patch(f->api, &kube_pod_kind, "default/q", "{'status':{'phase':'Succeeded'}}");
    fake_api_pass(f->api, 120 * OL_SECOND);
    assert_int_not_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    assert_int_equal(state_of(f, "w", "keeps"), ATTACH_ATTACHED);
    delete_pod(f, "default/q");
    assert_int_equal(state_of(f, "w", "keeps"), ATTACH_DETACHING);
}

static void a_volume_stays_for_the_other_pod(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    put_pod(f, "default/q", "n1", "v");
    fake_api_settle(f->api);
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 600 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    delete_pod(f, "default/q");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_pod_with_a_node_gets_its_volume),
        T(only_nodes_that_ask_for_it_are_served),
        T(volumes_that_need_no_attaching_are_left),
        T(iscsi_is_attached_by_saying_so),
        T(a_pod_waits_for_its_claim_to_be_bound),
        T(the_node_is_told_before_the_volume_is_taken),
        T(a_working_node_is_never_robbed),
        T(a_lost_node_is_waited_for_six_minutes),
        T(force_can_be_switched_off),
        T(a_node_out_of_service_is_not_waited_for),
        T(a_lost_node_that_uses_nothing_is_not_waited_for),
        T(a_node_that_is_gone_is_waited_for_too),
        T(what_the_node_is_not_told_is_not_taken),
        T(the_answer_to_the_write_has_the_last_word),
        T(a_failed_detach_is_put_back_and_made_again),
        T(a_pod_that_comes_back_in_time_keeps_its_volume),
        T(a_terminated_pod_gives_its_volumes_up),
        T(a_volume_stays_for_the_other_pod),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
