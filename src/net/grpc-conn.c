/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/grpc-internal.h"

/* Bytes that are gathered for one write(). */
enum { GATHER = 64 << 10, READ = 16 << 10 };

struct grpc_conn {
    uv_stream_t *stream;
    nghttp2_session *session;
    struct grpc_conn_owner owner;
    struct ol_buf out; /* what uv_write() works on, or is about to */
    uv_write_t write;
    bool is_writing;
    bool is_closed; /* the owner is not to be called any more */
    int failed;     /* -errno of a write, to be told from the loop */
    struct ol_timer later;
    char in[READ];
};

nghttp2_session *grpc_conn_session(struct grpc_conn *c)
{
    return c->session;
}

nghttp2_nv grpc_header(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static void on_closed(uv_handle_t *handle)
{
    struct grpc_conn *c = handle->data;

    nghttp2_session_del(c->session);
    ol_buf_done(&c->out);
    free(handle);
    free(c);
}

static void release(struct grpc_conn *c)
{
    c->is_closed = true;
    ol_timer_done(&c->later);
    if (!uv_is_closing((uv_handle_t *)c->stream))
        uv_close((uv_handle_t *)c->stream, on_closed);
}

static void end(struct grpc_conn *c, const char *why)
{
    struct grpc_conn_owner owner = c->owner;

    if (c->is_closed)
        return;
    release(c);
    owner.ended(owner.ctx, why);
}

static void on_later(void *ctx)
{
    struct grpc_conn *c = ctx;

    end(c, c->failed ? uv_strerror(c->failed) : "closed");
}

/* From within a call of the owner: it is told from the loop. */
static void end_later(struct grpc_conn *c, int error)
{
    c->failed = error;
    if (!c->is_closed)
        ol_timer_set(&c->later, 0);
}

static void on_written(uv_write_t *write, int status)
{
    struct grpc_conn *c = write->data;

    c->is_writing = false;
    if (c->is_closed)
        return;
    if (status < 0)
        end(c, uv_strerror(status));
    else
        grpc_conn_pump(c);
}

static int gather(struct grpc_conn *c)
{
    ol_buf_clear(&c->out);
    while (c->out.len < GATHER) {
        const uint8_t *data;
        ssize_t n = nghttp2_session_mem_send(c->session, &data);

        if (n < 0)
            return -ENOMEM;
        if (n == 0)
            return 0;
        ol_buf_add(&c->out, data, (size_t)n);
    }
    return 0;
}

/* 0, or 1 when the socket takes no more for now. */
static int put_out(struct grpc_conn *c)
{
    uv_buf_t rest = uv_buf_init(c->out.data, (unsigned)c->out.len);
    int r = uv_try_write(c->stream, &rest, 1);

    if (r == UV_EAGAIN)
        r = 0;
    if (r < 0)
        return r;
    if ((size_t)r == c->out.len)
        return 0;
    rest = uv_buf_init(c->out.data + r, (unsigned)(c->out.len - (size_t)r));
    r = uv_write(&c->write, c->stream, &rest, 1, on_written);
    if (r < 0)
        return r;
    c->is_writing = true;
    return 1;
}

void grpc_conn_pump(struct grpc_conn *c)
{
    int r = 0;

    while (!c->is_closed && !c->is_writing && r == 0) {
        r = gather(c);
        if (r == 0 && c->out.len == 0)
            break;
        if (r == 0)
            r = put_out(c);
    }
    if (r < 0)
        end_later(c, r);
    else if (!c->is_closed && !c->is_writing && !nghttp2_session_want_read(c->session)
             && !nghttp2_session_want_write(c->session))
        end_later(c, 0);
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct grpc_conn *c = handle->data;

    *buf = uv_buf_init(c->in, sizeof(c->in));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct grpc_conn *c = stream->data;
    ssize_t r;

    if (c->is_closed || n == 0)
        return;
    if (n < 0) {
        end(c, n == UV_EOF ? "the peer closed the connection" : uv_strerror((int)n));
        return;
    }
    r = nghttp2_session_mem_recv(c->session, (const uint8_t *)buf->base, (size_t)n);
    if (r < 0) {
        end(c, nghttp2_strerror((int)r));
        return;
    }
    if (c->owner.turned)
        c->owner.turned(c->owner.ctx);
    grpc_conn_pump(c);
}

static void make_session(struct grpc_conn *c, const nghttp2_session_callbacks *callbacks,
                         bool is_server)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GRPC_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_HEADERS_MAX},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_MAX_STREAMS},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, /* a client's alone */
    };

    if (is_server)
        nghttp2_session_server_new(&c->session, callbacks, c->owner.ctx);
    else
        nghttp2_session_client_new(&c->session, callbacks, c->owner.ctx);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
                            ol_count(settings) - (is_server ? 1 : 0));
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, GRPC_WINDOW);
}

struct grpc_conn *grpc_conn_new(struct ol_loop *loop, uv_stream_t *stream,
                                const nghttp2_session_callbacks *callbacks, bool is_server,
                                const struct grpc_conn_owner *owner)
{
    struct grpc_conn *c = ol_xcalloc(1, sizeof(*c));

    c->stream = stream;
    c->owner = *owner;
    c->write.data = c;
    stream->data = c;
    ol_buf_init(&c->out, 2 * GATHER);
    ol_timer_init(&c->later, loop, on_later, c);
    make_session(c, callbacks, is_server);
    if (uv_read_start(stream, lend, on_read) < 0)
        end_later(c, UV_EIO);
    grpc_conn_pump(c);
    return c;
}

bool grpc_conn_is_stale(const struct grpc_conn *c)
{
    struct pollfd p = {.events = POLLRDHUP};

    if (uv_fileno((const uv_handle_t *)c->stream, &p.fd) < 0)
        return true;
    return poll(&p, 1, 0) == 1;
}

void grpc_conn_close(struct grpc_conn *c)
{
    nghttp2_session_terminate_session(c->session, NGHTTP2_NO_ERROR);
    grpc_conn_pump(c);
    release(c);
}
