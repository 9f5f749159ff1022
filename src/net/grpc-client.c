/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "net/grpc-internal.h"

/*
 * A call is in exactly one list: of its channel while it waits for a connection, of its connection
 * while its stream lives, of its channel again once its result is known. Results are told from a
 * timer of the loop, so that 'done' may do what it likes, even free the channel.
 */
struct ol_grpc_call {
    TAILQ_ENTRY(ol_grpc_call) entry;
    struct call_list *list;
    struct ol_grpc_channel *channel;
    struct client_conn *conn; /* NULL: waiting, or at its end */
    int32_t stream;
    char *method;
    uint8_t *frame; /* prefix and request */
    size_t frame_size, n_sent;
    struct ol_timer deadline;
    uint64_t due_ns; /* uv_hrtime(); 0 = none */
    ol_grpc_done_fn done;
    void *ctx;
    bool is_retried;
    /* The answer so far. */
    int http_status;
    bool is_grpc, has_status;
    size_t n_header_bytes;
    enum ol_grpc_code code;
    bool is_from_peer;
    char *message; /* the sentence */
    struct grpc_message reply;
    int reply_error; /* of grpc_message_feed() */
};
TAILQ_HEAD(call_list, ol_grpc_call);

/* One connection. A channel uses one at a time; one that was told to go away lives on until its
 * last stream has ended. */
struct client_conn {
    LIST_ENTRY(client_conn) entry;
    struct ol_grpc_channel *channel;
    struct grpc_conn *conn;
    struct call_list calls;
    bool is_draining; /* GOAWAY was received */
};

struct connecting {
    uv_connect_t request;
    uv_stream_t *stream;
    struct ol_grpc_channel *channel; /* NULL: nobody waits for it any more */
};

struct ol_grpc_channel {
    struct ol_loop *loop;
    char *text;
    struct grpc_address address;
    struct ol_err address_error;
    struct connecting *connecting; /* NULL = none is under way */
    struct client_conn *current;   /* for new calls; NULL = connect first */
    LIST_HEAD(, client_conn) conns;
    struct call_list waiting, ended;
    struct ol_timer teller;
    nghttp2_session_callbacks *callbacks;
    bool *gone; /* set when the channel is freed by a 'done' that it called */
    bool is_closing;
};

static void move(struct ol_grpc_call *call, struct call_list *to)
{
    TAILQ_REMOVE(call->list, call, entry);
    TAILQ_INSERT_TAIL(to, call, entry);
    call->list = to;
}

static void free_call(struct ol_grpc_call *call)
{
    TAILQ_REMOVE(call->list, call, entry);
    ol_timer_done(&call->deadline);
    grpc_message_done(&call->reply);
    free(call->message);
    free(call->frame);
    free(call->method);
    free(call);
}

/* Its result is known. 'text' may be NULL: the peer's sentence, or none. */
static void end_call(struct ol_grpc_call *call, enum ol_grpc_code code, bool is_from_peer,
                     const char *text)
{
    struct ol_grpc_channel *c = call->channel;

    ol_timer_stop(&call->deadline);
    call->code = code;
    call->is_from_peer = is_from_peer;
    if (text) {
        free(call->message);
        call->message = ol_xstrdup(text);
    }
    call->conn = NULL;
    move(call, &c->ended);
    ol_timer_set(&c->teller, 0);
}

/* The stream must not reach the call any more. */
static void abandon_stream(struct ol_grpc_call *call)
{
    nghttp2_session *session;

    if (!call->conn)
        return;
    session = grpc_conn_session(call->conn->conn);
    nghttp2_session_set_stream_user_data(session, call->stream, NULL);
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
    grpc_conn_pump(call->conn->conn);
}

static void on_deadline(void *ctx)
{
    struct ol_grpc_call *call = ctx;

    abandon_stream(call);
    end_call(call, OL_GRPC_DEADLINE_EXCEEDED, false, "context deadline exceeded");
}

static void tell(struct ol_grpc_call *call)
{
    const struct ol_grpc_result result = {
        .code = call->code,
        .message = call->message && call->code != OL_GRPC_OK ? call->message : "",
        .data = call->code == OL_GRPC_OK ? (const uint8_t *)call->reply.data.data : NULL,
        .size = call->code == OL_GRPC_OK ? call->reply.data.len : 0,
        .is_from_peer = call->is_from_peer,
    };

    call->done(call->ctx, &result);
}

/* A call that is being told is in no list, so nobody can reach it but by the pointer that its
 * caller has, who must not use it any more. */
static void tell_all(void *ctx)
{
    struct ol_grpc_channel *c = ctx;
    struct ol_grpc_call *call;
    bool *outer = c->gone;
    bool is_gone = false;

    c->gone = &is_gone;
    while (!is_gone && (call = TAILQ_FIRST(&c->ended))) {
        struct call_list alone = TAILQ_HEAD_INITIALIZER(alone);

        move(call, &alone);
        tell(call);
        free_call(call);
    }
    if (!is_gone)
        c->gone = outer;
    else if (outer)
        *outer = true;
}

/* --- streams --- */

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct ol_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    size_t left;

    if (!call)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    left = call->frame_size - call->n_sent;
    if (size > left)
        size = left;
    memcpy(to, call->frame + call->n_sent, size);
    call->n_sent += size;
    if (call->n_sent == call->frame_size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static void submit(struct client_conn *cc, struct ol_grpc_call *call)
{
    const nghttp2_data_provider body = {.read_callback = read_request};
    char timeout[16] = "";
    nghttp2_nv headers[] = {
        grpc_header(":method", "POST"),
        grpc_header(":scheme", "http"),
        grpc_header(":path", call->method),
        grpc_header(":authority", call->channel->address.authority),
        grpc_header("te", "trailers"),
        grpc_header("content-type", "application/grpc"),
        grpc_header("user-agent", "orlop-grpc/1"),
        grpc_header("grpc-accept-encoding", "identity"),
        grpc_header("grpc-timeout", ""),
    };
    uint64_t now = uv_hrtime();

    if (call->due_ns) {
        grpc_timeout_write(call->due_ns > now ? (ol_time)(call->due_ns - now) : 1, timeout);
        headers[ol_count(headers) - 1] = grpc_header("grpc-timeout", timeout);
    }
    call->n_sent = 0;
    call->stream = nghttp2_submit_request(grpc_conn_session(cc->conn), NULL, headers,
                                          ol_count(headers) - !call->due_ns, &body, call);
    if (call->stream < 0) {
        end_call(call, OL_GRPC_UNAVAILABLE, false, nghttp2_strerror(call->stream));
        return;
    }
    call->conn = cc;
    move(call, &cc->calls);
}

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
        submit(c->current, call);
    grpc_conn_pump(c->current->conn);
}

/* The server has not looked at the call: it may be made again without harm, once. */
static bool try_again(struct ol_grpc_call *call)
{
    if (call->is_retried || call->http_status || call->channel->is_closing)
        return false;
    call->is_retried = true;
    call->conn = NULL;
    move(call, &call->channel->waiting);
    ol_timer_set(&call->channel->teller, 0);
    return true;
}

static void take_status(struct ol_grpc_call *call)
{
    int r = call->reply_error;

    if (call->code != OL_GRPC_OK) {
        end_call(call, call->code, true, NULL);
        return;
    }
    if (r == 0)
        r = grpc_message_end(&call->reply);
    if (r < 0)
        end_call(call, grpc_message_code(r), false, grpc_message_error(r));
    else
        end_call(call, OL_GRPC_OK, true, NULL);
}

/* The stream has ended without grpc-status. */
static void make_status(struct ol_grpc_call *call, uint32_t error_code)
{
    char text[96];

    if (call->reply_error) {
        end_call(call, grpc_message_code(call->reply_error), false,
                 grpc_message_error(call->reply_error));
        return;
    }
    if (error_code != NGHTTP2_NO_ERROR) {
        snprintf(text, sizeof(text), "stream terminated by RST_STREAM with error code: %s",
                 nghttp2_http2_strerror(error_code));
        end_call(call, grpc_code_of_reset(error_code), false, text);
        return;
    }
    if (call->http_status == 200 && call->is_grpc)
        snprintf(text, sizeof(text), "server closed the stream without sending trailers");
    else
        snprintf(text, sizeof(text), "unexpected HTTP status code received from server: %d%s",
                 call->http_status, call->is_grpc ? "" : "; it speaks no gRPC");
    end_call(call, grpc_code_of_http(call->http_status), false, text);
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error_code,
                           void *user)
{
    struct ol_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);

    if (!call)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    if (error_code == NGHTTP2_REFUSED_STREAM && try_again(call))
        return 0;
    if (call->has_status && !call->reply_error)
        take_status(call);
    else
        make_status(call, error_code);
    return 0;
}

static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user)
{
    struct client_conn *cc = user;
    struct ol_grpc_call *call;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    TAILQ_FOREACH(call, &cc->calls, entry)
    {
        if (call->stream != frame->hd.stream_id)
            continue;
        nghttp2_session_set_stream_user_data(session, call->stream, NULL);
        if (!try_again(call))
            end_call(call, OL_GRPC_UNAVAILABLE, false, nghttp2_strerror(error));
        break;
    }
    return 0;
}

static void read_header(struct ol_grpc_call *call, const char *name, const char *value, size_t len)
{
    if (!strcmp(name, ":status")) {
        if (ol_parse_int(value, 10, 100, 999, &call->http_status) < 0)
            call->http_status = 0;
    } else if (!strcmp(name, "content-type")) {
        call->is_grpc = ol_str_starts(value, "application/grpc");
    } else if (!strcmp(name, "grpc-status")) {
        call->code = grpc_code_read(value, len);
        call->has_status = true;
    } else if (!strcmp(name, "grpc-message")) {
        free(call->message);
        call->message = grpc_percent_decode(value, len);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct ol_grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (!call)
        return 0;
    call->n_header_bytes += name_len + value_len;
    if (call->n_header_bytes > GRPC_HEADERS_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    read_header(call, (const char *)name, (const char *)value, value_len);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    struct ol_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);

    /* The body of an answer that is not gRPC, an HTML page of a proxy for example. */
    if (!call || call->reply_error || call->http_status != 200 || !call->is_grpc)
        return 0;
    call->reply_error = grpc_message_feed(&call->reply, data, len);
    if (call->reply_error < 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct client_conn *cc = user;

    if (frame->hd.type == NGHTTP2_GOAWAY) {
        cc->is_draining = true;
        if (cc->channel->current == cc)
            cc->channel->current = NULL;
    }
    return 0;
}

/* --- connections --- */

static void fail_calls(struct call_list *calls, const char *text)
{
    struct ol_grpc_call *call;

    while ((call = TAILQ_FIRST(calls)))
        end_call(call, OL_GRPC_UNAVAILABLE, false, text);
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
    tell_all(c);
}

/* --- the channel --- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *k;

    if (nghttp2_session_callbacks_new(&k) < 0)
        abort();
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(k, on_not_sent);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame);
    return k;
}

struct ol_grpc_channel *ol_grpc_channel_new(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_channel *c = ol_xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->text = ol_xstrdup(address);
    c->callbacks = make_callbacks();
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
        end_call(call, OL_GRPC_CANCELLED, false, "the channel was closed");
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
    tell_all(c);
    if (c->connecting)
        c->connecting->channel = NULL;
    if (c->gone)
        *c->gone = true;
    ol_timer_done(&c->teller);
    nghttp2_session_callbacks_del(c->callbacks);
    free(c->text);
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
        end_call(call, grpc_message_code(-EFBIG), false, grpc_message_error(-EFBIG));
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

void ol_grpc_cancel(struct ol_grpc_call *call)
{
    abandon_stream(call);
    free_call(call);
}
