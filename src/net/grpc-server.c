/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "net/grpc-internal.h"

enum { BACKLOG = 128, MAX_CONNECTIONS = 256, PATH_MAX_BYTES = 1 << 10 };

struct server_conn {
    LIST_ENTRY(server_conn) entry;
    struct ol_grpc_server *server;
    struct grpc_conn *conn;
    LIST_HEAD(, ol_grpc_request) requests; /* with a stream */
    TAILQ_HEAD(, ol_grpc_request) ready;   /* complete, to be handled */
    bool is_turning, is_gone;              /* freed only when no handler runs any more */
};

/* Two may hold it: its stream, and the handler until it answers. */
struct ol_grpc_request {
    LIST_ENTRY(ol_grpc_request) entry;
    TAILQ_ENTRY(ol_grpc_request) ready_entry;
    struct server_conn *conn; /* NULL: the stream is gone */
    int32_t stream;
    bool is_ready, is_in_hands, is_answered;
    bool is_post, is_grpc;
    char *path;
    size_t n_header_bytes;
    ol_time timeout; /* 0 = none */
    struct ol_timer deadline;
    struct grpc_message message;
    uint8_t *frame; /* of the reply */
    size_t frame_size, n_sent;
};

struct ol_grpc_server {
    struct ol_loop *loop;
    uv_stream_t *listener;
    const struct ol_grpc_method *methods;
    void *ctx;
    LIST_HEAD(, server_conn) conns;
    unsigned n_conns;
    nghttp2_session_callbacks *callbacks;
    char *socket; /* path of our socket; NULL for TCP */
    dev_t dev;
    ino_t ino;
};

/* --- requests --- */

static void free_request(struct ol_grpc_request *r)
{
    ol_timer_done(&r->deadline);
    grpc_message_done(&r->message);
    free(r->frame);
    free(r->path);
    free(r);
}

static void lose_stream(struct ol_grpc_request *r)
{
    LIST_REMOVE(r, entry);
    if (r->is_ready)
        TAILQ_REMOVE(&r->conn->ready, r, ready_entry);
    r->is_ready = false;
    r->conn = NULL;
    if (r->is_in_hands)
        ol_timer_stop(&r->deadline);
    else
        free_request(r);
}

static nghttp2_session *session_of(const struct ol_grpc_request *r)
{
    return grpc_conn_session(r->conn->conn);
}

/* Only trailers: how a failure looks. */
static void answer_status(struct ol_grpc_request *r, enum ol_grpc_code code, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf message = OL_BUF_INIT(GRPC_SENTENCE_MAX);
    char number[4];
    nghttp2_nv headers[4] = {
        grpc_header(":status", "200"),
        grpc_header("content-type", "application/grpc"),
    };

    snprintf(number, sizeof(number), "%d", (int)code);
    grpc_percent_encode(text, &message);
    headers[2] = grpc_header("grpc-status", number);
    headers[3] = grpc_header("grpc-message", message.data);
    r->is_answered = true;
    nghttp2_submit_response(session_of(r), r->stream, headers, ol_count(headers), NULL);
}

/* To a client that is no gRPC client. */
static void answer_http(struct ol_grpc_request *r, const char *status)
{
    const nghttp2_nv headers[] = {grpc_header(":status", status)};

    r->is_answered = true;
    nghttp2_submit_response(session_of(r), r->stream, headers, ol_count(headers), NULL);
}

static ssize_t read_reply(nghttp2_session *session, int32_t stream, uint8_t *to, size_t size,
                          uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct ol_grpc_request *r = nghttp2_session_get_stream_user_data(session, stream);
    const nghttp2_nv trailer[] = {grpc_header("grpc-status", "0")};
    size_t left;

    if (!r)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    left = r->frame_size - r->n_sent;
    if (size > left)
        size = left;
    memcpy(to, r->frame + r->n_sent, size);
    r->n_sent += size;
    if (r->n_sent == r->frame_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, stream, trailer, ol_count(trailer));
    }
    return (ssize_t)size;
}

const char *ol_grpc_method_of(const struct ol_grpc_request *r)
{
    return r->path;
}

void ol_grpc_reply(struct ol_grpc_request *r, const void *data, size_t size)
{
    const nghttp2_data_provider body = {.read_callback = read_reply};
    const nghttp2_nv headers[] = {
        grpc_header(":status", "200"),
        grpc_header("content-type", "application/grpc"),
    };

    if (size > GRPC_MESSAGE_MAX) {
        ol_grpc_fail(r, OL_GRPC_RESOURCE_EXHAUSTED, "the reply is larger than 64 MiB");
        return;
    }
    r->is_in_hands = false;
    if (!r->conn) {
        free_request(r);
        return;
    }
    if (r->is_answered)
        return;
    ol_timer_stop(&r->deadline);
    r->is_answered = true;
    r->frame = grpc_message_frame(data, size);
    r->frame_size = size + GRPC_PREFIX;
    nghttp2_submit_response(session_of(r), r->stream, headers, ol_count(headers), &body);
    grpc_conn_pump(r->conn->conn);
}

void ol_grpc_fail(struct ol_grpc_request *r, enum ol_grpc_code code, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(GRPC_SENTENCE_MAX);
    va_list ap;

    r->is_in_hands = false;
    if (!r->conn) {
        free_request(r);
        return;
    }
    if (r->is_answered)
        return;
    va_start(ap, fmt);
    ol_buf_vprintf(&text, fmt, ap);
    va_end(ap);
    ol_timer_stop(&r->deadline);
    answer_status(r, code, text.data);
    grpc_conn_pump(r->conn->conn);
}

static void on_deadline(void *ctx)
{
    struct ol_grpc_request *r = ctx;

    if (!r->conn || r->is_answered)
        return;
    answer_status(r, OL_GRPC_DEADLINE_EXCEEDED, "context deadline exceeded");
    grpc_conn_pump(r->conn->conn);
}

static const struct ol_grpc_method *find_method(const struct ol_grpc_server *s, const char *path)
{
    for (const struct ol_grpc_method *m = s->methods; m->path; m++)
        if (!strcmp(m->path, path))
            return m;
    return NULL;
}

/* All of it has arrived. */
static void handle(struct ol_grpc_server *s, struct ol_grpc_request *r)
{
    const struct ol_grpc_method *m = find_method(s, r->path);
    int error = grpc_message_end(&r->message);
    char text[PATH_MAX_BYTES + 32];

    if (error < 0) {
        answer_status(r, grpc_message_code(error), grpc_message_error(error));
    } else if (!m) {
        snprintf(text, sizeof(text), "unknown method %s", r->path);
        answer_status(r, OL_GRPC_UNIMPLEMENTED, text);
    } else {
        r->is_in_hands = true;
        m->handle(s->ctx, r, (const uint8_t *)r->message.data.data, r->message.data.len);
    }
}

/* --- streams --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct server_conn *sc = user;
    struct ol_grpc_request *r;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    r = ol_xcalloc(1, sizeof(*r));
    r->conn = sc;
    r->stream = frame->hd.stream_id;
    grpc_message_init(&r->message);
    ol_timer_init(&r->deadline, sc->server->loop, on_deadline, r);
    LIST_INSERT_HEAD(&sc->requests, r, entry);
    nghttp2_session_set_stream_user_data(session, r->stream, r);
    return 0;
}

static int read_header(struct ol_grpc_request *r, const char *name, const char *value, size_t len)
{
    if (!strcmp(name, ":method")) {
        r->is_post = !strcmp(value, "POST");
    } else if (!strcmp(name, ":path")) {
        if (len > PATH_MAX_BYTES)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        free(r->path);
        r->path = ol_xstrdup(value);
    } else if (!strcmp(name, "content-type")) {
        r->is_grpc = ol_str_starts(value, "application/grpc");
    } else if (!strcmp(name, "grpc-timeout")) {
        if (grpc_timeout_read(value, len, &r->timeout) < 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (!r->timeout)
            r->timeout = 1; /* no time at all, which is not no timeout */
    }
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct ol_grpc_request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    if (!r)
        return 0;
    r->n_header_bytes += name_len + value_len;
    if (r->n_header_bytes > GRPC_HEADERS_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return read_header(r, (const char *)name, (const char *)value, value_len);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    struct ol_grpc_request *r = nghttp2_session_get_stream_user_data(session, stream);
    int error;

    if (!r || r->is_answered)
        return 0;
    error = grpc_message_feed(&r->message, data, len);
    if (error < 0)
        answer_status(r, grpc_message_code(error), grpc_message_error(error));
    return 0;
}

static void headers_are_whole(struct ol_grpc_request *r)
{
    if (!r->is_post || !r->is_grpc || !r->path)
        answer_http(r, "415");
    else if (r->timeout)
        ol_timer_set(&r->deadline, r->timeout);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct server_conn *sc = user;
    struct ol_grpc_request *r;

    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!r || r->is_answered)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        headers_are_whole(r);
    if (!r->is_answered && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        r->is_ready = true;
        TAILQ_INSERT_TAIL(&sc->ready, r, ready_entry);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error_code,
                           void *user)
{
    struct ol_grpc_request *r = nghttp2_session_get_stream_user_data(session, stream);

    if (r) {
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        lose_stream(r);
    }
    return 0;
}

/* --- connections --- */

static void forget_conn(struct server_conn *sc)
{
    struct ol_grpc_request *r;

    while ((r = LIST_FIRST(&sc->requests)))
        lose_stream(r);
    LIST_REMOVE(sc, entry);
    sc->server->n_conns--;
    sc->is_gone = true;
    if (!sc->is_turning)
        free(sc);
}

static void conn_ended(void *ctx, const char *why)
{
    forget_conn(ctx);
}

/* Handlers run here and not in the session's callbacks, so that they may do what they like, even
 * stop the server. */
static void conn_turned(void *ctx)
{
    struct server_conn *sc = ctx;
    struct ol_grpc_request *r;

    sc->is_turning = true;
    while (!sc->is_gone && (r = TAILQ_FIRST(&sc->ready))) {
        TAILQ_REMOVE(&sc->ready, r, ready_entry);
        r->is_ready = false;
        if (!r->is_answered)
            handle(sc->server, r);
    }
    sc->is_turning = false;
    if (sc->is_gone)
        free(sc);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static uv_stream_t *new_stream(struct ol_loop *loop, bool is_unix)
{
    if (is_unix) {
        uv_pipe_t *pipe = ol_xcalloc(1, sizeof(*pipe));

        uv_pipe_init(loop->uv, pipe, 0);
        return (uv_stream_t *)pipe;
    } else {
        uv_tcp_t *tcp = ol_xcalloc(1, sizeof(*tcp));

        uv_tcp_init(loop->uv, tcp);
        return (uv_stream_t *)tcp;
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct ol_grpc_server *s = listener->data;
    uv_stream_t *stream;
    struct server_conn *sc;

    if (status < 0)
        return;
    stream = new_stream(s->loop, s->socket != NULL);
    if (uv_accept(listener, stream) < 0 || s->n_conns >= MAX_CONNECTIONS) {
        uv_close((uv_handle_t *)stream, free_handle);
        return;
    }
    sc = ol_xcalloc(1, sizeof(*sc));
    sc->server = s;
    LIST_INIT(&sc->requests);
    TAILQ_INIT(&sc->ready);
    LIST_INSERT_HEAD(&s->conns, sc, entry);
    s->n_conns++;
    const struct grpc_conn_owner owner = {conn_turned, conn_ended, sc};
    sc->conn = grpc_conn_new(s->loop, stream, s->callbacks, true, &owner);
}

/* --- the server --- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *k;

    if (nghttp2_session_callbacks_new(&k) < 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(k, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_stream_close);
    return k;
}

/* A socket of a process that has died stays in the file system; nobody answers on it. */
static int clear_the_way(struct ol_loop *loop, const struct grpc_address *a, struct ol_err *err)
{
    ol_autoclose int fd = -1;
    struct stat st;

    if (lstat(a->path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return ol_err_set(err, EEXIST, "'%s' exists and is no socket", a->path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ol_err_set(err, errno, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0 || errno != ECONNREFUSED)
        return ol_err_set(err, EADDRINUSE, "another process listens on '%s'", a->path);
    if (ol_change(loop->env, "unlink", a->path) && unlink(a->path) < 0)
        return ol_err_set(err, errno, "unlink '%s': %s", a->path, strerror(errno));
    return 0;
}

/* The mode is that of the socket before it is bound: there is no moment at which others could
 * connect. */
static int listen_unix(struct ol_grpc_server *s, const struct grpc_address *a, struct ol_err *err)
{
    ol_autoclose int fd = -1;
    struct stat st;
    int r = clear_the_way(s->loop, a, err);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ol_err_set(err, errno, "socket: %s", strerror(errno));
    if (ol_change(s->loop->env, "bind", a->path)
        && (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0))
        return ol_err_set(err, errno, "listen on '%s': %s", a->path, strerror(errno));
    if (stat(a->path, &st) == 0) {
        s->dev = st.st_dev;
        s->ino = st.st_ino;
    }
    s->socket = ol_xstrdup(a->path);
    r = uv_pipe_open((uv_pipe_t *)s->listener, fd);
    if (r < 0)
        return ol_err_set(err, -r, "listen on '%s': %s", a->path, uv_strerror(r));
    ol_take_fd(&fd);
    return 0;
}

static int start_listening(struct ol_grpc_server *s, const struct grpc_address *a,
                           struct ol_err *err)
{
    int r;

    s->listener = new_stream(s->loop, a->is_unix);
    s->listener->data = s;
    if (a->is_unix) {
        r = listen_unix(s, a, err);
        if (r < 0)
            return r;
    } else {
        r = uv_tcp_bind((uv_tcp_t *)s->listener, (const struct sockaddr *)&a->sa, 0);
        if (r < 0)
            return ol_err_set(err, -r, "listen on %s: %s", a->authority, uv_strerror(r));
    }
    r = uv_listen(s->listener, BACKLOG, on_connection);
    if (r < 0)
        return ol_err_set(err, -r, "listen on %s: %s", a->is_unix ? a->path : a->authority,
                          uv_strerror(r));
    return 0;
}

int ol_grpc_server_start(struct ol_loop *loop, const char *address,
                         const struct ol_grpc_method *methods, void *ctx,
                         struct ol_grpc_server **ret, struct ol_err *err)
{
    struct grpc_address a;
    struct ol_grpc_server *s;
    int r = grpc_address_parse(address, &a, err);

    if (r < 0)
        return r;
    s = ol_xcalloc(1, sizeof(*s));
    s->loop = loop;
    s->methods = methods;
    s->ctx = ctx;
    s->callbacks = make_callbacks();
    LIST_INIT(&s->conns);
    r = start_listening(s, &a, err);
    if (r < 0) {
        ol_grpc_server_stop(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void remove_socket(struct ol_grpc_server *s)
{
    struct stat st;

    /* A successor may have put its own in the same place. */
    if (s->socket && stat(s->socket, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino
        && ol_change(s->loop->env, "unlink", s->socket))
        unlink(s->socket);
}

void ol_grpc_server_stop(struct ol_grpc_server *s)
{
    struct server_conn *sc;

    if (!s)
        return;
    remove_socket(s);
    uv_close((uv_handle_t *)s->listener, free_handle);
    while ((sc = LIST_FIRST(&s->conns))) {
        struct grpc_conn *conn = sc->conn;
        struct ol_grpc_request *r;

        LIST_FOREACH(r, &sc->requests, entry)
        nghttp2_session_set_stream_user_data(grpc_conn_session(conn), r->stream, NULL);
        grpc_conn_close(conn);
        forget_conn(sc);
    }
    nghttp2_session_callbacks_del(s->callbacks);
    free(s->socket);
    free(s);
}
