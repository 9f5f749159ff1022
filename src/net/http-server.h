/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "net/loop.h"

/*
 * HTTP/1.1 server on the loop (libmicrohttpd with its own epoll descriptor, polled by libuv).
 * A request reaches the handler when its body is complete; the answer may come at once or from a
 * later turn of the loop, whole or as a stream of chunks.
 */
struct ol_http_server;
struct
    ol_http_exchange; /* one request; lives until its answer has been sent or its peer has gone */

struct ol_http_server_options {
    const char *listen;    /* "127.0.0.1:6443", "[::1]:0" (any port) or "unix:/path" */
    const char *cert_file; /* TLS when given; PEM, below the loop's root */
    const char *key_file;
    const char *client_ca_file; /* asks for client certificates, which are optional; or NULL */
    size_t max_body;            /* bytes; a larger one is answered 413 */
    unsigned max_connections;   /* 0 = 4096 */
    void (*handle)(void *ctx, struct ol_http_exchange *x);
    void *ctx;
};

int ol_http_server_start(struct ol_loop *loop, const struct ol_http_server_options *options,
                         struct ol_http_server **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Stops listening, ends every stream and connection, then calls 'stopped' (may be NULL). */
void ol_http_server_stop(struct ol_http_server *s, void (*stopped)(void *ctx), void *ctx);
/* The address it listens on in the form of options.listen, with the real port. Borrowed. */
const char *ol_http_server_address(const struct ol_http_server *s);

/* --- the request; all borrowed until the answer --- */
const char *ol_http_method(const struct ol_http_exchange *x);
const char *ol_http_path(const struct ol_http_exchange *x); /* still %-escaped, without query */
const char *ol_http_query(
    const struct ol_http_exchange *x); /* after '?', still escaped; "" = none */
const char *ol_http_header(const struct ol_http_exchange *x, const char *name); /* NULL = absent */
const char *ol_http_body(const struct ol_http_exchange *x, size_t *ret_size);
/* Subject of the verified client certificate: CN and the nth O; NULL when there is none. */
const char *ol_http_peer_cn(const struct ol_http_exchange *x);
const char *ol_http_peer_o(const struct ol_http_exchange *x, size_t n);

/* --- the answer --- */
struct ol_http_answer {
    int status;
    const char *content_type;
    const char *const *headers; /* further "Name: value", NULL-terminated; may be NULL */
    const void *body;           /* copied */
    size_t size;
};
/* Ends the exchange; x is gone after the call. */
void ol_http_answer(struct ol_http_exchange *x, const struct ol_http_answer *a);

/* A chunked answer. 'closed' is called once, when the peer has left or after ol_http_stream_end();
 * the stream is gone then. The exchange is gone after the call. */
struct ol_http_stream;
struct ol_http_stream *ol_http_answer_stream(struct ol_http_exchange *x,
                                             const struct ol_http_answer *head,
                                             void (*closed)(void *ctx), void *ctx);
/* Copies. Bytes that the peer has not taken yet are kept up to 'max' of them; beyond that nothing
 * is added and -ENOBUFS says that the peer is too slow. */
int ol_http_stream_send(struct ol_http_stream *s, const void *data, size_t size, size_t max)
    __attribute__((warn_unused_result));
void ol_http_stream_end(struct ol_http_stream *s);
