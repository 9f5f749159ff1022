/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/http.h"

/*
 * The HTTP transport of a real machine: http, https and ftp by libcurl, which is loaded when
 * the first URL asks for it (a guest without network datasource needs none), and file:// read
 * below env's root without it.
 *
 *     env.http = &ol_http_real;
 *
 * Up to ten redirects are followed, proxies come from the usual variables (http_proxy …) but
 * are never used for a link-local address, and "User-Agent: Cloud-Init/26.2" is sent unless the
 * request brings its own.
 *
 * A connection can be kept (ol_http_request.keep), a body can be taken as it comes, and a service's
 * own authorities can be named; from several threads at once as long as each has its own keep.
 *
 * Failures of fetch beyond those of core/http.h: -EINVAL not a URL of these kinds; -ELIBACC
 * libcurl is not installed; -ENOENT no such file; -EHOSTUNREACH no such host; -ECONNREFUSED;
 * -ECONNRESET; -ETIMEDOUT; -ELOOP too many redirects; -EKEYREJECTED the certificate is not trusted;
 * -EIO. Domain "curl" with curl's number as status where curl said it.
 */
extern const struct ol_http ol_http_real;

/* The same with the name of the library to load. */
int ol_http_fetch_by(const char *library, struct ol_env *env, const struct ol_http_request *request,
                     struct ol_http_response *response, struct ol_err *err)
    __attribute__((warn_unused_result));

/* True for a URL whose host is 169.254.0.0/16 or fe80::/10. */
bool ol_http_is_link_local(const char *url);
