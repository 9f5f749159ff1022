/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "volume/protection/protection.h"

static const struct kube_object *decoded(const char *json)
{
    ol_autofree char *text = strdup(json);
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (kube_decode_text(NULL, text, strlen(text), &o, &err) < 0)
        fail_msg("%s: %s", json, ol_err_text(&err));
    return o;
}

/* --- rules --- */
static void the_finalizer_comes_first_and_goes_last(void **state)
{
    static const struct {
        const char *meta;
        enum protection_use use;
        enum protection_act want;
    } cases[] = {
        {"", PROTECTION_USED, PROTECTION_ADD},
        {"", PROTECTION_FREE, PROTECTION_ADD},
        {",'finalizers':['a']", PROTECTION_FREE, PROTECTION_ADD},
        {",'finalizers':['kubernetes.io/pvc-protection']", PROTECTION_FREE, PROTECTION_NOTHING},
        {",'deletionTimestamp':'2026-01-01T00:00:00Z'", PROTECTION_FREE, PROTECTION_NOTHING},
        {",'deletionTimestamp':'2026-01-01T00:00:00Z',"
         "'finalizers':['kubernetes.io/pvc-protection']",
         PROTECTION_USED, PROTECTION_NOTHING},
        {",'deletionTimestamp':'2026-01-01T00:00:00Z',"
         "'finalizers':['kubernetes.io/pvc-protection']",
         PROTECTION_UNUSED, PROTECTION_LOOK},
        {",'deletionTimestamp':'2026-01-01T00:00:00Z',"
         "'finalizers':['kubernetes.io/pvc-protection']",
         PROTECTION_FREE, PROTECTION_REMOVE},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char text[512];
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;

        snprintf(text, sizeof(text),
                 "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c'%s}}",
                 cases[i].meta);
        o = decoded(text);
        assert_int_equal(protection_decide(o, PROTECTION_CLAIM_FINALIZER, cases[i].use),
                         cases[i].want);
    }
}

static void a_scheduled_pod_uses_what_it_names(void **state)
{
    static const struct {
        const char *pod; /* members after the metadata's name */
        const char *claim;
        bool want;
    } cases[] = {
        {"},'spec':{'nodeName':'n','volumes':[{'name':'v','persistentVolumeClaim':"
         "{'claimName':'c'}}]}",
         "c", true},
        {"},'spec':{'volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'c'}}]}", "c",
         false},
        {"},'spec':{'nodeName':'n','volumes':[{'name':'v','persistentVolumeClaim':"
         "{'claimName':'d'}}]}",
         "c", false},
        /* Its volumes may still be mounted. */
        {"},'spec':{'nodeName':'n','volumes':[{'name':'v','persistentVolumeClaim':"
         "{'claimName':'c'}}]},'status':{'phase':'Succeeded'}",
         "c", true},
        {",'uid':'u'},'spec':{'nodeName':'n','volumes':[{'name':'v','ephemeral':{}}]}", "p-v",
         true},
        /* A claim of that name which is somebody else's. */
        {",'uid':'w'},'spec':{'nodeName':'n','volumes':[{'name':'v','ephemeral':{}}]}", "p-v",
         false},
        {",'uid':'u','deletionTimestamp':'2026-01-01T00:00:00Z','deletionGracePeriodSeconds':0},"
         "'spec':{'nodeName':'n','volumes':[{'name':'v','ephemeral':{}}]}",
         "p-v", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char pod[1024], claim[512];
        ol_auto(kube_object_unref_at) const struct kube_object *p = NULL, *c = NULL;

        snprintf(pod, sizeof(pod),
                 "{'kind':'Pod','apiVersion':'v1','metadata':{'namespace':'default','name':'p'%s}",
                 cases[i].pod);
        snprintf(claim, sizeof(claim),
                 "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{"
                 "'namespace':'default','name':'%s','ownerReferences':[{'apiVersion':'v1',"
                 "'kind':'Pod','name':'p','uid':'u','controller':true}]}}",
                 cases[i].claim);
        p = decoded(pod);
        c = decoded(claim);
        assert_int_equal(protection_pod_uses(kube_as_pod(p), kube_as_pvc(c)), cases[i].want);
    }
}

/* --- components --- */
struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct kube_informers *all;
    void *claims, *volumes, *classes;
};

static void on_stopped(void *ctx) {}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct kube_context k;

    f->api = fake_api_new();
    f->client = fake_api_client(f->api);
    f->all = kube_informers_new(f->client);
    k = (struct kube_context){.loop = &f->api->loop, .client = f->client, .informers = f->all};
    assert_int_equal(protection_claims.start(&k, NULL, &f->claims, NULL), 0);
    assert_int_equal(protection_volumes.start(&k, NULL, &f->volumes, NULL), 0);
    assert_int_equal(protection_classes.start(&k, NULL, &f->classes, NULL), 0);
    kube_informers_start(f->all, NULL, NULL);
    fake_api_settle(f->api);
    protection_claims.run(f->claims);
    protection_volumes.run(f->volumes);
    protection_classes.run(f->classes);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    protection_classes.stop(f->classes, on_stopped, NULL);
    protection_volumes.stop(f->volumes, on_stopped, NULL);
    protection_claims.stop(f->claims, on_stopped, NULL);
    kube_informers_free(f->all);
    kube_client_free(f->client);
    fake_api_free(f->api);
    free(f);
    return 0;
}

static void put_claim(struct fixture *f, const char *name)
{
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'%s',"
                  "'finalizers':['kubernetes.io/pvc-protection']}}",
                  name);
}

static void put_pod(struct fixture *f, const char *claim)
{
    fake_api_putf(f->api,
                  "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'p'},'spec':{'nodeName':'n',"
                  "'volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'%s'}}]}}",
                  claim);
}

static bool has_claim(struct fixture *f, const char *key)
{
    return fake_api_text(f->api, &kube_pvc_kind, key) != NULL;
}

static void objects_without_a_finalizer_get_it(void **state)
{
    struct fixture *f = *state;

    fake_api_put(f->api, "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':"
                         "{'name':'c','finalizers':['a']}}");
    fake_api_put(f->api, "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'v'}}");
    fake_api_settle(f->api);
    assert_string_equal(fake_api_str(f->api, &kube_pvc_kind, "default/c", "metadata/finalizers"),
                        "[\"a\",\"kubernetes.io/pvc-protection\"]");
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "v", "metadata/finalizers"),
                        "[\"kubernetes.io/pv-protection\"]");
}

static void a_used_claim_stays_until_its_pod_is_gone(void **state)
{
    struct fixture *f = *state;

    put_claim(f, "c");
    put_pod(f, "c");
    fake_api_settle(f->api);
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_pass(f->api, 600 * OL_SECOND);
    assert_true(has_claim(f, "default/c"));
    fake_api_delete(f->api, &kube_pod_kind, "default/p");
    fake_api_settle(f->api);
    assert_false(has_claim(f, "default/c"));
}

static void the_api_is_asked_before_a_claim_goes(void **state)
{
    struct fixture *f = *state;

    put_claim(f, "c");
    fake_api_settle(f->api);
    /* The pod is there, but the cache of claims alone hears of it. */
    fake_api_put(f->api, "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c',"
                         "'deletionTimestamp':'2026-01-01T00:00:00Z',"
                         "'finalizers':['kubernetes.io/pvc-protection']}}");
    put_pod(f, "c");
    fake_api_fault(f->api, &(struct fake_fault){.method = "GET",
                                                .path = "pods?watch",
                                                .http = -1,
                                                .times = 1000,
                                                .delay = 100 * OL_SECOND});
    fake_api_settle(f->api);
    fake_api_pass(f->api, OL_SECOND);
    assert_true(has_claim(f, "default/c"));
}

static void a_failed_look_is_made_again(void **state)
{
    struct fixture *f = *state;

    put_claim(f, "c");
    put_claim(f, "d");
    fake_api_settle(f->api);
    fake_api_fault(f->api, &(struct fake_fault){.method = "GET",
                                                .path = "/namespaces/default/pods",
                                                .http = 500,
                                                .reason = "InternalError"});
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_delete(f->api, &kube_pvc_kind, "default/d");
    fake_api_settle(f->api);
    fake_api_pass(f->api, OL_SECOND);
    assert_false(has_claim(f, "default/c"));
    assert_false(has_claim(f, "default/d"));
}

static void a_bound_volume_stays_until_it_is_released(void **state)
{
    struct fixture *f = *state;

    fake_api_put(f->api,
                 "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'v',"
                 "'finalizers':['kubernetes.io/pv-protection']},'status':{'phase':'Bound'}}");
    fake_api_delete(f->api, &kube_pv_kind, "v");
    fake_api_settle(f->api);
    assert_non_null(fake_api_text(f->api, &kube_pv_kind, "v"));
    fake_api_patch(f->api, &kube_pv_kind, "v", "{'status':{'phase':'Released'}}");
    fake_api_settle(f->api);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "v"));
}

/* Each of the members that a claim or a volume can name a class by. */
static void a_class_stays_as_long_as_it_is_named(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *key, *json, *forget;
    } users[] = {
        {&kube_pvc_kind, "default/c",
         "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c'},'spec':"
         "{'volumeAttributesClassName':'gold'}}",
         "{'spec':{'volumeAttributesClassName':'silver'}}"},
        {&kube_pvc_kind, "default/c",
         "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c'},'status':"
         "{'currentVolumeAttributesClassName':'gold'}}",
         "{'status':{'currentVolumeAttributesClassName':'silver'}}"},
        {&kube_pvc_kind, "default/c",
         "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c'},'status':"
         "{'modifyVolumeStatus':{'status':'InProgress','targetVolumeAttributesClassName':"
         "'gold'}}}",
         "{'status':{'modifyVolumeStatus':null}}"},
        {&kube_pv_kind, "v",
         "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'v'},'spec':"
         "{'volumeAttributesClassName':'gold'}}",
         "{'spec':{'volumeAttributesClassName':'silver'}}"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(users); i++) {
        fake_api_put(f->api, "{'kind':'VolumeAttributesClass','apiVersion':'storage.k8s.io/v1',"
                             "'metadata':{'name':'gold'},'driverName':'x','parameters':{'a':'b'}}");
        fake_api_put(f->api, users[i].json);
        fake_api_settle(f->api);
        assert_string_equal(
            fake_api_str(f->api, &kube_attributes_class_kind, "gold", "metadata/finalizers"),
            "[\"kubernetes.io/vac-protection\"]");
        fake_api_delete(f->api, &kube_attributes_class_kind, "gold");
        fake_api_settle(f->api);
        assert_non_null(fake_api_text(f->api, &kube_attributes_class_kind, "gold"));
        fake_api_patch(f->api, users[i].kind, users[i].key, users[i].forget);
        fake_api_settle(f->api);
        assert_null(fake_api_text(f->api, &kube_attributes_class_kind, "gold"));
    }
}

static void a_conflict_is_no_end(void **state)
{
    struct fixture *f = *state;

    put_claim(f, "c");
    fake_api_settle(f->api);
    fake_api_fault(f->api,
                   &(struct fake_fault){.method = "PATCH", .http = 409, .reason = "Conflict"});
    fake_api_delete(f->api, &kube_pvc_kind, "default/c");
    fake_api_settle(f->api);
    fake_api_pass(f->api, OL_SECOND);
    assert_false(has_claim(f, "default/c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_finalizer_comes_first_and_goes_last),
        cmocka_unit_test(a_scheduled_pod_uses_what_it_names),
        cmocka_unit_test_setup_teardown(objects_without_a_finalizer_get_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_used_claim_stays_until_its_pod_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_api_is_asked_before_a_claim_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_look_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bound_volume_stays_until_it_is_released, setup, teardown),
        cmocka_unit_test_setup_teardown(a_class_stays_as_long_as_it_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_conflict_is_no_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
