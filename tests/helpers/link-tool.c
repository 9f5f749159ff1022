/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One link of the rabbit transport, driven by lines on standard input; what happens is told in
 * lines on standard output. For tests: link-tool URL CONNECTION-NAME
 *
 *     consume KIND NAME TIMEOUT-MS        KIND: reply, topic, fanout. "consumed NAME QUEUE" or
 *                                         "consumed NAME -ERRNO sentence"
 *     cancel KIND NAME
 *     publish ID EXCHANGE KEY FLAGS TIMEOUT-MS BODY EXCHANGE '-' = default; FLAGS of m, f, -;
 *                                         TIMEOUT-MS 0 = none; BODY '*SIZE' = so many bytes.
 *                                         "sent ID STATUS"
 *     flood N SIZE KEY                    N publishes to a queue; "flooded N FAILED SECONDS"
 *     peer
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/transport.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/env.h"
#include "core/num.h"

struct tool {
    struct ol_env env;
    struct ol_log log;
    struct rpc_link *link;
};

struct want {
    struct tool *t;
    struct rpc_queue queue;
    char name[128];
    ol_time deadline;
};

struct flood {
    atomic_int left, failed;
    int n;
    ol_time begin;
    struct tool *t;
};

static void on_log(void *ctx, const struct ol_log_record *r)
{
    printf("log %s %s\n", ol_log_level_name(r->level), r->msg);
    fflush(stdout);
}

static void on_deliver(void *ctx, const struct rpc_queue *q, const char *body, size_t len)
{
    printf("deliver %s %zu %.*s\n", q->name ? q->name : "reply", len, (int)(len < 60 ? len : 60),
           body);
    fflush(stdout);
}

static void on_changed(void *ctx, bool is_connected, const char *reason)
{
    printf("%s %s\n", is_connected ? "up" : "down", reason ? reason : "");
    fflush(stdout);
}

static enum rpc_queue_kind kind_of(const char *s)
{
    if (strcmp(s, "reply") == 0)
        return RPC_QUEUE_REPLY;
    return strcmp(s, "topic") == 0 ? RPC_QUEUE_TOPIC : RPC_QUEUE_FANOUT;
}

static void *consume(void *at)
{
    ol_autofree struct want *w = at;
    struct ol_err err = OL_ERR_INIT;
    char queue[256];
    int r = rpc_rabbit.consume(w->t->link, &w->queue, w->deadline, queue, &err);

    if (r == 0)
        printf("consumed %s %s\n", w->name, queue);
    else
        printf("consumed %s %d %s\n", w->name, r, ol_err_text(&err));
    fflush(stdout);
    return NULL;
}

static ol_time deadline_of(struct tool *t, const char *ms)
{
    int64_t n = 0;

    if (ol_parse_i64(ms, 10, &n) < 0 || n == 0)
        return 0;
    return ol_now_boot(&t->env) + n * OL_MS;
}

static void do_consume(struct tool *t, char **words)
{
    struct want *w = ol_xcalloc(1, sizeof(*w));
    pthread_t thread;

    w->t = t;
    snprintf(w->name, sizeof(w->name), "%s", words[2]);
    w->queue = (struct rpc_queue){.kind = kind_of(words[1]), .exchange = "nova", .name = w->name};
    w->deadline = deadline_of(t, words[3]);
    pthread_create(&thread, NULL, consume, w);
    pthread_detach(thread);
}

static void do_cancel(struct tool *t, char **words)
{
    struct rpc_queue q = {.kind = kind_of(words[1]), .exchange = "nova", .name = words[2]};

    rpc_rabbit.cancel(t->link, &q);
    printf("cancelled %s\n", words[2]);
}

static void on_sent(void *ctx, int status)
{
    ol_autofree char *id = ctx;

    printf("sent %s %d\n", id, status);
    fflush(stdout);
}

static void do_publish(struct tool *t, char **words)
{
    struct rpc_sent sent = {.done = on_sent, .ctx = ol_xstrdup(words[1])};
    ol_autofree char *body = NULL;
    struct rpc_frame f = {
        .exchange = strcmp(words[2], "-") == 0 ? "" : words[2],
        .key = words[3],
        .is_mandatory = strchr(words[4], 'm'),
        .is_fanout = strchr(words[4], 'f'),
        .body = words[6],
        .len = strlen(words[6]),
    };
    uint64_t size;

    if (words[6][0] == '*' && ol_parse_u64(words[6] + 1, 10, &size) == 0) {
        body = ol_xcalloc(1, size + 1);
        memset(body, 'x', size);
        f.body = body;
        f.len = size;
    }
    rpc_rabbit.publish(t->link, &f, deadline_of(t, words[5]), &sent);
}

static void on_flooded(void *ctx, int status)
{
    struct flood *f = ctx;

    if (status != 0)
        atomic_fetch_add(&f->failed, 1);
    if (atomic_fetch_sub(&f->left, 1) != 1)
        return;
    printf("flooded %d %d %.6f\n", f->n, atomic_load(&f->failed),
           (double)(ol_now_boot(&f->t->env) - f->begin) / (double)OL_SECOND);
    fflush(stdout);
    free(f);
}

static void do_flood(struct tool *t, char **words)
{
    struct flood *f = ol_xcalloc(1, sizeof(*f));
    struct rpc_sent sent = {.done = on_flooded, .ctx = f};
    ol_autofree char *body = NULL;
    struct rpc_frame frame = {.exchange = "", .key = words[3]};
    int size = 0, n = 0;

    f->t = t;
    if (ol_parse_int(words[1], 10, 1, 10000000, &n) < 0
        || ol_parse_int(words[2], 10, 0, 1 << 20, &size) < 0)
        return;
    f->n = n;
    atomic_init(&f->left, n);
    body = ol_xcalloc(1, (size_t)size + 1);
    memset(body, 'x', (size_t)size);
    frame.body = body;
    frame.len = (size_t)size;
    f->begin = ol_now_boot(&t->env);
    for (int i = 0; i < n; i++)
        rpc_rabbit.publish(t->link, &frame, 0, &sent);
}

static const struct {
    const char *name;
    int n_words; /* the last one goes to the end of the line */
    void (*run)(struct tool *t, char **words);
} commands[] = {
    {"consume", 4, do_consume},
    {"cancel", 3, do_cancel},
    {"publish", 7, do_publish},
    {"flood", 4, do_flood},
};

static void run_line(struct tool *t, char *line)
{
    char *words[8] = {line};
    size_t n = 1;

    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "peer") == 0)
        printf("peer %s\n", rpc_rabbit.peer(t->link));
    for (size_t i = 0; i < ol_count(commands); i++) {
        size_t len = strlen(commands[i].name);

        if (strncmp(line, commands[i].name, len) != 0 || line[len] != ' ')
            continue;
        while ((int)n < commands[i].n_words && (line = strchr(line, ' '))) {
            *line++ = '\0';
            words[n++] = line;
        }
        if ((int)n == commands[i].n_words)
            commands[i].run(t, words);
        break;
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct tool t = {0};
    struct rpc_sink sink = {.deliver = on_deliver, .changed = on_changed, .ctx = &t};
    struct ol_log_sink log = {.least = OL_LOG_DEBUG, .write = on_log};
    struct rpc_transport_options o = {
        .transient_ttl = 1800 * OL_SECOND,
        .heartbeat = 60 * OL_SECOND,
        .retry_first = OL_SECOND,
        .retry_step = 2 * OL_SECOND,
        .retry_most = 30 * OL_SECOND,
        .login_method = "AMQPLAIN",
        .hostname = "h1",
        .program = "tool",
    };
    struct ol_err err = OL_ERR_INIT;
    ol_autofree char *line = NULL;
    size_t cap = 0;

    if (argc != 3 || ol_env_init(&t.env, "/", &err) < 0 || ol_log_add_sink(&t.log, &log) < 0)
        return 64;
    t.env.log = &t.log;
    ol_env_arm_kill(&t.env);
    o.url = argv[1];
    o.connection_name = argv[2];
    if (rpc_rabbit.open(&t.env, &o, &sink, &t.link, &err) < 0) {
        printf("refused %s\n", ol_err_text(&err));
        return 1;
    }
    while (getline(&line, &cap, stdin) > 0)
        run_line(&t, line);
    rpc_rabbit.close(t.link);
    puts("closed");
    ol_env_done(&t.env);
    return 0;
}
