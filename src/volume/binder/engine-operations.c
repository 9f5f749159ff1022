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

static void run_free(struct run *r)
{
    ol_table_remove(&r->engine->runs, r);
    if (r->is_running) {
        binder_step_done(&r->step);
        binder_op_done(&r->op);
    } else {
        free((char *)r->key);
    }
    free(r->subject);
    free(r);
}

/* What is left of a failed one is when it may be tried again. */
static void keep_failure(struct run *r)
{
    struct binder_engine *e = r->engine;
    struct ol_backoff backoff = e->setup.options->operation_backoff;
    char *key = ol_xstrdup(r->key);

    if (!backoff.first)
        backoff = default_backoff;
    r->due = now_of(e) + ol_backoff_delay(&backoff, ++r->failures);
    ol_table_remove(&e->runs, r);
    binder_step_done(&r->step);
    binder_op_done(&r->op);
    r->is_running = false;
    r->is_waiting = true;
    r->key = key;
    ol_table_put(&e->runs, r);
    e->setup.ports->wake(e->setup.ports_self, r->due);
}

static void end(struct run *r)
{
    struct binder_engine *e = r->engine;

    e->n_running--;
    if (r->step.act == BINDER_FAIL) {
        binder_metrics_fail(&e->metrics, r->subject);
        keep_failure(r);
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

    r->is_waiting = true;
    r->due = now_of(e) + r->step.delay;
    e->setup.ports->wake(e->setup.ports_self, r->due);
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

void binder_start(struct binder_engine *e, const struct binder_step *start)
{
    ol_autofree char *key = binder_op_key(start);
    ol_autofree char *subject = kube_object_key(start->object);
    struct run *r = ol_table_find_str(&e->runs, key);
    unsigned failures = r ? r->failures : 0;

    begin_timing(e, start, subject);
    if (r && (r->is_running || now_of(e) < r->due))
        return;
    if (r)
        run_free(r);
    r = ol_xcalloc(1, sizeof(*r));
    r->engine = e;
    r->is_running = true;
    r->failures = failures;
    r->subject = ol_take_ptr(subject);
    binder_op_init(&r->op, start);
    binder_step_init(&r->step);
    r->key = r->op.key;
    ol_table_put(&e->runs, r);
    e->n_running++;
    go(r, NULL);
}

/* One whose time has come; NULL = none. */
static struct run *find_due(struct binder_engine *e, ol_time now)
{
    struct run *r = NULL;

    for (size_t at = 0; (r = ol_table_each(&e->runs, &at));) {
        if (r->is_waiting && r->due <= now)
            return r;
        if (!r->is_running && r->due + FORGET_AFTER <= now)
            return r;
    }
    return NULL;
}

static void wake_next(struct binder_engine *e)
{
    struct run *r = NULL;
    ol_time next = INT64_MAX;

    for (size_t at = 0; (r = ol_table_each(&e->runs, &at));) {
        if (r->is_waiting && r->due < next)
            next = r->due;
    }
    if (next != INT64_MAX)
        e->setup.ports->wake(e->setup.ports_self, next);
}

void binder_engine_tick(struct binder_engine *e)
{
    struct run *r = NULL;

    while ((r = find_due(e, now_of(e)))) {
        bool was_waiting = r->is_waiting;

        r->is_waiting = false;
        if (r->is_running)
            go(r, NULL);
        else if (was_waiting)
            e->setup.ports->enqueue(e->setup.ports_self, r->subject);
        else
            run_free(r);
    }
    wake_next(e);
}

size_t binder_engine_n_operations(const struct binder_engine *e)
{
    return e->n_running;
}

void binder_runs_done(struct binder_engine *e)
{
    struct run *r = NULL;
    size_t at = 0;

    while ((r = ol_table_each(&e->runs, &at))) {
        if (r->request)
            e->setup.ports->cancel(e->setup.ports_self, r->request);
        if (r->called && r->called->cancel)
            r->called->cancel(r->called->self, r->handle);
        run_free(r);
        at = 0;
    }
    ol_table_done(&e->runs);
}
