/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-direct-internal.h"

enum {
    CONNECTING_MOST = 16, /* greetings at a time: most calls are through before these end */
    TRIES = 2,
};
#define CONNECT_TIME (15 * OL_SECOND)
#define IDLE_TIME    (90 * OL_SECOND) /* as Go; somebody between may forget it then */

/* --- slots --- */

void lane_drop(struct slot *s)
{
    if (s->is_closed)
        return;
    s->is_closed = true;
    link_leave(&s->link);
    s->lane->n_slots--;
    s->lane->n_connecting -= s->connect_by != 0;
    if (s->call)
        s->call->slot = NULL;
    s->call = NULL;
    http_conn_close(s->conn);
}

static void on_gone(void *ctx)
{
    struct slot *s = ctx;
    struct http_direct *d = s->lane->d;

    http_reply_done(&s->reply);
    free(s);
    direct_leave(d);
}

static void slot_serve(struct slot *s, struct call *c)
{
    link_leave(&c->wait);
    link_leave(&s->link);
    link_put(&s->lane->busy, &s->link);
    s->call = c;
    c->slot = s;
    c->n_tries++;
    http_reply_clear(&s->reply);
    http_conn_write(s->conn, c->request, c->size);
}

static void slot_rest(struct slot *s)
{
    link_leave(&s->link);
    link_put(&s->lane->idle, &s->link);
    s->idle_since = direct_now(s->lane->d);
    lane_dispatch(s->lane);
}

static void on_opened(void *ctx)
{
    struct slot *s = ctx;

    s->connect_by = 0;
    s->lane->n_connecting--;
    slot_rest(s);
}

/* The slot has gone already. */
static void call_broken(struct call *c, int r, const struct ol_err *err)
{
    int code = r == -EKEYREJECTED ? EKEYREJECTED : EIO;

    direct_fail(c, code, err ? ol_err_text(err) : "the connection was closed before the answer");
}

static struct call *first_waiting(const struct lane *lane)
{
    return link_is_alone(&lane->queue) ? NULL : of_link(struct call, wait, lane->queue.next);
}

/* What callers tell apart is whether there was somebody, and whether it was the right one. */
static int connect_errno(int r)
{
    switch (r) {
    case -EKEYREJECTED:
    case -ETIMEDOUT: return -r;
    case 0:
    case -EPROTO:
    case -ECONNRESET: return EIO;
    default: return ECONNREFUSED;
    }
}

/* One call ends for each connection that can't be had. */
static void connect_failed(struct lane *lane, int r, const struct ol_err *err)
{
    struct http_direct *d = lane->d;
    struct call *c = first_waiting(lane);

    d->n_users++;
    if (c)
        direct_fail(c, connect_errno(r), err ? ol_err_text(err) : "the connection was closed");
    if (!d->is_dead)
        lane_dispatch(lane);
    direct_leave(d);
}

/* A server that closed one that it had kept has done so with those beside it, as a rule. */
static void drop_idle(struct lane *lane)
{
    while (!link_is_alone(&lane->idle))
        lane_drop(of_link(struct slot, link, lane->idle.next));
}

/* What a kept connection took while the server was closing it, it did not get. Without a byte of
 * an answer that is likely, not sure: so what must not be done twice isn't sent again. */
static bool can_repeat(const struct slot *s, const struct call *c)
{
    return s->is_kept && !s->reply.has_begun && c->can_repeat && c->n_tries < TRIES;
}

static void on_ended(void *ctx, int r, const struct ol_err *err)
{
    struct slot *s = ctx;
    struct lane *lane = s->lane;
    struct call *c = s->call;
    bool was_connecting = s->connect_by != 0;

    lane_drop(s);
    if (was_connecting) {
        connect_failed(lane, r, err);
    } else if (c && can_repeat(s, c)) {
        drop_idle(lane);
        link_put(&lane->queue, &c->wait);
        lane_dispatch(lane);
    } else if (c) {
        lane->d->n_users++;
        if (r == 0 && http_reply_end(&s->reply) == 0)
            direct_finish(c, s->reply.status, NULL);
        else
            call_broken(c, r, err);
        if (!lane->d->is_dead)
            lane_dispatch(lane);
        direct_leave(lane->d);
    }
}

/* --- answers --- */

/* False: the call has ended, and so has its connection. */
static bool take_body(struct slot *s, const struct http_piece *piece)
{
    struct call *c = s->call;
    ol_autofree char *why = NULL;

    if (c->data && s->reply.status >= 200 && s->reply.status < 300) {
        c->data(c->ctx, s->reply.status, piece->at, piece->len);
        return !s->is_closed;
    }
    ol_buf_add(&c->body, piece->at, piece->len);
    if (ol_buf_status(&c->body) == 0)
        return true;
    why = ol_xasprintf("the answer has more than %zu bytes", c->body.max);
    lane_drop(s);
    direct_fail(c, EFBIG, why);
    return false;
}

static void answered(struct slot *s, bool can_keep)
{
    struct call *c = s->call;
    struct lane *lane = s->lane;
    int status = s->reply.status;

    s->call = NULL;
    c->slot = NULL;
    s->is_kept = true;
    if (can_keep) {
        slot_rest(s);
    } else {
        lane_drop(s);
        lane_dispatch(lane);
    }
    direct_finish(c, status, NULL);
}

static void spoilt(struct slot *s)
{
    struct call *c = s->call;
    struct lane *lane = s->lane;

    lane_drop(s);
    lane->d->n_users++;
    if (c)
        direct_fail(c, EIO, "the answer is no HTTP");
    if (!lane->d->is_dead)
        lane_dispatch(lane);
    direct_leave(lane->d);
}

/* True while there may be more. */
static bool take_piece(struct slot *s, const struct http_piece *piece, bool is_last)
{
    switch (piece->what) {
    case HTTP_PIECE_NONE: return true;
    case HTTP_PIECE_HEAD:
        if (s->call->data)
            s->call->deadline = 0; /* a stream may be silent */
        return true;
    case HTTP_PIECE_BODY: return take_body(s, piece);
    case HTTP_PIECE_END: break;
    }
    answered(s, is_last && s->reply.can_keep && http_conn_is_flushed(s->conn));
    return false;
}

static void on_data(void *ctx, const char *data, size_t len)
{
    struct slot *s = ctx;
    struct http_piece piece = {.what = HTTP_PIECE_HEAD};

    if (!s->call) {
        lane_drop(s); /* nobody asked; HTTP/1.1 has a 408 of this kind */
        return;
    }
    /* The end of an empty body is a piece without bytes. */
    while (len || piece.what != HTTP_PIECE_NONE) {
        ssize_t n = http_reply_read(&s->reply, data, len, &piece);

        if (n < 0) {
            spoilt(s);
            return;
        }
        data += n;
        len -= (size_t)n;
        if (!take_piece(s, &piece, len == 0))
            return;
    }
}

/* --- dispatching --- */

static void slot_open(struct lane *lane)
{
    struct http_direct *d = lane->d;
    struct slot *s = ol_xcalloc(1, sizeof(*s));
    const struct http_conn_owner owner = {on_opened, on_data, on_ended, on_gone, s};

    s->lane = lane;
    http_reply_init(&s->reply);
    link_put(&lane->busy, &s->link);
    lane->n_slots++;
    lane->n_connecting++;
    d->n_users++;
    s->connect_by = direct_now(d) + CONNECT_TIME;
    direct_be_due(d, s->connect_by);
    s->conn = http_conn_new(&d->site, &owner);
}

static size_t n_waiting(const struct lane *lane, size_t most)
{
    size_t n = 0;

    for (const struct link *l = lane->queue.next; l != &lane->queue && n < most; l = l->next)
        n++;
    return n;
}

/* A slot that is fresh enough, or NULL. */
static struct slot *take_idle(struct lane *lane)
{
    while (!link_is_alone(&lane->idle)) {
        struct slot *s = of_link(struct slot, link, lane->idle.next);

        if (direct_now(lane->d) - s->idle_since < IDLE_TIME)
            return s;
        lane_drop(s);
    }
    return NULL;
}

void lane_dispatch(struct lane *lane)
{
    struct call *c;
    struct slot *s;

    while ((c = first_waiting(lane)) && (s = take_idle(lane)))
        slot_serve(s, c);
    while (lane->n_slots < lane->most && n_waiting(lane, CONNECTING_MOST) > lane->n_connecting)
        slot_open(lane);
}

/* --- the whole --- */

void lane_close_late(struct lane *lane, ol_time now)
{
    struct ol_err err = OL_ERR_INIT;
    struct link *next;
    size_t n_late = 0;

    for (struct link *l = lane->busy.next; l != &lane->busy; l = next) {
        struct slot *s = of_link(struct slot, link, l);

        next = l->next;
        if (s->connect_by && s->connect_by <= now) {
            lane_drop(s);
            n_late++;
        } else if (s->connect_by) {
            direct_be_due(lane->d, s->connect_by);
        }
    }
    (void)!ol_err_set(&err, ETIMEDOUT, "connecting took too long");
    while (n_late-- && !lane->d->is_dead)
        connect_failed(lane, -ETIMEDOUT, &err);
}

void lane_init(struct lane *lane, struct http_direct *d, size_t most)
{
    *lane = (struct lane){.d = d, .most = most};
    link_init(&lane->queue);
    link_init(&lane->idle);
    link_init(&lane->busy);
}

void lane_close(struct lane *lane)
{
    drop_idle(lane);
    while (!link_is_alone(&lane->busy))
        lane_drop(of_link(struct slot, link, lane->busy.next));
}
