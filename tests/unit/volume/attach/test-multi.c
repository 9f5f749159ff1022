/* SPDX-License-Identifier: Apache-2.0 */
#include "attach-fixture.h"

/* --- several nodes --- */
static void a_volume_of_one_node_is_refused_to_another(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "n2");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/a", "n1", "v");
    put_pod(f, "default/b", "n1", "v");
    fake_api_settle(f->api);
    put_pod(f, "default/c", "n2", "v");
    fake_api_pass(f->api, 600 * OL_SECOND);
    assert_int_equal(n_told(f, "Multi-Attach error for volume \\\"v\\\" Volume is already used by "
                               "pod(s) a, b\""),
                     1);
    assert_null(va_of(f, "v", "n2"));
    /* The first node gives it back. */
    delete_pod(f, "default/a");
    delete_pod(f, "default/b");
    assert_null(va_of(f, "v", "n2"));
    attacher_detaches(f, "v", "n1");
    assert_non_null(va_of(f, "v", "n2"));
    attacher_attaches(f, "v", "n2");
    assert_true(is_reported(f, "n2", "v"));
    assert_false(is_reported(f, "n1", "v"));
}

/* A pod of another namespace can use the volume only when its claim was made anew there. */
static void use_from(struct fixture *f, const char *pod, const char *ns, const char *node)
{
    put_volume_in(f, ns, "v", "ReadWriteOnce");
    put_pod(f, pod, node, "v");
    fake_api_settle(f->api);
}

static void pods_of_other_namespaces_are_only_counted(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "n2");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/a", "n1", "v");
    use_from(f, "other/b", "other", "n1");
    use_from(f, "other/x", "other", "n2");
    assert_int_equal(n_told(f, "Volume is already used by pod(s) b and 1 pod(s) in different "
                               "namespaces"),
                     1);
    use_from(f, "third/y", "third", "n2");
    delete_pod(f, "other/x");
    delete_pod(f, "third/y");
    fake_api_settle(f->api);
    use_from(f, "third/z", "third", "n2");
    assert_int_equal(n_told(f, "Volume is already used by 2 pod(s) in different namespaces"), 1);
}

static void a_volume_without_pods_is_exclusively_attached(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "n2");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/a", "n1", "v");
    node_uses(f, "n1", "v");
    delete_pod(f, "default/a");
    put_pod(f, "default/b", "n2", "v");
    fake_api_settle(f->api);
    assert_int_equal(n_told(f, "Multi-Attach error for volume \\\"v\\\" Volume is already "
                               "exclusively attached to one node and can't be attached to another"),
                     1);
}

static void a_shared_volume_goes_to_every_node(void **state)
{
    struct fixture *f = *state;
    static const char *const modes[] = {"ReadWriteMany", "ReadOnlyMany"};

    put_node(f, "n1");
    put_node(f, "n2");
    begin(f);
    for (size_t i = 0; i < ol_count(modes); i++) {
        char a[32], b[32];

        snprintf(a, sizeof(a), "default/a-%zu", i);
        snprintf(b, sizeof(b), "default/b-%zu", i);
        put_volume(f, modes[i], modes[i]);
        run_pod(f, a, "n1", modes[i]);
        run_pod(f, b, "n2", modes[i]);
    }
    assert_int_equal(n_told(f, "Multi-Attach"), 0);
}

/* --- errors --- */
static void an_attach_error_is_told_and_may_pass(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    patch_va(f, "v", "n1", "{'status':{'attached':false,'attachError':{'message':'no room'}}}");
    assert_int_equal(n_told(f, "AttachVolume.Attach failed for volume \\\"v\\\" : no room"), 1);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACH_WAIT);
    assert_false(is_reported(f, "n1", "v"));
    attacher_attaches(f, "v", "n1");
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    assert_int_equal(fake_api_asked(f->api, "POST /apis/storage.k8s.io/v1/volumeattachments"), 1);
}

static void a_failed_attach_is_undone_all_the_same(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    patch_va(f, "v", "n1",
             "{'metadata':{'finalizers':['external-attacher/x']},"
             "'status':{'attachError':{'message':'timeout'}}}");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    attacher_detaches(f, "v", "n1");
    assert_null(link_of(f, "v", "n1"));
}

static void an_attach_without_an_answer_is_uncertain(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "n2");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_pass(f->api, 119 * OL_SECOND);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHING);
    fake_api_pass(f->api, 1100 * OL_MS);
    assert_int_equal(n_told(f, "timed out waiting for external-attacher of d.example.org CSI "
                               "driver to attach volume h-v"),
                     1);
    /* It may be there: it goes before another node gets it. */
    patch_va(f, "v", "n1", "{'metadata':{'finalizers':['external-attacher/x']}}");
    put_pod(f, "default/q", "n2", "v");
    delete_pod(f, "default/p");
    fake_api_pass(f->api, 5 * OL_SECOND);
    assert_null(va_of(f, "v", "n2"));
    attacher_detaches(f, "v", "n1");
    assert_non_null(va_of(f, "v", "n2"));
}

static void a_refused_request_is_made_again(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    fake_api_fault(f->api, &(struct fake_fault){.method = "POST",
                                                .path = "volumeattachments",
                                                .http = 500,
                                                .reason = "InternalError",
                                                .times = 3});
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    assert_null(va_of(f, "v", "n1"));
    fake_api_pass(f->api, 10 * OL_SECOND);
    assert_non_null(va_of(f, "v", "n1"));
    assert_int_equal(fake_api_asked(f->api, "POST /apis/storage.k8s.io/v1/volumeattachments"), 4);
}

static void a_vanished_attachment_is_made_anew(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    fake_api_delete(f->api, &kube_va_kind, va_of(f, "v", "n1"));
    patch_va(f, "v", "n1", "{'metadata':{'finalizers':null}}");
    assert_false(is_reported(f, "n1", "v"));
    fake_api_pass(f->api, OL_SECOND);
    assert_non_null(va_of(f, "v", "n1"));
    attacher_attaches(f, "v", "n1");
    assert_true(is_reported(f, "n1", "v"));
}

/* --- starting --- */
static void left_behind(struct fixture *f, const char *volume, const char *node)
{
    struct attach_link *l = link_of(f, volume, node);

    fake_api_putf(f->api,
                  "{'kind':'VolumeAttachment','apiVersion':'storage.k8s.io/v1','metadata':{"
                  "'name':'%s','finalizers':['external-attacher/x']},'spec':{'attacher':"
                  "'d.example.org','nodeName':'%s','source':{'persistentVolumeName':'%s'}},"
                  "'status':{'attached':true}}",
                  l->va_name, node, volume);
}

/* demands: V20 V22 */
static void a_new_start_finds_everything_as_it_was(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;

    put_node(f, "n1");
    put_volume(f, "v", "ReadWriteOnce");
    put_volume(f, "w", "ReadWriteOnce");
    begin(f);
    run_pod(f, "default/p", "n1", "v");
    run_pod(f, "default/q", "n1", "w");
    end(f);
    n = f->api->asked.n;
    begin(f);
    fake_api_pass(f->api, 3600 * OL_SECOND);
    assert_int_equal(f->api->asked.n, n);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_ATTACHED);
    /* Pods that went while nobody looked. */
    end(f);
    fake_api_delete(f->api, &kube_pod_kind, "default/p");
    begin(f);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_int_equal(state_of(f, "w", "n1"), ATTACH_ATTACHED);
    assert_true(is_reported(f, "n1", "w"));
}

static void a_dangling_attachment_is_removed_at_the_start(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    put_node(f, "n2");
    put_volume(f, "v", "ReadWriteOnce");
    begin(f);
    put_pod(f, "default/p", "n1", "v");
    fake_api_settle(f->api);
    left_behind(f, "v", "n1"); /* attached, but the node's status was never written */
    end(f);
    fake_api_delete(f->api, &kube_pod_kind, "default/p");
    put_pod(f, "default/q", "n2", "v");
    begin(f);
    assert_int_equal(state_of(f, "v", "n1"), ATTACH_DETACHING);
    assert_null(va_of(f, "v", "n2"));
    attacher_detaches(f, "v", "n1");
    assert_non_null(va_of(f, "v", "n2"));
}

static void a_status_without_an_attachment_is_not_believed(void **state)
{
    struct fixture *f = *state;

    put_node(f, "n1");
    fake_api_patch(f->api, &kube_node_kind, "n1",
                   "{'status':{'volumesAttached':[{'name':"
                   "'kubernetes.io/csi/d.example.org^h-v','devicePath':''}]}}");
    put_volume(f, "v", "ReadWriteOnce");
    put_pod(f, "default/p", "n1", "v");
    begin(f);
    assert_false(is_reported(f, "n1", "v"));
    fake_api_pass(f->api, OL_SECOND);
    assert_non_null(va_of(f, "v", "n1"));
}

/* --- many --- */
static void a_hundred_volumes_cost_a_hundred_requests(void **state)
{
    struct fixture *f = *state;
    enum { N = 100 };

    put_node(f, "n1");
    begin(f);
    for (int i = 0; i < N; i++) {
        char name[32], pod[64];

        snprintf(name, sizeof(name), "v-%d", i);
        snprintf(pod, sizeof(pod), "default/p-%d", i);
        put_volume(f, name, "ReadWriteOnce");
        put_pod(f, pod, "n1", name);
    }
    fake_api_settle(f->api);
    assert_int_equal(f->api->asked.n, N);
    for (int i = 0; i < N; i++) {
        char name[32];

        snprintf(name, sizeof(name), "v-%d", i);
        fake_api_patch(f->api, &kube_va_kind, va_of(f, name, "n1"), "{'status':{'attached':true}}");
    }
    fake_api_settle(f->api);
    /* One write of the node's status at a time says what has come meanwhile. */
    assert_in_range(fake_api_asked(f->api, "PATCH /api/v1/nodes/n1/status"), 1, 10);
    assert_true(is_reported(f, "n1", "v-99"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_volume_of_one_node_is_refused_to_another),
        T(pods_of_other_namespaces_are_only_counted),
        T(a_volume_without_pods_is_exclusively_attached),
        T(a_shared_volume_goes_to_every_node),
        T(an_attach_error_is_told_and_may_pass),
        T(a_failed_attach_is_undone_all_the_same),
        T(an_attach_without_an_answer_is_uncertain),
        T(a_refused_request_is_made_again),
        T(a_vanished_attachment_is_made_anew),
        T(a_new_start_finds_everything_as_it_was),
        T(a_dangling_attachment_is_removed_at_the_start),
        T(a_status_without_an_attachment_is_not_believed),
        T(a_hundred_volumes_cost_a_hundred_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
