/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring half of bench/volume.py.
 *
 *     orlop-bench match                           the best match among many volumes
 *     orlop-bench load pairs|volumes|claims|small N WINDOW KUBECONFIG      makes objects over HTTP
 *     orlop-bench small N WINDOW DIR              the same in one process with the API server
 *     orlop-bench bind N DIR                      N claims and N volumes, until all are bound
 *     orlop-bench bind-available N DIR            the same, but the binder has made the volumes
 *                                                 Available before there are claims
 *
 * It prints seconds, or what match.h says. Seconds of binding begin with the start of the binder,
 * when it has neither lists nor watches yet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "kube/apiserver/apiserver.h"
#include "kube/client/config.h"
#include "kube/client/stack.h"
#include "load.h"
#include "match.h"
#include "net/daemon.h"
#include "volume/binder/binder.h"

struct bench {
    struct ol_daemon daemon;
    struct apiserver *api;      /* NULL: it is elsewhere */
    struct kube_client *client; /* of the loader; the stack has another */
    struct kube_stack *stack;
    struct load_options load;
    unsigned n_reached; /* volumes that are Available, or claims that are bound */
    ol_time began;
    struct ol_timer end;
    bool want_binding;
};

static _Noreturn void die(const char *what, const struct ol_err *err)
{
    fprintf(stderr, "orlop-bench: %s: %s\n", what, ol_err_text(err));
    exit(1);
}

static void print_span(ol_time span)
{
    printf("%.6f\n", (double)span / (double)OL_SECOND);
    fflush(stdout);
}

static void on_api_stopped(void *ctx) {}

static void on_stack_stopped(void *ctx)
{
    struct bench *b = ctx;

    apiserver_stop(b->api, on_api_stopped, b);
}

static void stop(void *ctx)
{
    struct bench *b = ctx;

    kube_client_free(b->client);
    if (b->stack)
        kube_stack_stop(b->stack, on_stack_stopped, b);
    else if (b->api)
        apiserver_stop(b->api, on_api_stopped, b);
}

/* --- a component that counts --- */

static void on_reached(struct bench *b)
{
    if (++b->n_reached < b->load.n)
        return;
    print_span(ol_clock_real.boot(NULL) - b->began);
    ol_timer_set(&b->end, 0); /* informers aren't stopped from within a handler */
}

static bool is_bound(const struct kube_object *o)
{
    return o && kube_as_pvc(o)->status.phase == KUBE_PVC_BOUND;
}

static void on_claim(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    if (is_bound(now) && !is_bound(old))
        on_reached(ctx);
}

static bool is_available(const struct kube_object *o)
{
    return o && kube_as_pv(o)->status.phase == KUBE_PV_AVAILABLE;
}

static void on_volume(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    if (is_available(now) && !is_available(old))
        on_reached(ctx);
}

static void load_claims(void *ctx);

static void on_end(void *ctx)
{
    struct bench *b = ctx;

    ol_timer_done(&b->end);
    if (b->load.what != LOAD_VOLUMES) {
        ol_daemon_stop(&b->daemon);
        return;
    }
    kube_stack_stop(b->stack, load_claims, b);
    b->stack = NULL;
}

static int counter_start(const struct kube_context *k, const void *options, void **ret_state,
                         struct ol_err *err)
{
    struct bench *b = (struct bench *)options;
    bool is_first = b->load.what == LOAD_VOLUMES;
    const struct kube_handler h = {.changed = is_first ? on_volume : on_claim, .ctx = b};

    ol_timer_init(&b->end, k->loop, on_end, b);
    kube_informer_add_handler(
        kube_informer_of(k->informers, is_first ? &kube_pv_kind : &kube_pvc_kind), &h);
    *ret_state = b;
    return 0;
}

static void counter_run(void *state) {}

static void counter_stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    stopped(ctx);
}

static const struct kube_component counter = {
    .name = "counter", .start = counter_start, .run = counter_run, .stop = counter_stop};

static void start_binder(struct bench *b)
{
    const struct kube_stack_row rows[] = {{&counter, b}, {&binder_component, NULL}};
    const struct kube_stack_options options = {
        .client = apiserver_client(b->api), .rows = rows, .n_rows = ol_count(rows)};
    struct ol_err err = OL_ERR_INIT;

    b->began = ol_clock_real.boot(NULL);
    b->n_reached = 0;
    if (kube_stack_start(&b->daemon.loop, &options, &b->stack, &err) < 0)
        die("the binder", &err);
}

static void load_claims(void *ctx)
{
    struct bench *b = ctx;

    b->load.what = LOAD_CLAIMS;
    load_start(b->client, &b->load);
}

/* --- runs --- */

static void on_loaded(void *ctx, ol_time took)
{
    struct bench *b = ctx;

    print_span(took);
    if (b->want_binding)
        start_binder(b);
    else
        ol_daemon_stop(&b->daemon);
}

static void begin(struct bench *b)
{
    struct ol_err err = OL_ERR_INIT;

    if (ol_daemon_init(&b->daemon, OL_LOG_WARNING, stop, b, &err) < 0)
        die("the loop", &err);
    b->load.done = on_loaded;
    b->load.ctx = b;
}

static void finish(struct bench *b)
{
    load_start(b->client, &b->load);
    ol_daemon_run(&b->daemon);
    ol_daemon_done(&b->daemon);
}

static void run_remote(struct bench *b, const char *kubeconfig)
{
    struct ol_err err = OL_ERR_INIT;

    begin(b);
    if (kube_client_from_config(&b->daemon.loop, kubeconfig, NULL, &b->client, &err) < 0)
        die(kubeconfig, &err);
    finish(b);
}

static void run_local(struct bench *b, const char *dir)
{
    const struct apiserver_options options = {.data_dir = dir};
    struct ol_err err = OL_ERR_INIT;

    begin(b);
    if (apiserver_start(&b->daemon.loop, &options, &b->api, &err) < 0)
        die(dir, &err);
    b->client = apiserver_client(b->api);
    finish(b);
}

static unsigned number(const char *text)
{
    int n = 0;

    if (ol_parse_int(text, 10, 1, 1 << 20, &n) < 0) {
        fprintf(stderr, "orlop-bench: '%s' is no number\n", text);
        exit(64);
    }
    return (unsigned)n;
}

static enum load_what what_of(const char *word)
{
    static const struct {
        const char *word;
        enum load_what what;
    } table[] = {
        {"pairs", LOAD_PAIRS},
        {"volumes", LOAD_VOLUMES},
        {"claims", LOAD_CLAIMS},
        {"small", LOAD_SMALL},
    };

    for (size_t i = 0; i < ol_count(table); i++)
        if (!strcmp(word, table[i].word))
            return table[i].what;
    fprintf(stderr, "orlop-bench: what is '%s'?\n", word);
    exit(64);
}

int main(int argc, char **argv)
{
    struct bench b = {.load = {.what = LOAD_SMALL, .window = 256}};

    if (argc == 2 && !strcmp(argv[1], "match")) {
        bench_match();
    } else if (argc == 6 && !strcmp(argv[1], "load")) {
        b.load.what = what_of(argv[2]);
        b.load.n = number(argv[3]);
        b.load.window = number(argv[4]);
        run_remote(&b, argv[5]);
    } else if (argc == 5 && !strcmp(argv[1], "small")) {
        b.load.n = number(argv[2]);
        b.load.window = number(argv[3]);
        run_local(&b, argv[4]);
    } else if (argc == 4 && !strncmp(argv[1], "bind", 4)) {
        b.load.what = strcmp(argv[1], "bind") ? LOAD_VOLUMES : LOAD_PAIRS;
        b.load.n = number(argv[2]);
        b.want_binding = true;
        run_local(&b, argv[3]);
    } else {
        fputs("usage: orlop-bench match | load … | small … | bind …\n", stderr);
        return 64;
    }
    return 0;
}
