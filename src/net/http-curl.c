/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/http.h"
#include "core/str.h"
#include "net/curl-internal.h"
#include "net/http-async-internal.h"

enum {
    CONNECTIONS = 8,
    MAX_BODY = 64 << 20,
    READ_BYTES = 64 << 10,
    CONNECT_SECONDS = 15,
    KEEP_IDLE_SECONDS = 30, /* then the kernel asks whether the peer is there */
    KEEP_INTERVAL_SECONDS = 10,
    SPARE_HANDLES = 128,
};

/* One of libcurl's multi handles on our loop. */
struct multi {
    struct http_curl *owner;
    CURLM *curl;
    struct ol_timer timer;
};

struct http_curl {
    struct ol_loop *loop;
    struct options {
        char *unix_socket, *connect_to, *ca_file, *cert_file, *key_file, *ca_pem, *cert_pem,
            *key_pem;
        bool is_insecure;
        long max_connections;
    } options;
    struct multi calls, streams; /* the first has a limit of connections */
    struct call *first;
    CURL *spare[SPARE_HANDLES]; /* making one anew costs more than a request otherwise does */
    size_t n_spare;
    bool is_working, is_dead; /* freed from within a callback: it goes when that has ended */
    bool has_put_off;         /* calls that could not begin or end within a callback */
};

struct call {
    struct ol_http_call head;
    struct http_curl *h;
    struct multi *multi;
    CURL *curl;
    struct curl_slist *headers, *connect_to;
    struct ol_buf body;
    struct ol_timer until_headers; /* of a stream */
    void (*data)(void *ctx, int status, const char *piece, size_t len);
    void (*done)(void *ctx, int status, const char *body, size_t len, const struct ol_err *err);
    void *ctx;
    char *shown; /* "GET http://…" for messages */
    bool is_late, is_cancelled, has_begun;
    struct call *prev, *next;
    char detail[CURL_ERROR_SIZE];
};

struct socket {
    uv_poll_t poll;
    struct multi *multi;
    curl_socket_t fd;
};

/* --- calls --- */

static void give_back(struct http_curl *h, CURL *curl)
{
    if (h->n_spare == SPARE_HANDLES) {
        curl_easy_cleanup(curl);
        return;
    }
    curl_easy_reset(curl);
    h->spare[h->n_spare++] = curl;
}

static void release(struct call *c)
{
    struct http_curl *h = c->h;

    if (c->has_begun)
        curl_multi_remove_handle(c->multi->curl, c->curl);
    give_back(h, c->curl);
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->connect_to);
    ol_buf_done(&c->body);
    ol_timer_done(&c->until_headers);
    if (c->prev)
        c->prev->next = c->next;
    else
        h->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c->shown);
    free(c);
}

static int status_of(const struct call *c)
{
    long status = 0;

    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static int failure(const struct call *c, CURLcode code, struct ol_err *err)
{
    if (c->is_late)
        return ol_err_set(err, ETIMEDOUT, "%s: no answer in time", c->shown);
    if (ol_buf_status(&c->body) < 0)
        return ol_err_set(err, EFBIG, "%s: the answer has more than %zu bytes", c->shown,
                          c->body.max);
    return ol_err_set_domain(err, curl_errno((int)code), "curl", (int)code, "%s: %s", c->shown,
                             *c->detail ? c->detail : curl_easy_strerror(code));
}

static void finish(struct call *c, CURLcode code)
{
    struct call was = *c;
    struct ol_err err = OL_ERR_INIT;
    int status = 0;

    if (code == CURLE_OK || failure(c, code, &err) >= 0)
        status = status_of(c);
    c->body = (struct ol_buf)OL_BUF_INIT(0);
    release(c);
    was.done(was.ctx, status, was.body.data, was.body.len, status ? NULL : &err);
    ol_buf_done(&was.body);
}

static size_t on_piece(char *piece, size_t size, size_t n, void *ctx)
{
    struct call *c = ctx;
    int status;

    if (c->is_cancelled)
        return 0;
    status = c->data ? status_of(c) : 0;
    if (c->data && status >= 200 && status < 300) {
        c->data(c->ctx, status, piece, size * n);
        return size * n;
    }
    ol_buf_add(&c->body, piece, size * n);
    return ol_buf_status(&c->body) < 0 ? 0 : size * n;
}

/* The first line of an answer ends the waiting for a stream. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct call *c = ctx;

    (void)line;
    ol_timer_stop(&c->until_headers);
    return size * n;
}

static void add(struct call *c)
{
    CURLMcode code = curl_multi_add_handle(c->multi->curl, c->curl);

    if (code == CURLM_OUT_OF_MEMORY)
        abort();
    c->has_begun = code == CURLM_OK;
    if (!c->has_begun)
        c->h->has_put_off = true;
}

/* --- libcurl on the loop --- */

/* Answers that have become complete. */
static void read_messages(struct multi *m)
{
    CURLMsg *msg;
    int left;

    while (!m->owner->is_dead && (msg = curl_multi_info_read(m->curl, &left))) {
        char *private = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct call *)(void *)private, msg->data.result);
    }
}

/* What libcurl refused while it was calling us. */
static void do_put_off(struct http_curl *h)
{
    struct call *next;

    if (!h->has_put_off)
        return;
    h->has_put_off = false;
    for (struct call *c = h->first; c; c = next) {
        next = c->next;
        if (c->is_cancelled)
            release(c);
        else if (!c->has_begun)
            add(c);
    }
}

static void free_all(struct http_curl *h)
{
    while (h->first)
        release(h->first);
    while (h->n_spare)
        curl_easy_cleanup(h->spare[--h->n_spare]);
    if (h->calls.curl) {
        curl_multi_cleanup(h->calls.curl);
        curl_multi_cleanup(h->streams.curl);
    }
    ol_timer_done(&h->calls.timer);
    ol_timer_done(&h->streams.timer);
    free(h->options.unix_socket);
    free(h->options.connect_to);
    free(h->options.ca_file);
    free(h->options.cert_file);
    free(h->options.key_file);
    free(h->options.ca_pem);
    free(h->options.cert_pem);
    free(h->options.key_pem);
    free(h);
}

static void act(struct multi *m, curl_socket_t fd, int what)
{
    struct http_curl *h = m->owner;
    int running;

    h->is_working = true;
    curl_multi_socket_action(m->curl, fd, what, &running);
    do_put_off(h);
    read_messages(m);
    h->is_working = false;
    if (h->is_dead)
        free_all(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket *s = poll->data;
    int what = 0;

    if (status < 0)
        what = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    act(s->multi, s->fd, what);
}

static void on_timeout(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timeout(CURLM *curl, long ms, void *ctx)
{
    struct multi *m = ctx;

    (void)curl;
    if (ms < 0)
        ol_timer_stop(&m->timer);
    else
        ol_timer_set(&m->timer, ms * OL_MS);
    return 0;
}

static void free_socket(uv_handle_t *handle)
{
    free(handle->data);
}

static struct socket *new_socket(struct multi *m, curl_socket_t fd)
{
    struct socket *s = ol_xcalloc(1, sizeof(*s));

    s->multi = m;
    s->fd = fd;
    if (uv_poll_init_socket(m->owner->loop->uv, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    curl_multi_assign(m->curl, fd, s);
    return s;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    struct multi *m = ctx;
    struct socket *s = of_socket;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(m->curl, fd, NULL);
            uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *)&s->poll, free_socket);
        }
        return 0;
    }
    if (!s)
        s = new_socket(m, fd);
    if (!s)
        return -1;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&s->poll, events, on_poll);
}

/* --- life --- */

static char *copy(const char *s)
{
    return s ? ol_xstrdup(s) : NULL;
}

static void init_multi(struct http_curl *h, struct multi *m, long max_connections)
{
    m->owner = h;
    m->curl = curl_multi_init();
    if (!m->curl)
        abort();
    ol_timer_init(&m->timer, h->loop, on_timeout, m);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, want_timeout);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    if (max_connections) {
        curl_multi_setopt(m->curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections);
        curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, max_connections);
    }
}

struct http_curl *http_curl_new(struct ol_loop *loop, const struct ol_http_async_options *o)
{
    struct http_curl *h = ol_xcalloc(1, sizeof(*h));

    h->loop = loop;
    h->options = (struct options){
        .unix_socket = copy(o->unix_socket),
        .connect_to = copy(o->connect_to),
        .ca_file = copy(o->ca_file),
        .cert_file = copy(o->cert_file),
        .key_file = copy(o->key_file),
        .ca_pem = copy(o->ca_pem),
        .cert_pem = copy(o->cert_pem),
        .key_pem = copy(o->key_pem),
        .is_insecure = o->is_insecure,
        .max_connections = o->max_connections ? (long)o->max_connections : CONNECTIONS,
    };
    return h;
}

/* libcurl and its TLS take memory and time that most programs never need. */
static void start(struct http_curl *h)
{
    if (h->calls.curl)
        return;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    init_multi(h, &h->calls, h->options.max_connections);
    init_multi(h, &h->streams, 0);
}

void http_curl_free(struct http_curl *h)
{
    if (!h)
        return;
    h->is_dead = true;
    if (!h->is_working)
        free_all(h);
}

/* --- sending --- */

static void set_pem(CURL *curl, CURLoption option, const char *pem)
{
    /* The text lives as long as the handles do. */
    struct curl_blob blob = {.flags = CURL_BLOB_NOCOPY};

    blob.data = (void *)pem;
    blob.len = strlen(pem);
    curl_easy_setopt(curl, option, &blob);
}

static void set_tls(CURL *curl, const struct options *o)
{
    if (o->ca_pem)
        set_pem(curl, CURLOPT_CAINFO_BLOB, o->ca_pem);
    else if (o->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca_file);
    if (o->cert_pem)
        set_pem(curl, CURLOPT_SSLCERT_BLOB, o->cert_pem);
    else if (o->cert_file)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, o->cert_file);
    if (o->key_pem)
        set_pem(curl, CURLOPT_SSLKEY_BLOB, o->key_pem);
    else if (o->key_file)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, o->key_file);
    if (o->is_insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_connection(struct call *c, const struct options *o)
{
    ol_autofree char *to = NULL;

    curl_easy_setopt(c->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPINTVL, (long)KEEP_INTERVAL_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_BUFFERSIZE, (long)READ_BYTES);
    if (o->unix_socket)
        curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
    if (o->connect_to) {
        to = ol_xasprintf("::%s", o->connect_to);
        c->connect_to = curl_slist_append(NULL, to);
        curl_easy_setopt(c->curl, CURLOPT_CONNECT_TO, c->connect_to);
    }
    set_tls(c->curl, o);
}

static void set_request(struct call *c, const struct ol_http_ask *ask)
{
    curl_easy_setopt(c->curl, CURLOPT_URL, ask->url);
    if (http_is_here(ask->url))
        curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    if (ask->body) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->size);
        curl_easy_setopt(c->curl, CURLOPT_COPYPOSTFIELDS, ask->body);
        /* Asking first whether a body is welcome costs a round trip. */
        c->headers = curl_slist_append(c->headers, "Expect:");
    } else if (strcmp(ask->method, "HEAD") == 0) {
        curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, ask->method);
    for (const char *const *line = ask->headers; line && *line; line++)
        c->headers = curl_slist_append(c->headers, *line);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    if (!ask->data && ask->timeout > 0)
        curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)(ask->timeout / OL_MS));
}

static void set_callbacks(struct call *c)
{
    curl_easy_setopt(c->curl, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->detail);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_piece);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    if (!c->data)
        return;
    curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, c);
}

static void on_late(void *ctx)
{
    struct call *c = ctx;

    c->is_late = true;
    finish(c, CURLE_OPERATION_TIMEDOUT);
}

struct ol_http_call *http_curl_send(struct http_curl *h, const struct ol_http_ask *ask)
{
    struct call *c = ol_xcalloc(1, sizeof(*c));

    start(h);
    c->h = h;
    c->multi = ask->data || ask->is_urgent ? &h->streams : &h->calls;
    c->data = ask->data;
    c->done = ask->done;
    c->ctx = ask->ctx;
    c->shown = ol_xasprintf("%s '%.512s'", ask->method, ol_url_shown(ask->url));
    ol_buf_init(&c->body, ask->max_body ? ask->max_body : MAX_BODY);
    c->next = h->first;
    if (c->next)
        c->next->prev = c;
    h->first = c;
    c->curl = h->n_spare ? h->spare[--h->n_spare] : curl_easy_init();
    if (!c->curl)
        abort();
    set_connection(c, &h->options);
    set_request(c, ask);
    set_callbacks(c);
    if (ask->data && ask->timeout > 0) {
        ol_timer_init(&c->until_headers, h->loop, on_late, c);
        ol_timer_set(&c->until_headers, ask->timeout);
    }
    add(c);
    return &c->head;
}

void http_curl_cancel(struct ol_http_call *of)
{
    struct call *call = (struct call *)(void *)of;

    if (call->has_begun
        && curl_multi_remove_handle(call->multi->curl, call->curl) == CURLM_RECURSIVE_API_CALL) {
        call->is_cancelled = true;
        call->h->has_put_off = true;
        return;
    }
    call->has_begun = false;
    release(call);
}
