/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "compute/base/context.h"
#include "compute/rpc/rabbit-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum { ARENA_MAX = 1 << 20 };

/* --- life --- */

static void destroy(struct rpc_link *l)
{
    while (l->consumers) {
        struct rabbit_consumer *c = l->consumers;

        l->consumers = c->next;
        rabbit_consumer_free(c);
    }
    rabbit_exchanges_free(l);
    rabbit_decoder_done(&l->decoder);
    rabbit_incoming_reset(&l->returned);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    ol_arena_done(&l->arena);
    free(l->ready);
    free(l->order);
    free(l);
}

static void destroy_at(struct rpc_link **l)
{
    if (*l)
        destroy(*l);
}

static const char *copy(struct ol_arena *a, const char *s, const char *or_else)
{
    return s || or_else ? ol_arena_strdup(a, s ? s : or_else) : NULL;
}

static int take_options(struct rpc_link *l, const struct rpc_transport_options *o,
                        struct ol_err *err)
{
    struct rpc_transport_options *to = &l->options;
    const char *id;
    int r;

    *to = *o;
    to->url = NULL; /* it has the password */
    r = rabbit_url_parse(&l->arena, o->url, &l->url, err);
    if (r == 0)
        r = rabbit_url_apply(&l->url, to, err);
    if (r < 0)
        return r;
    to->connection_name = copy(&l->arena, to->connection_name, "orlop");
    to->login_method = copy(&l->arena, to->login_method, "AMQPLAIN");
    to->ca_file = copy(&l->arena, to->ca_file, NULL);
    to->cert_file = copy(&l->arena, to->cert_file, NULL);
    to->key_file = copy(&l->arena, to->key_file, NULL);
    to->hostname = copy(&l->arena, to->hostname, "localhost");
    to->program = copy(&l->arena, to->program, "nova-compute");
    id = strrchr(to->connection_name, ':');
    l->id = id ? id + 1 : to->connection_name;
    return 0;
}

static struct rpc_link *link_new(struct ol_env *env, const struct rpc_sink *sink)
{
    struct rpc_link *l = ol_xcalloc(1, sizeof(*l));
    pthread_condattr_t attr;

    l->env = env;
    l->sink = *sink;
    l->wake_fd = -1;
    l->socket.fd = -1;
    l->next_channel = RABBIT_CHANNEL_CONSUME;
    ol_arena_init(&l->arena, ARENA_MAX);
    ol_buf_init(&l->in, RABBIT_OUT_MAX);
    ol_buf_init(&l->out, RABBIT_OUT_MAX);
    ol_buf_init(&l->returned.body, RABBIT_BODY_MAX);
    rabbit_decoder_init(&l->decoder);
    rabbit_outgoings_init(&l->inbox);
    rabbit_outgoings_init(&l->waiting);
    rabbit_outgoings_init(&l->flying);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    return l;
}

/* Signals are for the threads of the program that expect them. */
static int start_thread(struct rpc_link *l, struct ol_err *err)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&l->thread, NULL, rabbit_link_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code ? ol_err_set(err, code, "a thread for RabbitMQ: %s", strerror(code)) : 0;
}

static int rabbit_open(struct ol_env *env, const struct rpc_transport_options *o,
                       const struct rpc_sink *sink, struct rpc_link **ret, struct ol_err *err)
{
    ol_auto(destroy_at) struct rpc_link *l = link_new(env, sink);
    int r = take_options(l, o, err);

    if (r < 0)
        return r;
    l->order = ol_xcalloc(l->url.n_hosts, sizeof(*l->order));
    for (size_t i = 0; i < l->url.n_hosts; i++)
        l->order[i] = i;
    atomic_init(&l->peer, l->url.hosts[0].peer);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0)
        return ol_err_set(err, errno, "eventfd: %s", strerror(errno));
    if (l->options.has_tls && !l->options.ca_file)
        ol_warn(env, "the certificate of RabbitMQ is not verified, since ssl_ca_file is not set");
    r = start_thread(l, err);
    if (r < 0)
        return r;
    *ret = ol_take_ptr(l);
    return 0;
}

static void rabbit_close(struct rpc_link *l)
{
    if (!l)
        return;
    assert(!pthread_equal(pthread_self(), l->thread));
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    pthread_cond_broadcast(&l->changed);
    /* Those who wait in consume() leave before what they wait on goes. */
    while (l->n_waiting > 0)
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    rabbit_link_wake(l);
    pthread_join(l->thread, NULL);
    destroy(l);
}

static const char *rabbit_peer(struct rpc_link *l)
{
    return atomic_load(&l->peer);
}

/* --- publishing --- */

static void rabbit_publish(struct rpc_link *l, const struct rpc_frame *f, ol_time deadline,
                           const struct rpc_sent *sent)
{
    const char *to = f->is_fanout ? f->key : f->exchange ? f->exchange : "";
    size_t exchange = strlen(to), key = strlen(f->key);
    size_t room = exchange + sizeof("_fanout") + key + 1;
    /* What is too long is refused in the link's thread, where all answers come from. */
    size_t body = f->len <= RABBIT_BODY_MAX && exchange < 248 && key < 256 ? f->len : 0;
    struct rabbit_outgoing *g = ol_xcalloc(1, sizeof(*g) + room + body);
    char *text = (char *)(g + 1);
    bool was_empty;

    *g = (struct rabbit_outgoing){
        .exchange = text,
        .key = text + exchange + sizeof("_fanout"),
        .body = text + room,
        .len = body == f->len ? f->len : (size_t)RABBIT_BODY_MAX + 1,
        .is_fanout = f->is_fanout,
        .is_mandatory = f->is_mandatory,
        .expiration = f->expiration,
        .deadline = deadline,
        .sent = *sent,
    };
    snprintf(text, exchange + sizeof("_fanout"), "%s%s", to, f->is_fanout ? "_fanout" : "");
    memcpy(text + exchange + sizeof("_fanout"), f->key, key + 1);
    if (body)
        memcpy(text + room, f->body, body);
    pthread_mutex_lock(&l->lock);
    was_empty = !l->inbox.head;
    rabbit_outgoings_add(&l->inbox, g);
    pthread_mutex_unlock(&l->lock);
    /* The link's own thread looks there before it waits again. */
    if (was_empty && !pthread_equal(pthread_self(), l->thread))
        rabbit_link_wake(l);
}

/* --- consuming --- */

static void make_unique(struct rpc_link *l, char *out, size_t size)
{
    char hex[33];

    nova_uuid_hex(hex);
    if (l->options.use_queue_manager)
        snprintf(out, size, "%s:%s:%u", l->options.hostname, l->options.program, ++l->n_queues);
    else
        snprintf(out, size, "%s", hex);
}

static struct rabbit_consumer *consumer_new(const struct rpc_queue *q)
{
    struct rabbit_consumer *c = ol_xcalloc(1, sizeof(*c));
    size_t exchange = q->exchange ? strlen(q->exchange) + 1 : 0;
    size_t name = q->name ? strlen(q->name) + 1 : 0;

    c->text = ol_xcalloc(1, exchange + name + 1);
    c->queue.kind = q->kind;
    if (exchange)
        c->queue.exchange = memcpy(c->text, q->exchange, exchange);
    if (name)
        c->queue.name = memcpy(c->text + exchange, q->name, name);
    c->is_wanted = c->is_waited = true;
    c->stream_offset = -1;
    ol_buf_init(&c->incoming.body, RABBIT_BODY_MAX);
    return c;
}

static bool is_same(const struct rpc_queue *a, const struct rpc_queue *b)
{
    return a->kind == b->kind && (!a->exchange || !b->exchange || !strcmp(a->exchange, b->exchange))
           && (!a->name || !b->name || !strcmp(a->name, b->name));
}

/* Under the lock: the next channel that nobody has. */
static uint16_t free_channel(struct rpc_link *l)
{
    for (;;) {
        uint16_t n = l->next_channel++;
        const struct rabbit_consumer *c = l->consumers;

        if (l->next_channel >= 2000)
            l->next_channel = RABBIT_CHANNEL_CONSUME;
        while (c && c->channel != n)
            c = c->next;
        if (!c)
            return n;
    }
}

static bool is_over(const struct rpc_link *l, const struct rabbit_consumer *c)
{
    return l->is_closing || !c->is_wanted || c->state == CONSUMER_STANDS
           || c->state == CONSUMER_REFUSED;
}

/* Under the lock. The deadline is on the boot clock, which a condition can't wait on: it is looked
 * at each time, and once a second for a machine that slept. */
static void wait_until(struct rpc_link *l, const struct rabbit_consumer *c, ol_time deadline)
{
    while (!is_over(l, c)) {
        ol_time left = deadline - ol_now_boot(l->env);
        struct timespec at;

        if (left <= 0)
            return;
        if (left > OL_SECOND)
            left = OL_SECOND;
        clock_gettime(CLOCK_MONOTONIC, &at);
        left += at.tv_nsec;
        at.tv_sec += left / OL_SECOND;
        at.tv_nsec = left % OL_SECOND;
        pthread_cond_timedwait(&l->changed, &l->lock, &at);
    }
}

/* Under the lock. */
static int outcome(const struct rpc_link *l, const struct rabbit_consumer *c, struct ol_err *err)
{
    const char *why = c->err.msg[0] ? c->err.msg : l->last_err.msg;

    if (c->state == CONSUMER_STANDS && c->is_wanted)
        return 0;
    if (l->is_closing || !c->is_wanted)
        return ol_err_set(err, ECANCELED, "queue '%s': the connection is closed", c->plan.queue);
    if (c->state == CONSUMER_REFUSED) {
        if (err)
            *err = c->err;
        return -EPROTO;
    }
    return ol_err_set(err, ETIMEDOUT, "queue '%s' is not there in time%s%s", c->plan.queue,
                      why[0] ? ": " : "", why);
}

static int rabbit_consume(struct rpc_link *l, const struct rpc_queue *q, ol_time deadline,
                          char ret_name[256], struct ol_err *err)
{
    struct rabbit_consumer *c = consumer_new(q);
    char unique[RABBIT_NAME_MAX];
    int r;

    assert(!pthread_equal(pthread_self(), l->thread));
    pthread_mutex_lock(&l->lock);
    make_unique(l, unique, sizeof(unique));
    if (rabbit_plan(&l->options, q, unique, &c->plan) < 0) {
        pthread_mutex_unlock(&l->lock);
        rabbit_consumer_free(c);
        return ol_err_set(err, ENAMETOOLONG, "the queue's name has more than 255 bytes");
    }
    c->channel = free_channel(l);
    c->next = l->consumers;
    l->consumers = c;
    l->n_waiting++;
    rabbit_link_wake(l);
    wait_until(l, c, deadline);
    r = outcome(l, c, err);
    if (r == 0)
        memcpy(ret_name, c->plan.queue, RABBIT_NAME_MAX);
    else
        c->is_wanted = false;
    c->is_waited = false;
    l->n_waiting--;
    pthread_cond_broadcast(&l->changed);
    rabbit_link_wake(l);
    pthread_mutex_unlock(&l->lock); /* close() may go on now, and free the link */
    return r;
}

/* Under the lock: the sink has or gets a message of this queue. */
static bool is_delivering(const struct rpc_link *l, const struct rpc_queue *q)
{
    const struct rabbit_consumer *c = l->consumers;

    while (c && !(c->n_ready && is_same(&c->queue, q)))
        c = c->next;
    return c;
}

/* When it has returned, the sink gets nothing of this queue any more; called by the sink, nothing
 * but what is acknowledged already. */
static void rabbit_cancel(struct rpc_link *l, const struct rpc_queue *q)
{
    bool is_own_thread = pthread_equal(pthread_self(), l->thread);

    pthread_mutex_lock(&l->lock);
    for (struct rabbit_consumer *c = l->consumers; c; c = c->next) {
        if (is_same(&c->queue, q))
            c->is_wanted = false;
    }
    pthread_cond_broadcast(&l->changed);
    while (!is_own_thread && is_delivering(l, q))
        pthread_cond_wait(&l->changed, &l->lock);
    rabbit_link_wake(l);
    pthread_mutex_unlock(&l->lock);
}

const struct rpc_transport rpc_rabbit = {
    .scheme = "rabbit",
    .open = rabbit_open,
    .close = rabbit_close,
    .consume = rabbit_consume,
    .cancel = rabbit_cancel,
    .publish = rabbit_publish,
    .peer = rabbit_peer,
};
