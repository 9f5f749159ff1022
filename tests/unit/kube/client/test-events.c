/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "kube/client/events.h"

struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct kube_recorder *r;
    const struct kube_object *claim, *volume;
};

static const struct kube_object *object(struct fixture *f, const struct kube_kind *kind,
                                        const char *key)
{
    const char *text = fake_api_text(f->api, kind, key);
    const struct kube_object *o = NULL;

    assert_int_equal(kube_decode_text(kind, text, strlen(text), &o, NULL), 0);
    return o;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    f->client = fake_api_client(f->api);
    f->r = kube_recorder_new(f->client, "persistentvolume-controller", NULL);
    fake_api_put(f->api, "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': "
                         "{'name': 'data', 'namespace': 'prod'}}");
    fake_api_put(f->api, "{'kind': 'PersistentVolume', 'apiVersion': 'v1', 'metadata': "
                         "{'name': 'pv'}}");
    f->claim = object(f, &kube_pvc_kind, "prod/data");
    f->volume = object(f, &kube_pv_kind, "pv");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kube_object_unref(f->claim);
    kube_object_unref(f->volume);
    kube_recorder_free(f->r);
    kube_client_free(f->client);
    fake_api_free(f->api);
    free(f);
    return 0;
}

/* The key of the n-th event that was created, from its request. */
static const char *created(struct fixture *f, size_t n, char key[128])
{
    for (size_t i = 0; i < f->api->asked.n; i++) {
        const char *line = f->api->asked.v[i], *name;

        if (strncmp(line, "POST ", 5) != 0 || n-- > 0)
            continue;
        name = strstr(line, "\"name\":\"") + 8;
        snprintf(key, 128, "%s/%.*s", strstr(line, "/prod/") ? "prod" : "default",
                 (int)strcspn(name, "\""), name);
        return key;
    }
    fail_msg("no such event");
    return NULL;
}

static void check(struct fixture *f, const char *key, const char *path, const char *want)
{
    assert_string_equal(fake_api_str(f->api, &kube_event_kind, key, path), want);
}

static void event_has_all_that_kubectl_shows(void **state)
{
    struct fixture *f = *state;
    char key[128];

    kube_event_add(f->r, f->claim, KUBE_WARNING, "ProvisioningFailed", "no class \"%s\"", "x");
    fake_api_settle(f->api);
    created(f, 0, key);
    assert_int_equal(strncmp(key, "prod/data.18", 12), 0);
    check(f, key, "type", "Warning");
    check(f, key, "reason", "ProvisioningFailed");
    check(f, key, "message", "no class \"x\"");
    check(f, key, "count", "1");
    check(f, key, "source/component", "persistentvolume-controller");
    check(f, key, "source/host", "");
    check(f, key, "involvedObject/kind", "PersistentVolumeClaim");
    check(f, key, "involvedObject/apiVersion", "v1");
    check(f, key, "involvedObject/namespace", "prod");
    check(f, key, "involvedObject/uid", f->claim->meta.uid);
    check(f, key, "firstTimestamp", "2026-01-01T00:16:40Z");
}

static void events_of_cluster_objects_go_to_default(void **state)
{
    struct fixture *f = *state;
    char key[128];

    kube_event_add(f->r, f->volume, KUBE_NORMAL, "VolumeDelete", "in use");
    fake_api_settle(f->api);
    created(f, 0, key);
    check(f, key, "metadata/namespace", "default");
    check(f, key, "involvedObject/namespace", "");
}

static void same_words_are_counted(void **state)
{
    struct fixture *f = *state;
    char key[128];

    for (int i = 0; i < 3; i++) {
        kube_event_add(f->r, f->claim, KUBE_NORMAL, "WaitForFirstConsumer", "waiting");
        fake_api_pass(f->api, 15 * OL_SECOND);
    }
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 1);
    created(f, 0, key);
    check(f, key, "count", "3");
    check(f, key, "firstTimestamp", "2026-01-01T00:16:40Z");
    check(f, key, "lastTimestamp", "2026-01-01T00:17:10Z");
}

static void same_words_at_once_are_written_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    char key[128];

    for (int i = 0; i < 5; i++)
        kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "same");
    fake_api_settle(f->api);
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 1);
    created(f, 0, key);
    check(f, key, "count", "5");
}

static void tenth_similar_sentence_is_combined(void **state)
{
    struct fixture *f = *state;
    char key[128];

    for (int i = 0; i < 12; i++) {
        kube_event_add(f->r, f->claim, KUBE_WARNING, "FailedBinding", "try %d", i);
        fake_api_pass(f->api, OL_SECOND);
    }
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 10);
    created(f, 9, key);
    check(f, key, "message", "(combined from similar events): try 11");
    check(f, key, "count", "3");
}

static void similar_sentences_are_forgotten_after_ten_minutes(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 9; i++)
        kube_event_add(f->r, f->claim, KUBE_WARNING, "FailedBinding", "try %d", i);
    fake_api_pass(f->api, 601 * OL_SECOND);
    kube_event_add(f->r, f->claim, KUBE_WARNING, "FailedBinding", "try 9");
    fake_api_settle(f->api);
    assert_string_equal(fake_api_event(f->api, "FailedBinding"), "try 9");
}

static void object_has_25_events_and_then_one_in_five_minutes(void **state)
{
    struct fixture *f = *state;
    size_t n;

    for (int i = 0; i < 100; i++)
        kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "same");
    fake_api_settle(f->api);
    assert_int_equal(f->api->asked.n, 25);
    kube_event_add(f->r, f->volume, KUBE_NORMAL, "A", "same");
    fake_api_settle(f->api);
    n = f->api->asked.n;
    assert_int_equal(n, 26);
    for (int i = 0; i < 12; i++) {
        fake_api_pass(f->api, 60 * OL_SECOND);
        kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "same");
    }
    fake_api_settle(f->api);
    assert_int_equal(f->api->asked.n, n + 2);
}

static void event_that_has_expired_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char key[128];

    kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "same");
    fake_api_settle(f->api);
    fake_api_delete(f->api, &kube_event_kind, created(f, 0, key));
    kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "same");
    fake_api_settle(f->api);
    check(f, created(f, 0, key), "count", "2");
}

static void server_that_is_away_is_waited_for(void **state)
{
    static const struct fake_fault away = {.path = "/events", .http = 0, .times = 2};
    static const struct fake_fault refused = {.path = "/events", .http = 403};
    struct fixture *f = *state;

    fake_api_fault(f->api, &away);
    kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "one");
    kube_event_add(f->r, f->claim, KUBE_NORMAL, "B", "two");
    fake_api_settle(f->api);
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 0);
    fake_api_pass(f->api, 20 * OL_SECOND);
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 2);
    fake_api_fault(f->api, &refused);
    kube_event_add(f->r, f->claim, KUBE_NORMAL, "C", "lost");
    fake_api_pass(f->api, 200 * OL_SECOND);
    assert_int_equal(fake_api_count(f->api, &kube_event_kind), 2);
}

static void long_words_end_at_a_whole_character(void **state)
{
    struct fixture *f = *state;
    char words[2002];

    for (size_t i = 0; i < 2000; i += 2)
        memcpy(words + i + 1, "\xc3\xa9", 2);
    words[0] = 'x';
    words[2001] = '\0';
    kube_event_add(f->r, f->claim, KUBE_NORMAL, "A", "%s", words);
    fake_api_settle(f->api);
    assert_int_equal(strlen(fake_api_event(f->api, "A")), 1023);
}

static void many_objects_are_written_at_once_and_unwritten_ones_released(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 20000; i++)
        kube_event_add(f->r, i % 2 ? f->claim : f->volume, KUBE_NORMAL, "A", "%d", i);
    assert_int_equal(f->api->asked.n, 0);
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_api(event_has_all_that_kubectl_shows),
        with_api(events_of_cluster_objects_go_to_default),
        with_api(same_words_are_counted),
        with_api(same_words_at_once_are_written_one_after_the_other),
        with_api(tenth_similar_sentence_is_combined),
        with_api(similar_sentences_are_forgotten_after_ten_minutes),
        with_api(object_has_25_events_and_then_one_in_five_minutes),
        with_api(event_that_has_expired_is_made_anew),
        with_api(server_that_is_away_is_waited_for),
        with_api(long_words_end_at_a_whole_character),
        with_api(many_objects_are_written_at_once_and_unwritten_ones_released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
