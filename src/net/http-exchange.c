/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "net/http-server-internal.h"

/* A body that is refused is read on for so many times the maximum before the peer is cut off. */
enum { REFUSED_BODIES = 4 };

void *http_exchange_begin(void *server, const char *uri, struct MHD_Connection *mhd)
{
    struct ol_http_server *s = server;
    struct ol_http_exchange *x = ol_xcalloc(1, sizeof(*x));
    const char *query = strchr(uri, '?');

    x->server = s;
    x->mhd = mhd;
    x->path = query ? ol_xstrndup(uri, (size_t)(query - uri)) : ol_xstrdup(uri);
    x->query = ol_xstrdup(query ? query + 1 : "");
    ol_buf_init(&x->body, s->options.max_body);
    LIST_INSERT_HEAD(&s->exchanges, x, link);
    return x;
}

void http_exchange_free(struct ol_http_exchange *x)
{
    LIST_REMOVE(x, link);
    if (x->response)
        MHD_destroy_response(x->response);
    ol_buf_done(&x->body);
    http_peer_unref(x->peer);
    free(x->method);
    free(x->path);
    free(x->query);
    free(x);
}

static void refuse_size(struct ol_http_exchange *x)
{
    static const char text[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                               "\"status\":\"Failure\",\"message\":\"Request entity too large\","
                               "\"reason\":\"RequestEntityTooLarge\",\"code\":413}";
    const struct ol_http_answer a = {
        .status = 413, .content_type = "application/json", .body = text, .size = sizeof(text) - 1};

    ol_http_answer(x, &a);
}

/* What is far too large is refused before it is sent; the rest is read to its end, since most
 * clients look for an answer only then. */
static bool is_too_large(struct ol_http_exchange *x)
{
    const char *length = ol_http_header(x, "Content-Length");
    uint64_t size;

    return length && ol_parse_u64(length, 10, &size) == 0
           && size / REFUSED_BODIES > x->server->options.max_body;
}

static enum MHD_Result queue(struct ol_http_exchange *x)
{
    enum MHD_Result r = MHD_queue_response(x->mhd, x->status, x->response);

    MHD_destroy_response(x->response);
    x->response = NULL;
    return r;
}

static enum MHD_Result dispatch(struct ol_http_exchange *x)
{
    x->state = EXCHANGE_HANDLED;
    if (x->n_refused) {
        refuse_size(x);
    } else {
        x->peer = http_peer_get(x->server, x->mhd);
        x->server->options.handle(x->server->options.ctx, x);
    }
    if (x->state == EXCHANGE_ANSWERED)
        return queue(x);
    x->state = EXCHANGE_WAITS;
    MHD_suspend_connection(x->mhd);
    return MHD_YES;
}

enum MHD_Result http_exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **state)
{
    struct ol_http_exchange *x = *state;

    if (x->state == EXCHANGE_ANSWERED)
        return x->response ? queue(x) : MHD_NO;
    if (x->state == EXCHANGE_WAITS)
        return MHD_NO; /* resumed without an answer: the server stops */
    if (!x->method) {
        x->method = ol_xstrdup(method);
        if (!is_too_large(x))
            return MHD_YES;
        x->state = EXCHANGE_HANDLED;
        refuse_size(x);
        return queue(x);
    }
    if (*size == 0)
        return dispatch(x);
    if (x->n_refused == 0)
        ol_buf_add(&x->body, data, *size);
    if (ol_buf_status(&x->body) < 0)
        x->n_refused += *size;
    *size = 0;
    return x->n_refused / REFUSED_BODIES > x->server->options.max_body ? MHD_NO : MHD_YES;
}

void http_exchange_completed(void *server, struct MHD_Connection *mhd, void **state,
                             enum MHD_RequestTerminationCode why)
{
    struct ol_http_exchange *x = *state;

    if (!x)
        return;
    *state = NULL;
    x->mhd = NULL;
    if (x->stream)
        http_stream_completed(x->stream);
    /* Whoever has to answer still holds it. */
    if (x->state != EXCHANGE_WAITS)
        http_exchange_free(x);
}

void http_exchange_abandon(struct ol_http_exchange *x)
{
    if (x->stream)
        http_stream_abandon(x->stream);
    else if (x->state == EXCHANGE_WAITS && x->mhd)
        http_server_resume(x->server, x->mhd);
}

const char *ol_http_method(const struct ol_http_exchange *x)
{
    return x->method;
}

const char *ol_http_path(const struct ol_http_exchange *x)
{
    return x->path;
}

const char *ol_http_query(const struct ol_http_exchange *x)
{
    return x->query;
}

const char *ol_http_header(const struct ol_http_exchange *x, const char *name)
{
    return x->mhd ? MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name) : NULL;
}

const char *ol_http_body(const struct ol_http_exchange *x, size_t *ret_size)
{
    *ret_size = x->body.len;
    return x->body.data;
}

const char *ol_http_peer_cn(const struct ol_http_exchange *x)
{
    return x->peer ? x->peer->cn : NULL;
}

const char *ol_http_peer_o(const struct ol_http_exchange *x, size_t n)
{
    return x->peer && n < ol_count(x->peer->organizations) ? x->peer->organizations[n] : NULL;
}

static void add_headers(struct MHD_Response *response, const struct ol_http_answer *a)
{
    if (a->content_type)
        MHD_add_response_header(response, "Content-Type", a->content_type);
    for (const char *const *h = a->headers; h && *h; h++) {
        const char *colon = strchr(*h, ':');
        ol_autofree char *name = colon ? ol_xstrndup(*h, (size_t)(colon - *h)) : NULL;

        if (name)
            MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
    }
}

void http_exchange_give(struct ol_http_exchange *x, struct MHD_Response *response,
                        const struct ol_http_answer *a)
{
    enum exchange_state was = x->state;

    x->state = EXCHANGE_ANSWERED;
    x->status = (unsigned)a->status;
    x->response = response;
    add_headers(response, a);
    if (was == EXCHANGE_WAITS)
        http_server_resume(x->server, x->mhd);
}

void ol_http_answer(struct ol_http_exchange *x, const struct ol_http_answer *a)
{
    if (!x->mhd) {
        http_exchange_free(x);
        return;
    }
    /* The copy is MHD's; its parameter is not const for older callers' sake. */
    http_exchange_give(
        x,
        MHD_create_response_from_buffer(a->size, (void *)(uintptr_t)a->body, MHD_RESPMEM_MUST_COPY),
        a);
}
