/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

#define CLAIM(v, c) "{\"name\":\"v-" #v "\",\"persistentVolumeClaim\":{\"claimName\":\"c-" #c "\"}}"
#define NFS(v)      "{\"name\":\"v-" #v "\",\"nfs\":{\"server\":\"s\",\"path\":\"/e\"}}"

/* demands: V25 V28 */
static void a_volume_comes_in_order(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    assert_string_equal(fixture_step(f), ""); /* it waits to be attached */
    fixture_attach_all(f);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
    assert_string_equal(fixture_step(f), ""); /* one call at a time */
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "set up pv-1 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "");
    assert_true(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "p")));
}

/* demands: V26 V27 */
static void the_device_goes_with_the_last_pod(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_pod(f, "q", CLAIM(1, 1));
    assert_int_equal(fixture_settle(f), 3); /* one device, two pods */
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "");
    assert_true(node_volume_is_in_use(fixture_volume(f, "pv-1")));
    fixture_delete(f, &kube_pod_kind, "q");
    assert_string_equal(fixture_step(f), "tear down pv-1 in q; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
    assert_true(node_volume_is_in_use(fixture_volume(f, "pv-1")));
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "");
    assert_int_equal(f->world.n_volumes, 0);
}

/* demands: V27 */
static void a_claim_that_is_being_deleted_takes_nothing_from_its_pod(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_settle(f);
    fixture_add(f, &kube_pvc_kind,
                "{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\","
                "\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"},\"spec\":{\"volumeName\":"
                "\"pv-1\"},\"status\":{\"phase\":\"Bound\"}}");
    assert_string_equal(fixture_step(f), "");
    assert_true(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "p")));
    fixture_delete(f, &kube_pvc_kind, "c-1");
    assert_string_equal(fixture_step(f), "");
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
}

/* demands: V24 */
static void nothing_is_mounted_before_the_handshake(void **state)
{
    struct fixture *f = *state;
    static const bool cases[][3] = {{true, true, false}, {true, false, true}, {false, true, true}};
    struct node_volume *v;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_populate(f);
    v = fixture_volume(f, "pv-1");
    for (size_t i = 0; i < ol_count(cases); i++) {
        v->is_reported = cases[i][0];
        v->is_listed = cases[i][1];
        v->is_attached = cases[i][2];
        assert_string_equal(fixture_step(f), "");
    }
    v->is_reported = v->is_listed = v->is_attached = true;
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
}

static void a_driver_without_attaching_needs_none(void **state)
{
    struct fixture *f = *state;

    fixture_add(f, &kube_csidriver_kind,
                "{\"metadata\":{\"name\":\"d.io\"},\"spec\":{\"attachRequired\":false}}");
    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
    assert_false(node_volume_is_in_use(fixture_volume(f, "pv-1")));
}

static void what_may_have_happened_is_undone(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_attach_all(f);
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_PERHAPS); /* NodeStageVolume ran into its deadline */
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "");
    f->now = f->next;
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "");
    assert_int_equal(f->world.n_volumes, 0);
}

static void a_clear_no_leaves_nothing_to_undo(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_attach_all(f);
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_NO);
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "");
    assert_int_equal(f->world.n_volumes, 0);
}

static void failures_wait_longer_each_time(void **state)
{
    struct fixture *f = *state;
    static const ol_time want[] = {500 * OL_MS, OL_SECOND, 2 * OL_SECOND, 4 * OL_SECOND};

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_attach_all(f);
    for (size_t i = 0; i < ol_count(want); i++) {
        assert_string_equal(fixture_step(f), "mount device pv-1; ");
        fixture_answer(f, "pv-1", NODE_NO);
        assert_string_equal(fixture_step(f), "");
        assert_int_equal(f->next, f->now + want[i]);
        f->now = f->next;
    }
}

static void a_driver_that_comes_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_attach_all(f);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_NO); /* it is not registered yet */
    node_hurry(&f->world, "another");
    assert_string_equal(fixture_step(f), "");
    node_hurry(&f->world, f->world.volumes[0]->driver);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
}

/* demands: V25 */
static void a_dead_server_stops_its_own_volume_alone(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1) "," NFS(2));
    fixture_attach_all(f);
    assert_string_equal(fixture_step(f), "mount device pv-1; set up v-2 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "set up pv-1 in p; "); /* the NFS mount still hangs */
    fixture_answer(f, "pv-1", NODE_OK);
    fixture_answer(f, "v-2", NODE_PERHAPS); /* its job was killed at the deadline */
    f->now += OL_SECOND;
    assert_string_equal(fixture_step(f), "set up v-2 in p; ");
    fixture_answer(f, "v-2", NODE_PERHAPS);
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
    f->now += OL_SECOND;
    assert_string_equal(fixture_step(f), "tear down v-2 in p; ");
    assert_false(f->open[1].mount->is_forced);
    fixture_answer(f, "v-2", NODE_PERHAPS);
    f->now += 10 * OL_SECOND;
    assert_string_equal(fixture_step(f), "tear down v-2 in p; ");
    assert_true(f->open[1].mount->is_forced);
}

static void found_volume(struct fixture *f, const char *pod)
{
    const struct node_found found = {
        .name = "kubernetes.io/csi/d.io^h-1",
        .plugin = &volume_csi,
        .spec_name = "pv-1",
        .driver = "d.io",
        .handle = "h-1",
        .pod_uid = pod,
        .has_device = true,
        .is_device_there = true,
    };

    node_world_found(&f->world, &found);
}

/* demands: V29 */
static void nothing_is_unmounted_before_the_api_was_heard(void **state)
{
    struct fixture *f = *state;
    struct node_actions actions;

    f->world.may_tear_down = false;
    found_volume(f, "p");
    node_reconcile(&f->world, f->now, &actions);
    assert_int_equal(actions.n, 0);
    assert_string_equal(fixture_step(f), ""); /* listed, but the runner has not spoken */
    f->world.may_tear_down = true;
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
}

static void a_running_pods_volume_is_asked_for_again(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    found_volume(f, "p");
    fixture_attach_all(f);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_NO); /* refused: but the mount is there since before */
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    f->now += OL_SECOND;
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
}

static void a_refused_unmount_is_mounted_anew_before_use(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_settle(f);
    fixture_delete(f, &kube_pod_kind, "p");
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_NO);
    fixture_pod(f, "q", CLAIM(1, 1));
    f->now += OL_SECOND;
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
}

/* demands: V29 */
static void a_claim_that_is_deleted_stays_with_its_pods(void **state)
{
    struct fixture *f = *state;
    static const char going[] =
        "{\"metadata\":{\"name\":\"c-1\",\"namespace\":\"ns\",\"uid\":\"claim-1\","
        "\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"},\"spec\":{\"volumeName\":\"pv-1\"},"
        "\"status\":{\"phase\":\"Bound\"}}";

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_settle(f);
    fixture_add(f, &kube_pvc_kind, going);
    assert_string_equal(fixture_step(f), "");
    assert_true(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "p")));
    fixture_pod(f, "q", CLAIM(1, 1));
    assert_string_equal(fixture_step(f), "");
    assert_false(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "q")));
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
}

static void what_was_found_stays_while_its_pods_claim_is_unknown(void **state)
{
    struct fixture *f = *state;

    fixture_pod(f, "p", CLAIM(1, 1)); /* the claim can't be read (yet) */
    found_volume(f, "p");
    assert_string_equal(fixture_step(f), "");
    fixture_delete(f, &kube_pod_kind, "p");
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
}

static void a_larger_volume_grows_when_it_is_mounted(void **state)
{
    struct fixture *f = *state;

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    fixture_settle(f);
    fixture_add(f, &kube_pv_kind,
                "{\"metadata\":{\"name\":\"pv-1\"},\"spec\":{\"capacity\":{\"storage\":\"2Gi\"},"
                "\"claimRef\":{\"uid\":\"claim-1\"},\"csi\":{\"driver\":\"d.io\",\"volumeHandle\":"
                "\"h-1\"}}}");
    assert_string_equal(fixture_step(f), "expand pv-1; ");
    fixture_answer(f, "pv-1", NODE_NO);
    assert_string_equal(fixture_step(f), "");
    f->now = f->next;
    assert_string_equal(fixture_step(f), "expand pv-1; ");
    fixture_answer(f, "pv-1", NODE_NO); /* not while it is mounted: when it is staged anew */
    fixture_delete(f, &kube_pod_kind, "p");
    fixture_pod(f, "q", CLAIM(1, 1));
    assert_string_equal(fixture_step(f), "tear down pv-1 in p; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "unmount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
}

static void data_of_the_api_are_fetched_again(void **state)
{
    struct fixture *f = *state;

    fixture_pod(f, "p", "{\"name\":\"v-1\",\"configMap\":{\"name\":\"m\"}}");
    assert_string_equal(fixture_step(f), "set up v-1 in p; ");
    fixture_answer(f, "v-1", NODE_OK);
    assert_string_equal(fixture_step(f), "");
    assert_int_equal(f->next, f->now + 60 * OL_SECOND);
    f->now = f->next;
    assert_string_equal(fixture_step(f), "set up v-1 in p; ");
    assert_true(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "p")));
    fixture_answer(f, "v-1", NODE_NO); /* the map is gone: the pod keeps what it has */
    assert_true(node_pod_is_ready(&f->world, ol_table_find_str(&f->world.pods, "p")));
}

/* demands: V19 */
static void a_node_that_attaches_by_itself_does_so(void **state)
{
    struct fixture *f = *state;

    f->world.attaches_itself = true;
    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1));
    assert_string_equal(fixture_step(f), "attach pv-1; ");
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "mount device pv-1; ");
    fixture_answer(f, "pv-1", NODE_OK);
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_OK);
    fixture_delete(f, &kube_pod_kind, "p");
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_OK);
    fixture_step(f);
    fixture_answer(f, "pv-1", NODE_OK);
    assert_string_equal(fixture_step(f), "detach pv-1; ");
    fixture_answer(f, "pv-1", NODE_OK);
    fixture_step(f);
    assert_int_equal(f->world.n_volumes, 0);
}

static void a_pod_that_waits_is_told_with_names(void **state)
{
    struct fixture *f = *state;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);

    fixture_claim(f, 1, "");
    fixture_pod(f, "p", CLAIM(1, 1) "," CLAIM(2, 2));
    assert_string_equal(fixture_step(f), "");
    f->now = f->next;
    assert_string_equal(fixture_step(f), "complain of p; ");
    node_pod_complaint(&f->world, ol_table_find_str(&f->world.pods, "p"), &text);
    assert_string_equal(
        text.data,
        "unmounted volumes=[v-1 v-2], unattached volumes=[v-1], failed to process volumes=[v-2]: "
        "error processing PVC ns/c-2: failed to fetch PVC from API server: "
        "persistentvolumeclaims \"c-2\" not found");
    assert_string_equal(fixture_step(f), ""); /* once in 2 min 3 s */
    assert_int_equal(f->next, f->now + 123 * OL_SECOND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_volume_comes_in_order),
        CASE(the_device_goes_with_the_last_pod),
        CASE(a_claim_that_is_being_deleted_takes_nothing_from_its_pod),
        CASE(nothing_is_mounted_before_the_handshake),
        CASE(a_driver_without_attaching_needs_none),
        CASE(what_may_have_happened_is_undone),
        CASE(a_clear_no_leaves_nothing_to_undo),
        CASE(failures_wait_longer_each_time),
        CASE(a_driver_that_comes_is_not_waited_for),
        CASE(a_dead_server_stops_its_own_volume_alone),
        CASE(nothing_is_unmounted_before_the_api_was_heard),
        CASE(a_running_pods_volume_is_asked_for_again),
        CASE(a_refused_unmount_is_mounted_anew_before_use),
        CASE(a_claim_that_is_deleted_stays_with_its_pods),
        CASE(what_was_found_stays_while_its_pods_claim_is_unknown),
        CASE(a_larger_volume_grows_when_it_is_mounted),
        CASE(data_of_the_api_are_fetched_again),
        CASE(a_node_that_attaches_by_itself_does_so),
        CASE(a_pod_that_waits_is_told_with_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
