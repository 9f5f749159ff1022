/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/env.h"

/* One HTTP exchange, as the code above sees it. The real transport is net/http-client. */
struct ol_http_request {
    const char *method; /* NULL = GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const void *body;           /* NULL = none */
    size_t body_size;
    ol_time timeout; /* for the whole exchange; 0 = 10 s */
};

struct ol_http_response {
    long status;
    struct ol_buf body; /* initialised by the caller with its maximum */
};

struct ol_http {
    /* 0 with any status that the server gave; -errno when there was no answer.
     * -EFBIG: the body is larger than its buffer's maximum. */
    int (*fetch)(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *response, struct ol_err *err);
};

/* The URL for a message: from its host on where a name and password stand before that. Borrowed. */
const char *ol_url_shown(const char *url);

/* -ENOSYS when the environment has no HTTP. */
int ol_http_fetch(struct ol_env *env, const struct ol_http_request *request,
                  struct ol_http_response *response, struct ol_err *err)
    __attribute__((warn_unused_result));
