/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "compute/rpc/transport.h"

/*
 * What is declared for a queue, what the broker's refusals mean, and when the next try comes: the
 * rules of oslo.messaging's impl_rabbit.py (Zed, and 2026 for what came later) without any I/O.
 */
enum { RABBIT_ARGS_MAX = 5, RABBIT_NAME_MAX = 256 };

struct rabbit_arg {
    const char *name; /* "x-expires" */
    int64_t number;
    char text[24]; /* "": the number */
};

struct rabbit_plan {
    const char *type; /* of the exchange: "topic", "fanout"; NULL: the default one, nothing bound */
    char exchange[RABBIT_NAME_MAX], queue[RABBIT_NAME_MAX], key[RABBIT_NAME_MAX];
    bool is_exchange_durable, is_exchange_auto_delete;
    bool is_durable, is_auto_delete;
    bool is_stream; /* consumed with a prefetch and an offset */
    bool is_own;    /* nobody else's fanout queue: deleted when we go */
    struct rabbit_arg args[RABBIT_ARGS_MAX];
    size_t n_args;
};

/* 'unique' makes the name of a queue that is ours alone: 32 hex digits, or "HOST:PROGRAM:N" of the
 * queue manager, which names reply queues even when 'q' does. -ENAMETOOLONG: over 255 bytes. */
int rabbit_plan(const struct rpc_transport_options *o, const struct rpc_queue *q,
                const char *unique, struct rabbit_plan *ret) __attribute__((warn_unused_result));

/* The option that a refused declaration hangs on ("amqp_durable_queues"), by the argument that the
 * broker names in its text; NULL when it is none of ours. */
const char *rabbit_blamed_option(const struct rpc_queue *q, const char *text);

/* How long after the n-th failure in a row (from 1) the next host is tried: at once until all were
 * tried once; then retry_first, retry_step more after each round, retry_most at most; and
 * reconnect_delay. 'random' adds up to a quarter, so that a region does not come back at once. */
ol_time rabbit_retry_delay(const struct rpc_transport_options *o, size_t n_hosts, unsigned n,
                           uint32_t random);
