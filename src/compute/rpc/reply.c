/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rpc-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* amqpdriver.py: AMQPIncomingMessage.reply(); impl_rabbit.py: missing_destination_retry_timeout. */
#define TRY_AGAIN_AFTER (OL_SECOND / 4)
#define TRY_FOR         (60 * OL_SECOND)
#define GONE_FOR        (60 * OL_SECOND)
/* How long the link may keep an answer while there is no connection. */
#define KEEP_FOR (300 * OL_SECOND)

/* An answer on its way. */
struct rpc_reply {
    struct rpc_reply *next;
    struct rpc *r;
    char queue[RPC_MAX_NAME + 1], msg_id[RPC_MAX_NAME + 1];
    struct ol_buf body;
    bool is_heartbeat;
    ol_time first, again; /* first and next try */
};

static void reply_free(struct rpc_reply *y)
{
    struct rpc *r = y->r;

    ol_buf_done(&y->body);
    free(y);
    rpc_unref(r);
}

/* With the lock. */
static bool is_gone(struct rpc *r, const char *queue)
{
    ol_time now = ol_now_boot(r->env);

    for (size_t i = 0; r->gone.all && i < RPC_GONE; i++)
        if (r->gone.all[i].until > now && strcmp(r->gone.all[i].queue, queue) == 0)
            return true;
    return false;
}

/* With the lock. */
static void set_gone(struct rpc *r, const char *queue)
{
    if (!r->gone.all)
        r->gone.all = ol_xcalloc(RPC_GONE, sizeof(*r->gone.all));
    snprintf(r->gone.all[r->gone.next].queue, sizeof(r->gone.all->queue), "%s", queue);
    r->gone.all[r->gone.next].until = ol_now_boot(r->env) + GONE_FOR;
    r->gone.next = (r->gone.next + 1) % RPC_GONE;
}

static void *run_timer(void *ctx);

/* With the lock: the thread that looks at times, from when there are any. */
static void need_timer(struct rpc *r)
{
    if (!r->has_timer && !r->is_closing)
        r->has_timer = rpc_thread_start(&r->timer, run_timer, r) == 0;
    pthread_cond_broadcast(&r->changed);
}

/* The queue was not there: tries again, or gives up. */
static void on_missing(struct rpc_reply *y)
{
    struct rpc *r = y->r;
    ol_time now = ol_now_boot(r->env);
    bool is_over = now - y->first >= TRY_FOR;

    pthread_mutex_lock(&r->lock);
    if (is_over)
        set_gone(r, y->queue);
    if (!is_over && !r->is_closing) {
        y->again = now + TRY_AGAIN_AFTER;
        y->next = r->again;
        r->again = y;
        y = NULL;
        need_timer(r);
    }
    pthread_mutex_unlock(&r->lock);
    if (!y)
        return;
    if (is_over)
        ol_error(r->env,
                 "The reply %s failed to send after %d seconds due to a missing queue (%s). "
                 "Abandoning...",
                 y->msg_id, (int)(TRY_FOR / OL_SECOND), y->queue);
    reply_free(y);
}

static void stop_heartbeats(struct rpc *r, const char *msg_id)
{
    pthread_mutex_lock(&r->lock);
    for (struct rpc_running *w = r->watched; w; w = w->next)
        if (strcmp(w->msg_id, msg_id) == 0)
            w->again = INT64_MAX;
    pthread_mutex_unlock(&r->lock);
}

static void on_sent(void *ctx, int status)
{
    struct rpc_reply *y = ctx;

    if (status == -ENOENT && !y->is_heartbeat) {
        on_missing(y);
        return;
    }
    if (status < 0 && y->is_heartbeat) {
        ol_debug(y->r->env, "Call-monitor heartbeat failed: %s", strerror(-status));
        stop_heartbeats(y->r, y->msg_id);
    } else if (status < 0 && status != -ECANCELED) {
        ol_error(y->r->env, "Can not send reply %s to %s: %s", y->msg_id, y->queue,
                 strerror(-status));
    }
    reply_free(y);
}

/* Takes it. */
static void publish(struct rpc_reply *y)
{
    struct rpc *r = y->r;
    struct rpc_frame f = {
        .exchange = "",
        .key = y->queue,
        .is_mandatory = true,
        .body = y->body.data,
        .len = y->body.len,
    };

    if (!rpc_enter(r)) {
        reply_free(y);
        return;
    }
    rpc_publish(r, &f, ol_now_boot(r->env) + KEEP_FOR,
                &(struct rpc_sent){.done = on_sent, .ctx = y});
    rpc_leave(r);
}

int rpc_reply_send(struct rpc *r, const char *reply_q, const struct rpc_answer *w)
{
    struct rpc_reply *y;
    bool is_in_vain;
    int status;

    pthread_mutex_lock(&r->lock);
    is_in_vain = is_gone(r, reply_q);
    pthread_mutex_unlock(&r->lock);
    if (is_in_vain) {
        ol_warn(r->env, "%s doesn't exist, drop reply to %s", reply_q, w->msg_id);
        return 0;
    }
    y = ol_xcalloc(1, sizeof(*y));
    rpc_ref(r);
    y->r = r;
    snprintf(y->queue, sizeof(y->queue), "%s", reply_q);
    snprintf(y->msg_id, sizeof(y->msg_id), "%s", w->msg_id);
    y->first = ol_now_boot(r->env);
    y->is_heartbeat = !w->is_ending;
    ol_buf_init(&y->body, RPC_MAX_BODY);
    status = rpc_answer_write(w, &y->body);
    if (status < 0)
        reply_free(y);
    else
        publish(y);
    return status;
}

void rpc_watch(struct rpc *r, struct rpc_running *w)
{
    pthread_mutex_lock(&r->lock);
    w->again = ol_now_boot(r->env) + w->every;
    w->next = r->watched;
    w->at = &r->watched;
    if (w->next)
        w->next->at = &w->next;
    r->watched = w;
    need_timer(r);
    pthread_mutex_unlock(&r->lock);
}

void rpc_unwatch(struct rpc *r, struct rpc_running *w)
{
    pthread_mutex_lock(&r->lock);
    if (w->at) {
        *w->at = w->next;
        if (w->next)
            w->next->at = w->at;
        w->at = NULL;
    }
    pthread_mutex_unlock(&r->lock);
}

/* --- the timer's thread --- */

/* With the lock: takes out a reply whose time has come, else says when the next one's comes. */
static struct rpc_reply *take_due(struct rpc *r, ol_time now, ol_time *next)
{
    for (struct rpc_reply **at = &r->again; *at; at = &(*at)->next) {
        struct rpc_reply *y = *at;

        if (y->again <= now) {
            *at = y->next;
            return y;
        }
        if (y->again < *next)
            *next = y->again;
    }
    return NULL;
}

/* With the lock: a heartbeat that is due. */
static struct rpc_running *find_beat(struct rpc *r, ol_time now, ol_time *next)
{
    for (struct rpc_running *w = r->watched; w; w = w->next) {
        if (w->again <= now)
            return w;
        if (w->again < *next)
            *next = w->again;
    }
    return NULL;
}

/* With the lock, which is let go meanwhile: what the request says is copied, for it may end. */
static void beat(struct rpc *r, struct rpc_running *w, ol_time now)
{
    ol_autofree char *msg_id = ol_xstrdup(w->msg_id), *reply_q = ol_xstrdup(w->reply_q);

    ol_debug(r->env, "Sending call-monitor heartbeat for active call to %s (interval=%d)",
             w->method, (int)(w->every / OL_SECOND));
    w->again = now + w->every;
    pthread_mutex_unlock(&r->lock);
    if (rpc_reply_send(r, reply_q, &(struct rpc_answer){.msg_id = msg_id}) < 0)
        ol_error(r->env, "A heartbeat can't be written");
    pthread_mutex_lock(&r->lock);
}

static void *run_timer(void *ctx)
{
    struct rpc *r = ctx;

    pthread_mutex_lock(&r->lock);
    while (!r->is_closing) {
        ol_time now = ol_now_boot(r->env), next = INT64_MAX;
        struct rpc_reply *y = take_due(r, now, &next);
        struct rpc_running *w = y ? NULL : find_beat(r, now, &next);

        if (y) {
            pthread_mutex_unlock(&r->lock);
            publish(y);
            pthread_mutex_lock(&r->lock);
        } else if (w) {
            beat(r, w, now);
        } else {
            rpc_cond_wait(r->env, &r->changed, &r->lock, next);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

void rpc_reply_stop(struct rpc *r)
{
    struct rpc_reply *next;

    if (r->has_timer)
        pthread_join(r->timer, NULL);
    r->has_timer = false;
    for (struct rpc_reply *y = r->again; y; y = next) {
        next = y->next;
        reply_free(y);
    }
    r->again = NULL;
}
