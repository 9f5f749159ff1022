/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "net/grpc-client-internal.h"

static void move(struct ol_grpc_call *call, struct call_list *to)
{
    TAILQ_REMOVE(call->list, call, entry);
    TAILQ_INSERT_TAIL(to, call, entry);
    call->list = to;
}

void grpc_call_free(struct ol_grpc_call *call)
{
    TAILQ_REMOVE(call->list, call, entry);
    ol_timer_done(&call->deadline);
    grpc_message_done(&call->reply);
    free(call->message);
    if (call->frame) /* there may be secrets in it */
        explicit_bzero(call->frame, call->frame_size);
    free(call->frame);
    free(call->method);
    free(call->owned);
    free(call);
}

void grpc_call_end(struct ol_grpc_call *call, enum ol_grpc_code code, bool is_from_peer,
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

void grpc_call_abandon(struct ol_grpc_call *call)
{
    nghttp2_session *session;

    if (!call->conn)
        return;
    session = grpc_conn_session(call->conn->conn);
    nghttp2_session_set_stream_user_data(session, call->stream, NULL);
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
    grpc_conn_pump(call->conn->conn);
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
void grpc_call_tell_all(struct ol_grpc_channel *c)
{
    struct ol_grpc_call *call;

    c->n_telling++;
    while (!c->is_gone && (call = TAILQ_FIRST(&c->ended))) {
        struct call_list alone = TAILQ_HEAD_INITIALIZER(alone);

        move(call, &alone);
        tell(call);
        grpc_call_free(call);
    }
    if (--c->n_telling == 0 && c->is_gone)
        free(c);
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

void grpc_call_submit(struct client_conn *cc, struct ol_grpc_call *call)
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
        grpc_call_end(call, OL_GRPC_UNAVAILABLE, false, nghttp2_strerror(call->stream));
        return;
    }
    call->conn = cc;
    move(call, &cc->calls);
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
        grpc_call_end(call, call->code, true, NULL);
        return;
    }
    if (r == 0)
        r = grpc_message_end(&call->reply);
    if (r < 0)
        grpc_call_end(call, grpc_message_code(r), false, grpc_message_error(r));
    else
        grpc_call_end(call, OL_GRPC_OK, true, NULL);
}

/* The stream has ended without grpc-status. */
static void make_status(struct ol_grpc_call *call, uint32_t error_code)
{
    char text[96];

    if (call->reply_error) {
        grpc_call_end(call, grpc_message_code(call->reply_error), false,
                      grpc_message_error(call->reply_error));
        return;
    }
    if (error_code != NGHTTP2_NO_ERROR) {
        snprintf(text, sizeof(text), "stream terminated by RST_STREAM with error code: %s",
                 nghttp2_http2_strerror(error_code));
        grpc_call_end(call, grpc_code_of_reset(error_code), false, text);
        return;
    }
    if (call->http_status == 200 && call->is_grpc)
        snprintf(text, sizeof(text), "server closed the stream without sending trailers");
    else
        snprintf(text, sizeof(text), "unexpected HTTP status code received from server: %d%s",
                 call->http_status, call->is_grpc ? "" : "; it speaks no gRPC");
    grpc_call_end(call, grpc_code_of_http(call->http_status), false, text);
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
            grpc_call_end(call, OL_GRPC_UNAVAILABLE, false, nghttp2_strerror(error));
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

nghttp2_session_callbacks *grpc_call_callbacks(void)
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
