/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/store-internal.h"

/*
 * The database holds the present, perhaps that of a commit that the loop has not heard of yet. The
 * past is the present with later changes taken back: the first change after the wanted revision
 * knows what its key was before.
 */
struct undo {
    struct store_key key; /* borrowed from ring and ops */
    const struct store_text *text;
    size_t order;
};

struct undos {
    struct undo *v;
    size_t n, cap;
};

static void undos_done(struct undos *u)
{
    free(u->v);
}

static bool is_in_range(const struct store_range *range, const struct store_key *key)
{
    const struct store_key after = {range->resource, range->after_ns ? range->after_ns : "",
                                    range->after_name ? range->after_name : ""};

    return key->resource == range->resource
           && (!range->ns || !*range->ns || strcmp(range->ns, key->ns) == 0)
           && store_key_cmp(key, &after) > 0;
}

static void take_back(struct undos *u, const struct store_range *range, const struct store_event *e)
{
    if (!is_in_range(range, &e->key))
        return;
    if (u->n == u->cap) {
        u->cap = u->cap ? u->cap * 2 : 64;
        u->v = ol_xrealloc(u->v, u->cap, sizeof(*u->v));
    }
    u->v[u->n] = (struct undo){.key = e->key, .text = e->old, .order = u->n};
    u->n++;
}

static int by_key(const void *a, const void *b)
{
    const struct undo *x = a, *y = b;
    int r = store_key_cmp(&x->key, &y->key);

    return r ? r : (x->order < y->order ? -1 : 1);
}

/* One for each key that was changed after 'revision', by key. */
static void collect(const struct store *s, const struct store_range *range, uint64_t revision,
                    struct undos *u)
{
    const struct store_op *op;
    size_t kept = 0;

    for (size_t i = store_ring_after(&s->ring, revision); i < s->ring.n; i++)
        take_back(u, range, store_ring_at(&s->ring, i));
    STAILQ_FOREACH(op, &s->flying, link)
    {
        if (!op->is_wait)
            take_back(u, range, &op->event);
    }
    if (u->n == 0)
        return;
    qsort(u->v, u->n, sizeof(*u->v), by_key);
    for (size_t i = 0; i < u->n; i++)
        if (i == 0 || store_key_cmp(&u->v[i].key, &u->v[kept - 1].key) != 0)
            u->v[kept++] = u->v[i];
    u->n = kept;
}

static sqlite3_stmt *query(struct store *s, const struct store_range *range,
                           enum store_statement all, enum store_statement of_ns)
{
    bool has_ns = range->ns && *range->ns;
    sqlite3_stmt *st = s->reader.statements[has_ns ? of_ns : all];

    sqlite3_bind_int64(st, 1, s->resource_ids[range->resource]);
    sqlite3_bind_text(st, 2,
                      has_ns            ? range->ns
                      : range->after_ns ? range->after_ns
                                        : "",
                      -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, range->after_name ? range->after_name : "", -1, SQLITE_STATIC);
    return st;
}

struct walk {
    const struct undos *undos;
    size_t next;
    bool (*each)(void *ctx, const struct store_row *row);
    void *ctx;
};

/* Rows of the past up to 'key', NULL = to the end. False: enough; otherwise *ret_is_replaced says
 * that the row of this very key is not to be shown. */
static bool walk_past(struct walk *w, const struct store_key *key, bool *ret_is_replaced)
{
    *ret_is_replaced = false;
    for (; w->next < w->undos->n; w->next++) {
        const struct undo *u = &w->undos->v[w->next];
        int r = key ? store_key_cmp(&u->key, key) : -1;

        if (r > 0)
            break;
        if (r == 0)
            *ret_is_replaced = true;
        if (u->text) {
            const struct store_row row = {u->key, u->text->data, u->text->len};

            if (!w->each(w->ctx, &row))
                return false;
        }
    }
    return true;
}

static int walk_all(struct store *s, const struct store_range *range, struct walk *w)
{
    sqlite3_stmt *st = query(s, range, STORE_LIST, STORE_LIST_NS);
    bool is_replaced, want_more = true;
    int code = SQLITE_DONE;

    while (want_more && (code = sqlite3_step(st)) == SQLITE_ROW) {
        const struct store_row row = {{range->resource, (const char *)sqlite3_column_text(st, 0),
                                       (const char *)sqlite3_column_text(st, 1)},
                                      (const char *)sqlite3_column_text(st, 2),
                                      (size_t)sqlite3_column_bytes(st, 2)};

        want_more = walk_past(w, &row.key, &is_replaced);
        if (want_more && !is_replaced)
            want_more = w->each(w->ctx, &row);
    }
    if (want_more && code == SQLITE_DONE)
        walk_past(w, NULL, &is_replaced);
    sqlite3_reset(st);
    return want_more && code != SQLITE_DONE ? store_db_error(code) : 0;
}

int store_list(struct store *s, const struct store_range *range,
               bool (*each)(void *ctx, const struct store_row *row), void *ctx,
               uint64_t *ret_revision)
{
    ol_auto(undos_done) struct undos undos = {0};
    struct walk w = {.undos = &undos, .each = each, .ctx = ctx};
    uint64_t at = range->at ? range->at : s->revision;
    int r;

    if (at < s->ring.floor)
        return -ESTALE;
    collect(s, range, at, &undos);
    r = walk_all(s, range, &w);
    if (r == 0)
        *ret_revision = at;
    return r;
}

size_t store_count(struct store *s, const struct store_range *range)
{
    sqlite3_stmt *st = query(s, range, STORE_COUNT, STORE_COUNT_NS);
    size_t n = sqlite3_step(st) == SQLITE_ROW ? (size_t)sqlite3_column_int64(st, 0) : 0;

    sqlite3_reset(st);
    return n;
}

int store_replay(struct store *s, uint64_t revision,
                 void (*each)(void *ctx, const struct store_event *e), void *ctx)
{
    if (revision < s->ring.floor)
        return -ESTALE;
    for (size_t i = store_ring_after(&s->ring, revision); i < s->ring.n; i++)
        each(ctx, store_ring_at(&s->ring, i));
    return 0;
}
