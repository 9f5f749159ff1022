/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/rpc/rabbit-frame.h"
#include "compute/rpc/rabbit-plan.h"
#include "compute/rpc/transport.h"

/* A message that comes in pieces: method, header, bodies. */
struct rabbit_incoming {
    bool is_open;       /* its method came */
    bool has_header;    /* and its header */
    uint64_t tag;       /* of a delivery */
    uint64_t size, got; /* bytes */
    struct ol_buf body; /* stays empty when it is too long, or lies in one frame */
    char key[RABBIT_NAME_MAX], exchange[RABBIT_NAME_MAX]; /* of a return */
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
    size_t n_ready; /* of its messages are acknowledged, and not yet with the sink */
    struct ol_err err;
    /* The thread's. */
    bool is_channel_open;
    ol_time retry_at;
    unsigned failures;
    int64_t stream_offset; /* next; -1 = "last" */
    struct rabbit_incoming incoming;
};

/* A message that is complete and acknowledged, until the sink gets it. */
struct rabbit_ready {
    struct rabbit_consumer *consumer;
    const char *body; /* NULL = it was too long */
    uint64_t size;
    struct ol_buf own; /* the body, when it came in several frames */
};

/* --- rabbit-consume.c --- */
void rabbit_consumers_down(struct rpc_link *l);
void rabbit_consumers_step(struct rpc_link *l, ol_time now);
ol_time rabbit_consumers_next(struct rpc_link *l);
/* None of them waits for its first answer on this connection. */
bool rabbit_consumers_stand(struct rpc_link *l);
int rabbit_consume_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
/* Behind the frames of one read: sends the acknowledgements, all at once, then gives the messages
 * to the sink. */
int rabbit_consumers_deliver(struct rpc_link *l, struct ol_err *err);
void rabbit_consumers_leave(struct rpc_link *l); /* deletes what is ours alone */
void rabbit_consumer_free(struct rabbit_consumer *c);
void rabbit_incoming_reset(struct rabbit_incoming *m);
/* 1 = complete: the body is *ret_body, NULL when it was longer than RABBIT_BODY_MAX. */
int rabbit_incoming_add(struct rabbit_incoming *m, const struct rabbit_frame *f,
                        const char **ret_body, struct ol_err *err);
