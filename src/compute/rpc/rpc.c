/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rpc-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

bool rpc_enter(struct rpc *r)
{
    bool is_open;

    pthread_mutex_lock(&r->lock);
    is_open = !r->is_closing;
    r->n_users += is_open;
    pthread_mutex_unlock(&r->lock);
    return is_open;
}

void rpc_leave(struct rpc *r)
{
    pthread_mutex_lock(&r->lock);
    r->n_users--;
    if (r->is_closing)
        pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

int rpc_consume(struct rpc *r, const struct rpc_queue *q, ol_time deadline,
                char ret_name[RPC_MAX_NAME + 1], struct ol_err *err)
{
    bool is_open;
    int status;

    pthread_mutex_lock(&r->lock);
    is_open = !r->is_closing;
    r->n_consuming += is_open;
    pthread_mutex_unlock(&r->lock);
    if (!is_open)
        return ol_err_set(err, ECANCELED, "queue %s: the message bus is closed", q->name);
    status = r->transport->consume(r->link, q, deadline, ret_name, err);
    pthread_mutex_lock(&r->lock);
    r->n_consuming--;
    is_open = !r->is_closing; /* else the link may be gone by now */
    pthread_mutex_unlock(&r->lock);
    if (status >= 0 && !is_open)
        return ol_err_set(err, ECANCELED, "queue %s: the message bus is closed", q->name);
    return status;
}

void rpc_ref(struct rpc *r)
{
    pthread_mutex_lock(&r->lock);
    r->refs++;
    pthread_mutex_unlock(&r->lock);
}

void rpc_unref(struct rpc *r)
{
    bool is_last;

    pthread_mutex_lock(&r->lock);
    is_last = --r->refs == 0;
    pthread_mutex_unlock(&r->lock);
    if (!is_last)
        return;
    rpc_server_free(r);
    ol_table_done(&r->waiters);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->gone.all);
    free(r->exchange);
    free(r);
}

void rpc_publish(struct rpc *r, const struct rpc_frame *f, ol_time deadline,
                 const struct rpc_sent *sent)
{
    if (ol_change(r->env, "send", f->key))
        r->transport->publish(r->link, f, deadline, sent);
    else
        sent->done(sent->ctx, 0);
}

static void deliver(void *ctx, const struct rpc_queue *queue, const char *body, size_t len)
{
    if (queue->kind == RPC_QUEUE_REPLY)
        rpc_client_deliver(ctx, body, len);
    else
        rpc_server_deliver(ctx, queue, body, len);
}

static void changed(void *ctx, bool is_connected, const char *reason)
{
    struct rpc *r = ctx;
    bool was;

    pthread_mutex_lock(&r->lock);
    was = r->is_connected;
    r->is_connected = is_connected;
    r->since = ol_now_boot(r->env);
    r->n_connects += is_connected;
    if (was && !is_connected && r->is_guest)
        rpc_client_lost(r);
    pthread_mutex_unlock(&r->lock);
    if (is_connected)
        ol_info(r->env, "The message bus is connected");
    else if (was)
        ol_error(r->env, "The message bus was lost: %s; connecting again",
                 reason ? reason : "no reason told");
    else
        ol_warn(r->env, "The message bus can't be reached: %s; trying again",
                reason ? reason : "no reason told");
}

int rpc_new(struct ol_env *env, const struct rpc_options *o, struct rpc **ret, struct ol_err *err)
{
    const struct rpc_transport *transport = NULL;
    const char *url = o->transport->url;
    struct rpc_sink sink = {.deliver = deliver, .changed = changed};
    struct rpc *r;
    int status = rpc_transport_find(url, &transport, err);

    if (status < 0)
        return status;
    r = ol_xcalloc(1, sizeof(*r));
    r->env = env;
    r->transport = transport;
    r->pool = o->pool;
    r->exchange = ol_xstrdup(o->exchange);
    r->timeout = o->timeout;
    r->is_guest = o->transport->is_guest;
    r->refs = 1;
    r->waiters = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    pthread_mutex_init(&r->lock, NULL);
    rpc_cond_init(&r->changed);
    sink.ctx = r;
    status = transport->open(env, o->transport, &sink, &r->link, err);
    if (status < 0) {
        rpc_unref(r);
        return status;
    }
    *ret = r;
    return 0;
}

/* Those who wait in the link's consume() come back when it is closed. */
static void wait_for_users(struct rpc *r, bool is_link_open)
{
    pthread_mutex_lock(&r->lock);
    while (r->n_users > (is_link_open ? r->n_consuming : 0))
        rpc_cond_wait(r->env, &r->changed, &r->lock, INT64_MAX);
    pthread_mutex_unlock(&r->lock);
}

void rpc_free(struct rpc *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->is_closing = true;
    rpc_client_wake(r);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    rpc_reply_stop(r);
    wait_for_users(r, true);
    r->transport->close(r->link);
    wait_for_users(r, false);
    rpc_unref(r);
}

void rpc_state(struct rpc *r, struct rpc_state *ret)
{
    *ret = (struct rpc_state){0};
    if (!rpc_enter(r))
        return;
    pthread_mutex_lock(&r->lock);
    ret->is_connected = r->is_connected;
    ret->since = r->since;
    ret->n_connects = r->n_connects;
    ret->n_calls = r->waiters.n;
    pthread_mutex_unlock(&r->lock);
    ret->peer = r->transport->peer(r->link);
    rpc_leave(r);
}
