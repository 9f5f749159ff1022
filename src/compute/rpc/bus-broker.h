/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "compute/rpc/transport.h"
#include "core/clock.h"

/*
 * The queues of our own bus, as AMQP has them for nova: topic queues bound to exchanges by their
 * own names, which stay; reply and fanout queues, which go when nobody has used them for their time
 * to live. A message goes to one consumer, in turn, and is its own when it was acknowledged; what
 * was not comes back to the head of its queue when the consumer goes. In memory; no I/O, no clock,
 * no lock: one thread has it.
 */
struct broker;
struct broker_peer;

enum {
    BROKER_QUEUES = 4096,
    BROKER_MESSAGES = 65536,        /* in a queue */
    BROKER_BYTES = 128 << 20,       /* in a queue */
    BROKER_TOTAL_BYTES = 512 << 20, /* in all of them */
    BROKER_UNACKED = 1024,          /* that a peer has; more wait in their queues */
    BROKER_UNACKED_BYTES = 4 << 20,
};

struct broker_delivery {
    uint64_t tag; /* for broker_ack() */
    const char *queue;
    const char *body; /* borrowed for the call */
    size_t len;
};

/* 'deliver' gets the context of the peer that consumes; it must not call the broker. */
struct broker *broker_new(void (*deliver)(void *peer_ctx, const struct broker_delivery *d))
    __attribute__((warn_unused_result));
/* The peers go, too. */
void broker_free(struct broker *b);

struct broker_peer *broker_join(struct broker *b, void *ctx) __attribute__((warn_unused_result));
void broker_leave(struct broker *b, struct broker_peer *p, ol_time now);

struct broker_queue_options {
    enum rpc_queue_kind kind;
    const char *exchange; /* bound to it; a fanout queue's topic; "" = none */
    const char *name;
    ol_time ttl; /* 0 = stays for ever */
};
/* Makes the queue when there is none, and consumes it. -EPROTO: it is of another kind; -ENOSPC: too
 * many queues. */
int broker_consume(struct broker *b, struct broker_peer *p, const struct broker_queue_options *o,
                   ol_time now) __attribute__((warn_unused_result));
void broker_cancel(struct broker *b, struct broker_peer *p, const char *name, ol_time now);

/* To whom it concerns. 0, also when nobody is there; -ENOENT: nobody, and it is mandatory; -EAGAIN:
 * the queue is full, or all of them are. A fanout's queue that is full loses its oldest instead. */
int broker_publish(struct broker *b, const struct rpc_frame *f, ol_time now)
    __attribute__((warn_unused_result));
/* Tags that are not known are ignored. */
void broker_ack(struct broker *b, struct broker_peer *p, uint64_t tag, ol_time now);
void broker_nack(struct broker *b, struct broker_peer *p, uint64_t tag, ol_time now);

/* Removes queues whose time is over; when to call it again, INT64_MAX = no need. */
ol_time broker_tick(struct broker *b, ol_time now);
/* Messages that wait in a queue; -ENOENT: there is no such queue. */
ssize_t broker_waiting(const struct broker *b, const char *name);
