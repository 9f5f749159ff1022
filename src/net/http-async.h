/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "net/loop.h"

/*
 * HTTP/1.1 client on the loop, for daemons: many requests at once over kept connections, answers
 * whole or as they come. The guest has its own blocking one (net/http-client.h).
 *
 * What is asked of the first server that has an address (or a Unix socket) goes there straight; the
 * rest, and what needs a proxy, is libcurl's. A GET, PUT or DELETE that a kept connection took and
 * left without a byte of an answer is sent once more; anything else is told as unanswered.
 */
struct ol_http_async;
struct ol_http_call; /* one request under way */

struct ol_http_async_options {
    const char *unix_socket;          /* path; NULL = TCP */
    const char *connect_to;           /* "host:port" to connect to whatever a URL says; or NULL */
    const char *ca_file;              /* NULL = the system's */
    const char *cert_file, *key_file; /* client certificate; or NULL */
    const char *ca_pem, *cert_pem, *key_pem; /* the same as text; wins */
    bool is_insecure;                        /* the server's certificate is not verified */
    unsigned max_connections; /* 0 = 8; waiting requests queue. A stream takes one of its own. */
};

struct ol_http_ask {
    const char *method;
    const char *url;
    const char *const *headers; /* NULL-terminated; may be NULL. May hold secrets: never logged. */
    const void *body;           /* copied */
    size_t size;
    ol_time timeout; /* whole exchange; of a stream: until the headers. 0 = none */
    size_t max_body; /* 0 = 64 MiB */
    bool is_urgent;  /* waits for nobody: it has a connection of its own, as a stream has */

    /* A stream: each piece as it comes; its status is known then. NULL = collect. */
    void (*data)(void *ctx, int status, const char *piece, size_t len);
    /* Always called once, never from within ol_http_async_send(): the end. status 0 when there was
     * no answer, with the cause in err. 'body' is NUL-terminated, "" for a stream that had 2xx. */
    void (*done)(void *ctx, int status, const char *body, size_t len, const struct ol_err *err);
    void *ctx;
};

struct ol_http_async *ol_http_async_new(struct ol_loop *loop, const struct ol_http_async_options *o,
                                        struct ol_err *err) __attribute__((warn_unused_result));
/* Cancels what is under way without calling back. */
void ol_http_async_free(struct ol_http_async *h);
struct ol_http_call *ol_http_async_send(struct ol_http_async *h, const struct ol_http_ask *ask);
/* 'done' is not called any more. */
void ol_http_async_cancel(struct ol_http_call *call);
