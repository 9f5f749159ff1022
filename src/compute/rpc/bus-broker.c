/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/bus-broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "core/table.h"

/* A body that may wait in several queues. */
struct content {
    unsigned refs;
    size_t *total;   /* of the broker: bodies in all queues and hands */
    ol_time expires; /* 0 = never */
    size_t len;
    char body[];
};

/* A message in a queue, or in the hands of a peer. */
struct entry {
    struct entry *next;
    struct content *content;
    struct queue *queue; /* in a peer's hands: where it came from; NULL: that is gone */
    uint64_t tag;
};

struct queue {
    const char *name; /* first, for the table; own memory */
    enum rpc_queue_kind kind;
    struct ol_strv exchanges; /* bound to; a fanout's topic */
    struct entry *first, **end;
    size_t n, n_bytes;
    struct broker_peer **consumers; /* the next in turn first */
    size_t n_consumers;
    ol_time ttl, unused_since;
};

struct broker_peer {
    struct broker_peer *next;
    void *ctx;
    struct entry *unacked, **unacked_end;
    size_t n_unacked, n_bytes;
    uint64_t last_tag;
};

struct broker {
    void (*deliver)(void *peer_ctx, const struct broker_delivery *d);
    struct ol_table queues;
    struct broker_peer *peers;
    size_t n_bytes;
};

struct broker *broker_new(void (*deliver)(void *peer_ctx, const struct broker_delivery *d))
{
    struct broker *b = ol_xcalloc(1, sizeof(*b));

    b->deliver = deliver;
    b->queues = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    return b;
}

static void content_unref(struct content *c)
{
    if (--c->refs)
        return;
    *c->total -= c->len;
    free(c);
}

static void entry_free(struct entry *e)
{
    content_unref(e->content);
    free(e);
}

static void queue_free(struct queue *q)
{
    struct entry *next;

    for (struct entry *e = q->first; e; e = next) {
        next = e->next;
        entry_free(e);
    }
    ol_strv_done(&q->exchanges);
    free(q->consumers);
    free((char *)q->name);
    free(q);
}

static void peer_free(struct broker_peer *p)
{
    struct entry *next;

    for (struct entry *e = p->unacked; e; e = next) {
        next = e->next;
        entry_free(e);
    }
    free(p);
}

void broker_free(struct broker *b)
{
    struct broker_peer *next;
    size_t at = 0;

    for (struct queue *q; (q = ol_table_each(&b->queues, &at));)
        queue_free(q);
    ol_table_done(&b->queues);
    for (struct broker_peer *p = b->peers; p; p = next) {
        next = p->next;
        peer_free(p);
    }
    free(b);
}

/* --- entries --- */

static void queue_put(struct queue *q, struct entry *e)
{
    e->next = NULL;
    *q->end = e;
    q->end = &e->next;
    q->n++;
    q->n_bytes += e->content->len;
}

static void queue_put_first(struct queue *q, struct entry *e)
{
    e->next = q->first;
    q->first = e;
    if (!e->next)
        q->end = &e->next;
    q->n++;
    q->n_bytes += e->content->len;
}

static struct entry *queue_take(struct queue *q)
{
    struct entry *e = q->first;

    q->first = e->next;
    if (!q->first)
        q->end = &q->first;
    q->n--;
    q->n_bytes -= e->content->len;
    return e;
}

static bool has_credit(const struct broker_peer *p)
{
    return p->n_unacked < BROKER_UNACKED && p->n_bytes < BROKER_UNACKED_BYTES;
}

/* The next consumer in turn that may have more; it goes to the end of the row. */
static struct broker_peer *next_consumer(struct queue *q)
{
    for (size_t i = 0; i < q->n_consumers; i++) {
        struct broker_peer *p = q->consumers[i];

        if (!has_credit(p))
            continue;
        memmove(q->consumers + i, q->consumers + i + 1,
                (q->n_consumers - i - 1) * sizeof(struct broker_peer *));
        q->consumers[q->n_consumers - 1] = p;
        return p;
    }
    return NULL;
}

static void give(struct broker *b, struct broker_peer *p, struct entry *e)
{
    struct broker_delivery d = {
        .queue = e->queue->name,
        .body = e->content->body,
        .len = e->content->len,
    };

    e->tag = d.tag = ++p->last_tag;
    e->next = NULL;
    *p->unacked_end = e;
    p->unacked_end = &e->next;
    p->n_unacked++;
    p->n_bytes += d.len;
    b->deliver(p->ctx, &d);
}

/* Gives out what waits, as far as consumers take it. */
static void pump(struct broker *b, struct queue *q, ol_time now)
{
    struct broker_peer *p;

    while (q->first) {
        if (q->first->content->expires && q->first->content->expires <= now) {
            entry_free(queue_take(q));
            continue;
        }
        p = next_consumer(q);
        if (!p)
            return;
        give(b, p, queue_take(q));
    }
}

static bool consumes(const struct queue *q, const struct broker_peer *p)
{
    for (size_t i = 0; i < q->n_consumers; i++)
        if (q->consumers[i] == p)
            return true;
    return false;
}

static void pump_all_of(struct broker *b, const struct broker_peer *p, ol_time now)
{
    size_t at = 0;

    for (struct queue *q; (q = ol_table_each(&b->queues, &at));)
        if (q->first && consumes(q, p))
            pump(b, q, now);
}

/* --- peers --- */

struct broker_peer *broker_join(struct broker *b, void *ctx)
{
    struct broker_peer *p = ol_xcalloc(1, sizeof(*p));

    p->ctx = ctx;
    p->unacked_end = &p->unacked;
    p->next = b->peers;
    b->peers = p;
    return p;
}

static void drop_consumer(struct queue *q, const struct broker_peer *p, ol_time now)
{
    size_t kept = 0;

    if (!consumes(q, p))
        return;
    for (size_t i = 0; i < q->n_consumers; i++)
        if (q->consumers[i] != p)
            q->consumers[kept++] = q->consumers[i];
    q->n_consumers = kept;
    q->unused_since = now;
}

/* Back to the heads of their queues, in their order: the newest first. */
static void requeue_all(struct entry *e)
{
    struct entry *turned = NULL, *next;

    for (; e; e = next) {
        next = e->next;
        e->next = turned;
        turned = e;
    }
    for (e = turned; e; e = next) {
        next = e->next;
        if (e->queue)
            queue_put_first(e->queue, e);
        else
            entry_free(e);
    }
}

void broker_leave(struct broker *b, struct broker_peer *p, ol_time now)
{
    struct broker_peer **at = &b->peers;
    size_t i = 0;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    for (struct queue *q; (q = ol_table_each(&b->queues, &i));)
        drop_consumer(q, p, now);
    requeue_all(p->unacked);
    p->unacked = NULL;
    i = 0;
    for (struct queue *q; (q = ol_table_each(&b->queues, &i));)
        pump(b, q, now);
    peer_free(p);
}

/* --- queues --- */

static void bind_to(struct queue *q, const char *exchange)
{
    if (*exchange && !ol_strv_has(&q->exchanges, exchange))
        ol_strv_add(&q->exchanges, exchange);
}

int broker_consume(struct broker *b, struct broker_peer *p, const struct broker_queue_options *o,
                   ol_time now)
{
    struct queue *q = ol_table_find_str(&b->queues, o->name);

    if (q && q->kind != o->kind)
        return -EPROTO;
    if (!q) {
        if (b->queues.n >= BROKER_QUEUES)
            return -ENOSPC;
        q = ol_xcalloc(1, sizeof(*q));
        q->name = ol_xstrdup(o->name);
        q->kind = o->kind;
        q->end = &q->first;
        q->ttl = o->ttl;
        ol_table_put(&b->queues, q);
    }
    bind_to(q, o->exchange);
    if (!consumes(q, p)) {
        q->consumers = ol_xrealloc(q->consumers, q->n_consumers + 1, sizeof(struct broker_peer *));
        q->consumers[q->n_consumers++] = p;
    }
    pump(b, q, now);
    return 0;
}

void broker_cancel(struct broker *b, struct broker_peer *p, const char *name, ol_time now)
{
    struct queue *q = ol_table_find_str(&b->queues, name);

    if (q)
        drop_consumer(q, p, now);
}

static void forget_queue(struct broker *b, struct queue *q)
{
    for (struct broker_peer *p = b->peers; p; p = p->next)
        for (struct entry *e = p->unacked; e; e = e->next)
            if (e->queue == q)
                e->queue = NULL;
    ol_table_remove(&b->queues, q);
    queue_free(q);
}

ol_time broker_tick(struct broker *b, ol_time now)
{
    struct queue *over;
    ol_time next;

    do {
        size_t at = 0;

        over = NULL;
        next = INT64_MAX;
        for (struct queue *q; (q = ol_table_each(&b->queues, &at));) {
            ol_time until = q->unused_since + q->ttl;

            if (!q->ttl || q->n_consumers)
                continue;
            if (until <= now)
                over = q;
            else if (until < next)
                next = until;
        }
        if (over)
            forget_queue(b, over);
    } while (over);
    return next;
}

ssize_t broker_waiting(const struct broker *b, const char *name)
{
    const struct queue *q = ol_table_find_str(&b->queues, name);

    return q ? (ssize_t)q->n : -ENOENT;
}

/* --- messages --- */

/* With one reference, the caller's. */
static struct content *content_new(struct broker *b, const struct rpc_frame *f, ol_time now)
{
    struct content *c = ol_xcalloc(1, sizeof(*c) + f->len + 1);

    c->refs = 1;
    c->total = &b->n_bytes;
    c->len = f->len;
    c->expires = f->expiration ? now + f->expiration : 0;
    memcpy(c->body, f->body, f->len);
    b->n_bytes += f->len;
    return c;
}

static bool is_full(const struct queue *q)
{
    return q->n >= BROKER_MESSAGES || q->n_bytes >= BROKER_BYTES;
}

static void put(struct broker *b, struct queue *q, struct content *c, ol_time now)
{
    struct entry *e = ol_xcalloc(1, sizeof(*e));

    c->refs++;
    e->content = c;
    e->queue = q;
    queue_put(q, e);
    pump(b, q, now);
}

static void put_fanout(struct broker *b, const char *topic, struct content *c, ol_time now)
{
    size_t at = 0;

    for (struct queue *q; (q = ol_table_each(&b->queues, &at));) {
        if (q->kind != RPC_QUEUE_FANOUT || !ol_strv_has(&q->exchanges, topic))
            continue;
        if (is_full(q))
            entry_free(queue_take(q));
        put(b, q, c, now);
    }
}

static bool is_bound(const struct queue *q, const char *exchange)
{
    return !*exchange || (q->kind == RPC_QUEUE_TOPIC && ol_strv_has(&q->exchanges, exchange));
}

int broker_publish(struct broker *b, const struct rpc_frame *f, ol_time now)
{
    struct queue *q = f->is_fanout ? NULL : ol_table_find_str(&b->queues, f->key);
    struct content *c;

    if (!f->is_fanout && (!q || !is_bound(q, f->exchange)))
        return f->is_mandatory ? -ENOENT : 0;
    if ((q && is_full(q)) || b->n_bytes + f->len > BROKER_TOTAL_BYTES)
        return -EAGAIN;
    c = content_new(b, f, now);
    if (q)
        put(b, q, c, now);
    else
        put_fanout(b, f->key, c, now);
    content_unref(c);
    return 0;
}

/* Takes it out of the peer's hands; NULL: it is not there. */
static struct entry *take_unacked(struct broker_peer *p, uint64_t tag)
{
    for (struct entry **at = &p->unacked; *at; at = &(*at)->next) {
        struct entry *e = *at;

        if (e->tag != tag)
            continue;
        *at = e->next;
        if (!*at)
            p->unacked_end = at;
        p->n_unacked--;
        p->n_bytes -= e->content->len;
        return e;
    }
    return NULL;
}

void broker_ack(struct broker *b, struct broker_peer *p, uint64_t tag, ol_time now)
{
    bool had_credit = has_credit(p);
    struct entry *e = take_unacked(p, tag);

    if (e)
        entry_free(e);
    if (!had_credit && has_credit(p))
        pump_all_of(b, p, now);
}

void broker_nack(struct broker *b, struct broker_peer *p, uint64_t tag, ol_time now)
{
    struct entry *e = take_unacked(p, tag);

    if (!e)
        return;
    if (!e->queue) {
        entry_free(e);
        return;
    }
    queue_put_first(e->queue, e);
    pump(b, e->queue, now);
}
