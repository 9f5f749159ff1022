/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"
#include "kube/apiserver/door-internal.h"

/*
 * The door of this process: a transport of kube/client without sockets. Whatever is to be told
 * waits in a queue until the loop's next turn, so a client is never called from within send().
 */
struct call;

struct piece {
    STAILQ_ENTRY(piece) link;
    size_t len;
    char data[];
};

struct call {
    TAILQ_ENTRY(call) link; /* in calls of its door */
    TAILQ_ENTRY(call) next; /* in ready of its door, when it has something to tell */
    struct api_local *door;
    struct api_request *request; /* until it is answered or streams */
    struct kube_exchange exchange;
    char *body; /* copy of the request's */
    int status;
    struct ol_buf answer;
    STAILQ_HEAD(, piece) pieces;
    size_t behind;
    bool is_ready, is_whole, is_cancelled, is_stream, is_ended;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

TAILQ_HEAD(calls, call);

struct api_local {
    LIST_ENTRY(api_local) link;
    struct apiserver *server; /* NULL: it has stopped */
    struct ol_loop *loop;
    struct calls calls, ready;
    uv_check_t *check;
    uv_idle_t *idle;
    bool is_freed;
};

static void release(uv_handle_t *handle)
{
    free(handle);
}

static void on_turn(uv_check_t *check);

static void on_idle(uv_idle_t *idle) {}

static void make_ready(struct call *c)
{
    if (c->is_ready)
        return;
    c->is_ready = true;
    TAILQ_INSERT_TAIL(&c->door->ready, c, next);
    uv_check_start(c->door->check, on_turn);
    uv_idle_start(c->door->idle, on_idle);
}

static void drop_pieces(struct call *c)
{
    while (!STAILQ_EMPTY(&c->pieces)) {
        struct piece *p = STAILQ_FIRST(&c->pieces);

        STAILQ_REMOVE_HEAD(&c->pieces, link);
        free(p);
    }
    c->behind = 0;
}

static void call_free(struct call *c)
{
    if (c->is_ready)
        TAILQ_REMOVE(&c->door->ready, c, next);
    TAILQ_REMOVE(&c->door->calls, c, link);
    drop_pieces(c);
    ol_buf_done(&c->answer);
    free(c->body);
    free(c);
}

/* --- what the server says --- */

static void local_answer(void *self, const struct ol_http_answer *a)
{
    struct call *c = self;

    c->request = NULL;
    c->status = a->status;
    c->is_whole = true;
    if (!c->is_cancelled)
        ol_buf_add(&c->answer, a->body, a->size);
    make_ready(c);
}

static void *local_stream(void *self, const struct ol_http_answer *head, void (*closed)(void *ctx),
                          void *ctx)
{
    struct call *c = self;

    c->request = NULL;
    c->is_stream = true;
    c->status = head->status;
    c->closed = closed;
    c->closed_ctx = ctx;
    if (c->is_cancelled)
        make_ready(c);
    return c;
}

static int local_send(void *stream, const void *data, size_t size, size_t max)
{
    struct call *c = stream;
    struct piece *p;

    if (c->is_cancelled)
        return -EPIPE;
    if (c->behind + size > max)
        return -ENOBUFS;
    p = ol_xrealloc(NULL, 1, sizeof(*p) + size + 1);
    p->len = size;
    memcpy(p->data, data, size);
    p->data[size] = '\0';
    STAILQ_INSERT_TAIL(&c->pieces, p, link);
    c->behind += size;
    make_ready(c);
    return 0;
}

static void local_end(void *stream)
{
    struct call *c = stream;

    c->is_ended = true;
    make_ready(c);
}

static const struct api_sink local_sink = {local_answer, local_stream, local_send, local_end};

/* --- telling the client --- */

static void tell_pieces(struct call *c)
{
    while (!STAILQ_EMPTY(&c->pieces) && !c->is_cancelled) {
        struct piece *p = STAILQ_FIRST(&c->pieces);

        STAILQ_REMOVE_HEAD(&c->pieces, link);
        c->behind -= p->len;
        if (c->exchange.data)
            c->exchange.data(c->exchange.ctx, c->status, p->data, p->len);
        else
            ol_buf_add(&c->answer, p->data, p->len);
        free(p);
    }
}

static void tell_end(struct call *c)
{
    bool is_told_whole = c->is_whole || !c->exchange.data;

    if (c->is_stream && c->closed)
        c->closed(c->closed_ctx);
    if (!c->is_cancelled)
        c->exchange.done(c->exchange.ctx, c->status, is_told_whole ? c->answer.data : "",
                         is_told_whole ? c->answer.len : 0, NULL);
    call_free(c);
}

static void tell(struct call *c)
{
    tell_pieces(c);
    if (c->is_whole || (c->is_stream && (c->is_ended || c->is_cancelled)))
        tell_end(c);
}

static void local_free_now(struct api_local *l)
{
    if (l->server)
        LIST_REMOVE(l, link);
    uv_close((uv_handle_t *)l->check, release);
    uv_close((uv_handle_t *)l->idle, release);
    free(l);
}

static void on_turn(uv_check_t *check)
{
    struct api_local *l = check->data;
    struct calls now = TAILQ_HEAD_INITIALIZER(now);
    struct call *c;

    /* Those that become ready meanwhile come in the next turn. */
    TAILQ_CONCAT(&now, &l->ready, next);
    while ((c = TAILQ_FIRST(&now))) {
        TAILQ_REMOVE(&now, c, next);
        c->is_ready = false;
        tell(c);
    }
    if (TAILQ_EMPTY(&l->ready)) {
        uv_check_stop(l->check);
        uv_idle_stop(l->idle);
    }
    if (l->is_freed && TAILQ_EMPTY(&l->calls))
        local_free_now(l);
}

/* --- the transport --- */

static void fail_stopped(struct call *c)
{
    static const char text[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                               "\"status\":\"Failure\",\"message\":\"the server has stopped\","
                               "\"reason\":\"ServiceUnavailable\",\"code\":503}";
    const struct ol_http_answer a = {.status = 503, .body = text, .size = sizeof(text) - 1};

    local_answer(c, &a);
}

static void handle(struct call *c, const struct kube_exchange *x)
{
    struct api_request *q = api_request_new(c->door->server, &local_sink, c);
    const char *query = strchr(x->path, '?');
    size_t len = query ? (size_t)(query - x->path) : strlen(x->path);

    c->request = q;
    q->method = ol_arena_strdup(&q->arena, x->method);
    q->content_type = x->content_type ? ol_arena_strdup(&q->arena, x->content_type) : NULL;
    q->user_agent = "orlop";
    q->body = c->body;
    q->size = x->size;
    api_request_route(q, ol_arena_memdup(&q->arena, x->path, len), query ? query + 1 : "");
    if (!*q->query.field_validation)
        q->query.field_validation = "Ignore"; /* nobody would read the warnings */
    api_handle(q);
}

static void *local_transport_send(void *self, const struct kube_exchange *x)
{
    struct api_local *l = self;
    struct call *c = ol_xcalloc(1, sizeof(*c));

    c->door = l;
    c->exchange = *x;
    c->exchange.path = NULL; /* not ours to keep */
    ol_buf_init(&c->answer, API_MAX_ANSWER);
    STAILQ_INIT(&c->pieces);
    TAILQ_INSERT_TAIL(&l->calls, c, link);
    c->body = ol_xcalloc(1, x->size + 1);
    if (x->size)
        memcpy(c->body, x->body, x->size);
    if (!l->server || l->server->is_stopping)
        fail_stopped(c);
    else
        handle(c, x);
    return c;
}

static void local_transport_cancel(void *self, void *handle)
{
    struct call *c = handle;

    c->is_cancelled = true;
    drop_pieces(c);
    /* A write goes on; whoever holds the call frees it at its end. */
    if (!c->request)
        make_ready(c);
}

static void local_transport_free(void *self)
{
    struct api_local *l = self;
    struct call *c;

    l->is_freed = true;
    TAILQ_FOREACH(c, &l->calls, link)
    {
        local_transport_cancel(l, c);
    }
    if (TAILQ_EMPTY(&l->calls))
        local_free_now(l);
}

static const struct kube_transport local_transport = {
    .send = local_transport_send,
    .cancel = local_transport_cancel,
    .free = local_transport_free,
};

struct kube_client *apiserver_client(struct apiserver *s)
{
    struct api_local *l = ol_xcalloc(1, sizeof(*l));

    l->server = s;
    l->loop = s->loop;
    TAILQ_INIT(&l->calls);
    TAILQ_INIT(&l->ready);
    l->check = ol_xcalloc(1, sizeof(*l->check));
    l->idle = ol_xcalloc(1, sizeof(*l->idle));
    uv_check_init(s->loop->uv, l->check);
    uv_idle_init(s->loop->uv, l->idle);
    l->check->data = l;
    LIST_INSERT_HEAD(&s->locals, l, link);
    return kube_client_new(s->loop, &local_transport, l);
}

/* A stream that its client has yet to hear the end of must not look for the server then. */
static void forget_server(struct api_local *l)
{
    struct call *c;

    TAILQ_FOREACH(c, &l->calls, link)
    {
        if (c->is_stream && c->closed)
            c->closed(c->closed_ctx);
        c->closed = NULL;
        c->is_ended = c->is_ended || c->is_stream;
    }
}

void api_local_end_all(struct apiserver *s)
{
    while (!LIST_EMPTY(&s->locals)) {
        struct api_local *l = LIST_FIRST(&s->locals);

        forget_server(l);
        LIST_REMOVE(l, link);
        l->server = NULL;
    }
}
