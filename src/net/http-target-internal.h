/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/http-async.h"
#include "net/http-conn-internal.h"

/* The one server of a client without libcurl: what of its URLs and requests is plain enough for
 * us, and how these are written. */
struct http_target;

enum { HTTP_TARGET_HEAD_MAX = 64 << 10 }; /* bytes of a request's head */

/* NULL when the options have something that is libcurl's. */
struct http_target *http_target_new(const struct ol_http_async_options *o);
void http_target_free(struct http_target *t);
/* The first URL that can be served decides which server this is, and fills address, host and TLS of
 * 'site'. From then on only requests to that server are taken. */
bool http_target_takes(struct http_target *t, const struct ol_http_ask *ask,
                       struct http_site *site);
/* "https://10.0.0.1:6443" */
const char *http_target_origin(const struct http_target *t);
/* All in front of the body. Only for a request that was taken. */
void http_target_write_head(const struct http_target *t, const struct ol_http_ask *ask,
                            struct ol_buf *to);
