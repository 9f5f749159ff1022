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
#include "core/file.h"
#include "kube/apiserver/apiserver.h"

/* The server in this process, asked by its own client. */
struct fixture {
    char root[32];
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct apiserver *server;
    struct kube_client *client;
    bool is_stopped, is_answered;
    enum kube_reason reason;
    int http;
    char body[4096];
};

static void stopped(void *ctx)
{
    struct fixture *f = ctx;

    f->is_stopped = true;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct apiserver_options o = {.data_dir = "/data"};

    memcpy(f->root, "/tmp/ol-api-XXXXXX", sizeof("/tmp/ol-api-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    if (apiserver_start(&f->loop, &o, &f->server, NULL) < 0)
        return -1;
    f->client = apiserver_client(f->server);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->server)
        apiserver_stop(f->server, stopped, f);
    while (!f->is_stopped)
        uv_run(&f->uv, UV_RUN_ONCE);
    kube_client_free(f->client);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&f->uv) != 0 || ol_remove_tree(&f->env, "/data", NULL) < 0
        || rmdir(f->root) < 0)
        return -1;
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static void answered(void *ctx, const struct kube_answer *a)
{
    struct fixture *f = ctx;

    f->is_answered = true;
    f->reason = a->reason;
    f->http = a->http;
    snprintf(f->body, sizeof(f->body), "%s", a->body ? a->body : "");
}

static enum kube_reason ask(struct fixture *f, enum kube_verb verb, const char *name,
                            const char *body)
{
    const struct kube_ask q = {.verb = verb,
                               .kind = &kube_pvc_kind,
                               .ns = "default",
                               .name = name,
                               .body = body,
                               .size = body ? strlen(body) : 0};

    f->is_answered = false;
    kube_send(f->client, &q, answered, f);
    assert_false(f->is_answered);
    while (!f->is_answered)
        uv_run(&f->uv, UV_RUN_ONCE);
    return f->reason;
}

static const char claim[] =
    "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
    "\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}";

static void claim_lives_from_create_to_delete(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f, KUBE_VERB_CREATE, NULL, claim), KUBE_OK);
    assert_int_equal(f->http, 201);
    assert_non_null(strstr(f->body, "\"finalizers\":[\"kubernetes.io/pvc-protection\"]"));
    assert_non_null(strstr(f->body, "\"phase\":\"Pending\""));
    assert_int_equal(ask(f, KUBE_VERB_CREATE, NULL, claim), KUBE_ALREADY_EXISTS);
    assert_int_equal(
        ask(f, KUBE_VERB_PATCH_MERGE, "c", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"), KUBE_OK);
    assert_int_equal(ask(f, KUBE_VERB_GET, "c", NULL), KUBE_OK);
    assert_non_null(strstr(f->body, "\"a\":\"b\""));
    assert_int_equal(ask(f, KUBE_VERB_DELETE, "c", NULL), KUBE_OK);
    assert_int_equal(ask(f, KUBE_VERB_GET, "c", NULL), KUBE_OK);
    assert_non_null(strstr(f->body, "deletionTimestamp"));
    assert_int_equal(ask(f, KUBE_VERB_PATCH_MERGE, "c", "{\"metadata\":{\"finalizers\":null}}"),
                     KUBE_OK);
    assert_int_equal(ask(f, KUBE_VERB_GET, "c", NULL), KUBE_NOT_FOUND);
}

static void status_and_the_rest_are_apart(void **state)
{
    struct fixture *f = *state;
    const char patch[] = "{\"status\":{\"phase\":\"Bound\"},\"spec\":{\"volumeName\":\"v\"}}";
    struct kube_ask q = {.verb = KUBE_VERB_PATCH_MERGE,
                         .kind = &kube_pvc_kind,
                         .ns = "default",
                         .name = "c",
                         .subresource = "status",
                         .body = patch,
                         .size = strlen(patch)};

    ask(f, KUBE_VERB_CREATE, NULL, claim);
    f->is_answered = false;
    kube_send(f->client, &q, answered, f);
    while (!f->is_answered)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_non_null(strstr(f->body, "\"phase\":\"Bound\""));
    assert_null(strstr(f->body, "volumeName"));
    ask(f, KUBE_VERB_PATCH_MERGE, "c", "{\"status\":{\"phase\":\"Lost\"}}");
    assert_non_null(strstr(f->body, "\"phase\":\"Bound\""));
}

static void update_of_an_old_version_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    char old[4096];

    ask(f, KUBE_VERB_CREATE, NULL, claim);
    memcpy(old, f->body, sizeof(old));
    ask(f, KUBE_VERB_PATCH_MERGE, "c", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
    assert_int_equal(ask(f, KUBE_VERB_UPDATE, "c", old), KUBE_CONFLICT);
    memcpy(old, f->body, sizeof(old));
    assert_non_null(strstr(old, "the object has been modified"));
}

static void change_that_changes_nothing_is_not_written(void **state)
{
    struct fixture *f = *state;
    char first[4096];

    ask(f, KUBE_VERB_CREATE, NULL, claim);
    memcpy(first, f->body, sizeof(first));
    ask(f, KUBE_VERB_PATCH_MERGE, "c", "{\"metadata\":{\"labels\":null}}");
    assert_string_equal(f->body, first);
}

static void requests_after_the_stop_are_refused(void **state)
{
    struct fixture *f = *state;

    apiserver_stop(f->server, stopped, f);
    f->server = NULL;
    assert_int_equal(ask(f, KUBE_VERB_GET, "c", NULL), KUBE_SERVICE_UNAVAILABLE);
}

static void stop_with_a_write_under_way_answers_it(void **state)
{
    struct fixture *f = *state;
    const struct kube_ask q = {.verb = KUBE_VERB_CREATE,
                               .kind = &kube_pvc_kind,
                               .ns = "default",
                               .body = claim,
                               .size = strlen(claim)};

    ask(f, KUBE_VERB_GET, "c", NULL);
    f->is_answered = false;
    kube_send(f->client, &q, answered, f);
    apiserver_stop(f->server, stopped, f);
    f->server = NULL;
    while (!f->is_answered)
        uv_run(&f->uv, UV_RUN_ONCE);
    assert_int_equal(f->http, 201);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(claim_lives_from_create_to_delete),
        CASE(status_and_the_rest_are_apart),
        CASE(update_of_an_old_version_is_a_conflict),
        CASE(change_that_changes_nothing_is_not_written),
        CASE(requests_after_the_stop_are_refused),
        CASE(stop_with_a_write_under_way_answers_it),
    };

    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
