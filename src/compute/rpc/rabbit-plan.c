/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"

static void add_number(struct rabbit_plan *p, const char *name, int64_t number)
{
    if (number > 0)
        p->args[p->n_args++] = (struct rabbit_arg){.name = name, .number = number};
}

static void add_text(struct rabbit_plan *p, const char *name, const char *text)
{
    struct rabbit_arg *arg = &p->args[p->n_args++];

    arg->name = name;
    snprintf(arg->text, sizeof(arg->text), "%s", text);
}

/* Streams take no other argument than these. */
static void add_stream_args(const struct rpc_transport_options *o, struct rabbit_plan *p)
{
    char age[24];

    add_text(p, "x-queue-type", "stream");
    if (o->transient_ttl < OL_SECOND)
        return;
    snprintf(age, sizeof(age), "%llds", (long long)(o->transient_ttl / OL_SECOND));
    add_text(p, "x-max-age", age);
}

static void add_args(const struct rpc_transport_options *o, bool is_quorum, bool is_transient,
                     struct rabbit_plan *p)
{
    if (o->has_ha_queues)
        add_text(p, "x-ha-policy", "all");
    if (is_quorum) {
        add_text(p, "x-queue-type", "quorum");
        add_number(p, "x-delivery-limit", o->quorum_delivery_limit);
        add_number(p, "x-max-in-memory-length", o->quorum_max_memory_length);
        add_number(p, "x-max-in-memory-bytes", o->quorum_max_memory_bytes);
    }
    if (is_transient)
        add_number(p, "x-expires", o->transient_ttl / OL_SECOND * 1000);
}

static int name_it(char out[RABBIT_NAME_MAX], const char *a, const char *b, const char *c)
{
    int n = snprintf(out, RABBIT_NAME_MAX, "%s%s%s", a, b, c);

    return n < RABBIT_NAME_MAX ? 0 : -ENAMETOOLONG;
}

static int plan_reply(const struct rpc_transport_options *o, const struct rpc_queue *q,
                      const char *unique, struct rabbit_plan *p)
{
    p->is_durable = o->has_transient_quorum_queues;
    add_args(o, o->has_transient_quorum_queues, true, p);
    if (q->name && !o->use_queue_manager)
        return name_it(p->queue, q->name, "", "");
    return name_it(p->queue, "reply_", unique, "");
}

static int plan_topic(const struct rpc_transport_options *o, const struct rpc_queue *q,
                      struct rabbit_plan *p)
{
    p->type = "topic";
    p->is_durable = p->is_exchange_durable = o->is_durable || o->has_quorum_queues;
    p->is_auto_delete = p->is_exchange_auto_delete = o->is_auto_delete;
    add_args(o, o->has_quorum_queues, false, p);
    if (name_it(p->exchange, q->exchange, "", "") < 0 || name_it(p->key, q->name, "", "") < 0)
        return -ENAMETOOLONG;
    return name_it(p->queue, q->name, "", "");
}

static int plan_fanout(const struct rpc_transport_options *o, const struct rpc_queue *q,
                       const char *unique, struct rabbit_plan *p)
{
    p->type = "fanout";
    p->is_exchange_auto_delete = true;
    p->is_durable = p->is_exchange_durable = o->has_transient_quorum_queues || o->has_stream_fanout;
    p->is_stream = o->has_stream_fanout;
    p->is_own = !o->has_stream_fanout && !o->use_queue_manager;
    if (p->is_stream)
        add_stream_args(o, p);
    else
        add_args(o, o->has_transient_quorum_queues, true, p);
    if (name_it(p->exchange, q->name, "_fanout", "") < 0 || name_it(p->key, q->name, "", "") < 0)
        return -ENAMETOOLONG;
    if (p->is_stream)
        return name_it(p->queue, q->name, "_fanout", "");
    return name_it(p->queue, q->name, "_fanout_", unique);
}

int rabbit_plan(const struct rpc_transport_options *o, const struct rpc_queue *q,
                const char *unique, struct rabbit_plan *ret)
{
    *ret = (struct rabbit_plan){.type = NULL};
    switch (q->kind) {
    case RPC_QUEUE_REPLY: return plan_reply(o, q, unique, ret);
    case RPC_QUEUE_TOPIC: return plan_topic(o, q, ret);
    case RPC_QUEUE_FANOUT: return plan_fanout(o, q, unique, ret);
    }
    return -EINVAL;
}

/* By the argument that the broker names, the option behind it: of topic queues, and of others. */
static const struct {
    const char *arg, *topic, *transient;
} options[] = {
    {"durable", "amqp_durable_queues", "rabbit_transient_quorum_queue"},
    {"auto_delete", "amqp_auto_delete", NULL},
    {"x-expires", "rabbit_transient_queues_ttl", "rabbit_transient_queues_ttl"},
    {"x-max-age", "rabbit_transient_queues_ttl", "rabbit_transient_queues_ttl"},
    {"x-queue-type", "rabbit_quorum_queue", "rabbit_transient_quorum_queue"},
    {"x-ha-policy", "rabbit_ha_queues", "rabbit_ha_queues"},
    {"x-delivery-limit", "rabbit_quorum_delivery_limit", "rabbit_quorum_delivery_limit"},
    {"x-max-in-memory-length", "rabbit_quorum_max_memory_length",
     "rabbit_quorum_max_memory_length"},
    {"x-max-in-memory-bytes", "rabbit_quorum_max_memory_bytes", "rabbit_quorum_max_memory_bytes"},
};

const char *rabbit_blamed_option(const struct rpc_queue *q, const char *text)
{
    const char *arg = strstr(text, "arg '");
    size_t len;

    if (!arg)
        return NULL;
    arg += strlen("arg '");
    len = strcspn(arg, "'");
    for (size_t i = 0; i < ol_count(options); i++) {
        if (strlen(options[i].arg) != len || memcmp(options[i].arg, arg, len) != 0)
            continue;
        return q->kind == RPC_QUEUE_TOPIC ? options[i].topic : options[i].transient;
    }
    return NULL;
}

ol_time rabbit_retry_delay(const struct rpc_transport_options *o, size_t n_hosts, unsigned n,
                           uint32_t random)
{
    unsigned round = n / (unsigned)n_hosts;
    ol_time delay = o->retry_first;

    if (n % n_hosts != 0)
        return 0;
    /* Compared before it is multiplied: any number of rounds may have passed. */
    if (round > 1 && o->retry_step > 0
        && (ol_time)(round - 1) > (o->retry_most - delay) / o->retry_step)
        delay = o->retry_most;
    else
        delay += o->retry_step * (ol_time)(round - 1);
    if (delay > o->retry_most)
        delay = o->retry_most;
    if (delay < OL_SECOND / 10)
        delay = OL_SECOND / 10;
    delay += o->reconnect_delay;
    return delay + (ol_time)((double)delay / 4 * (random / 4294967296.0));
}
