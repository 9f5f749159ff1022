/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-lean.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-client.h"
#include "net/http-lean-internal.h"
#include "net/http-reply.h"

enum { CONNECTIONS = 6, READ_BYTES = 16 << 10, HEAD_MAX = 128 << 10 };

/* What lies behind a struct ol_http_keep: a connection to each of the servers that were asked last,
 * and libcurl's. */
struct keep {
    struct {
        int fd; /* -1 = none */
        char authority[sizeof(((struct lean_url *)NULL)->authority)];
    } all[CONNECTIONS];
    unsigned next; /* the one that goes when there is no room */
    struct ol_http_keep *curl;
};

struct exchange {
    const struct ol_http_request *request;
    struct ol_http_response *response;
    struct lean_patience patience;
    struct http_reply reply;
    struct ol_buf head; /* of the request; secret */
    int fd;
    bool is_done;
};

static struct keep *keep_of(struct ol_http_keep **at)
{
    struct keep *k = (struct keep *)*at;

    if (k)
        return k;
    k = ol_xcalloc(1, sizeof(*k));
    for (size_t i = 0; i < CONNECTIONS; i++)
        k->all[i].fd = -1;
    *at = (struct ol_http_keep *)k;
    return k;
}

static void keep_free(struct ol_http_keep *at)
{
    struct keep *k = (struct keep *)at;

    for (size_t i = 0; i < CONNECTIONS; i++)
        if (k->all[i].fd >= 0)
            close(k->all[i].fd);
    if (k->curl)
        ol_http_real.keep_free(k->curl);
    free(k);
}

/* A connection that stands, taken out; -1 = none. */
static int take_kept(struct keep *k, const struct lean_url *u)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        ol_autoclose int fd = -1;

        if (k->all[i].fd < 0 || strcmp(k->all[i].authority, u->authority) != 0)
            continue;
        fd = ol_take_fd(&k->all[i].fd);
        if (lean_is_usable(fd))
            return ol_take_fd(&fd);
    }
    return -1;
}

/* Takes it. */
static void give_kept(struct keep *k, const struct lean_url *u, int fd)
{
    unsigned at = k->next;

    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (k->all[i].fd < 0)
            at = i;
    if (k->all[at].fd >= 0) {
        close(k->all[at].fd);
        k->next = (k->next + 1) % CONNECTIONS;
    }
    k->all[at].fd = fd;
    memcpy(k->all[at].authority, u->authority, sizeof(u->authority));
}

static int take_body(struct exchange *x, const struct http_piece *piece)
{
    const struct ol_http_request *q = x->request;

    if (q->take && x->reply.status >= 200 && x->reply.status < 300)
        return q->take(q->take_ctx, piece->at, piece->len);
    ol_buf_add(&x->response->body, piece->at, piece->len);
    return ol_buf_status(&x->response->body);
}

/* What was read: 0, or why it can't go on. */
static int take_in(struct exchange *x, const char *text, size_t len)
{
    struct ol_buf *head = x->response->head;
    struct http_piece piece = {HTTP_PIECE_HEAD, NULL, 0};
    bool has_head = x->reply.state > HTTP_REPLY_HEADERS;

    /* The end is told behind the last byte. */
    for (size_t at = 0; piece.what != HTTP_PIECE_NONE && !x->is_done;) {
        ssize_t n = http_reply_read(&x->reply, text + at, len - at, &piece);
        int r = 0;

        if (n < 0)
            return -EIO;
        if (head && !has_head)
            ol_buf_add(head, text + at, (size_t)n);
        has_head |= piece.what != HTTP_PIECE_NONE;
        if (piece.what == HTTP_PIECE_BODY)
            r = take_body(x, &piece);
        if (r < 0)
            return r;
        x->is_done = piece.what == HTTP_PIECE_END;
        at += (size_t)n;
    }
    return head && ol_buf_status(head) < 0 ? ol_buf_status(head) : 0;
}

static int receive(struct exchange *x)
{
    char *room = ol_xrealloc(NULL, 1, READ_BYTES);
    int r = 0;

    while (r == 0 && !x->is_done) {
        ssize_t n = lean_read(x->fd, &x->patience, room, READ_BYTES);

        if (n > 0)
            r = take_in(x, room, (size_t)n);
        else if (n < 0)
            r = (int)n;
        else if (!x->reply.has_begun)
            r = -ECONNRESET;
        else if (http_reply_end(&x->reply) < 0)
            r = -EIO;
        else
            x->is_done = true;
    }
    free(room);
    return r;
}

static int exchange(struct exchange *x)
{
    const struct ol_http_request *q = x->request;
    int r = lean_write(x->fd, &x->patience, x->head.data, x->head.len);

    if (r == 0 && q->body)
        r = lean_write(x->fd, &x->patience, q->body, q->body_size);
    /* A server may answer, and close, before it has read all. */
    return r == 0 || r == -ECONNRESET ? receive(x) : r;
}

/* A kept connection that ended before a byte came is tried once more anew, as libcurl does. */
static int run(struct exchange *x, struct keep *k, const struct lean_url *u)
{
    ol_autoclose int fd = take_kept(k, u);
    int r = -ECONNRESET;

    if (fd >= 0) {
        x->fd = fd;
        r = exchange(x);
    }
    if (r == -ECONNRESET && !x->reply.has_begun) {
        if (fd >= 0)
            close(fd);
        fd = lean_connect(u, &x->patience);
        if (fd < 0)
            return fd;
        x->fd = fd;
        r = exchange(x);
    }
    if (r == 0 && x->reply.can_keep)
        give_kept(k, u, ol_take_fd(&fd));
    return r;
}

static const char *reason_of(int r)
{
    switch (r) {
    case -EHOSTUNREACH: return "there is no such host";
    case -ETIMEDOUT: return "no answer in time";
    case -ECONNRESET: return "the server closed the connection without an answer";
    case -EFBIG: return "the answer is too long";
    case -EIO: return "the answer is no HTTP, or breaks off";
    default: return strerror(-r);
    }
}

static int fetch_plain(struct ol_env *env, const struct ol_http_request *q,
                       struct ol_http_response *response, const struct lean_url *u,
                       struct ol_err *err)
{
    size_t start = response->body.len;
    struct exchange x = {
        .request = q,
        .response = response,
        .patience = {env, ol_now_boot(env) + (q->timeout ? q->timeout : 10 * OL_SECOND), q->idle},
        .head = OL_BUF_INIT(HEAD_MAX),
    };
    int r;

    lean_write_head(q, u, &x.head);
    http_reply_init(&x.reply);
    r = ol_buf_status(&x.head) < 0 ? -EINVAL : run(&x, keep_of(q->keep), u);
    explicit_bzero(x.head.data, x.head.len);
    ol_buf_done(&x.head);
    http_reply_done(&x.reply);
    response->status = x.reply.status;
    if (r == 0)
        return 0;
    ol_buf_truncate(&response->body, start);
    return ol_err_set(err, -r, "%s '%.256s': %s", q->method ? q->method : "GET", q->url,
                      reason_of(r));
}

static int fetch(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *response, struct ol_err *err)
{
    struct ol_http_request other = *request;
    struct lean_url url;

    if (lean_takes(request, &url))
        return fetch_plain(env, request, response, &url, err);
    if (request->keep)
        other.keep = &keep_of(request->keep)->curl;
    return ol_http_real.fetch(env, &other, response, err);
}

const struct ol_http ol_http_lean = {.fetch = fetch, .keep_free = keep_free};
