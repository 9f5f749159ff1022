/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-server-internal.h"

enum { CHUNK = 16384, KEEP = 65536 };

static void release(uv_handle_t *handle)
{
    free(handle);
}

static void wake(struct ol_http_stream *st)
{
    if (!st->is_suspended)
        return;
    st->is_suspended = false;
    http_server_resume(st->exchange->server, st->exchange->mhd);
}

static void stop_watch(struct ol_http_stream *st)
{
    uv_poll_t *watch = ol_take_ptr(st->watch);

    if (!watch)
        return;
    /* Before MHD closes the descriptor, or the next owner of its number would be watched. */
    uv_poll_stop(watch);
    uv_close((uv_handle_t *)watch, release);
}

/* libmicrohttpd does not look at suspended connections. */
static void on_peer(uv_poll_t *watch, int status, int events)
{
    struct ol_http_stream *st = watch->data;

    stop_watch(st);
    st->is_gone = true;
    wake(st);
}

static void watch_peer(struct ol_http_stream *st)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(st->exchange->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    uv_poll_t *watch = ol_xcalloc(1, sizeof(*watch));

    if (!info || uv_poll_init(st->exchange->server->loop->uv, watch, info->connect_fd) < 0) {
        free(watch);
        return;
    }
    watch->data = st;
    st->watch = watch;
    uv_poll_start(watch, UV_DISCONNECT, on_peer);
}

static ssize_t read_stream(void *ctx, uint64_t at, char *to, size_t max)
{
    struct ol_http_stream *st = ctx;
    size_t n = st->pending.len - st->sent;

    if (st->is_gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n == 0 && st->is_ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        MHD_suspend_connection(st->exchange->mhd);
        st->is_suspended = true;
        return 0;
    }
    n = n > max ? max : n;
    memcpy(to, st->pending.data + st->sent, n);
    st->sent += n;
    if (st->sent < st->pending.len)
        return (ssize_t)n;
    st->sent = 0;
    if (st->pending.cap > KEEP)
        ol_buf_done(&st->pending);
    ol_buf_clear(&st->pending);
    return (ssize_t)n;
}

struct ol_http_stream *ol_http_answer_stream(struct ol_http_exchange *x,
                                             const struct ol_http_answer *head,
                                             void (*closed)(void *ctx), void *ctx)
{
    struct ol_http_stream *st = ol_xcalloc(1, sizeof(*st));

    st->exchange = x;
    st->closed = closed;
    st->ctx = ctx;
    ol_buf_init(&st->pending, SIZE_MAX / 2);
    if (!x->mhd) {
        st->is_gone = true; /* the server has stopped meanwhile */
        x->state = EXCHANGE_ANSWERED;
        return st;
    }
    x->stream = st;
    watch_peer(st);
    http_exchange_give(
        x, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK, read_stream, st, NULL), head);
    return st;
}

static void stream_free(struct ol_http_stream *st)
{
    stop_watch(st);
    ol_buf_done(&st->pending);
    st->closed(st->ctx);
    free(st);
}

int ol_http_stream_send(struct ol_http_stream *st, const void *data, size_t size, size_t max)
{
    if (st->is_gone)
        return -EPIPE;
    if (st->pending.len - st->sent + size > max)
        return -ENOBUFS;
    if (st->sent > KEEP) {
        memmove(st->pending.data, st->pending.data + st->sent, st->pending.len - st->sent);
        ol_buf_truncate(&st->pending, st->pending.len - st->sent);
        st->sent = 0;
    }
    ol_buf_add(&st->pending, data, size);
    wake(st);
    return ol_buf_status(&st->pending);
}

void ol_http_stream_end(struct ol_http_stream *st)
{
    struct ol_http_exchange *x = st->exchange;

    st->is_ended = true;
    if (x->mhd) {
        wake(st);
        return;
    }
    stream_free(st);
    http_exchange_free(x);
}

void http_stream_abandon(struct ol_http_stream *st)
{
    st->is_gone = true;
    wake(st);
}

void http_stream_completed(struct ol_http_stream *st)
{
    st->exchange->stream = NULL;
    stream_free(st);
}
