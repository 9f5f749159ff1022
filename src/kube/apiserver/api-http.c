/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"
#include "kube/apiserver/door-internal.h"

/* The door of sockets. */

static void http_answer(void *self, const struct ol_http_answer *a)
{
    ol_http_answer(self, a);
}

static void *http_stream(void *self, const struct ol_http_answer *head, void (*closed)(void *ctx),
                         void *ctx)
{
    return ol_http_answer_stream(self, head, closed, ctx);
}

static int http_send(void *stream, const void *data, size_t size, size_t max)
{
    return ol_http_stream_send(stream, data, size, max);
}

static void http_end(void *stream)
{
    ol_http_stream_end(stream);
}

static const struct api_sink http_sink = {http_answer, http_stream, http_send, http_end};

void api_request_route(struct api_request *q, const char *path, const char *query)
{
    if (api_route_parse(ol_arena_strdup(&q->arena, path), &q->arena, &q->route) < 0) {
        q->route = (struct api_route){.path = "", .ns = "", .name = ""};
        q->query.wrong = "the path of the request is not well-formed";
    } else if (api_query_parse(query, &q->arena, &q->query) < 0) {
        q->query.wrong = "the query of the request is not well-formed";
    }
}

static const char *keep(struct api_request *q, const char *header)
{
    return header ? ol_arena_strdup(&q->arena, header) : NULL;
}

static struct api_request *request_of(struct apiserver *s, struct ol_http_exchange *x)
{
    struct api_request *q = api_request_new(s, &http_sink, x);

    q->method = ol_http_method(x);
    q->accept = keep(q, ol_http_header(x, "Accept"));
    q->content_type = keep(q, ol_http_header(x, "Content-Type"));
    q->user_agent = keep(q, ol_http_header(x, "User-Agent"));
    q->body = ol_http_body(x, &q->size);
    api_request_route(q, ol_http_path(x), ol_http_query(x));
    return q;
}

/* Health is for everybody, as kube-apiserver's system:public-info-viewer. */
static bool is_public(const struct api_request *q)
{
    static const char *const paths[] = {"healthz", "livez", "readyz", "version"};

    for (size_t i = 0; i < ol_count(paths); i++)
        if (q->route.n_parts == 1 && strcmp(q->route.parts[0], paths[i]) == 0)
            return true;
    return false;
}

void api_http_handle(void *server, struct ol_http_exchange *x)
{
    struct apiserver *s = server;
    struct api_request *q = request_of(s, x);

    if (s->is_plain || api_auth_http(s->auth, x, &q->user) || is_public(q))
        api_handle(q);
    else
        api_fail(q, KUBE_UNAUTHORIZED, "Unauthorized");
}

void api_http_handle_admin(void *server, struct ol_http_exchange *x)
{
    api_handle(request_of(server, x));
}
