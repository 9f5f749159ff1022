/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/alloc.h"

void rabbit_consumer_free(struct rabbit_consumer *c)
{
    ol_buf_done(&c->incoming.body);
    free(c->text);
    free(c);
}

static void set_state(struct rpc_link *l, struct rabbit_consumer *c, enum rabbit_consumer_state s)
{
    pthread_mutex_lock(&l->lock);
    c->state = s;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void drop(struct rpc_link *l, struct rabbit_consumer *c)
{
    struct rabbit_consumer **at = &l->consumers;

    pthread_mutex_lock(&l->lock);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    pthread_mutex_unlock(&l->lock);
    rabbit_consumer_free(c);
}

void rabbit_consumers_down(struct rpc_link *l)
{
    pthread_mutex_lock(&l->lock);
    for (struct rabbit_consumer *c = l->consumers; c; c = c->next) {
        c->is_channel_open = false;
        rabbit_incoming_reset(&c->incoming);
        c->retry_at = 0;
        if (c->state == CONSUMER_DECLARING || c->state == CONSUMER_STANDS)
            c->state = CONSUMER_NEW;
    }
    pthread_mutex_unlock(&l->lock);
}

static void add_args(const struct rabbit_plan *p, amqp_table_entry_t *entries, amqp_table_t *ret)
{
    for (size_t i = 0; i < p->n_args; i++) {
        const struct rabbit_arg *a = &p->args[i];

        entries[i].key = amqp_cstring_bytes(a->name);
        if (a->text[0]) {
            entries[i].value.kind = AMQP_FIELD_KIND_UTF8;
            entries[i].value.value.bytes = amqp_cstring_bytes(a->text);
        } else {
            entries[i].value.kind = AMQP_FIELD_KIND_I64;
            entries[i].value.value.i64 = a->number;
        }
    }
    ret->num_entries = (int)p->n_args;
    ret->entries = entries;
}

static void send_declare(struct rpc_link *l, const struct rabbit_consumer *c)
{
    const struct rabbit_plan *p = &c->plan;
    amqp_table_entry_t entries[RABBIT_ARGS_MAX];
    amqp_queue_declare_t q = {
        .queue = amqp_cstring_bytes(p->queue),
        .durable = p->is_durable,
        .auto_delete = p->is_auto_delete,
    };
    amqp_exchange_declare_t x = {
        .exchange = amqp_cstring_bytes(p->exchange),
        .type = amqp_cstring_bytes(p->type ? p->type : ""),
        .durable = p->is_exchange_durable,
        .auto_delete = p->is_exchange_auto_delete,
    };
    amqp_queue_bind_t bind = {
        .queue = q.queue, .exchange = x.exchange, .routing_key = amqp_cstring_bytes(p->key)};

    add_args(p, entries, &q.arguments);
    if (p->type)
        rabbit_send(l, c->channel, AMQP_EXCHANGE_DECLARE_METHOD, &x);
    rabbit_send(l, c->channel, AMQP_QUEUE_DECLARE_METHOD, &q);
    if (p->type)
        rabbit_send(l, c->channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

static void send_consume(struct rpc_link *l, const struct rabbit_consumer *c)
{
    amqp_basic_qos_t qos = {.prefetch_count = RABBIT_PREFETCH};
    amqp_table_entry_t offset = {.key = amqp_cstring_bytes("x-stream-offset")};
    amqp_basic_consume_t consume = {.queue = amqp_cstring_bytes(c->plan.queue),
                                    .consumer_tag = amqp_cstring_bytes("1")};

    if (c->plan.is_stream) {
        offset.value.kind = c->stream_offset < 0 ? AMQP_FIELD_KIND_UTF8 : AMQP_FIELD_KIND_I64;
        if (c->stream_offset < 0)
            offset.value.value.bytes = amqp_cstring_bytes("last");
        else
            offset.value.value.i64 = c->stream_offset;
        consume.arguments.num_entries = 1;
        consume.arguments.entries = &offset;
        rabbit_send(l, c->channel, AMQP_BASIC_QOS_METHOD, &qos);
    }
    rabbit_send(l, c->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

/* All at once: the broker does it in this order, and after a refusal nothing more. */
static void begin(struct rpc_link *l, struct rabbit_consumer *c)
{
    amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};

    if (!c->is_channel_open)
        rabbit_send(l, c->channel, AMQP_CHANNEL_OPEN_METHOD, &open);
    c->is_channel_open = true;
    send_declare(l, c);
    send_consume(l, c);
    set_state(l, c, CONSUMER_DECLARING);
}

/* Closing the channel cancels, and gives back what was not acknowledged. */
static void leave(struct rpc_link *l, struct rabbit_consumer *c)
{
    amqp_queue_delete_t delete = {.queue = amqp_cstring_bytes(c->plan.queue)};
    amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = amqp_empty_bytes};

    if (c->plan.is_own)
        rabbit_send(l, c->channel, AMQP_QUEUE_DELETE_METHOD, &delete);
    rabbit_send(l, c->channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
    set_state(l, c, CONSUMER_LEAVING);
}

void rabbit_consumers_leave(struct rpc_link *l)
{
    pthread_mutex_lock(&l->lock);
    for (struct rabbit_consumer *c = l->consumers; c; c = c->next) {
        amqp_queue_delete_t delete = {.queue = amqp_cstring_bytes(c->plan.queue)};

        if (c->state == CONSUMER_STANDS && c->plan.is_own)
            rabbit_send(l, c->channel, AMQP_QUEUE_DELETE_METHOD, &delete);
    }
    pthread_mutex_unlock(&l->lock);
}

static void step_one(struct rpc_link *l, struct rabbit_consumer *c, bool is_wanted, ol_time now)
{
    if (!is_wanted && !c->is_channel_open)
        drop(l, c);
    else if (!is_wanted && c->state != CONSUMER_LEAVING)
        leave(l, c);
    else if (is_wanted && c->state == CONSUMER_NEW && l->state == RABBIT_UP && c->retry_at <= now)
        begin(l, c);
}

/* Only this thread takes consumers out, so the list may be walked between the locks. */
void rabbit_consumers_step(struct rpc_link *l, ol_time now)
{
    struct rabbit_consumer *c, *next;

    pthread_mutex_lock(&l->lock);
    c = l->consumers;
    pthread_mutex_unlock(&l->lock);
    for (; c; c = next) {
        bool is_wanted;

        pthread_mutex_lock(&l->lock);
        next = c->next;
        /* Whoever waits in consume() still reads it. */
        is_wanted = c->is_wanted || c->is_waited;
        pthread_mutex_unlock(&l->lock);
        step_one(l, c, is_wanted, now);
    }
}

bool rabbit_consumers_stand(struct rpc_link *l)
{
    bool is_missing = false;

    pthread_mutex_lock(&l->lock);
    for (const struct rabbit_consumer *c = l->consumers; c && !is_missing; c = c->next)
        is_missing = c->state == CONSUMER_DECLARING || (c->state == CONSUMER_NEW && !c->retry_at);
    pthread_mutex_unlock(&l->lock);
    return !is_missing;
}

ol_time rabbit_consumers_next(struct rpc_link *l)
{
    ol_time at = 0;

    if (l->state != RABBIT_UP)
        return 0;
    pthread_mutex_lock(&l->lock);
    for (const struct rabbit_consumer *c = l->consumers; c; c = c->next) {
        if (c->state == CONSUMER_NEW)
            at = rabbit_earlier(at, c->retry_at);
    }
    pthread_mutex_unlock(&l->lock);
    return at;
}

/* The sentence about a refused declaration. */
static int explain(const struct rabbit_consumer *c, const struct ol_err *said, struct ol_err *err)
{
    const char *option = rabbit_blamed_option(&c->queue, said->msg);
    bool is_flags = said->status == AMQP_PRECONDITION_FAILED;

    if (is_flags && option)
        return ol_err_set_domain(err, EPROTO, "AMQP", said->status,
                                 "queue '%s' cannot be declared: %s. Set %s in "
                                 "[oslo_messaging_rabbit] as the rest of the cloud has it",
                                 c->plan.queue, said->msg, option);
    return ol_err_set_domain(err, is_flags ? EPROTO : EAGAIN, "AMQP", said->status,
                             "queue '%s' cannot be declared: %s", c->plan.queue, said->msg);
}

/* Other flags are for good while somebody waits to hear it; what was served once is tried again,
 * since the queue may be put right. */
static void on_refused(struct rpc_link *l, struct rabbit_consumer *c,
                       const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t ok = {0};
    struct ol_err said, err;
    bool is_final, is_new;

    (void)rabbit_refusal(&said, close->reply_code, close->reply_text);
    (void)explain(c, &said, &err);
    rabbit_send(l, c->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    c->is_channel_open = false;
    rabbit_incoming_reset(&c->incoming);
    if (c->state == CONSUMER_LEAVING)
        return;
    c->retry_at = ol_now_boot(l->env) + rabbit_retry_delay(&l->options, 1, ++c->failures, 0);
    pthread_mutex_lock(&l->lock);
    is_final = c->is_waited && said.status == AMQP_PRECONDITION_FAILED;
    is_new = strcmp(c->err.msg, err.msg) != 0;
    c->err = err;
    c->state = is_final ? CONSUMER_REFUSED : CONSUMER_NEW;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (!is_final && is_new)
        ol_error(l->env, "Failed to declare consumer for topic '%s': %s", c->queue.name, err.msg);
}

static void on_stands(struct rpc_link *l, struct rabbit_consumer *c)
{
    c->failures = 0;
    ol_debug(l->env, "[%s] Queue.declare: %s", l->id, c->plan.queue);
    pthread_mutex_lock(&l->lock);
    c->err = OL_ERR_INIT;
    c->state = CONSUMER_STANDS;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* The broker ended it: the queue was deleted, or its node went away. */
static void on_cancel(struct rpc_link *l, struct rabbit_consumer *c)
{
    ol_warn(l->env, "[%s] Basic.cancel received: queue '%s' is gone, it is declared again", l->id,
            c->plan.queue);
    c->stream_offset = -1;
    c->retry_at = ol_now_boot(l->env) + OL_SECOND / 10; /* two who delete and declare don't race */
    set_state(l, c, CONSUMER_NEW);
}

/* True: the message is ours, and cancel() waits until end_delivery(). */
static bool begin_delivery(struct rpc_link *l, struct rabbit_consumer *c)
{
    bool is_ours;

    pthread_mutex_lock(&l->lock);
    is_ours = c->is_wanted && !l->is_closing && c->state != CONSUMER_LEAVING;
    c->n_ready += is_ours;
    pthread_mutex_unlock(&l->lock);
    return is_ours;
}

static void end_delivery(struct rpc_link *l, struct rabbit_ready *m)
{
    ol_buf_done(&m->own);
    pthread_mutex_lock(&l->lock);
    if (--m->consumer->n_ready == 0 && !m->consumer->is_wanted)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* What is in one frame stays where it was read, until all frames of that read are seen. */
static void keep(struct rpc_link *l, struct rabbit_consumer *c, const char *body)
{
    amqp_basic_ack_t ack = {.delivery_tag = c->incoming.tag};
    struct rabbit_ready *m;

    rabbit_send(l, c->channel, AMQP_BASIC_ACK_METHOD, &ack);
    if (l->n_ready == l->max_ready) {
        l->max_ready = l->max_ready ? l->max_ready * 2 : 8;
        l->ready = ol_xrealloc(l->ready, l->max_ready, sizeof(*l->ready));
    }
    m = &l->ready[l->n_ready++];
    *m = (struct rabbit_ready){.consumer = c, .body = body, .size = c->incoming.size};
    m->own = c->incoming.body;
    ol_buf_init(&c->incoming.body, RABBIT_BODY_MAX);
}

static void deliver(struct rpc_link *l, const struct rabbit_ready *m)
{
    const struct rpc_queue *queue = &m->consumer->queue;

    if (m->body)
        l->sink.deliver(l->sink.ctx, queue, m->body, m->size);
    else
        ol_error(l->env, "a message of %llu bytes in queue '%s' is dropped: %d are the most",
                 (unsigned long long)m->size, m->consumer->plan.queue, RABBIT_BODY_MAX);
}

/* Acknowledged first, and on its way to the broker before anybody acts on it: a message that comes
 * twice would run twice. */
int rabbit_consumers_deliver(struct rpc_link *l, struct ol_err *err)
{
    int r = l->n_ready ? rabbit_link_flush(l, err) : 0;

    for (size_t i = 0; i < l->n_ready; i++) {
        if (r == 0)
            deliver(l, &l->ready[i]);
        end_delivery(l, &l->ready[i]);
    }
    l->n_ready = 0;
    return r;
}

/* What nobody wants any more is left for the channel's end, which gives it back. */
static int on_content(struct rpc_link *l, struct rabbit_consumer *c, const struct rabbit_frame *f,
                      struct ol_err *err)
{
    const char *body;
    int r;

    if (f->type == AMQP_FRAME_HEADER && f->stream_offset >= 0)
        c->stream_offset = f->stream_offset + 1;
    r = rabbit_incoming_add(&c->incoming, f, &body, err);
    if (r <= 0)
        return r;
    if (begin_delivery(l, c))
        keep(l, c, body);
    rabbit_incoming_reset(&c->incoming);
    return 0;
}

static void on_deliver(struct rabbit_consumer *c, const amqp_basic_deliver_t *d)
{
    rabbit_incoming_reset(&c->incoming);
    c->incoming.is_open = true;
    c->incoming.tag = d->delivery_tag;
}

static void on_method(struct rpc_link *l, struct rabbit_consumer *c, const struct rabbit_frame *f)
{
    switch (f->method) {
    case AMQP_BASIC_DELIVER_METHOD: on_deliver(c, f->decoded); break;
    case AMQP_BASIC_CONSUME_OK_METHOD:
        if (c->state == CONSUMER_DECLARING)
            on_stands(l, c);
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        if (c->state == CONSUMER_STANDS)
            on_cancel(l, c);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD: on_refused(l, c, f->decoded); break;
    case AMQP_CHANNEL_CLOSE_OK_METHOD: c->is_channel_open = false; break;
    default: break;
    }
}

int rabbit_consume_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    struct rabbit_consumer *c;

    pthread_mutex_lock(&l->lock);
    for (c = l->consumers; c && c->channel != f->channel; c = c->next)
        ;
    pthread_mutex_unlock(&l->lock);
    if (!c)
        return 0;
    if (f->type == AMQP_FRAME_HEADER || f->type == AMQP_FRAME_BODY)
        return on_content(l, c, f, err);
    on_method(l, c, f);
    return 0;
}
