/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/rpc/failure.h"
#include "compute/rpc/rpc-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* An answer that came, its envelope open, for the caller's thread to read. */
struct arrival {
    struct arrival *next;
    struct ol_arena arena;
    const char *text;
    size_t len;
};

/* A caller, on its own stack. */
struct rpc_waiter {
    const char *id; /* of the call, or the cast's unique_id; first, for the table */
    pthread_cond_t came;
    struct arrival *first, **end;
    bool is_cast; /* waits until it is sent; a call for its answer, unless it can't be sent */
    bool is_sent;
    int status; /* of the sending */
};

/* What a publish leads back by: the waiter may be gone when it is done. */
struct sending {
    struct rpc *r;
    char id[33];
};

static void arrival_free(struct arrival *v)
{
    if (!v)
        return;
    ol_arena_done(&v->arena);
    free(v);
}

static void arrival_free_at(struct arrival **at)
{
    arrival_free(*at);
}

static void waiter_begin(struct rpc *r, struct rpc_waiter *w, const char *id)
{
    *w = (struct rpc_waiter){.id = id};
    w->end = &w->first;
    rpc_cond_init(&w->came);
    pthread_mutex_lock(&r->lock);
    ol_table_put(&r->waiters, w);
    pthread_mutex_unlock(&r->lock);
}

static void waiter_end(struct rpc *r, struct rpc_waiter *w)
{
    struct arrival *next;

    pthread_mutex_lock(&r->lock);
    ol_table_remove(&r->waiters, w);
    pthread_mutex_unlock(&r->lock);
    for (struct arrival *v = w->first; v; v = next) {
        next = v->next;
        arrival_free(v);
    }
    pthread_cond_destroy(&w->came);
}

void rpc_client_wake(struct rpc *r)
{
    size_t at = 0;

    for (struct rpc_waiter *w; (w = ol_table_each(&r->waiters, &at));)
        pthread_cond_signal(&w->came);
}

void rpc_client_lost(struct rpc *r)
{
    size_t at = 0;

    for (struct rpc_waiter *w; (w = ol_table_each(&r->waiters, &at));)
        w->status = -ECONNRESET;
    rpc_client_wake(r);
}

/* With the lock: who waits for the answer in this text; 'ret_id' has room for a name. */
static struct rpc_waiter *find_waiter(struct rpc *r, const struct arrival *v, char *ret_id)
{
    size_t at = v->len;

    while (rpc_answer_guess(v->text, &at, ret_id)) {
        struct rpc_waiter *w = ol_table_find_str(&r->waiters, ret_id);

        if (w)
            return w;
    }
    return NULL;
}

void rpc_client_deliver(struct rpc *r, const char *body, size_t len)
{
    ol_auto(arrival_free_at) struct arrival *v = ol_xcalloc(1, sizeof(*v));
    char id[RPC_MAX_NAME + 1] = "";
    struct ol_err err = OL_ERR_INIT;
    struct rpc_waiter *w;

    ol_arena_init(&v->arena, rpc_arena_max(len));
    if (rpc_envelope_open(body, len, &v->arena, &v->text, &v->len, &err) < 0) {
        ol_warn(r->env, "An answer was dropped: %s", ol_err_text(&err));
        return;
    }
    if (v->text == body)
        v->text = ol_arena_memdup(&v->arena, body, len);
    pthread_mutex_lock(&r->lock);
    w = find_waiter(r, v, id);
    if (w) {
        *w->end = v;
        w->end = &v->next;
        ol_take_ptr(v);
        pthread_cond_signal(&w->came);
    }
    pthread_mutex_unlock(&r->lock);
    if (!w)
        ol_info(r->env, "No calling threads waiting for msg_id : %s", id);
}

static void on_sent(void *ctx, int status)
{
    struct sending *s = ctx;
    struct rpc_waiter *w;

    pthread_mutex_lock(&s->r->lock);
    w = ol_table_find_str(&s->r->waiters, s->id);
    if (w) {
        w->is_sent = true;
        w->status = status;
        if (w->is_cast || status < 0)
            pthread_cond_signal(&w->came);
    }
    pthread_mutex_unlock(&s->r->lock);
    free(s);
}

/* The queue for answers, made with the first call. */
static int need_reply_queue(struct rpc *r, ol_time deadline, struct ol_err *err)
{
    char hex[33];
    int status;

    pthread_mutex_lock(&r->lock);
    while (r->reply_state == RPC_REPLIES_MAKING && !r->is_closing && ol_now_boot(r->env) < deadline)
        rpc_cond_wait(r->env, &r->changed, &r->lock, deadline);
    if (r->reply_state != RPC_REPLIES_NONE || r->is_closing) {
        status = r->is_closing ? -ECANCELED : r->reply_state == RPC_REPLIES_READY ? 0 : -ETIMEDOUT;
        pthread_mutex_unlock(&r->lock);
        return status;
    }
    r->reply_state = RPC_REPLIES_MAKING;
    pthread_mutex_unlock(&r->lock);
    nova_uuid_hex(hex);
    if (!r->reply_own_name[0])
        snprintf(r->reply_own_name, sizeof(r->reply_own_name), "reply_%s", hex);
    r->reply_queue = (struct rpc_queue){.kind = RPC_QUEUE_REPLY, .name = r->reply_own_name};
    status = rpc_consume(r, &r->reply_queue, deadline, r->reply_q, err);
    pthread_mutex_lock(&r->lock);
    r->reply_state = status < 0 ? RPC_REPLIES_NONE : RPC_REPLIES_READY;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static char *routing_key(const struct rpc_target *to)
{
    return to->server && !to->is_fanout ? ol_xasprintf("%s.%s", to->topic, to->server)
                                        : ol_xstrdup(to->topic);
}

static int send_packet(struct rpc *r, const struct rpc_target *to, const struct rpc_packet *p,
                       ol_time deadline, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(RPC_MAX_BODY);
    ol_autofree char *key = routing_key(to);
    struct sending *s;
    int status = rpc_request_write(p, &body);

    if (status < 0)
        return ol_err_set(err, -status, "%s can't be sent: %s", p->method, strerror(-status));
    s = ol_xcalloc(1, sizeof(*s));
    s->r = r;
    memcpy(s->id, p->msg_id ? p->msg_id : p->unique_id, sizeof(s->id));
    rpc_publish(r,
                &(struct rpc_frame){
                    .exchange = to->exchange ? to->exchange : r->exchange,
                    .key = key,
                    .is_fanout = to->is_fanout,
                    .is_mandatory = to->is_mandatory,
                    /* Nobody wants the answer any more when the caller's time is over. */
                    .expiration = p->msg_id ? to->timeout ? to->timeout : r->timeout : 0,
                    .body = body.data,
                    .len = body.len,
                },
                deadline, &(struct rpc_sent){.done = on_sent, .ctx = s});
    return 0;
}

static int timed_out(const char *id, struct ol_err *err)
{
    return nova_fail(err, NOVA_MESSAGING_TIMEOUT, "Timed out waiting for a reply to message ID %s",
                     id);
}

static int not_sent(const char *method, int status, struct ol_err *err)
{
    if (status == -ECANCELED)
        return ol_err_set(err, ECANCELED, "%s was not sent: the message bus is closed", method);
    if (status == -ETIMEDOUT)
        return nova_fail(err, NOVA_MESSAGING_TIMEOUT,
                         "Timed out sending %s: there is no connection to the message bus", method);
    if (status == -ECONNRESET)
        return ol_err_set(err, ECONNRESET, "the message bus was lost before %s was answered",
                          method);
    return nova_fail(err, NOVA_MESSAGE_UNDELIVERABLE, "%s was not sent: %s", method,
                     status == -ENOENT ? "nobody serves it" : strerror(-status));
}

/* The next answer, the caller's. -ETIMEDOUT, or why it can't come. */
static int next_arrival(struct rpc *r, struct rpc_waiter *w, ol_time until, struct arrival **ret)
{
    int status = 0;

    pthread_mutex_lock(&r->lock);
    while (!w->first && !r->is_closing && w->status >= 0 && ol_now_boot(r->env) < until)
        rpc_cond_wait(r->env, &w->came, &r->lock, until);
    *ret = w->first;
    if (w->first) {
        w->first = w->first->next;
        if (!w->first)
            w->end = &w->first;
    } else {
        status = r->is_closing ? -ECANCELED : w->status < 0 ? w->status : -ETIMEDOUT;
    }
    pthread_mutex_unlock(&r->lock);
    return status;
}

struct waiting {
    ol_time deadline, monitor;
    ol_time monitor_until; /* when there is a monitor */
    const char *method;
};

/* One part of an answer is added to what came before. */
static void add_part(struct rpc *r, const struct rpc_waiter *w, struct waiting *t,
                     const struct rpc_answer *part, struct rpc_answer *whole)
{
    if (!part->msg_id || strcmp(part->msg_id, w->id) != 0)
        return; /* its text only looked like ours */
    whole->is_ending = part->is_ending;
    if (part->failure || part->result) {
        whole->failure = part->failure;
        whole->result = part->result;
    } else if (t->monitor) {
        t->monitor_until = ol_now_boot(r->env) + t->monitor;
    }
}

/* Answers until the last one; each heartbeat gives the server more time, but never more than the
 * call has (amqpdriver.py: ReplyWaiter.wait()). */
static int wait_answer(struct rpc *r, struct rpc_waiter *w, struct waiting *t, struct ol_arena *a,
                       struct rpc_answer *ret, struct ol_err *err)
{
    struct rpc_answer whole = {0}, part = {0};

    while (!whole.is_ending) {
        ol_auto(arrival_free_at) struct arrival *v = NULL;
        ol_time until =
            t->monitor && t->monitor_until < t->deadline ? t->monitor_until : t->deadline;
        int status = next_arrival(r, w, until, &v);

        if (status == -ETIMEDOUT)
            return timed_out(w->id, err);
        if (status < 0)
            return not_sent(t->method, status, err);
        status = rpc_answer_read(v->text, v->len, a, &part, err);
        if (status < 0)
            return ol_err_prefix(err, status, "answer to %s", t->method);
        add_part(r, w, t, &part, &whole);
    }
    *ret = whole;
    return 0;
}

static int call(struct rpc *r, const struct rpc_target *to, struct rpc_packet *p,
                struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    ol_time now = ol_now_boot(r->env);
    struct waiting t = {
        .deadline = now + (to->timeout ? to->timeout : r->timeout),
        .monitor = to->monitor,
        .monitor_until = now + to->monitor,
        .method = p->method,
    };
    struct rpc_answer answer = {0};
    struct rpc_waiter w;
    int status = need_reply_queue(r, t.deadline, err);

    if (status == -ETIMEDOUT)
        return timed_out(p->msg_id, err);
    if (status < 0)
        return status == -ECANCELED || status == -ECONNRESET ? not_sent(p->method, status, err)
                                                             : status;
    p->reply_q = r->reply_q;
    waiter_begin(r, &w, p->msg_id);
    status = send_packet(r, to, p, t.deadline, err);
    if (status >= 0)
        status = wait_answer(r, &w, &t, a, &answer, err);
    waiter_end(r, &w);
    if (status < 0)
        return status;
    if (answer.failure)
        return rpc_failure_read(answer.failure, err);
    *ret = answer.result ? answer.result : ol_val_new_null(a);
    return 0;
}

static struct rpc_packet packet_of(const struct rpc_target *to, const struct nova_context *c,
                                   const struct rpc_message *m)
{
    return (struct rpc_packet){
        .method = m->method,
        .args = m->args,
        .space = to->space,
        .version = to->version ? to->version : "1.0",
        .monitor = to->monitor,
        .context = *c,
    };
}

int rpc_call(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_arena *a, const struct ol_val **ret,
             struct ol_err *err)
{
    struct rpc_packet p = packet_of(to, c, m);
    char msg_id[33], unique_id[33];
    int status;

    nova_uuid_hex(msg_id);
    nova_uuid_hex(unique_id);
    p.msg_id = msg_id;
    p.unique_id = unique_id;
    if (!rpc_enter(r))
        return not_sent(m->method, -ECANCELED, err);
    status = call(r, to, &p, a, ret, err);
    rpc_leave(r);
    return status;
}

static int cast(struct rpc *r, const struct rpc_target *to, const struct rpc_packet *p,
                struct ol_err *err)
{
    ol_time deadline = ol_now_boot(r->env) + r->timeout;
    struct rpc_waiter w;
    int status;

    waiter_begin(r, &w, p->unique_id);
    w.is_cast = true;
    status = send_packet(r, to, p, deadline, err);
    if (status < 0) {
        waiter_end(r, &w);
        return status;
    }
    pthread_mutex_lock(&r->lock);
    while (!w.is_sent && !r->is_closing && ol_now_boot(r->env) < deadline)
        rpc_cond_wait(r->env, &w.came, &r->lock, deadline);
    status = w.is_sent ? w.status : r->is_closing ? -ECANCELED : -ETIMEDOUT;
    pthread_mutex_unlock(&r->lock);
    waiter_end(r, &w);
    return status < 0 ? not_sent(p->method, status, err) : 0;
}

int rpc_cast(struct rpc *r, const struct rpc_target *to, const struct nova_context *c,
             const struct rpc_message *m, struct ol_err *err)
{
    struct rpc_packet p = packet_of(to, c, m);
    char unique_id[33];
    int status;

    nova_uuid_hex(unique_id);
    p.unique_id = unique_id;
    if (!rpc_enter(r))
        return not_sent(m->method, -ECANCELED, err);
    status = cast(r, to, &p, err);
    rpc_leave(r);
    return status;
}
