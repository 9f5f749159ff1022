/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "fake-api.h"
#include "kube/client/informer.h"

struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct kube_informers *all;
    struct kube_informer *pvs;
    struct kube_index *by_class;
    struct ol_buf told; /* "+a ~a -a" */
    int n_synced;
};

static void changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct fixture *f = ctx;
    const struct kube_object *o = now ? now : old;

    ol_buf_printf(&f->told, "%s%c%s", f->told.len ? " " : "",
                  !old  ? '+'
                  : now ? '~'
                        : '-',
                  o->meta.name);
}

static void synced(void *ctx)
{
    struct fixture *f = ctx;

    f->n_synced++;
}

static void index_class(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    emit(to, kube_pv_class(kube_as_pv(o)));
    emit(to, "all");
    emit(to, "all");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct kube_handler h = {changed, f};

    f->api = fake_api_new();
    f->client = fake_api_client(f->api);
    f->all = kube_informers_new(f->client);
    f->pvs = kube_informer_of(f->all, &kube_pv_kind);
    f->by_class = kube_informer_add_index(f->pvs, index_class);
    kube_informer_add_handler(f->pvs, &h);
    ol_buf_init(&f->told, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kube_informers_free(f->all);
    kube_client_free(f->client);
    fake_api_free(f->api);
    ol_buf_done(&f->told);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *name, const char *class_name)
{
    fake_api_putf(f->api,
                  "{'kind': 'PersistentVolume', 'apiVersion': 'v1', 'metadata': {'name': '%s'},"
                  " 'spec': {'storageClassName': '%s'}}",
                  name, class_name);
}

static void start(struct fixture *f)
{
    kube_informers_start(f->all, synced, f);
    fake_api_settle(f->api);
}

/* Forgets what was told before. */
static void told(struct fixture *f, const char *want)
{
    assert_string_equal(f->told.data, want);
    ol_buf_clear(&f->told);
}

static size_t count_under(struct fixture *f, const char *key)
{
    size_t at = 0, n = 0;

    while (kube_index_each(f->by_class, key, &at))
        n++;
    return n;
}

static void all_is_told_from_list_and_watch(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "x");
    start(f);
    assert_int_equal(f->n_synced, 1);
    put(f, "b", "x");
    put(f, "a", "y");
    fake_api_delete(f->api, &kube_pv_kind, "b");
    put(f, "b", "z");
    fake_api_settle(f->api);
    told(f, "+a +b ~a -b +b");
    assert_int_equal(kube_informer_count(f->pvs), 2);
    assert_string_equal(kube_pv_class(kube_as_pv(kube_informer_get(f->pvs, "", "b"))), "z");
    assert_null(kube_informer_get_key(f->pvs, "c"));
    assert_int_equal(f->n_synced, 1);
}

static void lists_come_in_pages(void **state)
{
    struct fixture *f = *state;
    char name[16];

    for (int i = 0; i < 1201; i++) {
        snprintf(name, sizeof(name), "pv-%d", i);
        put(f, name, "x");
    }
    start(f);
    assert_int_equal(kube_informer_count(f->pvs), 1201);
    assert_int_equal(count_under(f, "x"), 1201);
    assert_int_equal(f->n_synced, 1);
}

static void list_that_expires_between_pages_begins_anew(void **state)
{
    static const struct fake_fault gone = {.path = "continue=", .http = 410, .reason = "Expired"};
    struct fixture *f = *state;
    char name[16];

    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "pv-%d", i);
        put(f, name, "x");
    }
    fake_api_fault(f->api, &gone);
    start(f);
    assert_int_equal(f->n_synced, 0);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->n_synced, 1);
    assert_int_equal(kube_informer_count(f->pvs), 600);
}

static void index_follows_every_change(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "x");
    put(f, "b", "x");
    start(f);
    assert_int_equal(count_under(f, "x"), 2);
    put(f, "a", "y");
    fake_api_settle(f->api);
    assert_int_equal(count_under(f, "x"), 1);
    assert_int_equal(count_under(f, "y"), 1);
    fake_api_delete(f->api, &kube_pv_kind, "b");
    fake_api_settle(f->api);
    assert_int_equal(count_under(f, "x"), 0);
    assert_int_equal(count_under(f, "all"), 1);
}

static void lines_may_come_in_any_pieces(void **state)
{
    struct fixture *f = *state;

    f->api->piece = 7;
    start(f);
    put(f, "a", "x");
    put(f, "b", "x");
    fake_api_settle(f->api);
    told(f, "+a +b");
}

static void lost_watch_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    start(f);
    put(f, "a", "x");
    fake_api_settle(f->api);
    told(f, "+a");
    fake_api_break(f->api);
    put(f, "b", "x");
    fake_api_delete(f->api, &kube_pv_kind, "b");
    fake_api_pass(f->api, 10 * OL_SECOND);
    told(f, "+b -b");
    assert_int_equal(fake_api_watches(f->api), 1);
}

static void server_that_is_away_is_asked_less_and_less(void **state)
{
    static const struct fake_fault away = {.path = "watch=true", .http = 0, .times = 4};
    struct fixture *f = *state;

    start(f);
    fake_api_fault(f->api, &away);
    fake_api_break(f->api);
    fake_api_settle(f->api);
    put(f, "a", "x");
    /* Three more failures: 0.2 + 0.4 + 0.8 s at least, twice that at most, and the last wait. */
    fake_api_pass(f->api, 1400 * OL_MS);
    told(f, "");
    fake_api_pass(f->api, 7 * OL_SECOND);
    told(f, "+a");
}

static void forgotten_history_is_made_good_by_a_list(void **state)
{
    struct fixture *f = *state;

    put(f, "gone", "x");
    put(f, "kept", "x");
    put(f, "renewed", "x");
    start(f);
    ol_buf_clear(&f->told);
    fake_api_hold_watches(f->api, true);
    fake_api_delete(f->api, &kube_pv_kind, "gone");
    fake_api_delete(f->api, &kube_pv_kind, "renewed");
    put(f, "renewed", "y");
    put(f, "new", "x");
    fake_api_expire(f->api);
    fake_api_break(f->api);
    fake_api_hold_watches(f->api, false);
    fake_api_pass(f->api, 10 * OL_SECOND);
    /* The held watch was the old server's: what it had to tell came with it. */
    assert_int_equal(kube_informer_count(f->pvs), 3);
    assert_null(kube_informer_get(f->pvs, "", "gone"));
}

static void deletion_while_away_is_told_with_the_last_state(void **state)
{
    static const struct fake_fault away = {.path = "watch=true", .http = 0, .times = 2};
    struct fixture *f = *state;

    put(f, "gone", "x");
    put(f, "kept", "x");
    put(f, "renewed", "x");
    start(f);
    ol_buf_clear(&f->told);
    fake_api_fault(f->api, &away);
    fake_api_break(f->api);
    fake_api_settle(f->api);
    fake_api_delete(f->api, &kube_pv_kind, "gone");
    fake_api_delete(f->api, &kube_pv_kind, "renewed");
    put(f, "renewed", "y");
    put(f, "new", "x");
    fake_api_expire(f->api);
    fake_api_pass(f->api, 10 * OL_SECOND);
    told(f, "+new -renewed +renewed -gone");
    assert_int_equal(count_under(f, "x"), 2);
    assert_int_equal(f->n_synced, 1);
}

static const struct kube_object *decoded(struct fixture *f, const char *name)
{
    const char *text = fake_api_text(f->api, &kube_pv_kind, name);
    const struct kube_object *o = NULL;

    assert_int_equal(kube_decode_text(&kube_pv_kind, text, strlen(text), &o, NULL), 0);
    return o;
}

static void own_write_is_there_at_once_and_told_once(void **state)
{
    struct fixture *f = *state;
    const struct kube_object *own;

    start(f);
    fake_api_hold_watches(f->api, true);
    put(f, "a", "x");
    own = decoded(f, "a");
    kube_informer_store(f->pvs, own);
    kube_object_unref(own);
    told(f, "+a");
    assert_int_equal(kube_informer_count(f->pvs), 1);
    fake_api_hold_watches(f->api, false);
    fake_api_settle(f->api);
    told(f, "");
}

static void older_states_are_ignored(void **state)
{
    struct fixture *f = *state;
    const struct kube_object *old, *young;

    put(f, "a", "x");
    start(f);
    fake_api_hold_watches(f->api, true);
    put(f, "a", "y");
    old = decoded(f, "a");
    put(f, "a", "z");
    young = decoded(f, "a");
    kube_informer_store(f->pvs, young);
    kube_informer_store(f->pvs, old);
    told(f, "+a ~a");
    fake_api_hold_watches(f->api, false);
    fake_api_settle(f->api);
    told(f, "");
    assert_string_equal(kube_pv_class(kube_as_pv(kube_informer_get(f->pvs, "", "a"))), "z");
    kube_object_unref(old);
    kube_object_unref(young);
}

static void answer_that_comes_after_the_deletion_does_not_bring_it_back(void **state)
{
    struct fixture *f = *state;
    const struct kube_object *own;

    start(f);
    put(f, "a", "x");
    own = decoded(f, "a");
    fake_api_delete(f->api, &kube_pv_kind, "a");
    fake_api_settle(f->api);
    told(f, "+a -a");
    kube_informer_store(f->pvs, own);
    kube_object_unref(own);
    told(f, "");
    assert_int_equal(kube_informer_count(f->pvs), 0);
}

static void own_write_younger_than_a_list_survives_it(void **state)
{
    static const struct fake_fault late = {.path = "limit=", .http = -1, .delay = OL_SECOND};
    struct fixture *f = *state;
    const struct kube_object *own;

    put(f, "a", "x");
    start(f);
    fake_api_pass(f->api, 2 * OL_SECOND); /* a watch that ends earlier has failed */
    fake_api_expire(f->api);
    fake_api_fault(f->api, &late);
    fake_api_break(f->api);
    fake_api_settle(f->api);
    put(f, "b", "x");
    own = decoded(f, "b");
    kube_informer_store(f->pvs, own);
    kube_object_unref(own);
    told(f, "+a +b");
    fake_api_pass(f->api, 10 * OL_SECOND);
    told(f, "");
    assert_int_equal(kube_informer_count(f->pvs), 2);
}

static void own_write_older_than_a_list_ends_with_it(void **state)
{
    static const struct fake_fault late = {.path = "limit=", .http = -1, .delay = OL_SECOND};
    struct fixture *f = *state;
    const struct kube_object *own;

    put(f, "a", "x");
    start(f);
    fake_api_pass(f->api, 2 * OL_SECOND); /* a watch that ends earlier has failed */
    fake_api_expire(f->api);
    fake_api_fault(f->api, &late);
    fake_api_break(f->api);
    fake_api_settle(f->api);
    put(f, "b", "x");
    own = decoded(f, "b");
    kube_informer_store(f->pvs, own);
    kube_object_unref(own);
    fake_api_delete(f->api, &kube_pv_kind, "b");
    told(f, "+a +b");
    fake_api_pass(f->api, 10 * OL_SECOND);
    told(f, "-b");
    assert_int_equal(kube_informer_count(f->pvs), 1);
}

static void bookmark_moves_the_watch_on(void **state)
{
    struct fixture *f = *state;

    start(f);
    fake_api_putf(f->api, "{'kind': 'Node', 'apiVersion': 'v1', 'metadata': {'name': 'n'}}");
    fake_api_bookmark(f->api);
    fake_api_settle(f->api);
    fake_api_expire(f->api);
    fake_api_bookmark(f->api);
    fake_api_settle(f->api);
    fake_api_break(f->api);
    put(f, "a", "x");
    fake_api_pass(f->api, 10 * OL_SECOND);
    told(f, "+a");
}

static void late_handler_is_told_of_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct kube_handler h = {changed, f};

    put(f, "a", "x");
    start(f);
    told(f, "+a");
    kube_informer_add_handler(f->pvs, &h);
    told(f, "+a");
    fake_api_delete(f->api, &kube_pv_kind, "a");
    fake_api_settle(f->api);
    told(f, "-a -a");
}

static void kind_that_the_server_lacks_is_an_empty_one(void **state)
{
    static const struct fake_fault none = {.path = "persistentvolumes", .http = 404, .times = 3};
    struct fixture *f = *state;

    fake_api_fault(f->api, &none);
    put(f, "a", "x");
    start(f);
    assert_int_equal(f->n_synced, 1);
    assert_int_equal(kube_informer_count(f->pvs), 0);
    fake_api_pass(f->api, 300 * OL_SECOND);
    told(f, "+a");
    assert_int_equal(f->n_synced, 1);
}

static void synced_waits_for_every_kind(void **state)
{
    static const struct fake_fault away = {.path = "nodes", .http = 503};
    struct fixture *f = *state;

    kube_informer_of(f->all, &kube_node_kind);
    fake_api_fault(f->api, &away);
    start(f);
    assert_true(kube_informer_has_synced(f->pvs));
    assert_int_equal(f->n_synced, 0);
    fake_api_pass(f->api, OL_SECOND);
    assert_int_equal(f->n_synced, 1);
}

/* Changes, breaks and forgetting in a fixed random order: what is told adds up to what there is. */
static void nothing_is_lost_whatever_happens(void **state)
{
    struct fixture *f = *state;
    uint32_t random = 11;
    int n_told = 0;
    char name[8];

    start(f);
    for (int i = 0; i < 3000; i++) {
        random = random * 1103515245 + 12345;
        snprintf(name, sizeof(name), "p%u", (random >> 8) % 20);
        if ((random >> 16) % 3)
            put(f, name, (random >> 20) % 2 ? "x" : "y");
        else if (fake_api_text(f->api, &kube_pv_kind, name))
            fake_api_delete(f->api, &kube_pv_kind, name);
        if ((random >> 16) % 37 == 0)
            fake_api_expire(f->api);
        if ((random >> 16) % 11 == 0)
            fake_api_break(f->api);
        if ((random >> 16) % 7 == 0)
            fake_api_pass(f->api, 50 * OL_MS);
    }
    fake_api_pass(f->api, 120 * OL_SECOND);
    assert_int_equal(kube_informer_count(f->pvs), fake_api_count(f->api, &kube_pv_kind));
    assert_int_equal(count_under(f, "all"), kube_informer_count(f->pvs));
    assert_int_equal(count_under(f, "x") + count_under(f, "y"), kube_informer_count(f->pvs));
    for (const char *c = f->told.data; *c; c++)
        n_told += *c == '+' ? 1 : *c == '-' ? -1 : 0;
    assert_int_equal(n_told, kube_informer_count(f->pvs));
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_api(all_is_told_from_list_and_watch),
        with_api(lists_come_in_pages),
        with_api(list_that_expires_between_pages_begins_anew),
        with_api(index_follows_every_change),
        with_api(lines_may_come_in_any_pieces),
        with_api(lost_watch_goes_on_where_it_was),
        with_api(server_that_is_away_is_asked_less_and_less),
        with_api(forgotten_history_is_made_good_by_a_list),
        with_api(deletion_while_away_is_told_with_the_last_state),
        with_api(own_write_is_there_at_once_and_told_once),
        with_api(older_states_are_ignored),
        with_api(answer_that_comes_after_the_deletion_does_not_bring_it_back),
        with_api(own_write_younger_than_a_list_survives_it),
        with_api(own_write_older_than_a_list_ends_with_it),
        with_api(bookmark_moves_the_watch_on),
        with_api(late_handler_is_told_of_what_is_there),
        with_api(kind_that_the_server_lacks_is_an_empty_one),
        with_api(synced_waits_for_every_kind),
        with_api(nothing_is_lost_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
