/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/queue.h>

#include "core/buf.h"
#include "net/http-server.h"

/* Where an exchange stands. */
enum exchange_state {
    EXCHANGE_RECEIVES, /* head or body are still coming */
    EXCHANGE_HANDLED,  /* inside options.handle */
    EXCHANGE_WAITS,    /* its connection is suspended until there is an answer */
    EXCHANGE_ANSWERED, /* MHD has the response or gets it the next time it asks */
};

/* Who is at the other end of a connection: its certificate is looked at once. */
struct http_peer {
    unsigned refs; /* the connection's and those of exchanges, which may outlive it */
    bool is_read;
    char *cn; /* of a verified certificate; NULL = none */
    char *organizations[16];
};

struct ol_http_exchange {
    LIST_ENTRY(ol_http_exchange) link;
    struct ol_http_server *server;
    struct MHD_Connection *mhd; /* NULL: the peer has gone, the answer goes nowhere */
    enum exchange_state state;
    char *method, *path, *query;
    struct ol_buf body;
    size_t n_refused; /* bytes beyond the maximum */
    struct MHD_Response *response;
    unsigned status;
    struct ol_http_stream *stream; /* the answer is one */
    struct http_peer *peer;        /* NULL until the request is complete */
};

struct ol_http_stream {
    struct ol_http_exchange *exchange;
    struct ol_buf pending;
    size_t sent; /* of pending */
    bool is_suspended, is_ended, is_gone;
    uv_poll_t *watch; /* notices the peer's leaving while it is suspended */
    void (*closed)(void *ctx);
    void *ctx;
};

struct ol_http_server {
    struct ol_loop *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t *poll;
    struct ol_timer timer;
    struct ol_http_server_options options;
    char *address, *unix_path;
    struct ol_buf cert, key, trust;
    LIST_HEAD(, ol_http_exchange) exchanges;
    bool is_running, want_stop;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* --- http-server.c --- */
/* Lets a suspended connection go on; libmicrohttpd has to be run for that, in the next turn. */
void http_server_resume(struct ol_http_server *s, struct MHD_Connection *mhd);

/* --- http-exchange.c --- */
void *http_exchange_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **state);
void http_exchange_completed(void *server, struct MHD_Connection *mhd, void **state,
                             enum MHD_RequestTerminationCode why);
void http_exchange_free(struct ol_http_exchange *x);
/* Hands the response to the connection, now or when it is resumed. */
void http_exchange_give(struct ol_http_exchange *x, struct MHD_Response *response,
                        const struct ol_http_answer *a);
/* The server goes: whoever waits for an answer gets none. */
void http_exchange_abandon(struct ol_http_exchange *x);

/* --- http-stream.c --- */
void http_stream_abandon(struct ol_http_stream *st);
void http_stream_completed(struct ol_http_stream *st);

/* --- http-peer.c --- */
/* MHD_NotifyConnectionCallback: gives each connection its peer. */
void http_peer_notify(void *ctx, struct MHD_Connection *mhd, void **state,
                      enum MHD_ConnectionNotificationCode what);
/* The peer of a connection with what its certificate says, for the exchange to hold. */
struct http_peer *http_peer_get(const struct ol_http_server *s, struct MHD_Connection *mhd);
void http_peer_unref(struct http_peer *p);

/* --- http-listen.c --- */
/* A listening socket for "127.0.0.1:6443", "[::1]:0" or "unix:/path". */
int http_listen(struct ol_env *env, const char *spec, char **ret_address, char **ret_unix_path,
                int *ret_fd, struct ol_err *err) __attribute__((warn_unused_result));
