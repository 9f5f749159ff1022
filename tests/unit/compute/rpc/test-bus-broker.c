/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/rpc/bus-broker.h"
#include "core/cleanup.h"

/* What a peer was given: "queue:body " after one another. */
struct hand {
    char got[512];
    uint64_t tag; /* of the last */
    struct broker_peer *peer;
};

struct world {
    struct broker *broker;
    struct hand a, b;
};

static void on_delivery(void *peer_ctx, const struct broker_delivery *d)
{
    struct hand *h = peer_ctx;
    size_t len = strlen(h->got);

    snprintf(h->got + len, sizeof(h->got) - len, "%s:%.*s ", d->queue, (int)d->len, d->body);
    h->tag = d->tag;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    *state = w;
    w->broker = broker_new(on_delivery);
    w->a.peer = broker_join(w->broker, &w->a);
    w->b.peer = broker_join(w->broker, &w->b);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    broker_free(w->broker);
    free(w);
    return 0;
}

static int consume(struct world *w, struct hand *h, enum rpc_queue_kind kind, const char *name)
{
    struct broker_queue_options o = {
        .kind = kind,
        .exchange = kind == RPC_QUEUE_TOPIC    ? "nova"
                    : kind == RPC_QUEUE_FANOUT ? "compute"
                                               : "",
        .name = name,
        .ttl = kind == RPC_QUEUE_TOPIC ? 0 : 100,
    };

    return broker_consume(w->broker, h->peer, &o, 0);
}

static int publish(struct world *w, const char *exchange, const char *key, const char *body)
{
    struct rpc_frame f = {.exchange = exchange,
                          .key = key,
                          .is_mandatory = !*exchange,
                          .body = body,
                          .len = strlen(body)};

    return broker_publish(w->broker, &f, 0);
}

static void a_message_goes_to_the_queue_of_its_key(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "compute"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_REPLY, "reply_1"), 0);
    assert_int_equal(publish(w, "nova", "compute", "1"), 0);
    assert_int_equal(publish(w, "", "reply_1", "2"), 0);
    assert_int_equal(publish(w, "", "compute", "3"), 0);
    assert_int_equal(publish(w, "cinder", "compute", "4"), 0);
    assert_int_equal(publish(w, "nova", "reply_1", "5"), 0);
    assert_int_equal(publish(w, "", "reply_2", "6"), -ENOENT);
    assert_string_equal(w->a.got, "compute:1 compute:3 ");
    assert_string_equal(w->b.got, "reply_1:2 ");
}

static void consumers_take_turns(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_TOPIC, "q"), 0);
    for (const char *s = "1\0002\0003\0004\0"; *s; s += 2)
        assert_int_equal(publish(w, "nova", "q", s), 0);
    assert_string_equal(w->a.got, "q:1 q:3 ");
    assert_string_equal(w->b.got, "q:2 q:4 ");
}

static void a_fanout_goes_to_each_queue_of_its_topic(void **state)
{
    struct world *w = *state;
    struct rpc_frame f = {
        .exchange = "", .key = "compute", .is_fanout = true, .body = "x", .len = 1};

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_FANOUT, "f1"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_FANOUT, "f2"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_TOPIC, "compute"), 0);
    assert_int_equal(broker_publish(w->broker, &f, 0), 0);
    f.key = "scheduler";
    assert_int_equal(broker_publish(w->broker, &f, 0), 0);
    assert_string_equal(w->a.got, "f1:x ");
    assert_string_equal(w->b.got, "f2:x ");
}

static void what_was_not_acknowledged_comes_again_in_its_order(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    for (const char *s = "1\0002\0003\0"; *s; s += 2)
        assert_int_equal(publish(w, "nova", "q", s), 0);
    broker_ack(w->broker, w->a.peer, 1, 0);
    broker_leave(w->broker, w->a.peer, 0);
    assert_int_equal(broker_waiting(w->broker, "q"), 2);
    assert_int_equal(publish(w, "nova", "q", "4"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_TOPIC, "q"), 0);
    assert_string_equal(w->b.got, "q:2 q:3 q:4 ");
}

static void what_is_given_back_waits_for_the_next(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    assert_int_equal(publish(w, "nova", "q", "1"), 0);
    broker_cancel(w->broker, w->a.peer, "q", 0);
    broker_nack(w->broker, w->a.peer, w->a.tag, 0);
    broker_nack(w->broker, w->a.peer, w->a.tag, 0); /* not known any more */
    broker_ack(w->broker, w->a.peer, 99, 0);
    assert_int_equal(broker_waiting(w->broker, "q"), 1);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_TOPIC, "q"), 0);
    assert_string_equal(w->b.got, "q:1 ");
}

static void what_expired_is_not_given(void **state)
{
    struct world *w = *state;
    struct rpc_frame f = {
        .exchange = "nova", .key = "q", .expiration = 10, .body = "old", .len = 3};

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    broker_cancel(w->broker, w->a.peer, "q", 0);
    assert_int_equal(broker_publish(w->broker, &f, 0), 0);
    assert_int_equal(publish(w, "nova", "q", "new"), 0);
    assert_int_equal(broker_consume(w->broker, w->b.peer,
                                    &(struct broker_queue_options){
                                        .kind = RPC_QUEUE_TOPIC, .exchange = "nova", .name = "q"},
                                    10),
                     0);
    assert_string_equal(w->b.got, "q:new ");
}

static void unused_queues_of_one_process_go(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_REPLY, "reply_1"), 0);
    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "compute"), 0);
    assert_int_equal(publish(w, "", "reply_1", "x"), 0);
    assert_int_equal(broker_tick(w->broker, 1000), INT64_MAX); /* somebody has it */
    broker_leave(w->broker, w->a.peer, 1000);
    assert_int_equal(broker_tick(w->broker, 1050), 1100);
    assert_int_equal(broker_waiting(w->broker, "reply_1"), 1);
    assert_int_equal(broker_tick(w->broker, 1100), INT64_MAX);
    assert_int_equal(broker_waiting(w->broker, "reply_1"), -ENOENT);
    assert_int_equal(broker_waiting(w->broker, "compute"), 0);
}

static void a_queue_keeps_its_kind(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    assert_int_equal(consume(w, &w->b, RPC_QUEUE_REPLY, "q"), -EPROTO);
}

static void a_full_queue_takes_no_more(void **state)
{
    struct world *w = *state;
    struct rpc_frame f = {
        .exchange = "", .key = "compute", .is_fanout = true, .body = "x", .len = 1};

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    assert_int_equal(consume(w, &w->a, RPC_QUEUE_FANOUT, "f"), 0);
    broker_cancel(w->broker, w->a.peer, "q", 0);
    broker_cancel(w->broker, w->a.peer, "f", 0);
    for (int i = 0; i < BROKER_MESSAGES; i++)
        assert_int_equal(publish(w, "nova", "q", "x"), 0);
    assert_int_equal(publish(w, "nova", "q", "x"), -EAGAIN);
    for (int i = 0; i <= BROKER_MESSAGES; i++)
        assert_int_equal(broker_publish(w->broker, &f, 0), 0);
    assert_int_equal(broker_waiting(w->broker, "f"), BROKER_MESSAGES);
}

static void a_slow_peer_is_given_so_much_and_then_the_rest(void **state)
{
    struct world *w = *state;

    assert_int_equal(consume(w, &w->a, RPC_QUEUE_TOPIC, "q"), 0);
    for (int i = 0; i < BROKER_UNACKED + 5; i++)
        assert_int_equal(publish(w, "nova", "q", "x"), 0);
    assert_int_equal(w->a.tag, BROKER_UNACKED);
    assert_int_equal(broker_waiting(w->broker, "q"), 5);
    broker_ack(w->broker, w->a.peer, 3, 0);
    assert_int_equal(w->a.tag, BROKER_UNACKED + 1);
    assert_int_equal(broker_waiting(w->broker, "q"), 4);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_goes_to_the_queue_of_its_key),
        T(consumers_take_turns),
        T(a_fanout_goes_to_each_queue_of_its_topic),
        T(what_was_not_acknowledged_comes_again_in_its_order),
        T(what_is_given_back_waits_for_the_next),
        T(what_expired_is_not_given),
        T(unused_queues_of_one_process_go),
        T(a_queue_keeps_its_kind),
        T(a_full_queue_takes_no_more),
        T(a_slow_peer_is_given_so_much_and_then_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
