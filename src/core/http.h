/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/env.h"

struct ol_http_keep; /* the transport's */

/* One HTTP exchange, as the code above sees it. The real transport is net/http-client. */
struct ol_http_request {
    const char *method; /* NULL = GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const void *body;           /* NULL = none */
    size_t body_size;
    ol_time timeout; /* for the whole exchange; 0 = 10 s */

    /* What daemons that speak to services ask for besides. */
    ol_time idle;                  /* also ends when nothing came for so long; 0 = no such limit */
    const struct ol_http_tls *tls; /* NULL = the system's authorities, no certificate of our own */
    /* Where a connection is kept for the next request; *keep is NULL at first. One request at a
     * time uses it; released by ol_http_keep_free(). NULL = the connection is closed. */
    struct ol_http_keep **keep;
    bool is_redirect_refused; /* 3xx is the answer: headers may be secret elsewhere */
    /* The body of a 2xx answer goes here as it comes instead of into the response; a negative
     * result ends the exchange with it. */
    int (*take)(void *ctx, const char *piece, size_t size);
    void *take_ctx;
};

/* Files on this machine; NULL = none. */
struct ol_http_tls {
    const char *ca_file, *cert_file, *key_file;
    bool is_insecure; /* the server's certificate is not verified */
};

struct ol_http_response {
    long status;
    struct ol_buf body;  /* initialised by the caller with its maximum */
    struct ol_buf *head; /* gets the answer's headers, "Name: value\r\n" each; NULL = not wanted */
};

struct ol_http {
    /* 0 with any status that the server gave; -errno when there was no answer.
     * -EFBIG: the body is larger than its buffer's maximum. */
    int (*fetch)(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *response, struct ol_err *err);
    void (*keep_free)(struct ol_http_keep *keep); /* NULL = keeps nothing */
};

/* The URL for a message: from its host on where a name and password stand before that. Borrowed. */
const char *ol_url_shown(const char *url);

/* -ENOSYS when the environment has no HTTP. */
int ol_http_fetch(struct ol_env *env, const struct ol_http_request *request,
                  struct ol_http_response *response, struct ol_err *err)
    __attribute__((warn_unused_result));
/* NULL is nothing. */
void ol_http_keep_free(struct ol_env *env, struct ol_http_keep *keep);

/* The value of the last header of that name in a response's head, without blanks around it;
 * NULL = absent. Borrowed. */
const char *ol_http_head_get(const struct ol_buf *head, const char *name, size_t *ret_len);
