/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "compute/base/context.h"
#include "compute/rpc/bus-link-internal.h"
#include "compute/rpc/wait.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

#define SCHEME      "orlop"
#define DEFAULT_TTL (1800 * OL_SECOND)

enum { PENDING_BYTES = 64 << 20 };

static void link_free(struct rpc_link *l)
{
    for (struct bus_bound *q = l->bound, *next; q; q = next) {
        next = q->next;
        free((char *)q->queue.exchange);
        free((char *)q->queue.name);
        free(q);
    }
    bus_stream_done(&l->stream);
    rpc_bus_unref(l->bus);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->ready);
    free(l->path);
    free(l->peer);
    free(l);
}

/* "orlop:" is inside this process, "orlop:///path" a socket. */
static int read_url(const char *url, char **ret_path, struct ol_err *err)
{
    const char *rest = url + sizeof(SCHEME ":") - 1;

    if (!*rest)
        return 0;
    if (!ol_str_starts(rest, "///") || !rest[3] || ol_str_ends(rest, "/"))
        return ol_err_set(err, EINVAL, "transport_url: '%s' is neither orlop: nor orlop:///PATH",
                          url);
    *ret_path = ol_xstrdup(rest + 2);
    return 0;
}

static int bus_open(struct ol_env *env, const struct rpc_transport_options *o,
                    const struct rpc_sink *sink, struct rpc_link **ret, struct ol_err *err)
{
    ol_autofree char *path = NULL;
    struct rpc_link *l;
    int r = read_url(o->url, &path, err);

    if (r < 0)
        return r;
    l = ol_xcalloc(1, sizeof(*l));
    l->env = env;
    l->sink = *sink;
    l->path = ol_take_ptr(path);
    l->is_guest = o->is_guest;
    l->peer = ol_xstrdup(o->url);
    l->ttl = o->transient_ttl ? o->transient_ttl : DEFAULT_TTL;
    l->pending_end = &l->pending;
    bus_stream_init(&l->stream, -1);
    pthread_mutex_init(&l->lock, NULL);
    rpc_cond_init(&l->changed);
    if (!l->path && o->bus)
        bus_ref(l->bus = o->bus);
    else if (!l->path)
        l->bus = rpc_bus_new(env);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = l->wake_fd < 0 ? -errno : !l->path && !l->bus ? -EAGAIN : 0;
    if (r >= 0)
        r = rpc_thread_start(&l->thread, bus_link_run, l);
    if (r < 0) {
        link_free(l);
        return ol_err_set(err, -r, "message bus: %s", strerror(-r));
    }
    *ret = l;
    return 0;
}

static void bus_close(struct rpc_link *l)
{
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    bus_link_wake(l);
    pthread_cond_broadcast(&l->changed);
    while (l->n_waiting)
        rpc_cond_wait(l->env, &l->changed, &l->lock, INT64_MAX);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    link_free(l);
}

static bool is_same(const struct rpc_queue *a, const struct rpc_queue *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* With the lock. */
static struct bus_bound *find_bound(struct rpc_link *l, const struct rpc_queue *q)
{
    struct bus_bound *b = l->bound;

    while (b && (b->is_cancelled || !is_same(&b->queue, q)))
        b = b->next;
    return b;
}

static struct bus_bound *bound_new(struct rpc_link *l, const struct rpc_queue *q)
{
    struct bus_bound *b = ol_xcalloc(1, sizeof(*b));
    char hex[33];

    b->queue.kind = q->kind;
    b->queue.exchange = q->exchange ? ol_xstrdup(q->exchange) : NULL;
    b->queue.name = ol_xstrdup(q->name);
    nova_uuid_hex(hex);
    if (q->kind == RPC_QUEUE_FANOUT)
        snprintf(b->own_name, sizeof(b->own_name), "%.200s_fanout_%s", q->name, hex);
    else
        snprintf(b->own_name, sizeof(b->own_name), "%s", q->name);
    b->next = l->bound;
    l->bound = b;
    bus_link_wake(l);
    return b;
}

static int consume_failed(const struct rpc_queue *q, int status, struct ol_err *err)
{
    if (status == -EPROTO)
        return ol_err_set(err, EPROTO, "queue %s: there is another kind of queue of this name",
                          q->name);
    return ol_err_set(err, -status, "queue %s: %s", q->name, strerror(-status));
}

/* With the lock: until it stands or can't. */
static int wait_until_it_stands(struct rpc_link *l, const struct bus_bound *b, ol_time deadline)
{
    while (!b->stands && !b->status && !l->is_closing && !l->is_lost
           && ol_now_boot(l->env) < deadline)
        rpc_cond_wait(l->env, &l->changed, &l->lock, deadline);
    if (b->stands)
        return 0;
    if (l->is_closing)
        return -ECANCELED;
    if (l->is_lost)
        return -ECONNRESET;
    return b->status ? b->status : -ETIMEDOUT;
}

static int bus_consume(struct rpc_link *l, const struct rpc_queue *q, ol_time deadline,
                       char ret_name[256], struct ol_err *err)
{
    struct bus_bound *b;
    int status;

    if (!*q->name || strlen(q->name) > RPC_MAX_NAME)
        return consume_failed(q, -EINVAL, err);
    pthread_mutex_lock(&l->lock);
    b = find_bound(l, q);
    if (!b)
        b = bound_new(l, q);
    l->n_waiting++;
    status = wait_until_it_stands(l, b, deadline);
    if (status < 0)
        b->is_cancelled = true;
    else
        snprintf(ret_name, 256, "%s", b->own_name);
    l->n_waiting--;
    bus_link_wake(l);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock); /* close() may go on now, and free the link */
    return status < 0 ? consume_failed(q, status, err) : 0;
}

static void bus_cancel(struct rpc_link *l, const struct rpc_queue *q)
{
    struct bus_bound *b;
    uint64_t batch;

    pthread_mutex_lock(&l->lock);
    b = find_bound(l, q);
    if (b) {
        b->is_cancelled = true;
        bus_link_wake(l);
    }
    /* What the thread has in hand is told to the end, unless it is the thread that asks. */
    batch = l->batch;
    while (l->is_in_batch && l->batch == batch && !l->is_closing
           && !pthread_equal(pthread_self(), l->thread))
        rpc_cond_wait(l->env, &l->changed, &l->lock, INT64_MAX);
    pthread_mutex_unlock(&l->lock);
}

/* -EMSGSIZE, -ENOBUFS: it can't be sent; the thread tells it. */
static int check_frame(const struct rpc_link *l, const struct rpc_frame *f)
{
    if (l->is_lost)
        return -ECONNRESET;
    if (f->len > RPC_MAX_BODY || strlen(f->key) > RPC_MAX_NAME
        || strlen(f->exchange) > RPC_MAX_NAME)
        return -EMSGSIZE;
    return l->pending_bytes + f->len > PENDING_BYTES ? -ENOBUFS : 0;
}

static void bus_publish(struct rpc_link *l, const struct rpc_frame *f, ol_time deadline,
                        const struct rpc_sent *sent)
{
    struct bus_pending *p = ol_xcalloc(1, sizeof(*p));
    struct bus_frame frame = {
        .type = BUS_PUBLISH,
        .flags = (uint8_t)((f->is_mandatory ? BUS_MANDATORY : 0) | (f->is_fanout ? BUS_FANOUT : 0)),
        .time = f->expiration,
        .exchange = f->exchange,
        .name = f->key,
        .body = f->body,
        .len = f->len,
    };

    p->deadline = deadline;
    p->sent = *sent;
    ol_buf_init(&p->frame, bus_frame_max);
    pthread_mutex_lock(&l->lock);
    p->id = frame.id = ++l->last_id;
    p->status = check_frame(l, f);
    if (p->status >= 0)
        bus_frame_add(&p->frame, &frame);
    l->pending_bytes += p->frame.len;
    *l->pending_end = p;
    l->pending_end = &p->next;
    bus_link_wake(l);
    pthread_mutex_unlock(&l->lock);
}

static const char *bus_peer(struct rpc_link *l)
{
    return l->peer;
}

const struct rpc_transport rpc_bus = {
    .scheme = SCHEME,
    .open = bus_open,
    .close = bus_close,
    .consume = bus_consume,
    .cancel = bus_cancel,
    .publish = bus_publish,
    .peer = bus_peer,
};
