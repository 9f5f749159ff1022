/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/binder/engine-internal.h"

/* Kubernetes' pkg/util/goroutinemap/exponentialbackoff. */
static const struct ol_backoff default_backoff = {.first = 500 * OL_MS, .most = 122 * OL_SECOND};
/* A failure is forgotten when nobody has tried again for so long. */
#define FORGET_AFTER (600 * OL_SECOND)

static ol_time now_of(const struct binder_engine *e)
{
    return e->setup.ports->now(e->setup.ports_self);
}

void binder_runs_init(struct binder_engine *e)
{
    struct ol_backoff backoff = e->setup.options->operation_backoff;

    e->runs = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    e->due = ol_queue_new(backoff.first ? &backoff : &default_backoff);
}

static bool is_running(const struct run *r)
{
    return r->state == RUN_WORKS || r->state == RUN_WAITS;
}

static void release_work(struct run *r)
{
    if (!is_running(r))
        return;
    binder_step_done(&r->step);
    binder_op_done(&r->op);
    r->engine->n_running--;
}

static void run_free(struct run *r)
{
    ol_queue_forget(r->engine->due, r->key);
    ol_table_remove(&r->engine->runs, r);
    release_work(r);
    free((char *)r->key);
    free(r->subject);
    free(r);
}

static void wake(struct binder_engine *e)
{
    ol_time now = now_of(e), next = ol_queue_next(e->due, now);

    if (next >= 0)
        e->setup.ports->wake(e->setup.ports_self, next > now ? next : now);
}

/* What is left of a failed one is when it may be tried again. */
static void rest(struct run *r)
{
    struct binder_engine *e = r->engine;

    release_work(r);
    r->state = RUN_RESTS;
    ol_queue_retry(e->due, r->key, now_of(e));
    wake(e);
}

static void end(struct run *r)
{
    if (r->step.act == BINDER_FAIL) {
        binder_metrics_fail(&r->engine->metrics, r->subject);
        rest(r);
    } else {
        run_free(r);
    }
}

static void go(struct run *r, const struct binder_reply *first);

static void on_answer(void *ctx, const struct kube_answer *a)
{
    struct run *r = ctx;
    struct binder_engine *e = r->engine;
    struct binder_reply reply = {.reason = a->reason, .message = a->message, .object = a->object};

    r->request = NULL;
    if (a->reason == KUBE_OK && r->step.act != BINDER_GET_PV && a->object)
        e->setup.ports->store(e->setup.ports_self, a->object);
    if (a->reason == KUBE_OK && !r->step.tells_first)
        binder_tell(e, &r->step);
    go(r, &reply);
}

static void on_called(void *ctx, const struct binder_made *made, const struct ol_err *err)
{
    struct run *r = ctx;
    struct binder_reply reply = {.made = made, .err = err, .is_begun = true};

    r->handle = NULL;
    r->called = NULL;
    go(r, &reply);
}

static int call(struct run *r, struct ol_err *err)
{
    const struct binder_plugin *p = r->op.plugin;
    struct binder_done done = {.fn = on_called, .ctx = r};

    r->called = p;
    if (r->op.kind == BINDER_RECYCLE)
        return p->recycle(p->self, r->op.pv, &done, &r->handle, err);
    if (r->op.kind == BINDER_PROVISION && r->op.state == BINDER_OP_CALLED)
        return p->provision(p->self, &r->op.order, &done, &r->handle, err);
    return p->remove(p->self, r->op.pv, &done, &r->handle, err);
}

static void wait(struct run *r)
{
    struct binder_engine *e = r->engine;

    r->state = RUN_WAITS;
    ol_queue_add_at(e->due, r->key, now_of(e) + r->step.delay);
    wake(e);
}

static void go(struct run *r, const struct binder_reply *first)
{
    struct binder_engine *e = r->engine;
    struct ol_err err = OL_ERR_INIT;
    struct binder_reply unable = {.err = &err};
    const struct binder_reply *reply = first;

    for (;;) {
        binder_step_clear(&r->step);
        binder_op_next(&e->rules, &r->op, reply, &r->step);
        if (r->step.act == BINDER_NOTHING || r->step.act == BINDER_FAIL) {
            binder_tell(e, &r->step);
            end(r);
            return;
        }
        if (r->step.tells_first || r->step.act == BINDER_CALL)
            binder_tell(e, &r->step);
        if (r->step.act != BINDER_CALL)
            break;
        err = OL_ERR_INIT;
        if (call(r, &err) >= 0)
            return;
        r->called = NULL;
        reply = &unable;
    }
    if (r->step.act == BINDER_WAIT)
        wait(r);
    else
        r->request = binder_perform(e, &r->step, on_answer, r);
}

static const char *timed_plugin(struct binder_engine *e, const struct binder_step *start)
{
    const struct kube_pv *pv = kube_as_pv(start->object);
    const struct binder_plugin *p = start->plugin;
    const struct kube_class *cls = start->cls;
    const char *driver = NULL;

    if (pv && binder_find_remover(&e->rules, pv, &p, NULL) < 0)
        return "N/A";
    if (p)
        return p->name;
    if (pv)
        cls = e->setup.view->class_of(e->setup.view_self, kube_pv_class(pv));
    if (!cls)
        return "N/A";
    driver = binder_migrated(&e->rules, cls->provisioner);
    return driver ? driver : cls->provisioner;
}

static void begin_timing(struct binder_engine *e, const struct binder_step *start,
                         const char *subject)
{
    if (start->op == BINDER_RECYCLE)
        return;
    binder_metrics_begin(&e->metrics, subject, timed_plugin(e, start),
                         start->op == BINDER_DELETE ? BINDER_TIMED_DELETE : BINDER_TIMED_PROVISION,
                         now_of(e));
}

static struct run *run_get(struct binder_engine *e, const char *key, const char *subject)
{
    struct run *r = ol_table_find_str(&e->runs, key);

    if (r)
        return r;
    r = ol_xcalloc(1, sizeof(*r));
    r->engine = e;
    r->state = RUN_FADES;
    r->key = ol_xstrdup(key);
    r->subject = ol_xstrdup(subject);
    ol_table_put(&e->runs, r);
    return r;
}

void binder_start(struct binder_engine *e, const struct binder_step *start)
{
    ol_autofree char *key = binder_op_key(start);
    ol_autofree char *subject = kube_object_key(start->object);
    struct run *r = run_get(e, key, subject);

    begin_timing(e, start, subject);
    if (r->state != RUN_FADES)
        return;
    if (e->setup.options->begins)
        e->setup.options->begins(e->setup.options->begins_ctx, key);
    r->state = RUN_WORKS;
    e->n_running++;
    binder_op_init(&r->op, start);
    binder_step_init(&r->step);
    go(r, NULL);
}

static void on_due(struct binder_engine *e, struct run *r)
{
    switch (r->state) {
    case RUN_WORKS: /* it was tried again while it faded */ return;
    case RUN_WAITS:
        r->state = RUN_WORKS;
        go(r, NULL);
        return;
    case RUN_RESTS:
        r->state = RUN_FADES;
        ol_queue_add_at(e->due, r->key, now_of(e) + FORGET_AFTER);
        e->setup.ports->enqueue(e->setup.ports_self, r->subject);
        return;
    case RUN_FADES: run_free(r); return;
    }
}

void binder_engine_tick(struct binder_engine *e)
{
    const char *key = NULL;

    while ((key = ol_queue_take(e->due, now_of(e)))) {
        struct run *r = ol_table_find_str(&e->runs, key);

        ol_queue_done(e->due, key);
        if (r)
            on_due(e, r);
    }
    wake(e);
}

size_t binder_engine_n_operations(const struct binder_engine *e)
{
    return e->n_running;
}

void binder_runs_done(struct binder_engine *e)
{
    struct run *r = NULL;

    for (size_t at = 0; (r = ol_table_each(&e->runs, &at)); at = 0) {
        if (r->request)
            e->setup.ports->cancel(e->setup.ports_self, r->request);
        if (r->called && r->called->cancel)
            r->called->cancel(r->called->self, r->handle);
        run_free(r);
    }
    ol_table_done(&e->runs);
    ol_queue_free(e->due);
}
