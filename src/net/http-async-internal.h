/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/http-async.h"

/*
 * The two that do the work behind http-async.h. Ours does what daemons ask all day: short requests
 * and long streams, HTTP/1.1, straight to one server. libcurl does the rest: proxies, names that
 * have to be looked up, certificates of the system.
 */
struct ol_http_call { /* the head of either's own */
    bool is_direct;
};

struct http_direct;
/* NULL when it is nothing for it. */
struct http_direct *http_direct_new(struct ol_loop *loop, const struct ol_http_async_options *o);
void http_direct_free(struct http_direct *d);
/* It serves the server of the first URL that it can serve. */
bool http_direct_takes(struct http_direct *d, const struct ol_http_ask *ask);
struct ol_http_call *http_direct_send(struct http_direct *d, const struct ol_http_ask *ask);
void http_direct_cancel(struct ol_http_call *call);

struct http_curl;
struct http_curl *http_curl_new(struct ol_loop *loop, const struct ol_http_async_options *o);
void http_curl_free(struct http_curl *h);
struct ol_http_call *http_curl_send(struct http_curl *h, const struct ol_http_ask *ask);
void http_curl_cancel(struct ol_http_call *call);

/* What is on this machine is never asked through a proxy, as Go's and Python's clients have it. */
bool http_is_here(const char *url);
