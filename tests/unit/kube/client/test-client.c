/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "kube/client/client-internal.h"
#include "kube/client/client.h"

struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    /* The last answer. */
    int n_answers, http, code;
    enum kube_reason reason;
    char message[256], name[64];
    bool is_transient;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    f->client = fake_api_client(f->api);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kube_client_free(f->client);
    fake_api_free(f->api);
    free(f);
    return 0;
}

static void on_answer(void *ctx, const struct kube_answer *a)
{
    struct fixture *f = ctx;
    struct ol_err err = OL_ERR_INIT;

    f->n_answers++;
    f->http = a->http;
    f->reason = a->reason;
    f->is_transient = kube_answer_is_transient(a);
    f->code = kube_answer_error(a, &err);
    snprintf(f->message, sizeof(f->message), "%s", a->message);
    snprintf(f->name, sizeof(f->name), "%s", a->object ? a->object->meta.name : "");
}

static void ask(struct fixture *f, enum kube_verb verb, const char *name, const char *body)
{
    ol_autofree char *json = strdup(body ? body : "");
    struct kube_ask one = {.verb = verb, .kind = &kube_pv_kind, .name = name};

    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (body) {
        one.body = json;
        one.size = strlen(json);
    }
    kube_send(f->client, &one, on_answer, f);
    assert_int_equal(f->n_answers, 0);
    fake_api_settle(f->api);
    assert_int_equal(f->n_answers, 1);
    f->n_answers = 0;
}

#define PV "{'kind': 'PersistentVolume', 'apiVersion': 'v1', 'metadata': {'name': 'pv-1'}}"

static void paths_are_those_of_the_api(void **state)
{
    static const struct {
        struct kube_ask ask;
        const char *want;
    } cases[] = {
        {{.kind = &kube_pv_kind}, "/api/v1/persistentvolumes"},
        {{.kind = &kube_pv_kind, .ns = "ignored", .name = "a"}, "/api/v1/persistentvolumes/a"},
        {{.kind = &kube_pvc_kind}, "/api/v1/persistentvolumeclaims"},
        {{.kind = &kube_pvc_kind, .ns = "default", .name = "a", .subresource = "status"},
         "/api/v1/namespaces/default/persistentvolumeclaims/a/status"},
        {{.kind = &kube_class_kind, .name = "fast", .query = "limit=1"},
         "/apis/storage.k8s.io/v1/storageclasses/fast?limit=1"},
        {{.kind = &kube_pv_kind, .name = "a/../b?c%d\xc3\xa9"},
         "/api/v1/persistentvolumes/a%2F..%2Fb%3Fc%25d%C3%A9"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *got = kube_ask_path(&cases[i].ask);

        assert_string_equal(got, cases[i].want);
    }
    (void)state;
}

static void objects_come_back_decoded(void **state)
{
    struct fixture *f = *state;

    ask(f, KUBE_VERB_CREATE, NULL, PV);
    assert_int_equal(f->http, 201);
    assert_string_equal(f->name, "pv-1");
    ask(f, KUBE_VERB_GET, "pv-1", NULL);
    assert_int_equal(f->reason, KUBE_OK);
    assert_string_equal(f->name, "pv-1");
    ask(f, KUBE_VERB_PATCH_MERGE, "pv-1", "{'metadata': {'labels': {'a': 'b'}}}");
    assert_int_equal(f->http, 200);
    assert_string_equal(fake_api_str(f->api, &kube_pv_kind, "pv-1", "metadata/labels/a"), "b");
    ask(f, KUBE_VERB_DELETE, "pv-1", NULL);
    assert_int_equal(f->reason, KUBE_OK);
    assert_null(fake_api_text(f->api, &kube_pv_kind, "pv-1"));
}

static void errors_say_what_the_server_said(void **state)
{
    static const struct {
        struct fake_fault fault;
        enum kube_reason reason;
        int code;
        bool is_transient;
        const char *message;
    } cases[] = {
        {{.http = 409, .reason = "Conflict"},
         KUBE_CONFLICT,
         -EAGAIN,
         false,
         "injected by the test"},
        {{.http = 409, .reason = "AlreadyExists"},
         KUBE_ALREADY_EXISTS,
         -EEXIST,
         false,
         "injected by the test"},
        {{.http = 404}, KUBE_NOT_FOUND, -ENOENT, false, "injected by the test"},
        {{.http = 429, .reason = "TooManyRequests"},
         KUBE_TOO_MANY_REQUESTS,
         -EBUSY,
         true,
         "injected by the test"},
        {{.http = 500, .reason = "InternalError"},
         KUBE_INTERNAL_ERROR,
         -EIO,
         true,
         "injected by the test"},
        {{.http = 0}, KUBE_UNKNOWN, -EIO, true, "connection refused"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        fake_api_fault(f->api, &cases[i].fault);
        ask(f, KUBE_VERB_GET, "pv-1", NULL);
        assert_int_equal(f->reason, cases[i].reason);
        assert_int_equal(f->code, cases[i].code);
        assert_int_equal(f->is_transient, cases[i].is_transient);
        assert_string_equal(f->message, cases[i].message);
    }
}

static void cancelled_request_does_not_call_back(void **state)
{
    struct fixture *f = *state;
    struct kube_ask one = {.verb = KUBE_VERB_GET, .kind = &kube_pv_kind, .name = "a"};

    kube_cancel(kube_send(f->client, &one, on_answer, f));
    fake_api_settle(f->api);
    assert_int_equal(f->n_answers, 0);
}

static void dry_run_is_the_servers(void **state)
{
    struct fixture *f = *state;

    f->api->env.is_dry_run = true;
    ask(f, KUBE_VERB_CREATE, NULL, PV);
    assert_int_equal(fake_api_asked(f->api, "POST /api/v1/persistentvolumes?dryRun=All {"), 1);
    ask(f, KUBE_VERB_GET, "pv-1", NULL);
}

static void writes_count_as_changes(void **state)
{
    struct fixture *f = *state;

    ask(f, KUBE_VERB_CREATE, NULL, PV);
    ask(f, KUBE_VERB_GET, "pv-1", NULL);
    ask(f, KUBE_VERB_LIST, NULL, NULL);
    ask(f, KUBE_VERB_DELETE, "pv-1", NULL);
    assert_int_equal(f->api->env.n_changes, 2);
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_those_of_the_api),
        with_api(objects_come_back_decoded),
        with_api(errors_say_what_the_server_said),
        with_api(cancelled_request_does_not_call_back),
        with_api(dry_run_is_the_servers),
        with_api(writes_count_as_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
