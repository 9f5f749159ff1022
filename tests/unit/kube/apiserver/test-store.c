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
#include "core/file.h"
#include "kube/apiserver/store.h"

enum { CLAIMS, VOLUMES };

struct fixture {
    char root[32];
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct store *store;
    char seen[4096], rows[4096];
    int n_done, last;
    bool is_closed;
};

static const char *const resources[] = {"claims", "volumes", NULL};

static void changed(void *ctx, const struct store_event *e)
{
    static const char signs[] = "+~-";
    struct fixture *f = ctx;
    size_t len = strlen(f->seen);

    snprintf(f->seen + len, sizeof(f->seen) - len, "%c%s/%s=%s ", signs[e->change], e->key.ns,
             e->key.name, e->now->data);
}

static void open_store(struct fixture *f, size_t ring_bytes)
{
    const struct store_options o = {.path = "/db",
                                    .resources = resources,
                                    .ring_bytes = ring_bytes,
                                    .changed = changed,
                                    .ctx = f};
    struct ol_err err = OL_ERR_INIT;

    if (store_open(&f->loop, &o, &f->store, &err) < 0)
        fail_msg("%s", err.msg);
}

static void closed(void *ctx)
{
    struct fixture *f = ctx;

    f->is_closed = true;
}

static void close_store(struct fixture *f)
{
    f->is_closed = false;
    store_close(f->store, closed, f);
    while (!f->is_closed)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->root, "/tmp/ol-sto-XXXXXX", sizeof("/tmp/ol-sto-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    uv_loop_init(&f->uv);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    open_store(f, 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_store(f);
    uv_run(&f->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&f->uv) != 0 || ol_unlink(&f->env, "/db", NULL) < 0
        || ol_unlink(&f->env, "/db.lock", NULL) < 0 || rmdir(f->root) < 0)
        return -1;
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static void done(void *ctx, int r)
{
    struct fixture *f = ctx;

    f->n_done++;
    f->last = r;
}

static uint64_t put(struct fixture *f, unsigned resource, const char *ns, const char *name,
                    const char *text)
{
    ol_auto(store_text_unref_at) struct store_text *old = NULL;
    ol_auto(store_text_unref_at) struct store_text *now = NULL;
    struct store_write w = {.key = {resource, ns, name}, .done = done, .ctx = f};
    uint64_t revision = store_next_revision(f->store);

    if (store_current(f->store, &w.key, &old) == -ENOENT)
        assert_null(old);
    w.is_delete = !text;
    now = store_text_new(revision, text ? text : "gone", strlen(text ? text : "gone"));
    w.now = now;
    w.old = old;
    store_write(f->store, &w);
    return revision;
}

static void settle(struct fixture *f, int n_done)
{
    while (f->n_done < n_done)
        uv_run(&f->uv, UV_RUN_ONCE);
}

static const char *read_one(struct fixture *f, unsigned resource, const char *ns, const char *name,
                            char text[64])
{
    ol_auto(store_text_unref_at) struct store_text *t = NULL;
    const struct store_key key = {resource, ns, name};
    int r = store_get(f->store, &key, &t);

    snprintf(text, 64, "%s", r == 0 ? t->data : strerror(-r));
    return text;
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->rows);

    snprintf(f->rows + len, sizeof(f->rows) - len, "%s/%s=%s ", row->key.ns, row->key.name,
             row->json);
    return true;
}

static const char *list(struct fixture *f, const char *ns, uint64_t at)
{
    const struct store_range range = {.resource = CLAIMS, .ns = ns, .at = at};
    uint64_t revision = 0;

    f->rows[0] = '\0';
    assert_int_equal(store_list(f->store, &range, on_row, f, &revision), 0);
    assert_int_equal(revision, at ? at : store_revision(f->store));
    return f->rows;
}

static void write_is_seen_once_it_is_durable(void **state)
{
    struct fixture *f = *state;
    ol_auto(store_text_unref_at) struct store_text *t = NULL;
    const struct store_key key = {CLAIMS, "a", "x"};
    char text[64];

    put(f, CLAIMS, "a", "x", "1");
    read_one(f, CLAIMS, "a", "x", text);
    assert_string_equal(text, "No such file or directory");
    assert_string_equal(f->seen, "");
    assert_int_equal(store_current(f->store, &key, &t), 0);
    assert_string_equal(t->data, "1");
    settle(f, 1);
    assert_int_equal(f->last, 0);
    assert_string_equal(read_one(f, CLAIMS, "a", "x", text), "1");
    assert_string_equal(f->seen, "+a/x=1 ");
}

static void writes_of_a_turn_share_a_commit(void **state)
{
    struct fixture *f = *state;

    put(f, CLAIMS, "a", "x", "1");
    put(f, CLAIMS, "a", "x", "2");
    put(f, VOLUMES, "", "v", "3");
    put(f, CLAIMS, "a", "x", NULL);
    put(f, CLAIMS, "a", "x", "4");
    settle(f, 5);
    assert_int_equal(store_stats(f->store).n_commits, 1);
    assert_string_equal(f->seen, "+a/x=1 ~a/x=2 +/v=3 -a/x=gone +a/x=4 ");
    assert_string_equal(list(f, NULL, 0), "a/x=4 ");
}

static void everything_is_there_after_a_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t revision;
    char text[64];

    put(f, CLAIMS, "a", "x", "1");
    put(f, CLAIMS, "a", "y", "2");
    revision = put(f, CLAIMS, "a", "y", NULL);
    settle(f, 3);
    close_store(f);
    open_store(f, 0);
    assert_string_equal(read_one(f, CLAIMS, "a", "x", text), "1");
    assert_string_equal(read_one(f, CLAIMS, "a", "y", text), "No such file or directory");
    assert_int_equal(store_revision(f->store), revision);
    assert_int_equal(store_next_revision(f->store), revision + 1);
}

static void closing_commits_what_waits(void **state)
{
    struct fixture *f = *state;
    char text[64];

    put(f, CLAIMS, "a", "x", "1");
    close_store(f);
    assert_int_equal(f->n_done, 1);
    open_store(f, 0);
    assert_string_equal(read_one(f, CLAIMS, "a", "x", text), "1");
}

static void list_is_by_namespace_and_name(void **state)
{
    struct fixture *f = *state;

    put(f, CLAIMS, "b", "x", "1");
    put(f, CLAIMS, "a", "z", "2");
    put(f, CLAIMS, "a", "y", "3");
    put(f, VOLUMES, "", "v", "4");
    settle(f, 4);
    assert_string_equal(list(f, NULL, 0), "a/y=3 a/z=2 b/x=1 ");
    assert_string_equal(list(f, "a", 0), "a/y=3 a/z=2 ");
}

static void list_of_the_past_is_as_it_was(void **state)
{
    struct fixture *f = *state;
    uint64_t then;

    put(f, CLAIMS, "a", "b", "1");
    put(f, CLAIMS, "a", "d", "2");
    then = put(f, CLAIMS, "a", "f", "3");
    settle(f, 3);
    put(f, CLAIMS, "a", "a", "new");
    put(f, CLAIMS, "a", "b", "changed");
    put(f, CLAIMS, "a", "b", "changed again");
    put(f, CLAIMS, "a", "d", NULL);
    put(f, CLAIMS, "a", "e", "new");
    put(f, CLAIMS, "a", "f", NULL);
    put(f, CLAIMS, "a", "f", "back");
    settle(f, 10);
    assert_string_equal(list(f, NULL, then), "a/b=1 a/d=2 a/f=3 ");
    assert_string_equal(list(f, NULL, 0), "a/a=new a/b=changed again a/e=new a/f=back ");
}

static void on_change(void *ctx, const struct store_event *e)
{
    struct fixture *f = ctx;

    changed(f, e);
}

static void ring_replays_what_it_still_knows(void **state)
{
    struct fixture *f = *state;
    const struct store_range past = {.resource = CLAIMS, .at = 1};
    uint64_t first, revision;

    close_store(f);
    open_store(f, 2000);
    first = put(f, CLAIMS, "a", "x", "1");
    put(f, CLAIMS, "a", "x", "2");
    settle(f, 2);
    f->seen[0] = '\0';
    assert_int_equal(store_replay(f->store, first, on_change, f), 0);
    assert_string_equal(f->seen, "~a/x=2 ");
    for (int i = 0; i < 100; i++)
        put(f, CLAIMS, "a", "y", "more");
    settle(f, 102);
    assert_int_equal(store_replay(f->store, first, on_change, f), -ESTALE);
    assert_int_equal(store_list(f->store, &past, on_row, f, &revision), -ESTALE);
    f->seen[0] = '\0';
    assert_int_equal(store_replay(f->store, store_revision(f->store) - 1, on_change, f), 0);
    assert_string_equal(f->seen, "~a/y=more ");
}

static void second_server_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct store_options o = {.path = "/db", .resources = resources};
    struct ol_err err = OL_ERR_INIT;
    struct store *second;

    assert_int_equal(store_open(&f->loop, &o, &second, &err), -EBUSY);
    assert_string_equal(err.msg, "another server uses the store /db");
}

static void waiting_ends_with_what_went_before(void **state)
{
    struct fixture *f = *state;

    put(f, CLAIMS, "a", "x", "1");
    store_wait(f->store, done, f);
    assert_int_equal(f->n_done, 0);
    settle(f, 2);
    assert_string_equal(f->seen, "+a/x=1 ");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(write_is_seen_once_it_is_durable),    CASE(writes_of_a_turn_share_a_commit),
        CASE(everything_is_there_after_a_restart), CASE(closing_commits_what_waits),
        CASE(list_is_by_namespace_and_name),       CASE(list_of_the_past_is_as_it_was),
        CASE(ring_replays_what_it_still_knows),    CASE(second_server_is_refused),
        CASE(waiting_ends_with_what_went_before),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
