/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "core/err.h"
#include "net/http-tls-internal.h"
#include "net/loop.h"

/* One connection to a server, with TLS or without. It has its own storage, and ends by itself when
 * the peer does. */
struct http_conn;

/* Where all of a client's connections go, and what they share. */
struct http_site {
    struct ol_loop *loop;
    struct sockaddr_storage sa;
    socklen_t sa_len;
    const char *host;           /* for its certificate */
    struct http_tls_setup *tls; /* NULL = none */
    char *in, *plain;           /* HTTP_CONN_READ bytes each, for the time of one event */
};
enum { HTTP_CONN_READ = 64 << 10 };

struct http_conn_owner {
    void (*opened)(void *ctx); /* it can be written to */
    void (*data)(void *ctx, const char *data, size_t len);
    /* The end, by the peer or a failure, -errno (0 = as TLS or TCP say goodbye). It is closed. */
    void (*ended)(void *ctx, int r, const struct ol_err *err);
    /* Nothing of it is left; once for each, in a later turn. */
    void (*gone)(void *ctx);
    void *ctx;
};

/* Begins to connect; nobody is called from within. */
struct http_conn *http_conn_new(const struct http_site *site, const struct http_conn_owner *owner);
/* After 'opened'. What can't be sent now goes later; a failure shows when something is read. */
void http_conn_write(struct http_conn *c, const char *data, size_t len);
/* All that was written has gone to the kernel. */
bool http_conn_is_flushed(const struct http_conn *c);
/* Of the owner's calls only 'gone' follows. It can be called from within any of them. */
void http_conn_close(struct http_conn *c);
