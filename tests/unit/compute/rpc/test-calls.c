/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/rpc/envelope.h"
#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/*
 * What goes to a transport and comes from it, in virtual time. The transport is a double: it keeps
 * what is published and answers with what the test says. This program has it in the table instead
 * of the real ones.
 */
enum { MAX_SENT = 300 };

struct sent {
    char key[64], exchange[32];
    bool is_fanout, is_mandatory;
    ol_time expiration;
    char *body;
    size_t len;
};

struct rpc_link {
    struct rpc_sink sink;
};

struct world {
    atomic_llong now;
    struct ol_clock clock;
    struct ol_log log;
    struct ol_env env;
    struct ol_arena arena;
    struct nova_context context;
    struct task_pool *pool;
    struct rpc *rpc;
    struct rpc_link *link;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct sent sent[MAX_SENT];
    size_t n_sent;
    int status; /* of what is published; 1 = nothing is told about it */
    char logged[4096];
    unsigned n_run;
    bool is_held;
};

/* --- doubles --- */

static ol_time read_clock(void *ctx)
{
    struct world *w = ctx;

    return atomic_load(&w->now);
}

static void pass(struct world *w, ol_time span)
{
    atomic_fetch_add(&w->now, span);
}

static void write_log(void *ctx, const struct ol_log_record *record)
{
    struct world *w = ctx;
    size_t len;

    pthread_mutex_lock(&w->lock);
    len = strlen(w->logged);
    snprintf(w->logged + len, sizeof(w->logged) - len, "%s: %s\n", ol_log_level_name(record->level),
             record->msg);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static int fake_open(struct ol_env *env, const struct rpc_transport_options *o,
                     const struct rpc_sink *sink, struct rpc_link **ret, struct ol_err *err)
{
    struct world *w = env->test;

    *ret = w->link = ol_xcalloc(1, sizeof(**ret));
    w->link->sink = *sink;
    return 0;
}

static void fake_close(struct rpc_link *l)
{
    free(l);
}

static int fake_consume(struct rpc_link *l, const struct rpc_queue *q, ol_time deadline,
                        char ret_name[256], struct ol_err *err)
{
    snprintf(ret_name, 256, "%s", q->kind == RPC_QUEUE_REPLY ? "reply_x" : q->name);
    return 0;
}

static void fake_cancel(struct rpc_link *l, const struct rpc_queue *q) {}

/* The link has no context but its sink's, so the test keeps its world here. */
static struct world *current;

static void fake_publish(struct rpc_link *l, const struct rpc_frame *f, ol_time deadline,
                         const struct rpc_sent *sent)
{
    struct world *w = current;
    struct sent *s;
    int status;

    pthread_mutex_lock(&w->lock);
    assert_true(w->n_sent < MAX_SENT);
    s = &w->sent[w->n_sent++];
    snprintf(s->key, sizeof(s->key), "%s", f->key);
    snprintf(s->exchange, sizeof(s->exchange), "%s", f->exchange);
    s->is_fanout = f->is_fanout;
    s->is_mandatory = f->is_mandatory;
    s->expiration = f->expiration;
    s->body = ol_xstrndup(f->body, f->len);
    s->len = f->len;
    status = w->status;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (status <= 0)
        sent->done(sent->ctx, status);
}

static const char *fake_peer(struct rpc_link *l)
{
    return "fake:";
}

static const struct rpc_transport fake = {
    .scheme = "fake",
    .open = fake_open,
    .close = fake_close,
    .consume = fake_consume,
    .cancel = fake_cancel,
    .publish = fake_publish,
    .peer = fake_peer,
};
const struct rpc_transport *const rpc_transports[] = {&fake, NULL};

int rpc_transport_find(const char *url, const struct rpc_transport **ret, struct ol_err *err)
{
    *ret = &fake;
    return 0;
}

/* --- methods that are served --- */

static int run_count(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    struct world *w = q->service;

    pthread_mutex_lock(&w->lock);
    w->n_run++;
    while (w->is_held)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    *ret = ol_val_new_str(q->arena, "done");
    return 0;
}

static int run_fail(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance i could not be found.");
}

static int run_errno(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    return -EIO;
}

/* Nothing that JSON can hold. */
static int run_bytes(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    *ret = ol_val_new_bytes(q->arena, "x", 1);
    return 0;
}

static const struct rpc_method methods[] = {
    {.name = "count", .run = run_count},
    {.name = "quick", .run = run_count, .flags = RPC_QUICK},
    {.name = "fail", .run = run_fail, .flags = RPC_QUICK},
    {.name = "errno", .run = run_errno, .flags = RPC_QUICK},
    {.name = "bytes", .run = run_bytes, .flags = RPC_QUICK},
    {.name = NULL},
};
static const char *const versions[] = {"6.1", NULL};
static const struct rpc_endpoint endpoints[] = {{.versions = versions, .methods = methods}};

/* --- the world --- */

static int begin(void **state)
{
    struct world *w = current = calloc(1, sizeof(*w));
    struct rpc_transport_options transport = {.url = "fake:"};
    struct rpc_server s = {
        .topic = "compute", .server = "h", .endpoints = endpoints, .n_endpoints = 1, .service = w};
    struct rpc_options o = {.transport = &transport, .exchange = "nova", .timeout = 60 * OL_SECOND};
    struct ol_err err = OL_ERR_INIT;

    *state = w;
    w->now = 1000 * OL_SECOND;
    w->clock = (struct ol_clock){.wall = read_clock, .boot = read_clock, .ctx = w};
    w->env = (struct ol_env){.clock = &w->clock, .log = &w->log, .root_fd = -1, .test = w};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    assert_int_equal(
        ol_log_add_sink(&w->log,
                        &(struct ol_log_sink){.least = OL_LOG_INFO, .write = write_log, .ctx = w}),
        0);
    ol_arena_init(&w->arena, 4 << 20);
    w->context = nova_context_admin(&w->arena, &w->env);
    w->pool = task_pool_new(&w->env, &(struct task_pool_options){.n_threads = 2});
    o.pool = w->pool;
    assert_int_equal(rpc_new(&w->env, &o, &w->rpc, &err), 0);
    assert_int_equal(rpc_serve(w->rpc, &s, &err), 0);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    rpc_free(w->rpc);
    assert_true(task_pool_stop(w->pool, 3600 * OL_SECOND));
    task_pool_free(w->pool);
    for (size_t i = 0; i < w->n_sent; i++)
        free(w->sent[i].body);
    ol_arena_done(&w->arena);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return 0;
}

/* The n-th message that was published, from 0, as soon as it is there. */
static const struct sent *sent(struct world *w, size_t n)
{
    pthread_mutex_lock(&w->lock);
    while (w->n_sent <= n)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return &w->sent[n];
}

static const struct ol_val *message(struct world *w, size_t n)
{
    const struct sent *s = sent(w, n);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;
    const char *text = NULL;
    size_t len = 0;

    assert_int_equal(rpc_envelope_open(s->body, s->len, &w->arena, &text, &len, &err), 0);
    assert_int_equal(ol_json_load(text, len, &w->arena, &v, &err), 0);
    return v;
}

static const char *member(struct world *w, size_t n, const char *key)
{
    const char *text = ol_val_str(ol_val_get(message(w, n), key));

    return text ? text : "";
}

/* Lets others run for a moment, and time pass; with the lock. */
static void pass_some(struct world *w)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += (at.tv_nsec + OL_MS) / OL_SECOND;
    at.tv_nsec = (at.tv_nsec + OL_MS) % OL_SECOND;
    pthread_cond_timedwait(&w->changed, &w->lock, &at);
    pass(w, OL_SECOND / 4);
}

/* The n-th, however long that takes. */
static const struct sent *sent_at_last(struct world *w, size_t n)
{
    pthread_mutex_lock(&w->lock);
    while (w->n_sent <= n)
        pass_some(w);
    pthread_mutex_unlock(&w->lock);
    return &w->sent[n];
}

static void wait_for_log(struct world *w, const char *text)
{
    pthread_mutex_lock(&w->lock);
    while (!strstr(w->logged, text))
        pass_some(w);
    pthread_mutex_unlock(&w->lock);
}

static void release(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_held = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void deliver(struct world *w, enum rpc_queue_kind kind, const char *name, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf in = OL_BUF_INIT(1 << 16);
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(1 << 16);
    struct rpc_queue q = {.kind = kind, .name = name};

    ol_buf_adds(&in, text);
    assert_int_equal(rpc_envelope_seal(&in, &body), 0);
    w->link->sink.deliver(w->link->sink.ctx, &q, body.data, body.len);
}

static void answer(struct world *w, const char *msg_id, const char *rest)
{
    deliver(w, RPC_QUEUE_REPLY, "reply_x",
            ol_arena_printf(&w->arena, "{%s, \"_msg_id\": \"%s\"}", rest, msg_id));
}

static void request(struct world *w, const char *method, const char *more)
{
    deliver(
        w, RPC_QUEUE_TOPIC, "compute.h",
        ol_arena_printf(&w->arena, "{\"method\": \"%s\", \"version\": \"6.0\"%s}", method, more));
}

#define AS_CALL ", \"_msg_id\": \"m1\", \"_reply_q\": \"reply_far\""

/* --- callers --- */

struct caller {
    struct world *w;
    struct rpc_target to;
    struct ol_arena arena;
    const struct ol_val *result;
    struct ol_err err;
    int status;
    ol_time took;
    atomic_bool is_done;
    pthread_t thread;
};

static void *run_caller(void *ctx)
{
    struct caller *c = ctx;
    ol_time from = ol_now_boot(&c->w->env);

    c->status = rpc_call(c->w->rpc, &c->to, &c->w->context, &(struct rpc_message){.method = "ask"},
                         &c->arena, &c->result, &c->err);
    c->took = ol_now_boot(&c->w->env) - from;
    atomic_store(&c->is_done, true);
    return NULL;
}

static void call_begin(struct caller *c)
{
    ol_arena_init(&c->arena, 1 << 20);
    assert_int_equal(pthread_create(&c->thread, NULL, run_caller, c), 0);
}

static void a_call_is_published_as_oslo_does(void **state)
{
    struct world *w = *state;
    struct caller c = {.w = w, .to = {.topic = "conductor", .version = "3.0"}};
    const struct sent *s;

    call_begin(&c);
    s = sent(w, 0);
    assert_string_equal(s->exchange, "nova");
    assert_string_equal(s->key, "conductor");
    assert_false(s->is_mandatory);
    assert_int_equal(s->expiration, 60 * OL_SECOND);
    assert_string_equal(member(w, 0, "_reply_q"), "reply_x");
    assert_int_equal(strlen(member(w, 0, "_msg_id")), 32);
    assert_int_equal(strlen(member(w, 0, "_unique_id")), 32);
    assert_true(ol_val_is(ol_val_get(message(w, 0), "_timeout"), OL_VAL_NULL));
    answer(w, "somebody else", "\"result\": 1, \"ending\": true");
    answer(w, member(w, 0, "_msg_id"), "\"result\": 7, \"failure\": null, \"ending\": true");
    pthread_join(c.thread, NULL);
    assert_int_equal(c.status, 0);
    assert_int_equal(ol_val_int(c.result, 0), 7);
    /* What comes twice, or too late, is dropped. */
    answer(w, member(w, 0, "_msg_id"), "\"result\": 8, \"ending\": true");
    wait_for_log(w, "INFO: No calling threads waiting for msg_id : ");
    ol_arena_done(&c.arena);
}

static void a_call_ends_with_its_time(void **state)
{
    struct world *w = *state;
    struct caller c = {.w = w, .to = {.topic = "conductor", .server = "c1"}};
    char want[128];

    call_begin(&c);
    assert_string_equal(sent(w, 0)->key, "conductor.c1");
    while (!atomic_load(&c.is_done))
        pass(w, OL_MS);
    pthread_join(c.thread, NULL);
    assert_true(c.took >= 60 * OL_SECOND);
    assert_true(nova_is(&c.err, NOVA_MESSAGING_TIMEOUT));
    snprintf(want, sizeof(want), "Timed out waiting for a reply to message ID %s",
             member(w, 0, "_msg_id"));
    assert_string_equal(c.err.msg, want);
    ol_arena_done(&c.arena);
}

static void heartbeats_prolong_a_call(void **state)
{
    struct world *w = *state;
    struct caller c = {
        .w = w,
        .to = {.topic = "conductor", .timeout = 1800 * OL_SECOND, .monitor = 60 * OL_SECOND}};

    call_begin(&c);
    assert_int_equal(sent(w, 0)->expiration, 1800 * OL_SECOND);
    assert_int_equal(ol_val_int(ol_val_get(message(w, 0), "_timeout"), 0), 60);
    for (int i = 0; i < 10; i++) {
        pass(w, 50 * OL_SECOND);
        answer(w, member(w, 0, "_msg_id"),
               "\"result\": null, \"failure\": null, \"ending\": false");
    }
    answer(w, member(w, 0, "_msg_id"), "\"result\": true, \"failure\": null, \"ending\": true");
    pthread_join(c.thread, NULL);
    assert_int_equal(c.status, 0);
    ol_arena_done(&c.arena);
}

static void without_heartbeats_a_watched_call_ends(void **state)
{
    struct world *w = *state;
    struct caller c = {
        .w = w,
        .to = {.topic = "conductor", .timeout = 1800 * OL_SECOND, .monitor = 60 * OL_SECOND}};

    call_begin(&c);
    sent(w, 0);
    while (!atomic_load(&c.is_done))
        pass(w, OL_MS);
    pthread_join(c.thread, NULL);
    assert_true(nova_is(&c.err, NOVA_MESSAGING_TIMEOUT));
    assert_true(c.took >= 60 * OL_SECOND && c.took < 1800 * OL_SECOND);
    ol_arena_done(&c.arena);
}

static void a_cast_needs_the_broker(void **state)
{
    struct world *w = *state;
    struct rpc_target to = {.topic = "scheduler", .is_fanout = true};
    struct rpc_message m = {.method = "sync_instance_info"};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(rpc_cast(w->rpc, &to, &w->context, &m, &err), 0);
    assert_true(sent(w, 0)->is_fanout);
    assert_int_equal(sent(w, 0)->expiration, 0);
    assert_string_equal(member(w, 0, "_msg_id"), "");
    w->status = -ETIMEDOUT;
    assert_int_equal(rpc_cast(w->rpc, &to, &w->context, &m, &err), -ETIMEDOUT);
    assert_true(nova_is(&err, NOVA_MESSAGING_TIMEOUT));
    w->status = -EMSGSIZE;
    assert_true(rpc_cast(w->rpc, &to, &w->context, &m, &err) < 0);
    assert_true(nova_is(&err, NOVA_MESSAGE_UNDELIVERABLE));
    w->status = 0;
}

/* --- servers --- */

static void an_answer_is_mandatory_and_goes_to_its_queue(void **state)
{
    struct world *w = *state;

    request(w, "quick", AS_CALL);
    assert_string_equal(sent(w, 0)->exchange, "");
    assert_string_equal(sent(w, 0)->key, "reply_far");
    assert_true(sent(w, 0)->is_mandatory);
    assert_string_equal(member(w, 0, "_msg_id"), "m1");
    assert_string_equal(member(w, 0, "result"), "done");
    assert_true(ol_val_is_truthy(ol_val_get(message(w, 0), "ending")));
}

static void a_message_that_comes_twice_runs_once(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++)
        request(w, "quick", ", \"_unique_id\": \"u1\"");
    request(w, "quick", ", \"_unique_id\": \"u2\"");
    assert_int_equal(w->n_run, 2);
    wait_for_log(w, "WARNING: Found duplicate message(u1). Skipping it.");
}

static void a_failed_cast_is_logged_by_its_exception(void **state)
{
    struct world *w = *state;

    request(w, "fail", AS_CALL);
    assert_string_equal(w->logged, ""); /* the caller has it */
    assert_true(strstr(member(w, 0, "failure"), "\"InstanceNotFound\"") != NULL);
    request(w, "fail", "");
    assert_string_equal(w->logged, "ERROR: Exception during message handling of fail: "
                                   "InstanceNotFound: Instance i could not be found.\n");
    w->logged[0] = '\0';
    request(w, "errno", AS_CALL);
    assert_string_equal(w->logged, "ERROR: Exception during message handling of errno: "
                                   "NovaException: Input/output error\n");
    assert_true(strstr(member(w, 1, "failure"), "\"NovaException\"") != NULL);
    request(w, "bytes", AS_CALL);
    assert_true(strstr(member(w, 2, "failure"), "its result can't be sent") != NULL);
}

static void what_is_not_served_is_answered(void **state)
{
    struct world *w = *state;

    request(w, "no_such", AS_CALL);
    assert_true(strstr(member(w, 0, "failure"), "\"NoSuchMethod\"") != NULL);
    request(w, "no_such", "");
    wait_for_log(w, "NoSuchMethod: Endpoint does not support RPC method no_such");
    deliver(w, RPC_QUEUE_TOPIC, "compute", "{\"method\": 1}");
    wait_for_log(w, "ERROR: A message in compute was dropped: a message whose method is no name");
}

static void long_calls_have_heartbeats(void **state)
{
    struct world *w = *state;

    w->is_held = true;
    request(w, "count", AS_CALL ", \"_timeout\": 10");
    for (size_t i = 0; i < 3; i++) {
        pass(w, 5 * OL_SECOND);
        assert_false(ol_val_is_truthy(ol_val_get(message(w, i), "ending")));
        assert_string_equal(member(w, i, "_msg_id"), "m1");
        assert_true(ol_val_is(ol_val_get(message(w, i), "result"), OL_VAL_NULL));
    }
    release(w);
    assert_string_equal(member(w, 3, "result"), "done");
}

static void an_answer_to_nobody_is_tried_for_a_minute(void **state)
{
    struct world *w = *state;
    ol_time begun = ol_now_boot(&w->env);
    size_t n;

    w->status = -ENOENT;
    request(w, "quick", AS_CALL);
    for (size_t i = 1; i < 5; i++)
        assert_string_equal(sent_at_last(w, i)->key, "reply_far");
    assert_true(ol_now_boot(&w->env) - begun >= OL_SECOND);
    pass(w, 60 * OL_SECOND);
    wait_for_log(w, "ERROR: The reply m1 failed to send after 60 seconds due to a missing queue "
                    "(reply_far). Abandoning...");
    /* The next one to that queue isn't even tried. */
    n = w->n_sent;
    request(w, "quick", ", \"_msg_id\": \"m2\", \"_reply_q\": \"reply_far\"");
    wait_for_log(w, "WARNING: reply_far doesn't exist, drop reply to m2");
    assert_int_equal(w->n_sent, n);
    pass(w, 61 * OL_SECOND);
    w->status = 0;
    request(w, "quick", ", \"_msg_id\": \"m3\", \"_reply_q\": \"reply_far\"");
    assert_string_equal(member(w, n, "_msg_id"), "m3");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_call_is_published_as_oslo_does),
        T(a_call_ends_with_its_time),
        T(heartbeats_prolong_a_call),
        T(without_heartbeats_a_watched_call_ends),
        T(a_cast_needs_the_broker),
        T(an_answer_is_mandatory_and_goes_to_its_queue),
        T(a_message_that_comes_twice_runs_once),
        T(a_failed_cast_is_logged_by_its_exception),
        T(what_is_not_served_is_answered),
        T(long_calls_have_heartbeats),
        T(an_answer_to_nobody_is_tried_for_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
