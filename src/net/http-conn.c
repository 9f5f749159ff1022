/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-conn-internal.h"

enum {
    OUT_MAX = 80 << 20,
    KEPT_BYTES = 64 << 10,  /* of a buffer that is empty again */
    KEEP_IDLE_SECONDS = 30, /* then the kernel asks whether the peer is there */
    KEEP_INTERVAL_SECONDS = 10,
};

enum state { CONNECTING, GREETING, OPEN, CLOSED };

struct http_conn {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_timer_t timer; /* when there is nothing to poll: it tells why */
    } uv;
    const struct http_site *site;
    struct http_conn_owner owner;
    struct http_tls *tls;
    int fd;
    enum state state;
    int events;        /* what the poll waits for */
    int failed;        /* -errno before there was anything to wait for */
    bool is_deaf;      /* writing failed: what the peer has said before can still be read */
    struct ol_buf out; /* without TLS; what the kernel has not taken yet */
    size_t n_sent;     /* of 'out', or of TLS' own */
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* --- life --- */

static void on_gone(uv_handle_t *handle)
{
    struct http_conn *c = handle->data;
    struct http_conn_owner owner = c->owner;

    http_tls_free(c->tls);
    ol_buf_done(&c->out);
    free(c);
    owner.gone(owner.ctx);
}

static void say_goodbye(struct http_conn *c)
{
    struct ol_buf *out = http_tls_out(c->tls);

    if (out->len || c->is_deaf)
        return;
    http_tls_bye(c->tls);
    (void)!send(c->fd, out->data, out->len, MSG_NOSIGNAL);
}

void http_conn_close(struct http_conn *c)
{
    if (c->state == CLOSED)
        return;
    if (c->state == OPEN && c->tls)
        say_goodbye(c);
    c->state = CLOSED;
    uv_close(&c->uv.handle, on_gone);
    if (c->fd >= 0)
        close(c->fd);
}

static void end(struct http_conn *c, int r, const struct ol_err *err)
{
    http_conn_close(c);
    c->owner.ended(c->owner.ctx, r, err);
}

static void end_errno(struct http_conn *c, const char *what, int error)
{
    struct ol_err err = OL_ERR_INIT;

    end(c, ol_err_set(&err, error, "%s: %s", what, strerror(error)), &err);
}

static void wait_for(struct http_conn *c, int events)
{
    if (c->events == events || c->state == CLOSED)
        return;
    c->events = events;
    uv_poll_start(&c->uv.poll, events, on_poll);
}

/* Small writes go out at once; and a peer that has vanished is found out. */
static void set_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } table[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_SECONDS},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_SECONDS},
    };

    for (size_t i = 0; i < ol_count(table); i++)
        setsockopt(fd, table[i].level, table[i].name, &table[i].value, sizeof(table[i].value));
}

static int start(struct http_conn *c)
{
    const struct sockaddr *sa = (const struct sockaddr *)&c->site->sa;

    c->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return -errno;
    if (sa->sa_family != AF_UNIX)
        set_tcp(c->fd);
    if (connect(c->fd, sa, c->site->sa_len) < 0 && errno != EINPROGRESS)
        return -errno;
    return 0;
}

static void on_failed_start(uv_timer_t *timer)
{
    struct http_conn *c = timer->data;

    end_errno(c, "connect", -c->failed);
}

struct http_conn *http_conn_new(const struct http_site *site, const struct http_conn_owner *owner)
{
    struct http_conn *c = ol_xcalloc(1, sizeof(*c));
    uv_loop_t *uv = site->loop->uv;

    c->site = site;
    c->owner = *owner;
    ol_buf_init(&c->out, OUT_MAX);
    c->failed = start(c);
    if (c->failed == 0)
        c->failed = uv_poll_init_socket(uv, &c->uv.poll, c->fd);
    if (c->failed < 0) {
        uv_timer_init(uv, &c->uv.timer);
        uv_timer_start(&c->uv.timer, on_failed_start, 0, 0);
    }
    c->uv.handle.data = c;
    if (c->failed == 0)
        wait_for(c, UV_WRITABLE);
    return c;
}

/* --- sending --- */

static struct ol_buf *out_of(struct http_conn *c)
{
    return c->tls ? http_tls_out(c->tls) : &c->out;
}

/* How much of it the kernel took; a failure is read later. */
static size_t give(struct http_conn *c, const char *data, size_t len)
{
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

    if (n >= 0)
        return (size_t)n;
    c->is_deaf = errno != EAGAIN && errno != EINTR;
    return c->is_deaf ? len : 0;
}

static void empty(struct ol_buf *b)
{
    if (b->cap <= KEPT_BYTES) {
        ol_buf_clear(b);
        return;
    }
    ol_buf_done(b);
    ol_buf_init(b, OUT_MAX);
}

static void flush(struct http_conn *c)
{
    struct ol_buf *out = out_of(c);

    if (out->len && !c->is_deaf)
        c->n_sent += give(c, out->data + c->n_sent, out->len - c->n_sent);
    if (c->n_sent >= out->len || c->is_deaf) {
        c->n_sent = 0;
        empty(out);
    }
    wait_for(c, UV_READABLE | (out->len ? UV_WRITABLE : 0));
}

void http_conn_write(struct http_conn *c, const char *data, size_t len)
{
    size_t n = 0;

    if (c->is_deaf)
        return;
    if (c->tls) {
        (void)!http_tls_write(c->tls, data, len);
    } else {
        if (!c->out.len)
            n = give(c, data, len);
        ol_buf_add(&c->out, data + n, len - n);
    }
    /* Half a request is worth nothing: the end of this shows when it is read. */
    if (ol_buf_status(out_of(c)) < 0)
        shutdown(c->fd, SHUT_RDWR);
    flush(c);
}

bool http_conn_is_flushed(const struct http_conn *c)
{
    return !out_of((struct http_conn *)c)->len;
}

/* --- what comes --- */

static void on_open(struct http_conn *c)
{
    c->state = OPEN;
    c->owner.opened(c->owner.ctx);
}

static void greet(struct http_conn *c)
{
    struct ol_err err = OL_ERR_INIT;
    int r = http_tls_greet(c->tls, &err);

    flush(c);
    if (r < 0)
        end(c, r, &err);
    else if (r > 0)
        on_open(c);
}

static void read_tls(struct http_conn *c, const char *data, size_t len)
{
    struct ol_err err = OL_ERR_INIT;
    ssize_t n;

    http_tls_put(c->tls, data, len);
    if (c->state == GREETING)
        greet(c);
    while (c->state == OPEN) {
        n = http_tls_read(c->tls, c->site->plain, HTTP_CONN_READ, &err);
        if (n > 0) {
            c->owner.data(c->owner.ctx, c->site->plain, (size_t)n);
            continue;
        }
        if (n == 0)
            break;
        end(c, n == -ENOTCONN ? 0 : (int)n, n == -ENOTCONN ? NULL : &err);
        return;
    }
    /* TLS may have answered by itself (a new key). */
    if (c->state == OPEN && http_tls_out(c->tls)->len)
        flush(c);
}

static void on_readable(struct http_conn *c)
{
    ssize_t n = recv(c->fd, c->site->in, HTTP_CONN_READ, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        end_errno(c, "receive", errno);
    } else if (n == 0 && c->tls) {
        /* Without a goodbye it may be that somebody cut it off. */
        end_errno(c, "receive", ECONNRESET);
    } else if (n == 0) {
        end(c, 0, NULL);
    } else if (c->tls) {
        read_tls(c, c->site->in, (size_t)n);
    } else {
        c->owner.data(c->owner.ctx, c->site->in, (size_t)n);
    }
}

static void on_connected(struct http_conn *c)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error) {
        end_errno(c, "connect", error);
        return;
    }
    wait_for(c, UV_READABLE);
    if (c->site->tls) {
        c->tls = http_tls_new(c->site->tls, c->site->host);
        c->state = GREETING;
        greet(c);
    } else {
        on_open(c);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_conn *c = poll->data;

    if (status < 0)
        c->events = 0; /* libuv has stopped it; in front of the failure there may be an answer */
    if (c->state == CONNECTING) {
        on_connected(c);
        return;
    }
    if (events & UV_WRITABLE)
        flush(c);
    if ((events & UV_READABLE || status < 0) && c->state != CLOSED)
        on_readable(c);
    if (!c->events)
        wait_for(c, UV_READABLE | (out_of(c)->len ? UV_WRITABLE : 0));
}
