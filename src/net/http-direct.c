/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/http.h"
#include "core/str.h"
#include "net/http-direct-internal.h"

enum { CONNECTIONS = 8, MAX_BODY = 64 << 20 };

/* --- life --- */

ol_time direct_now(const struct http_direct *d)
{
    return (ol_time)uv_now(d->loop->uv) * OL_MS;
}

void direct_leave(struct http_direct *d)
{
    if (--d->n_users || !d->is_dead)
        return;
    http_target_free(d->target);
    http_tls_setup_free(d->site.tls);
    free(d->site.in);
    free(d->site.plain);
    free(d);
}

/* The timer fires when the first may be due, which may have ended long before. */
void direct_be_due(struct http_direct *d, ol_time at)
{
    if (d->due && d->due <= at)
        return;
    d->due = at;
    ol_timer_set(&d->timer, at - direct_now(d));
}

void direct_call_free(struct call *c)
{
    link_leave(&c->link);
    link_leave(&c->wait);
    ol_buf_done(&c->body);
    free(c);
}

/* "GET 'http://…'" of a call, for messages. */
static char *shown(const struct call *c)
{
    size_t method = strcspn(c->request, " ");
    const char *path = c->request + method + 1;

    return ol_xasprintf("%.*s '%s%.*s'", (int)method, c->request,
                        http_target_origin(c->lane->d->target),
                        (int)(strcspn(path, " ") < 512 ? strcspn(path, " ") : 512), path);
}

void direct_finish(struct call *c, int status, const struct ol_err *err)
{
    struct http_direct *d = c->lane->d;
    struct call was = *c;

    assert(!c->slot);
    c->body = (struct ol_buf)OL_BUF_INIT(0);
    direct_call_free(c);
    d->n_users++;
    was.done(was.ctx, status, was.body.data, was.body.len, err);
    direct_leave(d);
    ol_buf_done(&was.body);
}

void direct_fail(struct call *c, int code, const char *why)
{
    ol_autofree char *name = shown(c);
    struct ol_err err = OL_ERR_INIT;

    (void)!ol_err_set(&err, code, "%s: %s", name, why);
    ol_buf_clear(&c->body);
    direct_finish(c, 0, &err);
}

/* --- deadlines --- */

static void end_late_calls(struct http_direct *d, ol_time now)
{
    struct link late, *next;

    link_init(&late);
    for (struct link *l = d->all.next; l != &d->all; l = next) {
        struct call *c = of_link(struct call, link, l);

        next = l->next;
        if (c->deadline && c->deadline <= now) {
            link_leave(l);
            link_put(late.prev, l);
        } else if (c->deadline) {
            direct_be_due(d, c->deadline);
        }
    }
    while (!link_is_alone(&late)) {
        struct call *c = of_link(struct call, link, late.next);
        struct lane *lane = c->lane;

        if (d->is_dead) {
            direct_call_free(c);
            continue;
        }
        if (c->slot)
            lane_drop(c->slot);
        direct_fail(c, ETIMEDOUT, "no answer in time");
        if (!d->is_dead)
            lane_dispatch(lane);
    }
}

static void on_timer(void *ctx)
{
    struct http_direct *d = ctx;
    ol_time now = direct_now(d);

    d->due = 0;
    d->n_users++;
    end_late_calls(d, now);
    if (!d->is_dead)
        lane_close_late(&d->calls, now);
    if (!d->is_dead)
        lane_close_late(&d->own, now);
    direct_leave(d);
}

/* --- the whole --- */

struct http_direct *http_direct_new(struct ol_loop *loop, const struct ol_http_async_options *o)
{
    struct http_target *target = http_target_new(o);
    struct http_direct *d;

    if (!target)
        return NULL;
    d = ol_xcalloc(1, sizeof(*d));
    d->loop = loop;
    d->target = target;
    d->site.loop = loop;
    d->site.in = ol_xcalloc(1, HTTP_CONN_READ);
    d->site.plain = ol_xcalloc(1, HTTP_CONN_READ);
    d->n_users = 1;
    link_init(&d->all);
    lane_init(&d->calls, d, o->max_connections ? o->max_connections : CONNECTIONS);
    lane_init(&d->own, d, SIZE_MAX);
    ol_timer_init(&d->timer, loop, on_timer, d);
    return d;
}

void http_direct_free(struct http_direct *d)
{
    if (!d)
        return;
    d->is_dead = true;
    lane_close(&d->calls);
    lane_close(&d->own);
    while (!link_is_alone(&d->all))
        direct_call_free(of_link(struct call, link, d->all.next));
    ol_timer_done(&d->timer);
    direct_leave(d);
}

bool http_direct_takes(struct http_direct *d, const struct ol_http_ask *ask)
{
    return d && http_target_takes(d->target, ask, &d->site);
}

static struct call *new_call(struct http_direct *d, const struct ol_http_ask *ask)
{
    ol_auto(ol_buf_done) struct ol_buf head = OL_BUF_INIT(HTTP_TARGET_HEAD_MAX);
    struct call *c;

    http_target_write_head(d->target, ask, &head);
    c = ol_xcalloc(1, sizeof(*c) + head.len + ask->size);
    memcpy(c->request, head.data, head.len);
    if (ask->size)
        memcpy(c->request + head.len, ask->body, ask->size);
    c->size = head.len + ask->size;
    return c;
}

struct ol_http_call *http_direct_send(struct http_direct *d, const struct ol_http_ask *ask)
{
    static const char *const repeatable[] = {"GET", "PUT", "DELETE", NULL};
    struct call *c = new_call(d, ask);

    c->head.is_direct = true;
    c->lane = ask->data || ask->is_urgent ? &d->own : &d->calls;
    c->data = ask->data;
    c->done = ask->done;
    c->ctx = ask->ctx;
    c->can_repeat = ol_str_in(ask->method, repeatable);
    ol_buf_init(&c->body, ask->max_body ? ask->max_body : MAX_BODY);
    link_put(d->all.prev, &c->link);
    link_put(c->lane->queue.prev, &c->wait);
    if (ask->timeout > 0) {
        /* libuv's time is that of the begin of this turn. */
        uv_update_time(d->loop->uv);
        c->deadline = direct_now(d) + ask->timeout;
        direct_be_due(d, c->deadline);
    }
    lane_dispatch(c->lane);
    return &c->head;
}

void http_direct_cancel(struct ol_http_call *call)
{
    struct call *c = (struct call *)(void *)call;
    struct lane *lane = c->lane;

    if (c->slot)
        lane_drop(c->slot);
    direct_call_free(c);
    lane_dispatch(lane);
}
