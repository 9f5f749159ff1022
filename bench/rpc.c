/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "rpc-echo.h"

/*
 * Calls a second over a message bus, and the processor's time that each takes on either side:
 *
 *     orlop-rpc-bench serve URL             our server; ends with its standard input
 *     orlop-rpc-bench echo URL              the least that can answer, on librabbitmq
 *     orlop-rpc-bench call URL N IN_FLIGHT  calls of either
 *     orlop-rpc-bench call URL N IN_FLIGHT HOST METHOD
 *                                           calls of a compute service: ping, get_host_uptime
 */
enum { MAX_IN_FLIGHT = 64, MAX_CALLS = 10000000 };

static ol_time cpu_used(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * OL_SECOND
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * (OL_SECOND / 1000000);
}

static void print_cpu(const char *who, size_t n, ol_time cpu)
{
    printf("%s: %zu calls, %.1f us of CPU each\n", who, n,
           n ? (double)cpu / 1000 / (double)n : 0.0);
    fflush(stdout);
}

static void write_log(void *ctx, const struct ol_log_record *record)
{
    fprintf(stderr, "%s %s\n", ol_log_level_name(record->level), record->msg);
}

struct world {
    struct ol_env env;
    struct ol_log log;
    struct rpc *rpc;
    size_t n_served; /* in the link's thread alone */
};

static int world_init(struct world *w, const char *url)
{
    struct rpc_transport_options transport = {
        .url = url,
        .connection_name = "orlop-rpc-bench",
        .heartbeat = 60 * OL_SECOND,
        .retry_first = OL_SECOND,
        .retry_step = OL_SECOND,
        .retry_most = 5 * OL_SECOND,
        .transient_ttl = 60 * OL_SECOND,
    };
    struct rpc_options o = {.transport = &transport, .exchange = "nova", .timeout = 30 * OL_SECOND};
    struct ol_err err = OL_ERR_INIT;

    *w = (struct world){.env = {.clock = &ol_clock_real, .root = "/", .root_fd = -1}};
    if (ol_env_init(&w->env, "/", &err) >= 0
        && ol_log_add_sink(&w->log, &(struct ol_log_sink){OL_LOG_WARNING, write_log, NULL}) >= 0) {
        w->env.log = &w->log;
        if (rpc_new(&w->env, &o, &w->rpc, &err) >= 0)
            return 0;
    }
    fprintf(stderr, "%s\n", ol_err_text(&err));
    return -1;
}

static void wait_for_end_of_input(void)
{
    char c;

    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
}

/* --- serve --- */

static int run_echo(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    struct world *w = q->service;

    w->n_served++;
    *ret = ol_val_new_map(q->arena);
    ol_val_set_str(q->arena, *ret, "service", "bench");
    ol_val_set_str(q->arena, *ret, "arg", ol_val_str(ol_val_get(q->args, "arg")));
    return 0;
}

static const struct rpc_method methods[] = {
    {.name = "ping", .version = "1.0", .run = run_echo, .flags = RPC_QUICK},
    {.name = NULL},
};
static const char *const versions[] = {"1.1", NULL};
static const struct rpc_endpoint endpoints[] = {
    {.space = "baseapi", .versions = versions, .methods = methods}};

static int serve(const char *url)
{
    struct rpc_server s = {
        .topic = "bench", .server = "b", .endpoints = endpoints, .n_endpoints = 1};
    struct ol_err err = OL_ERR_INIT;
    struct world w;
    ol_time cpu;

    if (world_init(&w, url) < 0)
        return EXIT_FAILURE;
    s.service = &w;
    if (rpc_serve(w.rpc, &s, &err) < 0) {
        fprintf(stderr, "%s\n", ol_err_text(&err));
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);
    cpu = cpu_used();
    wait_for_end_of_input();
    cpu = cpu_used() - cpu;
    rpc_free(w.rpc);
    print_cpu("server", w.n_served, cpu);
    ol_env_done(&w.env);
    return EXIT_SUCCESS;
}

/* --- echo --- */

static int echo(const char *url)
{
    size_t n_served = 0;
    ol_time cpu = 0;

    if (rpc_echo(url, &n_served, &cpu) < 0)
        return EXIT_FAILURE;
    print_cpu("echo", n_served, cpu);
    return EXIT_SUCCESS;
}

/* --- call --- */

struct called {
    struct rpc_target to;
    const char *method;
};

struct caller {
    struct world *w;
    const struct called *called;
    size_t n;
    ol_time *took;
    pthread_t thread;
    size_t n_failed;
};

static void *run_caller(void *ctx)
{
    struct caller *c = ctx;
    for (size_t i = 0; i < c->n; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_context context = nova_context_admin(&a, &c->w->env);
        struct ol_val *args = ol_val_new_map(&a);
        const struct ol_val *result = NULL;
        struct ol_err err = OL_ERR_INIT;
        ol_time begin = ol_now_boot(&c->w->env);

        if (c->called->to.space)
            ol_val_set_str(&a, args, "arg", "1.21 GigaWatts");
        if (rpc_call(c->w->rpc, &c->called->to, &context,
                     &(struct rpc_message){.method = c->called->method, .args = args}, &a, &result,
                     &err)
            < 0) {
            if (!c->n_failed++)
                fprintf(stderr, "%s\n", ol_err_text(&err));
        }
        c->took[i] = ol_now_boot(&c->w->env) - begin;
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    ol_time x = *(const ol_time *)a, y = *(const ol_time *)b;

    return (x > y) - (x < y);
}

static int call(const char *url, const struct called *called, size_t n, size_t in_flight)
{
    ol_autofree ol_time *took = ol_xcalloc(n, sizeof(*took));
    struct caller callers[MAX_IN_FLIGHT];
    size_t each = n / in_flight, n_failed = 0;
    ol_time begin, cpu;
    struct world w;

    if (world_init(&w, url) < 0)
        return EXIT_FAILURE;
    begin = ol_now_boot(&w.env);
    cpu = cpu_used();
    for (size_t i = 0; i < in_flight; i++) {
        callers[i] = (struct caller){.w = &w, .called = called, .n = each, .took = took + i * each};
        if (pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]))
            abort();
    }
    for (size_t i = 0; i < in_flight; i++) {
        pthread_join(callers[i].thread, NULL);
        n_failed += callers[i].n_failed;
    }
    begin = ol_now_boot(&w.env) - begin;
    cpu = cpu_used() - cpu;
    n = each * in_flight;
    qsort(took, n, sizeof(*took), compare);
    printf("%.0f calls/s, %zu in flight, p50 %.0f us, p99 %.0f us, %zu failed\n",
           (double)n * OL_SECOND / (double)begin, in_flight, (double)took[n / 2] / 1000,
           (double)took[n * 99 / 100] / 1000, n_failed);
    print_cpu("client", n, cpu);
    rpc_free(w.rpc);
    ol_env_done(&w.env);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct called called = {
        .to = {.topic = "bench", .server = "b", .space = "baseapi", .version = "1.0"},
        .method = "ping",
    };
    int n, in_flight;

    if (argc == 7) {
        called.to.topic = "compute";
        called.to.server = argv[5];
        called.method = argv[6];
    }
    if (strcmp(called.method, "ping") != 0) {
        called.to.space = NULL;
        called.to.version = "6.0";
    }

    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 3 && strcmp(argv[1], "echo") == 0)
        return echo(argv[2]);
    if ((argc == 5 || argc == 7) && strcmp(argv[1], "call") == 0
        && ol_parse_int(argv[4], 10, 1, MAX_IN_FLIGHT, &in_flight) == 0
        && ol_parse_int(argv[3], 10, in_flight, MAX_CALLS, &n) == 0)
        return call(argv[2], &called, (size_t)n, (size_t)in_flight);
    fprintf(stderr, "orlop-rpc-bench: serve URL | echo URL | call URL N IN_FLIGHT [HOST METHOD]\n");
    return 64;
}
