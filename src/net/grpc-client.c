/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/grpc-client-internal.h"

static void connect_to_peer(struct ol_grpc_channel *c);

/* Sends what waits, over the current connection or after having made one. */
static void go_on(struct ol_grpc_channel *c)
{
    struct ol_grpc_call *call;

    if (TAILQ_EMPTY(&c->waiting))
        return;
    if (!c->current) {
        connect_to_peer(c);
        return;
    }
    while ((call = TAILQ_FIRST(&c->waiting)))
        grpc_call_submit(c->current, call);
    grpc_conn_pump(c->current->conn);
}

/* --- connections --- */

static void fail_calls(struct call_list *calls, const char *text)
{
    struct ol_grpc_call *call;

    while ((call = TAILQ_FIRST(calls)))
        grpc_call_end(call, OL_GRPC_UNAVAILABLE, false, text);
}

static void forget_conn(struct client_conn *cc)
{
    if (cc->channel->current == cc)
        cc->channel->current = NULL;
    LIST_REMOVE(cc, entry);
    free(cc);
}

static void conn_ended(void *ctx, const char *why)
{
    struct client_conn *cc = ctx;
    char text[160];

    snprintf(text, sizeof(text), "connection error: desc = \"%s\"", why);
    fail_calls(&cc->calls, text);
    forget_conn(cc);
}

static void conn_turned(void *ctx)
{
    struct client_conn *cc = ctx;

    if (!cc->is_draining || !TAILQ_EMPTY(&cc->calls))
        return;
    grpc_conn_close(cc->conn);
    forget_conn(cc);
}

static void start_conn(struct ol_grpc_channel *c, uv_stream_t *stream)
{
    struct client_conn *cc = ol_xcalloc(1, sizeof(*cc));
    const struct grpc_conn_owner owner = {conn_turned, conn_ended, cc};

    cc->channel = c;
    TAILQ_INIT(&cc->calls);
    LIST_INSERT_HEAD(&c->conns, cc, entry);
    cc->conn = grpc_conn_new(c->loop, stream, c->callbacks, false, &owner);
    c->current = cc;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void dial_failed(struct ol_grpc_channel *c, const char *why)
{
    char text[256];

    snprintf(text, sizeof(text),
             "connection error: desc = \"transport: Error while dialing: dial %s %s: connect: %s\"",
             c->address.is_unix ? "unix" : "tcp",
             c->address.is_unix ? c->address.path : c->address.authority, why);
    fail_calls(&c->waiting, text);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct connecting *k = request->data;
    struct ol_grpc_channel *c = k->channel;

    if (!c || status < 0)
        uv_close((uv_handle_t *)k->stream, free_handle);
    if (c) {
        c->connecting = NULL;
        if (status < 0)
            dial_failed(c, uv_strerror(status));
        else
            start_conn(c, k->stream);
        go_on(c);
    }
    free(k);
}

static void connect_to_peer(struct ol_grpc_channel *c)
{
    struct connecting *k;
    int r = 0;

    if (c->connecting)
        return;
    if (c->address_error.code) {
        fail_calls(&c->waiting, c->address_error.msg);
        return;
    }
    k = ol_xcalloc(1, sizeof(*k));
    k->channel = c;
    k->request.data = k;
    if (c->address.is_unix) {
        uv_pipe_t *pipe = ol_xcalloc(1, sizeof(*pipe));

        uv_pipe_init(c->loop->uv, pipe, 0);
        k->stream = (uv_stream_t *)pipe;
        uv_pipe_connect(&k->request, pipe, c->address.path, on_connected);
    } else {
        uv_tcp_t *tcp = ol_xcalloc(1, sizeof(*tcp));

        uv_tcp_init(c->loop->uv, tcp);
        uv_tcp_nodelay(tcp, 1);
        k->stream = (uv_stream_t *)tcp;
        r = uv_tcp_connect(&k->request, tcp, (const struct sockaddr *)&c->address.sa, on_connected);
    }
    if (r == 0) {
        c->connecting = k;
        return;
    }
    uv_close((uv_handle_t *)k->stream, free_handle);
    free(k);
    dial_failed(c, uv_strerror(r));
}

static void on_teller(void *ctx)
{
    struct ol_grpc_channel *c = ctx;

    go_on(c);
    grpc_call_tell_all(c);
}

/* --- the channel --- */

static void on_deadline(void *ctx)
{
    struct ol_grpc_call *call = ctx;

    grpc_call_abandon(call);
    grpc_call_end(call, OL_GRPC_DEADLINE_EXCEEDED, false, "context deadline exceeded");
}

struct ol_grpc_channel *ol_grpc_channel_new(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_channel *c = ol_xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->text = ol_xstrdup(address);
    c->callbacks = grpc_call_callbacks();
    TAILQ_INIT(&c->waiting);
    TAILQ_INIT(&c->ended);
    LIST_INIT(&c->conns);
    ol_timer_init(&c->teller, loop, on_teller, c);
    if (grpc_address_parse(c->text, &c->address, &c->address_error) < 0)
        c->current = NULL; /* the first call tells it */
    return c;
}

static void cancel_all(struct call_list *calls)
{
    struct ol_grpc_call *call;

    while ((call = TAILQ_FIRST(calls)))
        grpc_call_end(call, OL_GRPC_CANCELLED, false, "the channel was closed");
}

void ol_grpc_channel_free(struct ol_grpc_channel *c)
{
    struct client_conn *cc;

    if (!c)
        return;
    c->is_closing = true;
    cancel_all(&c->waiting);
    while ((cc = LIST_FIRST(&c->conns))) {
        struct ol_grpc_call *call;

        TAILQ_FOREACH(call, &cc->calls, entry)
        nghttp2_session_set_stream_user_data(grpc_conn_session(cc->conn), call->stream, NULL);
        cancel_all(&cc->calls);
        grpc_conn_close(cc->conn);
        forget_conn(cc);
    }
    grpc_call_tell_all(c);
    if (c->connecting)
        c->connecting->channel = NULL;
    ol_timer_done(&c->teller);
    nghttp2_session_callbacks_del(c->callbacks);
    free(c->text);
    c->is_gone = true;
    if (!c->n_telling)
        free(c);
}

struct ol_grpc_call *ol_grpc_call(struct ol_grpc_channel *c, const char *method,
                                  const void *request, size_t size, ol_time timeout,
                                  ol_grpc_done_fn done, void *ctx)
{
    struct ol_grpc_call *call = ol_xcalloc(1, sizeof(*call));

    assert(!c->is_closing);
    call->channel = c;
    call->method = ol_xstrdup(method);
    call->done = done;
    call->ctx = ctx;
    grpc_message_init(&call->reply);
    call->list = &c->waiting;
    TAILQ_INSERT_TAIL(&c->waiting, call, entry);
    ol_timer_init(&call->deadline, c->loop, on_deadline, call);
    if (size > GRPC_MESSAGE_MAX) {
        grpc_call_end(call, grpc_message_code(-EFBIG), false, grpc_message_error(-EFBIG));
        return call;
    }
    call->frame = grpc_message_frame(request, size);
    call->frame_size = size + GRPC_PREFIX;
    if (timeout > 0) {
        call->due_ns = uv_hrtime() + (uint64_t)timeout;
        ol_timer_set(&call->deadline, timeout);
    }
    /* A plug-in that was started anew since the last call is connected to anew, instead of
     * failing the call when the end of the old connection is read. */
    if (c->current && grpc_conn_is_stale(c->current->conn))
        c->current = NULL;
    go_on(c);
    return call;
}

void ol_grpc_call_own(struct ol_grpc_call *call, void *heap)
{
    call->owned = heap;
}

void ol_grpc_cancel(struct ol_grpc_call *call)
{
    grpc_call_abandon(call);
    grpc_call_free(call);
}
