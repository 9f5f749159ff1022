/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/stack.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/client/lease.h"

struct kube_stack {
    struct kube_context context;
    struct kube_election *election;
    struct {
        const struct kube_component *component;
        void *state;
    } *parts;
    size_t n_parts; /* started, and not yet stopped */
    bool has_synced, is_running, is_stopping;
    void (*lost)(void *ctx);
    void *lost_ctx;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* Once: when all caches are full and, if that is asked for, we lead. */
static void run_when_ready(struct kube_stack *s)
{
    if (s->is_running || s->is_stopping || !s->has_synced)
        return;
    if (s->election && !kube_election_is_leader(s->election))
        return;
    s->is_running = true;
    for (size_t i = 0; i < s->n_parts; i++)
        s->parts[i].component->run(s->parts[i].state);
}

static void on_synced(void *ctx)
{
    struct kube_stack *s = ctx;

    s->has_synced = true;
    run_when_ready(s);
}

static void on_leads(void *ctx)
{
    struct kube_stack *s = ctx;

    ol_info(s->context.loop->env, "this process leads");
    run_when_ready(s);
}

static void on_lost(void *ctx)
{
    struct kube_stack *s = ctx;

    if (s->is_stopping)
        return;
    ol_error(s->context.loop->env, "another process leads now, this one ends");
    if (s->lost)
        s->lost(s->lost_ctx);
}

static void release(void *ctx)
{
    struct kube_stack *s = ctx;

    if (s->context.informers)
        kube_informers_free(s->context.informers);
    kube_client_free(s->context.client);
    if (s->stopped)
        s->stopped(s->stopped_ctx);
    free(s->parts);
    free(s);
}

static void stop_next(void *ctx)
{
    struct kube_stack *s = ctx;

    if (s->n_parts > 0) {
        s->n_parts--;
        s->parts[s->n_parts].component->stop(s->parts[s->n_parts].state, stop_next, s);
        return;
    }
    if (s->election)
        kube_election_free(s->election, release, s);
    else
        release(s);
}

void kube_stack_stop(struct kube_stack *s, void (*stopped)(void *ctx), void *ctx)
{
    if (!s) {
        if (stopped)
            stopped(ctx);
        return;
    }
    s->is_stopping = true;
    /* A component that is gone must not be told of anything. */
    kube_informers_stop(s->context.informers);
    s->stopped = stopped;
    s->stopped_ctx = ctx;
    stop_next(s);
}

static int start_parts(struct kube_stack *s, const struct kube_stack_options *o, struct ol_err *err)
{
    for (size_t i = 0; i < o->n_rows; i++) {
        const struct kube_component *c = o->rows[i].component;
        int r = c->start(&s->context, o->rows[i].options, &s->parts[i].state, err);

        if (r < 0)
            return ol_err_prefix(err, r, "%s", c->name);
        s->parts[i].component = c;
        s->n_parts = i + 1;
    }
    return 0;
}

int kube_stack_start(struct ol_loop *loop, const struct kube_stack_options *o,
                     struct kube_stack **ret, struct ol_err *err)
{
    struct kube_stack *s = ol_xcalloc(1, sizeof(*s));
    int r;

    s->context = (struct kube_context){.loop = loop, .client = o->client};
    s->context.informers = kube_informers_new(o->client);
    s->parts = ol_xcalloc(o->n_rows, sizeof(*s->parts));
    s->lost = o->lost;
    s->lost_ctx = o->ctx;
    r = start_parts(s, o, err);
    if (r < 0) {
        kube_stack_stop(s, NULL, NULL);
        return r;
    }
    if (o->lease_name)
        s->election =
            kube_election_new(o->client, &(struct kube_election_options){.ns = o->lease_ns,
                                                                         .name = o->lease_name,
                                                                         .identity = o->identity,
                                                                         .leads = on_leads,
                                                                         .lost = on_lost,
                                                                         .ctx = s});
    kube_informers_start(s->context.informers, on_synced, s);
    *ret = s;
    return 0;
}

bool kube_stack_is_running(const struct kube_stack *s)
{
    return s->is_running && !s->is_stopping;
}

void kube_stack_write_metrics(const struct kube_stack *s, struct ol_buf *to)
{
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].component->write_metrics)
            s->parts[i].component->write_metrics(s->parts[i].state, to);
}

const struct kube_stack_row *kube_stack_row_find(const struct kube_stack_row *rows, size_t n,
                                                 const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].component->name, name))
            return &rows[i];
    return NULL;
}
