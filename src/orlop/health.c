/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/health.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-server.h"

enum { MAX_BODY = 4 << 10, MAX_METRICS = 4 << 20 };

struct health {
    struct ol_http_server *server;
    struct kube_stack *const *stack;
};

static void answer(struct ol_http_exchange *x, int status, const char *text, size_t size)
{
    ol_http_answer(x, &(struct ol_http_answer){.status = status,
                                               .content_type = "text/plain; charset=utf-8",
                                               .body = text,
                                               .size = size});
}

static void answer_metrics(struct health *h, struct ol_http_exchange *x)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_METRICS);

    if (*h->stack)
        kube_stack_write_metrics(*h->stack, &text);
    answer(x, ol_buf_status(&text) < 0 ? 500 : 200, text.data, text.len);
}

static void answer_alive(struct health *h, struct ol_http_exchange *x)
{
    (void)h;
    answer(x, 200, "ok", 2);
}

static void answer_ready(struct health *h, struct ol_http_exchange *x)
{
    if (*h->stack && kube_stack_is_running(*h->stack))
        answer(x, 200, "ok", 2);
    else
        answer(x, 503, "not yet", 7);
}

static const struct page {
    const char *path;
    void (*answer)(struct health *h, struct ol_http_exchange *x);
} pages[] = {
    {"/metrics", answer_metrics},
    {"/healthz", answer_alive},
    {"/livez", answer_alive},
    {"/readyz", answer_ready},
};

static void handle(void *ctx, struct ol_http_exchange *x)
{
    for (size_t i = 0; i < ol_count(pages); i++) {
        if (strcmp(pages[i].path, ol_http_path(x)) != 0)
            continue;
        if (strcmp(ol_http_method(x), "GET") != 0)
            answer(x, 405, "only GET", 8);
        else
            pages[i].answer(ctx, x);
        return;
    }
    answer(x, 404, "not found", 9);
}

int health_start(struct ol_loop *loop, const char *address, struct kube_stack *const *stack,
                 struct health **ret, struct ol_err *err)
{
    struct health *h = ol_xcalloc(1, sizeof(*h));
    const struct ol_http_server_options options = {
        .listen = address, .max_body = MAX_BODY, .handle = handle, .ctx = h};
    int r;

    h->stack = stack;
    r = ol_http_server_start(loop, &options, &h->server, err);
    if (r < 0) {
        free(h);
        return ol_err_prefix(err, r, "--metrics");
    }
    ol_info(loop->env, "metrics at http://%s/metrics", ol_http_server_address(h->server));
    *ret = h;
    return 0;
}

void health_stop(struct health *h)
{
    if (h)
        ol_http_server_stop(h->server, free, h);
}
