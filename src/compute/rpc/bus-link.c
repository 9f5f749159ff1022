/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/bus-link-internal.h"
#include "compute/rpc/wait.h"
#include "core/alloc.h"
#include "core/queue.h"

#define CONNECT_FIRST (20 * OL_MS)
#define CONNECT_MOST  OL_SECOND
#define FULL_DELAY    (250 * OL_MS)

enum {
    OUT_ENOUGH = 1 << 20, /* so much is written before more of what waits is */
    DRAIN_MS = 1000,
};

void bus_link_wake(struct rpc_link *l)
{
    /* After a batch it looks anyway, before it sleeps. */
    if (l->is_woken || l->is_in_batch)
        return;
    l->is_woken = true;
    bus_wake(l->wake_fd);
}

/* --- what is under way --- */

/* Takes a publish out of the list; with the lock. */
static struct bus_pending *take_pending(struct rpc_link *l, struct bus_pending **at)
{
    struct bus_pending *p = *at;

    *at = p->next;
    if (!*at)
        l->pending_end = at;
    l->pending_bytes -= p->frame.len;
    return p;
}

/* Without the lock. */
static void tell_sent(struct bus_pending *p, int status)
{
    p->sent.done(p->sent.ctx, status);
    ol_buf_done(&p->frame);
    free(p);
}

static bool is_over(const struct bus_pending *p, ol_time now)
{
    return p->status < 0 || (p->deadline && p->deadline <= now);
}

/* Those whose time is over, or that could never be sent. */
static void tell_overdue(struct rpc_link *l)
{
    ol_time now = ol_now_boot(l->env);

    pthread_mutex_lock(&l->lock);
    for (struct bus_pending **at = &l->pending; *at;) {
        struct bus_pending *p = *at;

        if (!is_over(p, now)) {
            at = &p->next;
            continue;
        }
        take_pending(l, at);
        pthread_mutex_unlock(&l->lock);
        tell_sent(p, p->status < 0 ? p->status : -ETIMEDOUT);
        pthread_mutex_lock(&l->lock);
        at = &l->pending; /* it may have changed */
    }
    pthread_mutex_unlock(&l->lock);
}

static void write_consume(struct rpc_link *l, struct bus_bound *q)
{
    bool is_fanout = q->queue.kind == RPC_QUEUE_FANOUT;

    q->id = ++l->last_id;
    q->is_asked = true;
    bus_frame_add(&l->stream.out, &(struct bus_frame){
                                      .type = BUS_CONSUME,
                                      .flags = (uint8_t)q->queue.kind,
                                      .id = q->id,
                                      .time = q->queue.kind == RPC_QUEUE_TOPIC ? 0 : l->ttl,
                                      .exchange = is_fanout ? q->queue.name : q->queue.exchange,
                                      .name = q->own_name,
                                  });
}

/* Says so once; who waits in consume() may still look at it. */
static void forget_cancelled(struct rpc_link *l)
{
    for (struct bus_bound **at = &l->bound; *at;) {
        struct bus_bound *q = *at;

        if (q->is_cancelled && q->is_asked)
            bus_frame_add(&l->stream.out,
                          &(struct bus_frame){.type = BUS_CANCEL, .name = q->own_name});
        q->is_asked &= !q->is_cancelled;
        if (!q->is_cancelled || l->n_waiting) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        free((char *)q->queue.exchange);
        free((char *)q->queue.name);
        free(q);
    }
}

/* With the lock. The time at which it is to be looked at again; INT64_MAX = not by itself. */
static ol_time write_pending(struct rpc_link *l, struct bus_pending *p, ol_time now)
{
    ol_time next = p->deadline ? p->deadline : INT64_MAX;

    if (p->is_written || !l->is_greeted || bus_stream_pending(&l->stream) > OUT_ENOUGH)
        return next;
    if (p->not_before > now)
        return p->not_before < next ? p->not_before : next;
    ol_buf_add(&l->stream.out, p->frame.data, p->frame.len);
    p->is_written = true;
    return next;
}

/* What was asked for since the last time goes into the connection. When to come again. */
static ol_time write_news(struct rpc_link *l)
{
    ol_time now = ol_now_boot(l->env), next = INT64_MAX;

    pthread_mutex_lock(&l->lock);
    l->is_woken = false;
    if (l->is_greeted)
        forget_cancelled(l);
    for (struct bus_bound *q = l->bound; q && l->is_greeted; q = q->next)
        if (!q->is_asked && !q->is_cancelled)
            write_consume(l, q);
    for (struct bus_pending *p = l->pending; p; p = p->next) {
        ol_time again = write_pending(l, p, now);

        next = again < next ? again : next;
    }
    pthread_mutex_unlock(&l->lock);
    return next;
}

/* --- the connection --- */

static void lose(struct rpc_link *l, const char *why)
{
    bool was_greeted = l->is_greeted;

    bus_stream_done(&l->stream);
    bus_stream_init(&l->stream, -1);
    l->n_ready = 0;
    l->is_greeted = false;
    l->next_delay = l->next_delay ? l->next_delay * 2 : CONNECT_FIRST;
    if (l->next_delay > CONNECT_MOST)
        l->next_delay = CONNECT_MOST;
    l->connect_at = ol_now_boot(l->env) + l->next_delay;
    pthread_mutex_lock(&l->lock);
    for (struct bus_bound *q = l->bound; q; q = q->next)
        q->is_asked = q->stands = false;
    l->is_lost = l->is_guest && was_greeted;
    for (struct bus_pending *p = l->pending; p; p = p->next) {
        p->is_written = false;
        p->status = l->is_lost ? -ECONNRESET : p->status;
    }
    if (l->is_lost) {
        l->connect_at = INT64_MAX;
        pthread_cond_broadcast(&l->changed);
        bus_link_wake(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (was_greeted || l->next_delay == CONNECT_MOST / 2)
        l->sink.changed(l->sink.ctx, false, why);
}

/* A descriptor, or -errno. */
static int find(struct rpc_link *l, struct ol_err *err)
{
    struct bus_listener listener = BUS_LISTENER_INIT;
    int r;

    if (l->bus)
        return bus_attach(l->bus);
    r = bus_find(l->env, l->path, l->is_guest ? NULL : &listener, err);
    if (r)
        return r;
    r = bus_start(l->env, &listener, &l->bus, err);
    return r < 0 ? r : bus_attach(l->bus);
}

static void connect_now(struct rpc_link *l)
{
    struct ol_err err = OL_ERR_INIT;
    int fd = find(l, &err);

    if (fd < 0) {
        if (!err.code)
            err.code = -fd;
        lose(l, ol_err_text(&err));
        return;
    }
    l->stream.fd = fd;
    bus_frame_add(&l->stream.out, &(struct bus_frame){.type = BUS_HELLO, .status = BUS_VERSION});
}

/* --- frames --- */

static int on_hello(struct rpc_link *l, const struct bus_frame *f)
{
    if (l->is_greeted || f->status != BUS_VERSION)
        return -EPROTO;
    l->is_greeted = true;
    l->next_delay = 0;
    l->sink.changed(l->sink.ctx, true, NULL);
    return 0;
}

static struct bus_pending *take_done(struct rpc_link *l, const struct bus_frame *f)
{
    for (struct bus_pending **at = &l->pending; *at; at = &(*at)->next) {
        struct bus_pending *p = *at;

        if (p->id != f->id)
            continue;
        if (f->status != -EAGAIN)
            return take_pending(l, at);
        p->is_written = false;
        p->not_before = ol_now_boot(l->env) + FULL_DELAY;
        return NULL;
    }
    return NULL;
}

static int on_done(struct rpc_link *l, const struct bus_frame *f)
{
    struct bus_pending *p;

    if (f->status > 0)
        return -EPROTO;
    pthread_mutex_lock(&l->lock);
    p = take_done(l, f);
    for (struct bus_bound *q = l->bound; q && !p; q = q->next) {
        if (!q->is_asked || q->id != f->id)
            continue;
        q->stands = f->status == 0;
        q->status = f->status;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    if (p)
        tell_sent(p, f->status);
    return 0;
}

static int on_deliver(struct rpc_link *l, const struct bus_frame *f)
{
    struct bus_bound *q;

    pthread_mutex_lock(&l->lock);
    for (q = l->bound; q && (q->is_cancelled || strcmp(q->own_name, f->name) != 0); q = q->next)
        ;
    pthread_mutex_unlock(&l->lock);
    bus_frame_add(&l->stream.out, &(struct bus_frame){.type = q ? BUS_ACK : BUS_NACK, .id = f->id});
    if (!q)
        return 0;
    if (l->n_ready == l->cap_ready) {
        l->cap_ready = l->cap_ready ? l->cap_ready * 2 : 16;
        l->ready = ol_xrealloc(l->ready, l->cap_ready, sizeof(*l->ready));
    }
    l->ready[l->n_ready++] = (struct bus_ready){.bound = q, .body = f->body, .len = f->len};
    return 0;
}

static int on_frame(struct rpc_link *l, const struct bus_frame *f)
{
    if (f->type == BUS_HELLO)
        return on_hello(l, f);
    if (!l->is_greeted)
        return -EPROTO;
    if (f->type == BUS_DONE)
        return on_done(l, f);
    return f->type == BUS_DELIVER ? on_deliver(l, f) : -EPROTO;
}

/* Acknowledgements leave before anything is told: at most once, also when we are killed. */
static int drain(struct rpc_link *l)
{
    int r = bus_stream_write(&l->stream);

    while (r >= 0 && bus_stream_pending(&l->stream)) {
        struct pollfd p = {.fd = l->stream.fd, .events = POLLOUT};
        bool is_closing;

        poll(&p, 1, DRAIN_MS);
        pthread_mutex_lock(&l->lock);
        is_closing = l->is_closing;
        pthread_mutex_unlock(&l->lock);
        r = is_closing ? -ECANCELED : bus_stream_write(&l->stream);
    }
    return r;
}

static void set_in_batch(struct rpc_link *l, bool is_in_batch)
{
    pthread_mutex_lock(&l->lock);
    l->is_in_batch = is_in_batch;
    if (!is_in_batch) {
        l->batch++;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
}

/* All frames that are there; those that carry messages are told in the end. */
static int read_batch(struct rpc_link *l, size_t *ret_size)
{
    struct bus_frame f;
    size_t at = 0;
    ssize_t n;

    while ((n = bus_frame_read(l->stream.in.data + at, l->stream.in.len - at, &f)) > 0) {
        if (on_frame(l, &f) < 0)
            return -EPROTO;
        at += (size_t)n;
    }
    *ret_size = at;
    return n < 0 ? -EPROTO : 0;
}

static int read_frames(struct rpc_link *l)
{
    int gone = bus_stream_read(&l->stream), r;
    size_t size = 0;

    if (gone == -EPROTO)
        return gone;
    set_in_batch(l, true);
    r = read_batch(l, &size);
    if (r >= 0 && l->n_ready)
        r = drain(l);
    for (size_t i = 0; r >= 0 && i < l->n_ready; i++)
        l->sink.deliver(l->sink.ctx, &l->ready[i].bound->queue, l->ready[i].body, l->ready[i].len);
    l->n_ready = 0;
    bus_stream_eat(&l->stream, size);
    set_in_batch(l, false);
    return r < 0 ? r : gone;
}

static const char *reason_of(int status)
{
    return status == -EPIPE    ? "the other side closed the connection"
           : status == -EPROTO ? "the other side speaks another protocol"
                               : strerror(-status);
}

static void step(struct rpc_link *l)
{
    ol_time now = ol_now_boot(l->env), next;
    struct pollfd polled[2] = {{.fd = l->wake_fd, .events = POLLIN}, {.fd = -1}};
    int r = 0;

    if (l->stream.fd < 0 && now >= l->connect_at)
        connect_now(l);
    tell_overdue(l);
    next = write_news(l);
    if (l->stream.fd < 0 && l->connect_at < next)
        next = l->connect_at;
    if (l->stream.fd >= 0)
        r = bus_stream_write(&l->stream);
    if (r >= 0) {
        polled[1].fd = l->stream.fd;
        polled[1].events = (short)(POLLIN | (bus_stream_pending(&l->stream) ? POLLOUT : 0));
        poll(polled, 2, rpc_poll_ms(l->env, next));
        if (polled[0].revents)
            bus_woken(l->wake_fd);
        if (polled[1].revents & (POLLIN | POLLHUP | POLLERR))
            r = read_frames(l);
    }
    if (r < 0)
        lose(l, reason_of(r));
}

void *bus_link_run(void *link)
{
    struct rpc_link *l = link;
    bool is_closing = false;

    while (!is_closing) {
        step(l);
        pthread_mutex_lock(&l->lock);
        is_closing = l->is_closing;
        pthread_mutex_unlock(&l->lock);
    }
    for (struct bus_pending *p = l->pending, *after; p; p = after) {
        after = p->next;
        tell_sent(p, -ECANCELED);
    }
    l->pending = NULL;
    return NULL;
}
