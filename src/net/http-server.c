/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-server-internal.h"

enum {
    MAX_PEM = 1 << 20,
    MAX_CONNECTIONS = 4096,
    IDLE_SECONDS = 120,   /* a kept connection without request, or a peer that takes nothing */
    RUNS_IN_A_TURN = 4,   /* while there is more to do at once */
    RUNS_AT_THE_END = 64, /* answers that are still to be written when the server stops */
};

static void stop_now(struct ol_http_server *s);

/* In how many ms it wants to run again; -1 = when something comes. */
static int64_t next_run(struct ol_http_server *s)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

    return MHD_get_timeout(s->daemon, &timeout_ms) == MHD_YES ? (int64_t)timeout_ms : -1;
}

/* Lets libmicrohttpd do what there is to do, and comes back when it wants to. That is "at once"
 * also as long as a peer owes the next part of a TLS handshake (0.9.75): libuv would run a timer of
 * 0 ms again and again before it looks at any socket, and nobody else would be served. */
static void run(struct ol_http_server *s)
{
    int64_t next = 0;

    s->is_running = true;
    for (int i = 0; i < RUNS_IN_A_TURN && next == 0 && !s->want_stop; i++) {
        MHD_run(s->daemon);
        next = next_run(s);
    }
    s->is_running = false;
    if (s->want_stop)
        stop_now(s);
    else if (next >= 0)
        ol_timer_set(&s->timer, (next ? next : 1) * OL_MS);
    else
        ol_timer_stop(&s->timer);
}

void http_server_resume(struct ol_http_server *s, struct MHD_Connection *mhd)
{
    MHD_resume_connection(mhd);
    if (!s->is_running)
        ol_timer_set(&s->timer, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    run(poll->data);
}

static void on_timer(void *ctx)
{
    run(ctx);
}

/* The path stays %-escaped: the handler knows what its parts mean. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *c, char *s)
{
    return strlen(s);
}

static void log_nothing(void *ctx, const char *fmt, va_list ap) {}

static int read_pem(struct ol_http_server *s, const char *path, struct ol_buf *to,
                    struct ol_err *err)
{
    int r = path ? ol_file_read(s->loop->env, path, to, err) : 0;

    /* libmicrohttpd takes the size from the NUL. */
    return r < 0 ? r : 0;
}

static int start_daemon(struct ol_http_server *s, int fd, struct ol_err *err)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem items[5] = {{MHD_OPTION_END, 0, NULL}};
    int n = 0;

    if (s->options.cert_file) {
        flags |= MHD_USE_TLS;
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert.data};
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, s->key.data};
        if (s->options.client_ca_file)
            items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, s->trust.data};
        items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_exchange_step, s, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, http_exchange_begin, s,
        MHD_OPTION_NOTIFY_COMPLETED, http_exchange_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        http_peer_notify, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT,
        s->options.max_connections ? s->options.max_connections : (unsigned)MAX_CONNECTIONS,
        MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (!s->daemon)
        return ol_err_set(err, EINVAL, "listen on %s: %s", s->address,
                          s->options.cert_file ? "the certificate and its key are not usable"
                                               : "libmicrohttpd does not start");
    return 0;
}

static void server_free(struct ol_http_server *s)
{
    ol_buf_done(&s->cert);
    ol_buf_done(&s->key);
    ol_buf_done(&s->trust);
    free(s->address);
    free(s->unix_path);
    free(s);
}

static void server_free_at(struct ol_http_server **s)
{
    if (*s)
        server_free(*s);
}

int ol_http_server_start(struct ol_loop *loop, const struct ol_http_server_options *options,
                         struct ol_http_server **ret, struct ol_err *err)
{
    ol_auto(server_free_at) struct ol_http_server *s = ol_xcalloc(1, sizeof(*s));
    ol_autoclose int fd = -1;
    int r;

    s->loop = loop;
    s->options = *options;
    LIST_INIT(&s->exchanges);
    ol_buf_init(&s->cert, MAX_PEM);
    ol_buf_init(&s->key, MAX_PEM);
    ol_buf_init(&s->trust, MAX_PEM);
    r = read_pem(s, options->cert_file, &s->cert, err);
    if (r == 0)
        r = read_pem(s, options->key_file, &s->key, err);
    if (r == 0)
        r = read_pem(s, options->client_ca_file, &s->trust, err);
    if (r == 0)
        r = http_listen(loop->env, options->listen, &s->address, &s->unix_path, &fd, err);
    if (r == 0)
        r = start_daemon(s, fd, err);
    if (r < 0)
        return r;
    (void)ol_take_fd(&fd); /* now the daemon's */
    s->poll = ol_xcalloc(1, sizeof(*s->poll));
    uv_poll_init(loop->uv, s->poll,
                 MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    s->poll->data = s;
    ol_timer_init(&s->timer, loop, on_timer, s);
    uv_poll_start(s->poll, UV_READABLE, on_readable);
    *ret = ol_take_ptr(s);
    return 0;
}

const char *ol_http_server_address(const struct ol_http_server *s)
{
    return s->address;
}

static void on_closed(uv_handle_t *handle)
{
    struct ol_http_server *s = handle->data;
    void (*stopped)(void *ctx) = s->stopped;
    void *ctx = s->stopped_ctx;

    free(handle);
    server_free(s);
    if (stopped)
        stopped(ctx);
}

static bool has_answers(const struct ol_http_server *s)
{
    const struct ol_http_exchange *x;

    LIST_FOREACH(x, &s->exchanges, link)
    {
        if (x->state == EXCHANGE_ANSWERED && !x->stream)
            return true;
    }
    return false;
}

/* A handler that still holds an exchange of ours may answer it later, to nobody. */
static void orphan(struct ol_http_server *s)
{
    while (!LIST_EMPTY(&s->exchanges)) {
        struct ol_http_exchange *x = LIST_FIRST(&s->exchanges);

        LIST_REMOVE(x, link);
        x->link.le_next = NULL;
        x->link.le_prev = &x->link.le_next;
        x->server = NULL;
    }
}

static void stop_now(struct ol_http_server *s)
{
    struct ol_http_exchange *x, *next;

    s->want_stop = false;
    s->is_running = true;
    for (int i = 0; i < RUNS_AT_THE_END && has_answers(s); i++)
        MHD_run(s->daemon);
    for (x = LIST_FIRST(&s->exchanges); x; x = next) {
        next = LIST_NEXT(x, link);
        http_exchange_abandon(x);
    }
    uv_poll_stop(s->poll);
    ol_timer_done(&s->timer);
    MHD_stop_daemon(s->daemon);
    orphan(s);
    if (s->unix_path && ol_unlink(s->loop->env, s->unix_path, NULL) < 0)
        ol_debug(s->loop->env, "the socket %s stays", s->unix_path);
    uv_close((uv_handle_t *)s->poll, on_closed);
}

void ol_http_server_stop(struct ol_http_server *s, void (*stopped)(void *ctx), void *ctx)
{
    s->stopped = stopped;
    s->stopped_ctx = ctx;
    s->want_stop = true;
    if (!s->is_running)
        stop_now(s);
}
