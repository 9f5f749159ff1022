/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "fake-api.h"
#include "volume/binder/component-internal.h"

/* The whole component on an API in memory. */
struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct kube_informers *all;
    struct binder_component_options options;
    struct binder_component_state *s;
    /* A plug-in "kubernetes.io/test" that answers when the test says so. */
    struct binder_plugin plugin;
    const struct binder_plugin *plugins[2];
    struct binder_done waiting;
    char made[64];
    unsigned n_removed, n_recycled, n_cancelled;
};

static void on_stopped(void *ctx) {}

static void begin(struct fixture *f)
{
    struct kube_context k;
    void *s = NULL;

    f->client = fake_api_client(f->api);
    f->all = kube_informers_new(f->client);
    k = (struct kube_context){.loop = &f->api->loop, .client = f->client, .informers = f->all};
    assert_int_equal(binder_component.start(&k, &f->options, &s, NULL), 0);
    f->s = s;
    kube_informers_start(f->all, NULL, NULL);
    fake_api_settle(f->api);
    binder_component.run(f->s);
    fake_api_settle(f->api);
}

static void end(struct fixture *f)
{
    if (!f->s)
        return;
    binder_component.stop(f->s, on_stopped, NULL);
    kube_informers_free(f->all);
    kube_client_free(f->client);
    f->s = NULL;
}

/* --- the plug-in --- */
static bool can_support(const struct kube_pv *pv)
{
    return pv->spec.host_path != NULL;
}

static int provision(void *self, const struct binder_order *order, const struct binder_done *done,
                     void **ret_handle, struct ol_err *err)
{
    struct fixture *f = self;

    snprintf(f->made, sizeof(f->made), "%s", order->pv_name);
    f->waiting = *done;
    return 0;
}

static int remove_volume(void *self, const struct kube_pv *pv, const struct binder_done *done,
                         void **ret_handle, struct ol_err *err)
{
    struct fixture *f = self;

    f->n_removed++;
    f->waiting = *done;
    return 0;
}

static int recycle(void *self, const struct kube_pv *pv, const struct binder_done *done,
                   void **ret_handle, struct ol_err *err)
{
    struct fixture *f = self;

    f->n_recycled++;
    f->waiting = *done;
    return 0;
}

static void cancel(void *self, void *handle)
{
    struct fixture *f = self;

    f->n_cancelled++;
}

/* The hook's work ends; 'why' NULL: well. */
static void plugin_answers(struct fixture *f, const char *why)
{
    struct binder_made made = {.source_name = "hostPath", .source = "{\"path\":\"/srv/x\"}"};
    struct ol_err err = OL_ERR_INIT;
    struct binder_done done = f->waiting;

    assert_non_null(done.fn);
    f->waiting = (struct binder_done){0};
    if (why)
        (void)!ol_err_set(&err, EIO, "%s", why);
    done.fn(done.ctx, why ? NULL : &made, &err);
    fake_api_settle(f->api);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    f->plugin = (struct binder_plugin){.name = "kubernetes.io/test",
                                       .self = f,
                                       .can_support = can_support,
                                       .provision = provision,
                                       .remove = remove_volume,
                                       .recycle = recycle,
                                       .cancel = cancel};
    f->plugins[0] = &f->plugin;
    f->options.rules.plugins = f->plugins;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    end(f);
    fake_api_free(f->api);
    free(f);
    return 0;
}

/* --- objects --- */
static void put_volume(struct fixture *f, const char *name, const char *size, const char *policy)
{
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'%s'},'spec':{"
                  "'capacity':{'storage':'%s'},'accessModes':['ReadWriteOnce'],"
                  "'persistentVolumeReclaimPolicy':'%s','hostPath':{'path':'/srv'}},"
                  "'status':{'phase':'Pending'}}",
                  name, size, policy);
}

static void put_claim(struct fixture *f, const char *name, const char *cls)
{
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'%s'},"
                  "'spec':{%s'accessModes':['ReadWriteOnce'],'resources':{'requests':{"
                  "'storage':'1Gi'}}},'status':{'phase':'Pending'}}",
                  name, cls);
}

static void put_class(struct fixture *f, const char *name, const char *provisioner,
                      const char *mode)
{
    fake_api_putf(f->api,
                  "{'kind':'StorageClass','apiVersion':'storage.k8s.io/v1','metadata':{'name':'%s'}"
                  ",'provisioner':'%s','reclaimPolicy':'Delete','volumeBindingMode':'%s'}",
                  name, provisioner, mode);
}

static void want_claim(struct fixture *f, const char *key, const char *phase, const char *volume)
{
    assert_string_equal(fake_api_str(f->api, &kube_pvc_kind, key, "status/phase"), phase);
    assert_string_equal(fake_api_str(f->api, &kube_pvc_kind, key, "spec/volumeName"), volume);
}

static void want_volume(struct fixture *f, const char *name, const char *phase)
{
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, name, "status/phase"), phase);
}

/* --- the life of a pair --- */
/* demands: V9 V10 V11 */
static void a_pair_lives_through_its_phases(void **state)
{
    struct fixture *f = *state;

    begin(f);
    put_volume(f, "v", "1Gi", "Retain");
    fake_api_settle(f->api);
    want_volume(f, "v", "Available");
    put_claim(f, "c", "");
    fake_api_settle(f->api);
    want_claim(f, "default/c", "Bound", "v");
    want_volume(f, "v", "Bound");
    /* The volume vanishes, and comes back. */
    fake_api_delete(f->api, &kube_pv_kind, "v");
    fake_api_settle(f->api);
    want_claim(f, "default/c", "Lost", "v");
    put_volume(f, "v", "1Gi", "Retain");
    fake_api_pass(f->api, 15 * OL_SECOND);
    want_claim(f, "default/c", "Bound", "v");
    /* The claim goes; somebody takes the link away. */
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_settle(f->api);
    want_volume(f, "v", "Released");
    fake_api_patch(f->api, &kube_pv_kind, "v", "{'spec':{'claimRef':null}}");
    fake_api_settle(f->api);
    want_volume(f, "v", "Available");
}

/* demands: V14 */
static void binding_is_four_writes(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;

    put_volume(f, "v", "1Gi", "Retain");
    fake_api_patch(f->api, &kube_pv_kind, "v", "{'status':{'phase':'Available'}}");
    put_claim(f, "c", "");
    begin(f);
    assert_int_equal(f->api->asked.n, 4);
    assert_true(ol_str_starts(f->api->asked.v[0], "PATCH /api/v1/persistentvolumes/v "));
    assert_true(ol_str_starts(f->api->asked.v[1], "PATCH /api/v1/persistentvolumes/v/status "));
    assert_true(ol_str_starts(f->api->asked.v[2],
                              "PATCH /api/v1/namespaces/default/persistentvolumeclaims/c "));
    assert_true(ol_str_starts(f->api->asked.v[3],
                              "PATCH /api/v1/namespaces/default/persistentvolumeclaims/c/status "));
    n = f->api->asked.n;
    fake_api_pass(f->api, 120 * OL_SECOND);
    assert_int_equal(f->api->asked.n, n);
}

/* demands: V14 */
static void a_binding_is_resumed_wherever_it_stopped(void **state)
{
    struct fixture *f = *state;

    for (unsigned stop_at = 0; stop_at < 4; stop_at++) {
        char pv[16], claim[16], key[32];
        size_t n_before = 0;

        snprintf(pv, sizeof(pv), "v-%u", stop_at);
        snprintf(claim, sizeof(claim), "c-%u", stop_at);
        snprintf(key, sizeof(key), "default/%s", claim);
        put_volume(f, pv, "1Gi", "Retain");
        fake_api_patch(f->api, &kube_pv_kind, pv, "{'status':{'phase':'Available'}}");
        put_claim(f, claim, "");
        /* Each write takes a millisecond, and the process ends after so many. */
        for (unsigned i = 0; i < 4; i++)
            fake_api_fault(f->api,
                           &(struct fake_fault){.method = "PATCH", .http = -1, .delay = OL_MS});
        begin(f);
        fake_api_pass(f->api, stop_at * OL_MS + OL_MS / 2);
        end(f);
        n_before = f->api->asked.n;
        begin(f);
        fake_api_pass(f->api, 30 * OL_SECOND);
        want_claim(f, key, "Bound", pv);
        want_volume(f, pv, "Bound");
        assert_int_equal(f->api->asked.n - n_before, 4 - stop_at);
        end(f);
    }
}

static void many_claims_take_different_volumes(void **state)
{
    struct fixture *f = *state;
    enum { N = 300 };
    char name[32];

    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "v-%d", i);
        put_volume(f, name, "1Gi", "Retain");
        fake_api_patch(f->api, &kube_pv_kind, name, "{'status':{'phase':'Available'}}");
        snprintf(name, sizeof(name), "c-%d", i);
        put_claim(f, name, "");
    }
    begin(f);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "default/c-%d", i);
        assert_string_equal(fake_api_str(f->api, &kube_pvc_kind, name, "status/phase"), "Bound");
        snprintf(name, sizeof(name), "v-%d", i);
        want_volume(f, name, "Bound");
    }
    /* No volume was tried by two: nothing was written in vain. */
    assert_int_equal(f->api->asked.n, 4 * N);
}

static void a_conflict_is_decided_anew(void **state)
{
    struct fixture *f = *state;

    put_volume(f, "v", "1Gi", "Retain");
    put_claim(f, "c", "");
    fake_api_fault(f->api, &(struct fake_fault){
                               .method = "PATCH", .http = 409, .reason = "Conflict", .times = 3});
    begin(f);
    fake_api_pass(f->api, 5 * OL_SECOND);
    want_claim(f, "default/c", "Bound", "v");
}

/* A claim that came first does not wait for a resync. */
static void a_volume_that_comes_later_is_taken_at_once(void **state)
{
    struct fixture *f = *state;

    put_claim(f, "c", "");
    fake_api_patch(f->api, &kube_pvc_kind, "default/c",
                   "{'spec':{'resources':{'requests':{'storage':'3Gi'}}}}");
    put_claim(f, "d", "");
    begin(f);
    want_claim(f, "default/c", "Pending", "");
    put_volume(f, "small", "2Gi", "Retain");
    fake_api_settle(f->api);
    want_claim(f, "default/c", "Pending", "");
    want_claim(f, "default/d", "Bound", "small");
    put_volume(f, "large", "4Gi", "Retain");
    fake_api_settle(f->api);
    want_claim(f, "default/c", "Bound", "large");
}

/* demands: V12 */
static void a_delayed_claim_waits_for_its_node(void **state)
{
    struct fixture *f = *state;

    put_class(f, "late", "drivers.example.org/disk", "WaitForFirstConsumer");
    put_claim(f, "c", "'storageClassName':'late',");
    begin(f);
    assert_non_null(fake_api_event(f->api, "WaitForFirstConsumer"));
    assert_string_equal(fake_api_map(f->api, &kube_pvc_kind, "default/c", "metadata/annotations",
                                     BINDER_PROVISIONER),
                        "");
    fake_api_patch(f->api, &kube_pvc_kind, "default/c",
                   "{'metadata':{'annotations':{'volume.kubernetes.io/selected-node':'n1'}}}");
    fake_api_settle(f->api);
    assert_string_equal(fake_api_map(f->api, &kube_pvc_kind, "default/c", "metadata/annotations",
                                     BINDER_PROVISIONER),
                        "drivers.example.org/disk");
}

/* --- provisioning --- */
/* demands: V15 V16 V6 */
static void a_plugin_makes_the_volume(void **state)
{
    struct fixture *f = *state;
    char uid[64];
    const char *pv = f->made;

    put_class(f, "fast", "kubernetes.io/test", "Immediate");
    put_claim(f, "c", "'storageClassName':'fast',");
    begin(f);
    snprintf(uid, sizeof(uid), "pvc-%s",
             fake_api_str(f->api, &kube_pvc_kind, "default/c", "metadata/uid"));
    assert_string_equal(f->made, uid);
    want_claim(f, "default/c", "Pending", "");
    plugin_answers(f, NULL);
    want_claim(f, "default/c", "Bound", uid);
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, pv, "spec/hostPath/path"), "/srv/x");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, pv, "spec/capacity/storage"), "1Gi");
    assert_string_equal(
        fake_api_str(f->api, &kube_pv_kind, pv, "spec/persistentVolumeReclaimPolicy"), "Delete");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, pv, "spec/storageClassName"), "fast");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, pv, "spec/claimRef/name"), "c");
    assert_string_equal(
        fake_api_map(f->api, &kube_pv_kind, pv, "metadata/annotations", BINDER_PROVISIONED_BY),
        "kubernetes.io/test");
}

static void a_failed_provisioning_is_made_again_later(void **state)
{
    struct fixture *f = *state;

    put_class(f, "fast", "kubernetes.io/test", "Immediate");
    put_claim(f, "c", "'storageClassName':'fast',");
    begin(f);
    plugin_answers(f, "no room");
    assert_string_equal(fake_api_event(f->api, "ProvisioningFailed"),
                        "Failed to provision volume with StorageClass \"fast\": no room");
    assert_null(f->waiting.fn);
    fake_api_pass(f->api, 499 * OL_MS);
    assert_null(f->waiting.fn);
    fake_api_pass(f->api, OL_MS);
    plugin_answers(f, "no room");
    fake_api_pass(f->api, 999 * OL_MS);
    assert_null(f->waiting.fn);
    fake_api_pass(f->api, OL_MS);
    plugin_answers(f, NULL);
    assert_string_equal(fake_api_str(f->api, &kube_pvc_kind, "default/c", "status/phase"), "Bound");
}

/* A claim that went while its volume was made leaves nothing behind. */
static void a_volume_for_nobody_is_removed(void **state)
{
    struct fixture *f = *state;

    put_class(f, "fast", "kubernetes.io/test", "Immediate");
    put_claim(f, "c", "'storageClassName':'fast',");
    begin(f);
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_settle(f->api);
    plugin_answers(f, NULL);
    assert_int_equal(f->n_removed, 1);
    plugin_answers(f, NULL);
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 0);
}

static void stopping_ends_what_is_under_way(void **state)
{
    struct fixture *f = *state;

    put_class(f, "fast", "kubernetes.io/test", "Immediate");
    put_claim(f, "c", "'storageClassName':'fast',");
    begin(f);
    end(f);
    assert_int_equal(f->n_cancelled, 1);
}

/* --- reclaiming --- */
static void bind_and_release(struct fixture *f, const char *policy)
{
    put_volume(f, "v", "1Gi", policy);
    put_claim(f, "c", "");
    begin(f);
    fake_api_pass(f->api, 15 * OL_SECOND);
    want_volume(f, "v", "Bound");
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_settle(f->api);
}

/* demands: V18 */
static void the_policy_says_what_becomes_of_the_data(void **state)
{
    struct fixture *f = *state;

    bind_and_release(f, "Retain");
    want_volume(f, "v", "Released");
    fake_api_delete(f->api, &kube_pv_kind, "v");
    end(f);
    bind_and_release(f, "Delete");
    assert_int_equal(f->n_removed, 1);
    plugin_answers(f, NULL);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "v"));
    end(f);
    bind_and_release(f, "Recycle");
    assert_int_equal(f->n_recycled, 1);
    plugin_answers(f, NULL);
    want_volume(f, "v", "Available");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "v", "spec/claimRef"), "");
}

static void a_failed_deletion_is_shown_and_made_again(void **state)
{
    struct fixture *f = *state;

    bind_and_release(f, "Delete");
    plugin_answers(f, "disk on fire");
    want_volume(f, "v", "Failed");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "v", "status/message"), "disk on fire");
    assert_string_equal(fake_api_event(f->api, "VolumeFailedDelete"), "disk on fire");
    fake_api_pass(f->api, 500 * OL_MS);
    assert_int_equal(f->n_removed, 2);
    plugin_answers(f, NULL);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "v"));
}

/* The cache is behind: nothing is released before the API was asked. */
static void an_old_cache_destroys_nothing(void **state)
{
    struct fixture *f = *state;

    begin(f);
    fake_api_fault(f->api, &(struct fake_fault){.method = "GET",
                                                .path = "persistentvolumeclaims?",
                                                .http = -1,
                                                .times = 1000,
                                                .delay = 3600 * OL_SECOND});
    fake_api_break(f->api);
    fake_api_settle(f->api);
    put_claim(f, "c", "");
    fake_api_patch(f->api, &kube_pvc_kind, "default/c", "{'spec':{'volumeName':'v'}}");
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'v'},'spec':{"
                  "'capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce'],"
                  "'persistentVolumeReclaimPolicy':'Delete','hostPath':{'path':'/srv'},"
                  "'claimRef':{'namespace':'default','name':'c','uid':'%s'}},"
                  "'status':{'phase':'Bound'}}",
                  fake_api_str(f->api, &kube_pvc_kind, "default/c", "metadata/uid"));
    fake_api_pass(f->api, 60 * OL_SECOND);
    want_volume(f, "v", "Bound");
    assert_int_equal(f->n_removed, 0);
}

static void metrics_have_the_names_that_dashboards_know(void **state)
{
    struct fixture *f = *state;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    put_class(f, "fast", "kubernetes.io/test", "Immediate");
    put_claim(f, "c", "'storageClassName':'fast',");
    begin(f);
    plugin_answers(f, NULL);
    binder_write_metrics(f->s, &b);
    assert_non_null(strstr(b.data, "pv_collector_bound_pv_count{storage_class=\"fast\"} 1\n"));
    assert_non_null(strstr(b.data, "pv_collector_bound_pvc_count{namespace=\"default\"} 1\n"));
    assert_non_null(strstr(b.data, "volume_operation_total_seconds_count{plugin_name="
                                   "\"kubernetes.io/test\",operation_name=\"provision\"} 1\n"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_pair_lives_through_its_phases),
        T(binding_is_four_writes),
        T(a_binding_is_resumed_wherever_it_stopped),
        T(many_claims_take_different_volumes),
        T(a_conflict_is_decided_anew),
        T(a_volume_that_comes_later_is_taken_at_once),
        T(a_delayed_claim_waits_for_its_node),
        T(a_plugin_makes_the_volume),
        T(a_failed_provisioning_is_made_again_later),
        T(a_volume_for_nobody_is_removed),
        T(stopping_ends_what_is_under_way),
        T(the_policy_says_what_becomes_of_the_data),
        T(a_failed_deletion_is_shown_and_made_again),
        T(an_old_cache_destroys_nothing),
        T(metrics_have_the_names_that_dashboards_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
