/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/apiserver/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "kube/apiserver/store-internal.h"

/* So many writes don't wait for the end of the turn: the disk works while the loop goes on. */
enum { RING_BYTES = 16 << 20, RING_EVENTS = 32768, ENOUGH = 64 };

struct store_text *store_text_new(uint64_t revision, const char *json, size_t len)
{
    struct store_text *t = ol_xrealloc(NULL, 1, sizeof(*t) + len + 1);

    t->refs = 1;
    t->revision = revision;
    t->len = len;
    memcpy(t->data, json, len);
    t->data[len] = '\0';
    return t;
}

struct store_text *store_text_ref(struct store_text *t)
{
    t->refs++;
    return t;
}

void store_text_unref(struct store_text *t)
{
    if (t && --t->refs == 0)
        free(t);
}

void store_text_unref_at(struct store_text **t)
{
    store_text_unref(*t);
}

static void release(uv_handle_t *handle)
{
    free(handle);
}

static void store_free(struct store *s)
{
    store_db_close(&s->reader);
    store_db_close(&s->writer);
    if (s->ring.v)
        store_ring_done(&s->ring);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->check)
        uv_close((uv_handle_t *)s->check, release);
    if (s->idle)
        uv_close((uv_handle_t *)s->idle, release);
    ol_table_done(&s->pending);
    free(s->resource_ids);
    free(s);
}

static void store_free_at(struct store **s)
{
    if (*s)
        store_free(*s);
}

/* Held as long as we live; also makes the database with the right mode. */
static int lock(struct store *s, struct ol_err *err)
{
    ol_autofree char *name = ol_xasprintf("%s.lock", s->options.path);
    ol_autoclose int db = ol_open(s->loop->env, s->options.path, O_RDWR | O_CREAT, 0600);

    if (db < 0)
        return ol_err_set(err, -db, "open the store %s: %s", s->options.path, strerror(-db));
    s->lock_fd = ol_open(s->loop->env, name, O_RDWR | O_CREAT, 0600);
    if (s->lock_fd < 0)
        return ol_err_set(err, -s->lock_fd, "open %s: %s", name, strerror(-s->lock_fd));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return ol_err_set(err, EBUSY, "another server uses the store %s", s->options.path);
    return 0;
}

static void on_turn_end(uv_check_t *check);

static void on_idle(uv_idle_t *idle) {}

int store_open(struct ol_loop *loop, const struct store_options *options, struct store **ret,
               struct ol_err *err)
{
    ol_auto(store_free_at) struct store *s = ol_xcalloc(1, sizeof(*s));
    int r;

    s->loop = loop;
    s->options = *options;
    s->lock_fd = -1;
    STAILQ_INIT(&s->waiting);
    STAILQ_INIT(&s->flying);
    s->pending.type = &store_pending_type;
    r = lock(s, err);
    if (r == 0)
        r = store_db_open(s, options->path, err);
    if (r < 0)
        return r;
    store_ring_init(&s->ring, options->ring_bytes ? options->ring_bytes : (size_t)RING_BYTES,
                    options->ring_events ? options->ring_events : (size_t)RING_EVENTS, s->revision);
    s->check = ol_xcalloc(1, sizeof(*s->check));
    s->idle = ol_xcalloc(1, sizeof(*s->idle));
    uv_check_init(loop->uv, s->check);
    uv_idle_init(loop->uv, s->idle);
    s->check->data = s;
    *ret = ol_take_ptr(s);
    return 0;
}

uint64_t store_revision(const struct store *s)
{
    return s->revision;
}

struct store_stats store_stats(const struct store *s)
{
    return s->stats;
}

int store_get(struct store *s, const struct store_key *key, struct store_text **ret)
{
    const struct store_op *op;

    /* The database may be ahead of what watches have been told. */
    if (s->is_flying && store_pending_find(s, key)) {
        STAILQ_FOREACH(op, &s->flying, link)
        {
            if (op->is_wait || store_key_cmp(&op->event.key, key) != 0)
                continue;
            if (!op->event.old)
                return -ENOENT;
            *ret = store_text_ref(op->event.old);
            return 0;
        }
    }
    return store_db_get(s, key, ret);
}

int store_current(struct store *s, const struct store_key *key, struct store_text **ret)
{
    const struct store_pending *p = store_pending_find(s, key);

    if (!p)
        return store_db_get(s, key, ret);
    if (!p->text)
        return -ENOENT;
    *ret = store_text_ref(p->text);
    return 0;
}

uint64_t store_next_revision(struct store *s)
{
    return ++s->next;
}

static void fly(struct store *s);

static void enqueue(struct store *s, struct store_op *op)
{
    STAILQ_INSERT_TAIL(&s->waiting, op, link);
    s->n_waiting++;
    if (s->is_flying || s->is_landing)
        return;
    if (s->n_waiting >= ENOUGH && !op->is_wait)
        fly(s);
    if (s->is_flying || uv_is_active((uv_handle_t *)s->check))
        return;
    uv_check_start(s->check, on_turn_end);
    uv_idle_start(s->idle, on_idle);
}

void store_write(struct store *s, const struct store_write *w)
{
    size_t ns_size = strlen(w->key.ns) + 1, name_size = strlen(w->key.name) + 1;
    struct store_op *op = ol_xcalloc(1, sizeof(*op) + ns_size + name_size);
    char *key = (char *)(op + 1);

    memcpy(key, w->key.ns, ns_size);
    memcpy(key + ns_size, w->key.name, name_size);
    op->event = (struct store_event){
        .revision = w->now->revision,
        .change = w->is_delete ? STORE_DELETED
                  : w->old     ? STORE_MODIFIED
                               : STORE_ADDED,
        .key = {w->key.resource, key, key + ns_size},
        .now = store_text_ref(w->now),
        .old = w->old ? store_text_ref(w->old) : NULL,
    };
    op->done = w->done;
    op->ctx = w->ctx;
    store_pending_add(s, op);
    enqueue(s, op);
}

void store_wait(struct store *s, store_done_fn done, void *ctx)
{
    struct store_op *op = ol_xcalloc(1, sizeof(*op));

    op->is_wait = true;
    op->done = done;
    op->ctx = ctx;
    enqueue(s, op);
}

static void end_op(struct store *s, struct store_op *op, int r)
{
    if (!op->is_wait) {
        store_pending_end(s, op);
        store_text_unref(op->event.now);
        store_text_unref(op->event.old);
    }
    if (op->done)
        op->done(op->ctx, r);
    free(op);
}

static void end_ops(struct store *s, struct store_ops *ops, int r)
{
    while (!STAILQ_EMPTY(ops)) {
        struct store_op *op = STAILQ_FIRST(ops);

        STAILQ_REMOVE_HEAD(ops, link);
        end_op(s, op, r);
    }
}

/* Readers see it now; the ring and watches before whoever made the change. */
static void publish(struct store *s, const struct store_ops *ops)
{
    const struct store_op *op;

    STAILQ_FOREACH(op, ops, link)
    {
        if (op->is_wait)
            continue;
        s->revision = op->event.revision;
        store_ring_add(&s->ring, &op->event);
        s->stats.n_writes++;
        if (s->options.changed)
            s->options.changed(s->options.ctx, &op->event);
    }
}

static void landed(struct store *s, int r)
{
    struct store_ops ops = STAILQ_HEAD_INITIALIZER(ops);

    STAILQ_CONCAT(&ops, &s->flying);
    s->is_flying = false;
    s->is_landing = true;
    if (r == 0) {
        publish(s, &ops);
    } else {
        s->stats.n_failed++;
        /* What came meanwhile may build upon what is lost. */
        STAILQ_CONCAT(&ops, &s->waiting);
        s->n_waiting = 0;
    }
    /* Done functions may write: that begins the next flight at the end of this turn. */
    end_ops(s, &ops, r);
    s->is_landing = false;
    if (!STAILQ_EMPTY(&s->waiting))
        fly(s);
    else if (s->closed) {
        void (*closed)(void *ctx) = s->closed;
        void *ctx = s->closed_ctx;

        store_free(s);
        closed(ctx);
    }
}

static void work(uv_work_t *w)
{
    struct store *s = w->data;

    s->work_result = store_db_commit(s);
}

static void worked(uv_work_t *w, int status)
{
    struct store *s = w->data;

    s->stats.n_commits++;
    s->stats.commit_time += s->work_time;
    landed(s, s->work_result);
}

static bool has_writes(const struct store_ops *ops)
{
    const struct store_op *op;

    STAILQ_FOREACH(op, ops, link)
    {
        if (!op->is_wait)
            return true;
    }
    return false;
}

static void fly(struct store *s)
{
    uv_check_stop(s->check);
    uv_idle_stop(s->idle);
    STAILQ_CONCAT(&s->flying, &s->waiting);
    s->n_waiting = 0;
    s->is_flying = true;
    if (!has_writes(&s->flying) || !ol_change(s->loop->env, "commit", s->options.path)) {
        landed(s, 0);
        return;
    }
    s->work.data = s;
    uv_queue_work(s->loop->uv, &s->work, work, worked);
}

static void on_turn_end(uv_check_t *check)
{
    struct store *s = check->data;

    if (!s->is_flying)
        fly(s);
}

void store_close(struct store *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    if (s->is_flying || s->is_landing || !STAILQ_EMPTY(&s->waiting))
        return; /* landed() goes on */
    store_free(s);
    closed(ctx);
}
