/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

#define TTL .transient_ttl = 1800 * OL_SECOND

static const struct rpc_queue topic = {RPC_QUEUE_TOPIC, "nova", "compute.h"};
static const struct rpc_queue fanout = {RPC_QUEUE_FANOUT, "nova", "compute"};
static const struct rpc_queue reply = {RPC_QUEUE_REPLY, NULL, "reply_1"};

/* A plan as text: "TYPE EXCHANGE FLAGS > QUEUE FLAGS {ARGS} < KEY", flags d(urable), a(uto-delete),
 * s(tream), o(wn). */
static void show(const struct rabbit_plan *p, char *out, size_t size)
{
    size_t n = 0;

    if (p->type)
        n += (size_t)snprintf(out, size, "%s %s %s%s> ", p->type, p->exchange,
                              p->is_exchange_durable ? "d" : "",
                              p->is_exchange_auto_delete ? "a" : "");
    n += (size_t)snprintf(out + n, size - n, "%s %s%s%s%s{", p->queue, p->is_durable ? "d" : "",
                          p->is_auto_delete ? "a" : "", p->is_stream ? "s" : "",
                          p->is_own ? "o" : "");
    for (size_t i = 0; i < p->n_args; i++) {
        if (p->args[i].text[0])
            n += (size_t)snprintf(out + n, size - n, "%s%s=%s", i ? " " : "", p->args[i].name,
                                  p->args[i].text);
        else
            n += (size_t)snprintf(out + n, size - n, "%s%s=%lld", i ? " " : "", p->args[i].name,
                                  (long long)p->args[i].number);
    }
    snprintf(out + n, size - n, "} < %s", p->key);
}

/* By oslo.messaging's declare_topic_consumer, …_fanout_consumer and …_direct_consumer. */
static const struct {
    struct rpc_transport_options options;
    const struct rpc_queue *queue;
    const char *want;
} plans[] = {
    {{TTL}, &topic, "topic nova > compute.h {} < compute.h"},
    {{TTL}, &fanout, "fanout compute_fanout a> compute_fanout_U o{x-expires=1800000} < compute"},
    {{TTL}, &reply, "reply_1 {x-expires=1800000} < "},
    {{.transient_ttl = 0}, &reply, "reply_1 {} < "},
    {{TTL, .is_durable = true}, &topic, "topic nova d> compute.h d{} < compute.h"},
    {{TTL, .is_durable = true}, &reply, "reply_1 {x-expires=1800000} < "},
    {{TTL, .is_auto_delete = true}, &topic, "topic nova a> compute.h a{} < compute.h"},
    {{TTL, .is_auto_delete = true},
     &fanout,
     "fanout compute_fanout a> compute_fanout_U o{x-expires=1800000} < compute"},
    {{TTL, .has_ha_queues = true}, &topic, "topic nova > compute.h {x-ha-policy=all} < compute.h"},
    {{TTL, .has_ha_queues = true}, &reply, "reply_1 {x-ha-policy=all x-expires=1800000} < "},
    {{TTL, .has_quorum_queues = true},
     &topic,
     "topic nova d> compute.h d{x-queue-type=quorum} < compute.h"},
    {{TTL, .has_quorum_queues = true, .quorum_delivery_limit = 3, .quorum_max_memory_length = 4,
      .quorum_max_memory_bytes = 5},
     &topic,
     "topic nova d> compute.h d{x-queue-type=quorum x-delivery-limit=3 x-max-in-memory-length=4 "
     "x-max-in-memory-bytes=5} < compute.h"},
    {{TTL, .has_quorum_queues = true}, &reply, "reply_1 {x-expires=1800000} < "},
    {{TTL, .has_transient_quorum_queues = true},
     &reply,
     "reply_1 d{x-queue-type=quorum x-expires=1800000} < "},
    {{TTL, .has_transient_quorum_queues = true},
     &fanout,
     "fanout compute_fanout da> compute_fanout_U do{x-queue-type=quorum x-expires=1800000} < "
     "compute"},
    {{TTL, .use_queue_manager = true},
     &fanout,
     "fanout compute_fanout a> compute_fanout_U {x-expires=1800000} < compute"},
    {{TTL, .has_stream_fanout = true, .has_transient_quorum_queues = true},
     &fanout,
     "fanout compute_fanout da> compute_fanout ds{x-queue-type=stream x-max-age=1800s} < compute"},
};

static void queues_are_declared_as_oslo_does(void **state)
{
    for (size_t i = 0; i < ol_count(plans); i++) {
        struct rabbit_plan p;
        char text[400];

        assert_int_equal(rabbit_plan(&plans[i].options, plans[i].queue, "U", &p), 0);
        show(&p, text, sizeof(text));
        assert_string_equal(text, plans[i].want);
    }
}

static void reply_queue_without_a_name_gets_one(void **state)
{
    const struct rpc_transport_options o = {.use_queue_manager = true};
    const struct rpc_queue q = {.kind = RPC_QUEUE_REPLY};
    struct rabbit_plan p;

    assert_int_equal(rabbit_plan(&o, &q, "h:nova-compute:1", &p), 0);
    assert_string_equal(p.queue, "reply_h:nova-compute:1");
    assert_int_equal(rabbit_plan(&o, &reply, "h:nova-compute:2", &p), 0);
    assert_string_equal(p.queue, "reply_h:nova-compute:2");
}

static void names_of_more_than_255_bytes_are_refused(void **state)
{
    const struct rpc_transport_options o = {.is_durable = false};
    char name[300];
    struct rpc_queue q = {.exchange = "nova", .name = name};
    struct rabbit_plan p;

    memset(name, 'n', sizeof(name));
    for (int kind = RPC_QUEUE_REPLY; kind <= RPC_QUEUE_FANOUT; kind++) {
        q.kind = (enum rpc_queue_kind)kind;
        name[255] = 'n';
        name[256] = '\0';
        assert_int_equal(rabbit_plan(&o, &q, "u", &p), -ENAMETOOLONG);
        name[240] = '\0';
        assert_int_equal(rabbit_plan(&o, &q, "u", &p), 0);
        name[240] = 'n';
    }
}

static void a_refusal_names_its_option(void **state)
{
    static const struct {
        const struct rpc_queue *queue;
        const char *text, *want;
    } cases[] = {
        {&topic, "inequivalent arg 'durable' for queue 'compute' in vhost '/'",
         "amqp_durable_queues"},
        {&fanout, "inequivalent arg 'durable' for exchange 'compute_fanout'",
         "rabbit_transient_quorum_queue"},
        {&topic, "inequivalent arg 'auto_delete' for", "amqp_auto_delete"},
        {&reply, "inequivalent arg 'x-expires' for", "rabbit_transient_queues_ttl"},
        {&topic, "inequivalent arg 'x-queue-type' for", "rabbit_quorum_queue"},
        {&reply, "inequivalent arg 'x-queue-type' for", "rabbit_transient_quorum_queue"},
        {&topic, "inequivalent arg 'x-ha-policy' for", "rabbit_ha_queues"},
        {&topic, "inequivalent arg 'x-delivery-limit' for", "rabbit_quorum_delivery_limit"},
        {&topic, "inequivalent arg 'x-something' for", NULL},
        {&topic, "inequivalent arg 'dur", NULL},
        {&topic, "inequivalent arg '", NULL},
        {&topic, "access refused", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *option = rabbit_blamed_option(cases[i].queue, cases[i].text);

        if (!cases[i].want)
            assert_null(option);
        else
            assert_string_equal(option, cases[i].want);
    }
}

static void tries_come_at_once_for_each_host_and_then_slower(void **state)
{
    const struct rpc_transport_options o = {
        .retry_first = OL_SECOND, .retry_step = 2 * OL_SECOND, .retry_most = 30 * OL_SECOND};
    static const struct {
        size_t n_hosts;
        unsigned n;
        int seconds;
    } cases[] = {
        {1, 1, 1},    {1, 2, 3}, {1, 3, 5}, {1, 15, 29}, {1, 16, 30}, {1, 1000, 30},
        {1, ~0u, 30}, {3, 1, 0}, {3, 2, 0}, {3, 3, 1},   {3, 4, 0},   {3, 6, 3},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_true(rabbit_retry_delay(&o, cases[i].n_hosts, cases[i].n, 0)
                    == cases[i].seconds * OL_SECOND);
}

static void tries_are_spread_and_never_hot(void **state)
{
    struct rpc_transport_options o = {.retry_first = 4 * OL_SECOND, .retry_most = 30 * OL_SECOND};
    ol_time most = rabbit_retry_delay(&o, 1, 1, UINT32_MAX);

    assert_true(most > 4 * OL_SECOND + 9 * OL_SECOND / 10 && most <= 5 * OL_SECOND);
    o.reconnect_delay = 2 * OL_SECOND;
    assert_true(rabbit_retry_delay(&o, 1, 1, 0) == 6 * OL_SECOND);
    o = (struct rpc_transport_options){.retry_first = 0};
    assert_true(rabbit_retry_delay(&o, 1, 1, 0) == OL_SECOND / 10);
    assert_true(rabbit_retry_delay(&o, 1, 50, 0) == OL_SECOND / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_are_declared_as_oslo_does),
        cmocka_unit_test(reply_queue_without_a_name_gets_one),
        cmocka_unit_test(names_of_more_than_255_bytes_are_refused),
        cmocka_unit_test(a_refusal_names_its_option),
        cmocka_unit_test(tries_come_at_once_for_each_host_and_then_slower),
        cmocka_unit_test(tries_are_spread_and_never_hot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
