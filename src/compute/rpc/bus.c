/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/rpc/bus-broker.h"
#include "compute/rpc/bus-internal.h"
#include "compute/rpc/envelope.h"
#include "compute/rpc/wait.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* When whoever served the socket has gone, the others come back within a second, and with them
 * their queues: so long what goes to a queue that is not there is to be sent again. */
#define GRACE (2 * OL_SECOND)

enum {
    MAX_CONNS = 1024,
    /* So much may wait to be written before no more is read from that peer. Deliveries alone,
     * which are bounded by what it has acknowledged, never reach it: a peer may write its
     * acknowledgements before it reads on. */
    PENDING_MOST = 32 << 20,
};

/* Somebody who is connected; only the thread knows it. */
struct conn {
    struct conn *next;
    struct rpc_bus *bus;
    struct bus_stream stream;
    struct broker_peer *peer;
    bool has_greeted, is_over;
};

struct rpc_bus {
    struct ol_env *env;
    struct bus_listener listener;
    ol_time since;
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock; /* over what follows */
    unsigned refs;
    bool is_ending;
    int joining[16]; /* descriptors on their way to the thread */
    size_t n_joining;

    /* The thread's own. */
    struct broker *broker;
    struct conn *conns;
    size_t n_conns;
    struct pollfd *polled;
};

static void on_delivery(void *peer_ctx, const struct broker_delivery *d)
{
    struct conn *c = peer_ctx;

    bus_frame_add(&c->stream.out, &(struct bus_frame){
                                      .type = BUS_DELIVER,
                                      .id = d->tag,
                                      .name = d->queue,
                                      .body = d->body,
                                      .len = d->len,
                                  });
}

static void add_conn(struct rpc_bus *b, int fd)
{
    struct conn *c;

    if (b->n_conns == MAX_CONNS) {
        close(fd);
        return;
    }
    c = ol_xcalloc(1, sizeof(*c));
    c->bus = b;
    bus_stream_init(&c->stream, fd);
    c->peer = broker_join(b->broker, c);
    c->next = b->conns;
    b->conns = c;
    b->n_conns++;
    b->polled = ol_xrealloc(b->polled, b->n_conns + 2, sizeof(*b->polled));
}

static void conn_free(struct conn *c)
{
    bus_stream_done(&c->stream);
    free(c);
}

/* --- frames --- */

static int on_hello(struct conn *c, const struct bus_frame *f)
{
    if (c->has_greeted || f->status != BUS_VERSION)
        return -EPROTO;
    c->has_greeted = true;
    bus_frame_add(&c->stream.out, &(struct bus_frame){.type = BUS_HELLO, .status = BUS_VERSION});
    return 0;
}

static void done(struct conn *c, const struct bus_frame *f, int status)
{
    bus_frame_add(&c->stream.out,
                  &(struct bus_frame){.type = BUS_DONE, .id = f->id, .status = status});
}

static int on_consume(struct conn *c, const struct bus_frame *f)
{
    struct broker_queue_options o = {
        .kind = (enum rpc_queue_kind)f->flags,
        .exchange = f->exchange,
        .name = f->name,
        .ttl = f->time,
    };

    if (f->flags > RPC_QUEUE_FANOUT || !*f->name || f->time < 0)
        return -EPROTO;
    done(c, f, broker_consume(c->bus->broker, c->peer, &o, ol_now_boot(c->bus->env)));
    return 0;
}

static int on_cancel(struct conn *c, const struct bus_frame *f)
{
    broker_cancel(c->bus->broker, c->peer, f->name, ol_now_boot(c->bus->env));
    return 0;
}

static bool may_come_back(const struct rpc_bus *b, const struct rpc_frame *f, ol_time now)
{
    return b->listener.fd >= 0 && now - b->since < GRACE && *f->exchange && !f->is_fanout
           && broker_waiting(b->broker, f->key) < 0;
}

static int on_publish(struct conn *c, const struct bus_frame *f)
{
    struct rpc_frame frame = {
        .exchange = f->exchange,
        .key = f->name,
        .is_fanout = f->flags & BUS_FANOUT,
        .is_mandatory = f->flags & BUS_MANDATORY,
        .expiration = f->time,
        .body = f->body,
        .len = f->len,
    };
    ol_time now = ol_now_boot(c->bus->env);

    if (f->time < 0 || f->time > INT64_MAX - now)
        return -EPROTO;
    done(c, f,
         may_come_back(c->bus, &frame, now) ? -EAGAIN
                                            : broker_publish(c->bus->broker, &frame, now));
    return 0;
}

static int on_ack(struct conn *c, const struct bus_frame *f)
{
    broker_ack(c->bus->broker, c->peer, f->id, ol_now_boot(c->bus->env));
    return 0;
}

static int on_nack(struct conn *c, const struct bus_frame *f)
{
    broker_nack(c->bus->broker, c->peer, f->id, ol_now_boot(c->bus->env));
    return 0;
}

/* -EPROTO: what only we may send has no row, and ends the connection. */
static int on_frame(struct conn *c, const struct bus_frame *f)
{
    static int (*const handlers[BUS_N_TYPES])(struct conn *c, const struct bus_frame *f) = {
        [BUS_HELLO] = on_hello,     [BUS_CONSUME] = on_consume, [BUS_CANCEL] = on_cancel,
        [BUS_PUBLISH] = on_publish, [BUS_ACK] = on_ack,         [BUS_NACK] = on_nack,
    };

    if (!handlers[f->type] || (!c->has_greeted && f->type != BUS_HELLO))
        return -EPROTO;
    return handlers[f->type](c, f);
}

static int read_frames(struct conn *c)
{
    int gone = bus_stream_read(&c->stream);
    struct bus_frame f;
    size_t at = 0;
    ssize_t n = 0;

    /* What it said before it went counts. */
    while (gone != -EPROTO
           && (n = bus_frame_read(c->stream.in.data + at, c->stream.in.len - at, &f)) > 0) {
        if (on_frame(c, &f) < 0)
            return -EPROTO;
        at += (size_t)n;
    }
    bus_stream_eat(&c->stream, at);
    return n < 0 ? (int)n : gone;
}

/* --- the thread --- */

static void accept_all(struct rpc_bus *b)
{
    int fd;

    while ((fd = accept4(b->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (bus_check_peer(fd) >= 0) {
            add_conn(b, fd);
            continue;
        }
        ol_warn(b->env, "The message bus refused a connection from another user");
        close(fd);
    }
}

static bool take_news(struct rpc_bus *b)
{
    bool is_ending;

    pthread_mutex_lock(&b->lock);
    is_ending = b->is_ending;
    for (size_t i = 0; i < b->n_joining; i++)
        add_conn(b, b->joining[i]);
    b->n_joining = 0;
    pthread_mutex_unlock(&b->lock);
    return !is_ending;
}

static void remove_ended(struct rpc_bus *b)
{
    for (struct conn **at = &b->conns; *at;) {
        struct conn *c = *at;

        if (!c->is_over) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        b->n_conns--;
        broker_leave(b->broker, c->peer, ol_now_boot(b->env));
        conn_free(c);
    }
}

static void wait_for_events(struct rpc_bus *b, ol_time until)
{
    nfds_t n = 2;

    b->polled[0] = (struct pollfd){.fd = b->wake_fd, .events = POLLIN};
    b->polled[1] = (struct pollfd){.fd = b->listener.fd, .events = POLLIN};
    for (struct conn *c = b->conns; c; c = c->next) {
        size_t pending = bus_stream_pending(&c->stream);

        b->polled[n++] = (struct pollfd){
            .fd = c->stream.fd,
            .events = (short)((pending ? POLLOUT : 0) | (pending < PENDING_MOST ? POLLIN : 0)),
        };
    }
    poll(b->polled, n, rpc_poll_ms(b->env, until));
}

static void work_on_conns(struct rpc_bus *b)
{
    nfds_t n = 2;

    for (struct conn *c = b->conns; c; c = c->next)
        if (b->polled[n++].revents & (POLLIN | POLLHUP | POLLERR))
            c->is_over = read_frames(c) < 0;
    for (struct conn *c = b->conns; c; c = c->next)
        if (!c->is_over && bus_stream_pending(&c->stream) && bus_stream_write(&c->stream) < 0)
            c->is_over = true;
    remove_ended(b);
    /* What a peer left behind went to others. */
    for (struct conn *c = b->conns; c; c = c->next)
        if (bus_stream_pending(&c->stream) && bus_stream_write(&c->stream) < 0)
            c->is_over = true;
}

static void *run(void *ctx)
{
    struct rpc_bus *b = ctx;

    while (take_news(b)) {
        wait_for_events(b, broker_tick(b->broker, ol_now_boot(b->env)));
        if (b->polled[0].revents)
            bus_woken(b->wake_fd);
        work_on_conns(b);
        if (b->polled[1].revents)
            accept_all(b);
    }
    return NULL;
}

/* --- life --- */

static void bus_free(struct rpc_bus *b)
{
    for (struct conn *c = b->conns, *next; c; c = next) {
        next = c->next;
        conn_free(c);
    }
    for (size_t i = 0; i < b->n_joining; i++)
        close(b->joining[i]);
    broker_free(b->broker);
    bus_listener_done(&b->listener);
    if (b->wake_fd >= 0)
        close(b->wake_fd);
    pthread_mutex_destroy(&b->lock);
    free(b->polled);
    free(b);
}

int bus_start(struct ol_env *env, struct bus_listener *l, struct rpc_bus **ret, struct ol_err *err)
{
    struct rpc_bus *b = ol_xcalloc(1, sizeof(*b));
    int r;

    b->env = env;
    b->since = ol_now_boot(env);
    b->refs = 1;
    b->listener = *l;
    *l = BUS_LISTENER_INIT;
    b->broker = broker_new(on_delivery);
    b->polled = ol_xcalloc(2, sizeof(*b->polled));
    pthread_mutex_init(&b->lock, NULL);
    b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = b->wake_fd < 0 ? -errno : rpc_thread_start(&b->thread, run, b);
    if (r < 0) {
        bus_free(b);
        return ol_err_set(err, -r, "message bus: %s", strerror(-r));
    }
    *ret = b;
    return 0;
}

struct rpc_bus *rpc_bus_new(struct ol_env *env)
{
    struct bus_listener none = BUS_LISTENER_INIT;
    struct ol_err err = OL_ERR_INIT;
    struct rpc_bus *b = NULL;

    if (bus_start(env, &none, &b, &err) < 0)
        ol_error(env, "%s", ol_err_text(&err));
    return b;
}

void bus_ref(struct rpc_bus *b)
{
    pthread_mutex_lock(&b->lock);
    b->refs++;
    pthread_mutex_unlock(&b->lock);
}

void rpc_bus_unref(struct rpc_bus *b)
{
    bool is_last;

    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    is_last = --b->refs == 0;
    b->is_ending = is_last;
    pthread_mutex_unlock(&b->lock);
    if (!is_last)
        return;
    bus_wake(b->wake_fd);
    pthread_join(b->thread, NULL);
    bus_free(b);
}

int bus_attach(struct rpc_bus *b)
{
    int pair[2], r = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    pthread_mutex_lock(&b->lock);
    if (b->n_joining < ol_count(b->joining))
        b->joining[b->n_joining++] = pair[1];
    else
        r = -EAGAIN;
    pthread_mutex_unlock(&b->lock);
    if (r < 0) {
        close(pair[0]);
        close(pair[1]);
        return r;
    }
    bus_wake(b->wake_fd);
    return pair[0];
}
