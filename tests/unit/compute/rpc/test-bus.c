/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/base/exception.h"
#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "core/cleanup.h"

/* Calls and casts over the bus inside this process, with real threads and the real clock. */

enum { N_CALLERS = 8, N_CALLS = 50, N_CASTS = 300, N_TURNS = 30 };

struct world {
    struct ol_env env;
    struct rpc_bus *bus;
    struct task_pool *pool;
    struct rpc *server, *client;
    struct ol_arena arena;
    struct nova_context context;
    pthread_mutex_t lock;
    pthread_cond_t came;
    unsigned n_casts, n_fanouts;
    bool is_held;
};

static int run_echo(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *v = ol_val_new_map(q->arena);

    ol_val_set_str(q->arena, v, "said", ol_val_str(ol_val_get(q->args, "word")));
    ol_val_set_str(q->arena, v, "by", nova_context_request_id(&q->context));
    *ret = v;
    return 0;
}

static int run_fail(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.",
                     ol_val_str(ol_val_get(q->args, "uuid")));
}

static int run_note(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    struct world *w = q->service;

    pthread_mutex_lock(&w->lock);
    w->n_casts++;
    pthread_cond_broadcast(&w->came);
    pthread_mutex_unlock(&w->lock);
    return 0;
}

static int run_hold(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    struct world *w = q->service;

    pthread_mutex_lock(&w->lock);
    while (w->is_held)
        pthread_cond_wait(&w->came, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return 0;
}

static const struct rpc_method methods[] = {
    {.name = "echo", .version = "6.0", .run = run_echo},
    {.name = "quick", .version = "6.0", .run = run_echo, .flags = RPC_QUICK},
    {.name = "fail", .version = "6.0", .run = run_fail, .key = "uuid"},
    {.name = "note", .version = "6.0", .run = run_note},
    {.name = "hold", .version = "6.0", .run = run_hold},
    {.name = NULL},
};
static const char *const versions[] = {"6.1", "5.13", NULL};
static const struct rpc_endpoint endpoints[] = {{.versions = versions, .methods = methods}};

static struct rpc *join(struct world *w)
{
    struct rpc_transport_options transport = {.url = "orlop:", .bus = w->bus};
    struct rpc_options o = {
        .transport = &transport, .pool = w->pool, .exchange = "nova", .timeout = 20 * OL_SECOND};
    struct ol_err err = OL_ERR_INIT;
    struct rpc *r = NULL;

    assert_int_equal(rpc_new(&w->env, &o, &r, &err), 0);
    return r;
}

static void serve(struct world *w, struct rpc *r, const char *host)
{
    struct rpc_server s = {
        .topic = "compute", .server = host, .endpoints = endpoints, .n_endpoints = 1, .service = w};
    struct ol_err err = OL_ERR_INIT;

    if (rpc_serve(r, &s, &err) < 0)
        fail_msg("%s", err.msg);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    *state = w;
    w->env = (struct ol_env){.clock = &ol_clock_real, .root = "/", .root_fd = -1};
    ol_arena_init(&w->arena, 1 << 20);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->came, NULL);
    w->bus = rpc_bus_new(&w->env);
    w->pool = task_pool_new(&w->env, &(struct task_pool_options){.n_threads = 4});
    w->context = nova_context_admin(&w->arena, &w->env);
    w->server = join(w);
    w->client = join(w);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    rpc_free(w->client);
    rpc_free(w->server);
    assert_true(task_pool_stop(w->pool, OL_SECOND));
    task_pool_free(w->pool);
    rpc_bus_unref(w->bus);
    ol_arena_done(&w->arena);
    pthread_cond_destroy(&w->came);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return 0;
}

static struct rpc_target host_target(const char *host)
{
    return (struct rpc_target){.topic = "compute", .server = host, .version = "6.0"};
}

static int call(struct world *w, const struct rpc_target *to, const char *method, const char *word,
                struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_map(a);

    ol_val_set_str(a, args, "word", word);
    ol_val_set_str(a, args, "uuid", word);
    return rpc_call(w->client, to, &w->context,
                    &(struct rpc_message){.method = method, .args = args}, a, ret, err);
}

static void a_call_gets_its_result(void **state)
{
    struct world *w = *state;
    struct rpc_target to = host_target("h1");
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *result = NULL;

    serve(w, w->server, "h1");
    assert_int_equal(call(w, &to, "echo", "näh", &w->arena, &result, &err), 0);
    assert_string_equal(ol_val_str(ol_val_get(result, "said")), "näh");
    assert_string_equal(ol_val_str(ol_val_get(result, "by")), nova_context_request_id(&w->context));
    assert_int_equal(call(w, &to, "quick", "x", &w->arena, &result, &err), 0);
    assert_string_equal(ol_val_str(ol_val_get(result, "said")), "x");
    to.server = NULL;
    assert_int_equal(call(w, &to, "hold", "x", &w->arena, &result, &err), 0);
    assert_true(ol_val_is(result, OL_VAL_NULL));
}

static void a_failure_is_its_exception(void **state)
{
    struct world *w = *state;
    struct rpc_target to = host_target("h1");
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *result = NULL;

    serve(w, w->server, "h1");
    assert_int_equal(call(w, &to, "fail", "123", &w->arena, &result, &err), -ENOENT);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    assert_string_equal(err.msg, "Instance 123 could not be found.");
    assert_int_equal(call(w, &to, "nothing", "123", &w->arena, &result, &err), -ENOSYS);
    assert_true(nova_is(&err, NOVA_NO_SUCH_METHOD));
    assert_string_equal(err.msg, "Endpoint does not support RPC method nothing");
    to.version = "6.2";
    assert_int_equal(call(w, &to, "echo", "123", &w->arena, &result, &err), -ENOSYS);
    assert_true(nova_is(&err, NOVA_UNSUPPORTED_VERSION));
    assert_string_equal(err.msg,
                        "Endpoint does not support RPC version 6.2. Attempted method: echo");
}

static void *call_many(void *ctx)
{
    struct world *w = ctx;
    struct rpc_target to = host_target("h1");

    for (int i = 0; i < N_CALLS; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        const struct ol_val *result = NULL;
        const char *word = ol_arena_printf(&a, "%p-%d", (void *)&a, i);

        if (call(w, &to, i % 2 ? "echo" : "quick", word, &a, &result, &err) < 0
            || strcmp(ol_val_str(ol_val_get(result, "said")), word) != 0)
            return ctx;
    }
    return NULL;
}

static void many_callers_get_their_own_answers(void **state)
{
    struct world *w = *state;
    pthread_t threads[N_CALLERS];
    void *wrong = NULL;

    serve(w, w->server, "h1");
    for (int i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, w), 0);
    for (int i = 0; i < N_CALLERS; i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void wait_for_casts(struct world *w, unsigned n)
{
    pthread_mutex_lock(&w->lock);
    while (w->n_casts < n)
        pthread_cond_wait(&w->came, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void cast(struct world *w, const struct rpc_target *to)
{
    struct ol_err err = OL_ERR_INIT;

    if (rpc_cast(w->client, to, &w->context, &(struct rpc_message){.method = "note"}, &err) < 0)
        fail_msg("%s", err.msg);
}

static void a_fanout_goes_to_all_and_a_cast_to_one(void **state)
{
    struct world *w = *state;
    struct rpc *second = join(w);
    struct rpc_target to = host_target(NULL);

    serve(w, w->server, "h1");
    serve(w, second, "h2");
    cast(w, &to);
    wait_for_casts(w, 1);
    to.is_fanout = true;
    cast(w, &to);
    wait_for_casts(w, 3);
    rpc_free(second);
    assert_int_equal(w->n_casts, 3);
}

static void what_was_cast_waits_for_its_server(void **state)
{
    struct world *w = *state;
    struct rpc *first = join(w);
    struct rpc_target to = host_target("h1");

    cast(w, &to); /* there is no such queue yet: it goes nowhere */
    serve(w, first, "h1");
    rpc_serve_stop(first, "compute");
    cast(w, &to);
    rpc_free(first);
    cast(w, &to);
    assert_int_equal(w->n_casts, 0);
    serve(w, w->server, "h1");
    wait_for_casts(w, 2);
    assert_int_equal(w->n_casts, 2);
}

static void *cast_many(void *ctx)
{
    struct world *w = ctx;
    struct rpc_target to = host_target("h1");

    for (int i = 0; i < N_CASTS; i++)
        cast(w, &to);
    return NULL;
}

static void stops_and_starts_lose_nothing(void **state)
{
    struct world *w = *state;
    pthread_t thread;

    serve(w, w->server, "h1");
    assert_int_equal(pthread_create(&thread, NULL, cast_many, w), 0);
    for (int i = 0; i < N_TURNS; i++) {
        rpc_serve_stop(w->server, "compute");
        serve(w, w->server, "h1");
    }
    pthread_join(thread, NULL);
    wait_for_casts(w, N_CASTS);
    rpc_free(w->server);
    w->server = NULL;
    assert_int_equal(w->n_casts, N_CASTS);
}

static void nobody_answers_in_time(void **state)
{
    struct world *w = *state;
    struct rpc_target to = host_target("nobody");
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *result = NULL;

    to.timeout = 20 * OL_MS;
    assert_int_equal(call(w, &to, "echo", "x", &w->arena, &result, &err), -ETIMEDOUT);
    assert_true(nova_is(&err, NOVA_MESSAGING_TIMEOUT));
    assert_memory_equal(err.msg, "Timed out waiting for a reply to message ID ", 44);
}

static void *call_hold(void *ctx)
{
    struct world *w = ctx;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct rpc_target to = host_target("h1");
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *result = NULL;

    return call(w, &to, "hold", "x", &a, &result, &err) == -ECANCELED ? NULL : ctx;
}

static void the_end_wakes_callers(void **state)
{
    struct world *w = *state;
    struct rpc_state s = {0};
    pthread_t thread;
    void *wrong = NULL;

    serve(w, w->server, "h1");
    w->is_held = true;
    assert_int_equal(pthread_create(&thread, NULL, call_hold, w), 0);
    while (s.n_calls == 0)
        rpc_state(w->client, &s);
    assert_string_equal(s.peer, "orlop:");
    rpc_free(w->client);
    w->client = NULL;
    pthread_join(thread, &wrong);
    assert_null(wrong);
    pthread_mutex_lock(&w->lock);
    w->is_held = false;
    pthread_cond_broadcast(&w->came);
    pthread_mutex_unlock(&w->lock);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_call_gets_its_result),
        T(a_failure_is_its_exception),
        T(many_callers_get_their_own_answers),
        T(a_fanout_goes_to_all_and_a_cast_to_one),
        T(what_was_cast_waits_for_its_server),
        T(stops_and_starts_lose_nothing),
        T(nobody_answers_in_time),
        T(the_end_wakes_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
