/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "compute/rpc/rabbit-consume-internal.h"
#include "compute/rpc/rabbit-frame.h"
#include "compute/rpc/rabbit-publish-internal.h"
#include "compute/rpc/rabbit-socket-internal.h"
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
    unsigned n_queues;  /* numbers of the queue manager's names */
    unsigned n_waiting; /* callers inside consume() */
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

    struct rabbit_ready *ready;
    size_t n_ready, max_ready;
    struct rabbit_exchange *exchanges;
    struct rabbit_exchange *declaring;
    struct rabbit_outgoings waiting, flying;
    size_t n_flying;
    uint64_t next_tag;
    bool is_publish_open, is_declare_open;
    bool is_stuck;         /* a confirm did not come in time, and that was logged */
    ol_time publish_at;    /* not before */
    ol_time next_deadline; /* of waiting and flying; 0 = none */
    unsigned publish_failures;
    struct rabbit_incoming returned;
};

/* --- rabbit-login.c: channel 0 --- */
void rabbit_login_begin(struct rpc_link *l);
int rabbit_login_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
/* Logs, once, what a refused login means; nothing when err is no such refusal. */
void rabbit_explain_login(struct rpc_link *l, const struct ol_err *err);

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
/* Of two moments of which 0 means never. */
ol_time rabbit_earlier(ol_time a, ol_time b);
