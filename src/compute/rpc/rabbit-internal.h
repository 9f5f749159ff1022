/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>

#include "compute/rpc/rabbit-frame.h"
#include "compute/rpc/rabbit-plan.h"
#include "compute/rpc/rabbit-url.h"
#include "compute/rpc/transport.h"

/*
 * One link: a thread of its own with a connection that it makes again and again. What other threads
 * ask for (publish, consume, cancel, close) they leave under 'lock' and write to 'wake_fd';
 * everything else is the thread's. All I/O is non-blocking: the only place to wait is its poll().
 *
 * Channel 1 publishes, channel 2 declares exchanges for it, and each consumer has a channel of its
 * own, so that a refused declaration closes nobody else's.
 */
enum {
    RABBIT_CHANNEL_PUBLISH = 1,
    RABBIT_CHANNEL_DECLARE = 2,
    RABBIT_CHANNEL_CONSUME = 3, /* and those that follow */
    RABBIT_BODY_MAX = 16 << 20, /* of a message, in both directions */
    RABBIT_OUT_MAX = 64 << 20,
    RABBIT_OUT_AIM = 1 << 20, /* more is not made ready at a time */
    RABBIT_FLYING_MAX = 4096, /* publishes that wait for their confirm */
    RABBIT_PREFETCH = 100,    /* of streams, which must have one */
    RABBIT_SETTLE_S = 5,      /* how long publishes wait for the consumers of a new connection */
};

enum rabbit_state {
    RABBIT_DOWN,       /* until retry_at */
    RABBIT_RESOLVING,  /* the host's addresses are looked up */
    RABBIT_CONNECTING, /* TCP */
    RABBIT_SECURING,   /* TLS */
    RABBIT_LOGIN,
    RABBIT_UP,
    RABBIT_LEAVING, /* connection.close was sent */
};

struct rabbit_addresses;
struct rabbit_lookup;

/* A socket, with TLS or without (rabbit-socket.c). */
struct rabbit_socket {
    int fd; /* -1 = none */
    gnutls_session_t tls;
    gnutls_certificate_credentials_t credentials;
    bool wants_write; /* TLS must write before it goes on */
};

/* A message that comes in pieces: method, header, bodies. */
struct rabbit_incoming {
    bool is_open;       /* its method came */
    bool has_header;    /* and its header */
    uint64_t tag;       /* of a delivery */
    uint64_t size, got; /* bytes */
    struct ol_buf body; /* stays empty when it is too long, or lies in one frame */
    char key[RABBIT_NAME_MAX], exchange[RABBIT_NAME_MAX]; /* of a return */
};

enum rabbit_exchange_state {
    EXCHANGE_UNKNOWN,
    EXCHANGE_DECLARING,
    EXCHANGE_READY,
    EXCHANGE_HELD, /* refused: until 'until' */
};

struct rabbit_exchange {
    struct rabbit_exchange *next;
    char *name;
    bool is_fanout;
    enum rabbit_exchange_state state;
    ol_time until;
    bool is_told; /* its refusal was logged */
};

struct rabbit_outgoing {
    struct rabbit_outgoing *next;
    const char *exchange, *key, *body; /* behind the struct */
    size_t len;
    bool is_fanout, is_mandatory, is_returned, is_counted;
    ol_time expiration, deadline;
    uint64_t tag;
    struct rpc_sent sent;
};

struct rabbit_outgoings {
    struct rabbit_outgoing *head, **tail;
};

enum rabbit_consumer_state {
    CONSUMER_NEW,       /* to be declared at 'retry_at' */
    CONSUMER_DECLARING, /* everything was sent, up to basic.consume */
    CONSUMER_STANDS,
    CONSUMER_REFUSED, /* for good: the caller gets the error */
    CONSUMER_LEAVING, /* channel.close was sent */
};

struct rabbit_consumer {
    struct rabbit_consumer *next;
    struct rpc_queue queue; /* its texts are in 'text' */
    char *text;
    struct rabbit_plan plan;
    uint16_t channel;
    /* Under the link's lock. */
    enum rabbit_consumer_state state;
    bool is_wanted; /* until cancel() */
    bool is_waited; /* consume() has not returned */
    struct ol_err err;
    /* The thread's. */
    bool is_channel_open;
    ol_time retry_at;
    unsigned failures;
    int64_t stream_offset; /* next; -1 = "last" */
    struct rabbit_incoming incoming;
};

struct rpc_link {
    struct ol_env *env;
    struct ol_arena arena; /* options and URL */
    struct rpc_transport_options options;
    struct rabbit_url url;
    struct rpc_sink sink;
    const char *id; /* the last part of the connection's name */
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a consumer's state, on the monotonic clock */
    bool is_closing;
    struct rabbit_outgoings inbox;
    struct rabbit_consumer *consumers;
    struct rabbit_consumer *delivering; /* whose message the sink has just now */
    unsigned n_queues;                  /* numbers of the queue manager's names */
    unsigned n_waiting;                 /* callers inside consume() */
    uint16_t next_channel;
    struct ol_err last_err; /* why there is no connection */
    _Atomic(const char *) peer;

    /* The thread's. */
    enum rabbit_state state;
    struct rabbit_socket socket;
    struct rabbit_lookup *lookup;
    struct rabbit_addresses *addresses;
    struct rabbit_decoder decoder;
    struct ol_buf in, out;
    size_t out_done; /* bytes of 'out' that are written */
    size_t frame_max;
    ol_time heartbeat; /* as agreed; 0 = none */
    ol_time last_in, last_out, state_until, retry_at, up_since;
    unsigned failures; /* in a row */
    size_t *order;     /* of trial, indexes of url.hosts */
    size_t host;       /* index of 'order' */
    bool was_up;       /* it was connected before */
    bool is_blocked;   /* connection.blocked */
    char refused[160]; /* the refused login that was explained already */

    struct rabbit_exchange *exchanges;
    struct rabbit_exchange *declaring;
    struct rabbit_outgoings waiting, flying;
    size_t n_flying;
    uint64_t next_tag;
    bool is_publish_open, is_declare_open;
    ol_time publish_at;    /* not before */
    ol_time next_deadline; /* of waiting and flying; 0 = none */
    unsigned publish_failures;
    struct rabbit_incoming returned;
};

/* --- rabbit-socket.c --- */
/* 0, or -errno with a sentence; -EAGAIN: not yet. */
int rabbit_socket_connect(struct rabbit_socket *s, struct rabbit_addresses *from, ol_time timeout,
                          struct ol_err *err);
int rabbit_socket_connected(struct rabbit_socket *s, struct ol_err *err);
int rabbit_socket_secure(struct rabbit_socket *s, const struct rpc_transport_options *o,
                         const char *host, struct ol_err *err);
int rabbit_socket_handshake(struct rabbit_socket *s, const char *host, struct ol_err *err);
/* Bytes; 0 = the peer closed (read only); -EAGAIN. */
ssize_t rabbit_socket_read(struct rabbit_socket *s, char *data, size_t size, struct ol_err *err);
ssize_t rabbit_socket_write(struct rabbit_socket *s, const char *data, size_t size,
                            struct ol_err *err);
int rabbit_socket_port(const struct rabbit_socket *s);
/* True when bytes wait inside the TLS session, where poll() does not see them. */
bool rabbit_socket_is_pending(const struct rabbit_socket *s);
void rabbit_socket_close(struct rabbit_socket *s);

/* --- rabbit-resolve.c: getaddrinfo() in a thread that nobody waits for --- */
struct rabbit_lookup *rabbit_lookup_start(const char *host, int port);
int rabbit_lookup_fd(const struct rabbit_lookup *l); /* readable when it has ended */
/* Takes the lookup. -EHOSTUNREACH: the name has no address. */
int rabbit_lookup_end(struct rabbit_lookup *l, struct rabbit_addresses **ret, struct ol_err *err);
void rabbit_lookup_drop(struct rabbit_lookup *l);
/* The next address to be tried, NULL at the end. */
const struct addrinfo *rabbit_addresses_next(struct rabbit_addresses *a);
bool rabbit_addresses_more(const struct rabbit_addresses *a);
void rabbit_addresses_free(struct rabbit_addresses *a);

/* --- rabbit-login.c: channel 0 --- */
void rabbit_login_begin(struct rpc_link *l);
int rabbit_login_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
/* The one sentence about a login that is refused; "" when 'err' is nothing of that kind. */
void rabbit_explain_login(struct rpc_link *l, const struct ol_err *err);

/* --- rabbit-publish.c --- */
void rabbit_outgoings_init(struct rabbit_outgoings *o);
void rabbit_outgoings_add(struct rabbit_outgoings *o, struct rabbit_outgoing *g);
void rabbit_publish_up(struct rpc_link *l);
void rabbit_publish_down(struct rpc_link *l);
/* Takes what came, ends what is too late, writes what can be written. */
void rabbit_publish_step(struct rpc_link *l, ol_time now);
ol_time rabbit_publish_next(const struct rpc_link *l, ol_time now); /* 0 = nothing to wait for */
int rabbit_publish_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
void rabbit_publish_done(struct rpc_link *l); /* the link closes */

/* --- rabbit-exchange.c: channel 2 --- */
/* The exchange of a publish when it may go out now, else NULL. */
bool rabbit_exchange_ready(struct rpc_link *l, const struct rabbit_outgoing *g, ol_time now);
struct rabbit_exchange *rabbit_exchange_find(struct rpc_link *l, const char *name);
void rabbit_exchanges_forget(struct rpc_link *l);
int rabbit_exchange_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
/* When the next refused exchange is tried again; 0 = none. */
ol_time rabbit_exchange_next(const struct rpc_link *l);
void rabbit_exchanges_free(struct rpc_link *l);

/* --- rabbit-consume.c --- */
void rabbit_consumers_down(struct rpc_link *l);
void rabbit_consumers_step(struct rpc_link *l, ol_time now);
ol_time rabbit_consumers_next(struct rpc_link *l);
/* None of them waits for its first answer on this connection. */
bool rabbit_consumers_stand(struct rpc_link *l);
int rabbit_consume_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
void rabbit_consumers_leave(struct rpc_link *l); /* deletes what is ours alone */
void rabbit_consumer_free(struct rabbit_consumer *c);
void rabbit_incoming_reset(struct rabbit_incoming *m);
/* 1 = complete: the body is *ret_body, NULL when it was longer than RABBIT_BODY_MAX. */
int rabbit_incoming_add(struct rabbit_incoming *m, const struct rabbit_frame *f,
                        const char **ret_body, struct ol_err *err);

/* --- rabbit-link.c --- */
void *rabbit_link_main(void *link);
void rabbit_link_wake(struct rpc_link *l);
/* Writes as much as the socket takes. */
int rabbit_link_flush(struct rpc_link *l, struct ol_err *err);
const struct rabbit_host *rabbit_link_host(const struct rpc_link *l);
void rabbit_link_set(struct rpc_link *l, enum rabbit_state state, ol_time until);
void rabbit_link_is_up(struct rpc_link *l);

/* --- small ones --- */
void rabbit_send(struct rpc_link *l, uint16_t channel, amqp_method_number_t id,
                 const void *decoded);
/* Text of the broker, without what a terminal would do with it. */
void rabbit_text(char *out, size_t size, amqp_bytes_t from);
/* "(404) NOT_FOUND - no queue …" as py-amqp writes it. */
int rabbit_refusal(struct ol_err *err, uint16_t code, amqp_bytes_t text);
uint32_t rabbit_random(void);
