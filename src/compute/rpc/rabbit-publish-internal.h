/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/rpc/rabbit-frame.h"
#include "compute/rpc/transport.h"

/* What goes out: frames that wait, frames that fly until their confirm, and their exchanges. */
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
/* Whether a publish may go out now; declares its exchange when that is due. */
bool rabbit_exchange_ready(struct rpc_link *l, const struct rabbit_outgoing *g, ol_time now);
struct rabbit_exchange *rabbit_exchange_find(struct rpc_link *l, const char *name);
void rabbit_exchanges_forget(struct rpc_link *l);
int rabbit_exchange_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err);
/* When the next refused exchange is tried again; 0 = none. */
ol_time rabbit_exchange_next(const struct rpc_link *l);
void rabbit_exchanges_free(struct rpc_link *l);
