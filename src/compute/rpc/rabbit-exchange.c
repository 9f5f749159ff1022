/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/alloc.h"

struct rabbit_exchange *rabbit_exchange_find(struct rpc_link *l, const char *name)
{
    for (struct rabbit_exchange *x = l->exchanges; x; x = x->next) {
        if (strcmp(x->name, name) == 0)
            return x;
    }
    return NULL;
}

static struct rabbit_exchange *get(struct rpc_link *l, const struct rabbit_outgoing *g)
{
    struct rabbit_exchange *x = rabbit_exchange_find(l, g->exchange);

    if (x)
        return x;
    x = ol_xcalloc(1, sizeof(*x));
    x->name = ol_xstrdup(g->exchange);
    x->is_fanout = g->is_fanout;
    x->next = l->exchanges;
    l->exchanges = x;
    return x;
}

/* One declaration at a time, so that a refusal is that of 'declaring'. */
static void declare(struct rpc_link *l, struct rabbit_exchange *x)
{
    const struct rpc_transport_options *o = &l->options;
    amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
    amqp_exchange_declare_t d = {
        .exchange = amqp_cstring_bytes(x->name),
        .type = amqp_cstring_bytes(x->is_fanout ? "fanout" : "topic"),
        .durable = x->is_fanout ? o->has_transient_quorum_queues || o->has_stream_fanout
                                : o->is_durable || o->has_quorum_queues,
        .auto_delete = x->is_fanout || o->is_auto_delete,
    };

    if (!l->is_declare_open)
        rabbit_send(l, RABBIT_CHANNEL_DECLARE, AMQP_CHANNEL_OPEN_METHOD, &open);
    l->is_declare_open = true;
    rabbit_send(l, RABBIT_CHANNEL_DECLARE, AMQP_EXCHANGE_DECLARE_METHOD, &d);
    x->state = EXCHANGE_DECLARING;
    l->declaring = x;
}

bool rabbit_exchange_ready(struct rpc_link *l, const struct rabbit_outgoing *g, ol_time now)
{
    struct rabbit_exchange *x;

    if (!g->exchange[0])
        return true;
    x = get(l, g);
    if (x->state == EXCHANGE_HELD && x->until <= now)
        x->state = EXCHANGE_UNKNOWN;
    if (x->state == EXCHANGE_UNKNOWN && !l->declaring)
        declare(l, x);
    return x->state == EXCHANGE_READY;
}

void rabbit_exchanges_forget(struct rpc_link *l)
{
    for (struct rabbit_exchange *x = l->exchanges; x; x = x->next)
        x->state = EXCHANGE_UNKNOWN;
    l->declaring = NULL;
    l->is_declare_open = false;
}

/* Refused is not absent: an exchange with other flags, or one that we may not configure, can be
 * published to all the same. */
static void on_close(struct rpc_link *l, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t ok = {0};
    struct rabbit_exchange *x = l->declaring;
    struct ol_err err;

    (void)rabbit_refusal(&err, close->reply_code, close->reply_text);
    rabbit_send(l, RABBIT_CHANNEL_DECLARE, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    l->is_declare_open = false;
    l->declaring = NULL;
    if (!x)
        return;
    x->state = EXCHANGE_READY;
    if (!x->is_told)
        ol_warn(l->env, "exchange '%s' is used as it is, since it could not be declared: %s",
                x->name, err.msg);
    x->is_told = true;
}

int rabbit_exchange_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    if (f->method == AMQP_CHANNEL_CLOSE_METHOD)
        on_close(l, f->decoded);
    if (f->method == AMQP_EXCHANGE_DECLARE_OK_METHOD && l->declaring) {
        l->declaring->state = EXCHANGE_READY;
        l->declaring = NULL;
    }
    return 0;
}

ol_time rabbit_exchange_next(const struct rpc_link *l, ol_time now)
{
    ol_time at = 0;

    for (const struct rabbit_exchange *x = l->exchanges; x; x = x->next) {
        if (x->state == EXCHANGE_HELD && x->until > now)
            at = rabbit_earlier(at, x->until);
    }
    return at;
}

void rabbit_exchanges_free(struct rpc_link *l)
{
    while (l->exchanges) {
        struct rabbit_exchange *x = l->exchanges;

        l->exchanges = x->next;
        free(x->name);
        free(x);
    }
}
