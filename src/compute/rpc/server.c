/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/base/log-context.h"
#include "compute/rpc/failure.h"
#include "compute/rpc/rpc-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum { N_QUEUES = 3, METHOD_MEMORY = 256 << 20 };

/* A topic that is served, or was: requests of it may still run, so it stays until the end. */
struct rpc_served {
    struct rpc_served *next;
    struct rpc_server of;  /* with strings of our own */
    char *topic, *own_key; /* "compute", "compute.HOST" */
    struct rpc_queue queues[N_QUEUES];
    struct rpc_recent recent;
    bool is_stopped;
};

/* A request under way. */
struct request {
    struct rpc_request of;
    struct rpc *r;
    struct ol_arena arena;
    struct rpc_packet packet;
    const struct rpc_method *method;
    struct rpc_running running;
};

static void request_free(struct request *q)
{
    struct rpc *r = q->r;

    ol_arena_done(&q->arena);
    free(q);
    rpc_unref(r);
}

static void request_free_at(struct request **at)
{
    if (*at)
        request_free(*at);
}

void rpc_server_free(struct rpc *r)
{
    struct rpc_served *next;

    for (struct rpc_served *s = r->served; s; s = next) {
        next = s->next;
        free(s->topic);
        free(s->own_key);
        free((char *)s->of.server);
        free(s);
    }
}

/* oslo logs each exception that is not among the expected ones of its method. Ours that have a
 * name are meant for the caller; a cast has none who could read it. */
static void log_failure(const struct request *q, const struct ol_err *err)
{
    const char *name = nova_exceptions[nova_exception_of(err)].name;
    bool is_expected = q->packet.msg_id && err->domain;

    ol_log(q->r->env, is_expected ? OL_LOG_DEBUG : OL_LOG_ERROR,
           "Exception during message handling of %s: %s: %s", q->packet.method, name,
           ol_err_text(err));
}

static void answer_failure(struct request *q, const struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);

    log_failure(q, err);
    if (!q->packet.msg_id)
        return;
    rpc_failure_write(err, &text);
    if (rpc_reply_send(q->r, q->packet.reply_q,
                       &(struct rpc_answer){
                           .msg_id = q->packet.msg_id,
                           .failure = text.data,
                           .is_ending = true,
                       })
        < 0)
        ol_error(q->r->env, "The failure of %s can't be written", q->packet.method);
}

static void answer(struct request *q, const struct ol_val *result)
{
    struct rpc_answer w = {.msg_id = q->packet.msg_id, .result = result, .is_ending = true};
    struct ol_err err = OL_ERR_INIT;
    int status = w.msg_id ? rpc_reply_send(q->r, q->packet.reply_q, &w) : 0;

    if (status < 0
        && ol_err_set(&err, -status, "its result can't be sent: %s", strerror(-status)) < 0)
        answer_failure(q, &err);
}

static void run(void *ctx)
{
    ol_auto(request_free_at) struct request *q = ctx;
    ol_auto(log_context_unbind) struct log_binding bound;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *result = NULL;
    int status;

    log_context_bind(&bound, &q->of.context, NULL);
    status = q->method->run(&q->of, &result, &err);
    rpc_unwatch(q->r, &q->running);
    if (status >= 0) {
        answer(q, result);
        return;
    }
    if (!err.code)
        err.code = -status;
    answer_failure(q, &err);
}

/* The pool ends before the request began. */
static void drop(void *ctx)
{
    ol_auto(request_free_at) struct request *q = ctx;
    struct ol_err err = OL_ERR_INIT;

    rpc_unwatch(q->r, &q->running);
    if (nova_fail(&err, NOVA_RUNTIME, "%s was not begun: the service stops", q->packet.method) < 0)
        answer_failure(q, &err);
}

/* Takes it. */
static void start(struct request *q)
{
    const struct rpc_method *m = q->method;
    const struct ol_val *key = m->key ? ol_val_at(q->packet.args, m->key) : NULL;

    q->of.context = q->packet.context;
    q->of.args = q->packet.args;
    q->of.arena = &q->arena;
    q->of.is_call = q->packet.msg_id;
    q->of.method = q->packet.method;
    if (q->packet.has_bad_monitor)
        ol_warn(q->r->env, "Client provided an invalid timeout value for %s", q->packet.method);
    if (m->flags & RPC_QUICK) {
        run(q);
        return;
    }
    if (q->packet.msg_id && q->packet.monitor) {
        q->running = (struct rpc_running){
            .method = q->packet.method,
            .msg_id = q->packet.msg_id,
            .reply_q = q->packet.reply_q,
            .every = q->packet.monitor / 2,
        };
        rpc_watch(q->r, &q->running);
    }
    task_pool_add(q->r->pool, &(struct task){
                                  .name = m->name,
                                  .key = ol_val_str(key),
                                  .lane = m->lane,
                                  .run = run,
                                  .drop = drop,
                                  .ctx = q,
                              });
}

static int read_request(struct request *q, const char *body, size_t len, struct ol_err *err)
{
    const char *text = NULL;
    size_t text_len = 0;
    int status = rpc_envelope_open(body, len, &q->arena, &text, &text_len, err);

    return status < 0 ? status : rpc_request_read(text, text_len, &q->arena, &q->packet, err);
}

/* Who serves what came to this queue; NULL: nobody any more. */
static struct rpc_served *find_served(struct rpc *r, const struct rpc_queue *queue)
{
    struct rpc_served *found = NULL;

    pthread_mutex_lock(&r->lock);
    for (struct rpc_served *s = r->served; s && !found; s = s->next)
        for (size_t i = 0; i < N_QUEUES && !s->is_stopped; i++)
            if (s->queues[i].kind == queue->kind && strcmp(s->queues[i].name, queue->name) == 0)
                found = s;
    pthread_mutex_unlock(&r->lock);
    return found;
}

void rpc_server_deliver(struct rpc *r, const struct rpc_queue *queue, const char *body, size_t len)
{
    ol_auto(request_free_at) struct request *q = NULL;
    struct rpc_served *s = find_served(r, queue);
    struct ol_err err = OL_ERR_INIT;

    if (!s) {
        ol_warn(r->env, "A message in %s was dropped: it is not served any more", queue->name);
        return;
    }
    q = ol_xcalloc(1, sizeof(*q));
    rpc_ref(r);
    q->r = r;
    ol_arena_init(&q->arena, rpc_arena_max(len));
    if (read_request(q, body, len, &err) < 0) {
        ol_error(r->env, "A message in %s was dropped: %s", queue->name, ol_err_text(&err));
        return;
    }
    q->arena.max = METHOD_MEMORY; /* what a method reads is not a part of the message */
    /* Only the link's thread looks at it. */
    if (!rpc_recent_add(&s->recent, q->packet.unique_id)) {
        ol_warn(r->env, "Found duplicate message(%s). Skipping it.", q->packet.unique_id);
        return;
    }
    q->of.service = s->of.service;
    if (rpc_dispatch(&s->of, &q->packet, &q->method, &err) < 0)
        answer_failure(q, &err);
    else
        start(ol_take_ptr(q));
}

static struct rpc_served *served_new(const struct rpc *r, const struct rpc_server *of)
{
    struct rpc_served *s = ol_xcalloc(1, sizeof(*s));

    s->of = *of;
    s->topic = ol_xstrdup(of->topic);
    s->own_key = ol_xasprintf("%s.%s", of->topic, of->server);
    s->of.topic = s->topic;
    s->of.server = ol_xstrdup(of->server);
    s->queues[0] = (struct rpc_queue){RPC_QUEUE_TOPIC, r->exchange, s->topic};
    s->queues[1] = (struct rpc_queue){RPC_QUEUE_TOPIC, r->exchange, s->own_key};
    s->queues[2] = (struct rpc_queue){RPC_QUEUE_FANOUT, r->exchange, s->topic};
    return s;
}

/* A method that is not quick needs a pool to run in. */
static int check_methods(const struct rpc *r, const struct rpc_server *s, struct ol_err *err)
{
    for (size_t i = 0; i < s->n_endpoints && !r->pool; i++)
        for (const struct rpc_method *m = s->endpoints[i].methods; m->name; m++)
            if (!(m->flags & RPC_QUICK))
                return ol_err_set(err, EINVAL, "%s can't be served without a pool of tasks",
                                  m->name);
    return 0;
}

/* The caller is a user. */
static int serve(struct rpc *r, const struct rpc_server *of, struct ol_err *err)
{
    ol_time deadline = ol_now_boot(r->env) + r->timeout;
    struct rpc_served *s = served_new(r, of);
    char name[RPC_MAX_NAME + 1];
    int status = 0;

    pthread_mutex_lock(&r->lock);
    s->next = r->served;
    r->served = s;
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < N_QUEUES && status >= 0; i++)
        status = rpc_consume(r, &s->queues[i], deadline, name, err);
    if (status >= 0)
        return 0;
    rpc_serve_stop(r, of->topic);
    return status;
}

int rpc_serve(struct rpc *r, const struct rpc_server *s, struct ol_err *err)
{
    int status = check_methods(r, s, err);

    if (status < 0)
        return status;
    if (!rpc_enter(r))
        return ol_err_set(err, ECANCELED, "serve %s: the message bus is closed", s->topic);
    status = serve(r, s, err);
    rpc_leave(r);
    return status < 0 ? ol_err_prefix(err, status, "serve %s", s->topic) : 0;
}

void rpc_serve_stop(struct rpc *r, const char *topic)
{
    struct rpc_served *s;

    if (!rpc_enter(r))
        return;
    pthread_mutex_lock(&r->lock);
    for (s = r->served; s && (s->is_stopped || strcmp(s->topic, topic) != 0); s = s->next)
        ;
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; s && i < N_QUEUES; i++)
        r->transport->cancel(r->link, &s->queues[i]);
    if (s) {
        pthread_mutex_lock(&r->lock);
        s->is_stopped = true;
        pthread_mutex_unlock(&r->lock);
    }
    rpc_leave(r);
}
