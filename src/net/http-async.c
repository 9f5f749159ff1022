/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-async.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/str.h"
#include "net/http-async-internal.h"

struct ol_http_async {
    struct http_direct *direct; /* or NULL */
    struct http_curl *curl;
};

bool http_is_here(const char *url)
{
    const char *host = strstr(url, "://");

    host = host ? host + 3 : url;
    return ol_str_starts(host, "127.") || ol_str_starts(host, "localhost")
           || ol_str_starts(host, "[::1]");
}

/* 'err' is for what a transport may say that can't be had; these two begin when they are asked. */
struct ol_http_async *ol_http_async_new(struct ol_loop *loop, const struct ol_http_async_options *o,
                                        struct ol_err *err)
{
    struct ol_http_async *h = ol_xcalloc(1, sizeof(*h));

    h->curl = http_curl_new(loop, o);
    h->direct = http_direct_new(loop, o);
    return h;
}

void ol_http_async_free(struct ol_http_async *h)
{
    if (!h)
        return;
    http_direct_free(h->direct);
    http_curl_free(h->curl);
    free(h);
}

struct ol_http_call *ol_http_async_send(struct ol_http_async *h, const struct ol_http_ask *ask)
{
    if (http_direct_takes(h->direct, ask))
        return http_direct_send(h->direct, ask);
    return http_curl_send(h->curl, ask);
}

void ol_http_async_cancel(struct ol_http_call *call)
{
    if (call->is_direct)
        http_direct_cancel(call);
    else
        http_curl_cancel(call);
}
