/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/engine.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/binder/engine-internal.h"

enum { MOST_STEPS = 16 }; /* of a round; the longest has eight */

struct binder_engine *binder_engine_new(const struct binder_setup *setup)
{
    struct binder_engine *e = ol_xcalloc(1, sizeof(*e));

    e->setup = *setup;
    e->index = binder_index_new();
    binder_runs_init(e);
    binder_waiting_init(&e->waiting);
    binder_metrics_init(&e->metrics);
    e->rules = (struct binder_rules){
        .options = setup->options,
        .view = setup->view,
        .self = setup->view_self,
        .index = e->index,
    };
    return e;
}

const struct binder_index *binder_engine_index(const struct binder_engine *e)
{
    return e->index;
}

const struct binder_metrics *binder_engine_metrics(const struct binder_engine *e)
{
    return &e->metrics;
}

/* --- acting --- */
void binder_tell(struct binder_engine *e, const struct binder_step *s)
{
    for (unsigned i = 0; i < s->n_events; i++)
        e->setup.ports->event(e->setup.ports_self, &s->events[i]);
}

static void write_precondition(struct ol_buf *to, const struct kube_object *o)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "preconditions");
    ol_jw_str(&w, "uid", o->meta.uid);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

void *binder_perform(struct binder_engine *e, const struct binder_step *s, kube_done_fn done,
                     void *ctx)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(4096);
    struct kube_ask ask = {.verb = KUBE_VERB_GET, .kind = &kube_pv_kind, .name = s->name};

    if (s->act == BINDER_PATCH || s->act == BINDER_PATCH_STATUS) {
        ask.verb = KUBE_VERB_PATCH_MERGE;
        ask.subresource = s->act == BINDER_PATCH_STATUS ? "status" : NULL;
        ask.body = s->body.data;
        ask.size = s->body.len;
    } else if (s->act == BINDER_CREATE_PV) {
        ask = (struct kube_ask){.verb = KUBE_VERB_CREATE,
                                .kind = &kube_pv_kind,
                                .body = s->body.data,
                                .size = s->body.len};
    } else if (s->act == BINDER_DELETE_PV) {
        write_precondition(&body, s->object);
        ask.verb = KUBE_VERB_DELETE;
        ask.body = body.data;
        ask.size = body.len;
    } else if (s->act == BINDER_GET_CLAIM) {
        ask.kind = &kube_pvc_kind;
        ask.ns = s->ref->ns;
        ask.name = s->ref->name;
    }
    if (s->object) {
        ask.kind = s->object->kind;
        ask.ns = s->object->meta.ns;
        ask.name = s->object->meta.name;
    }
    return e->setup.ports->send(e->setup.ports_self, &ask, done, ctx);
}

/* --- rounds --- */
static void go(struct round *h);

static void finish(struct round *h, enum binder_result result, const struct ol_err *err)
{
    struct binder_engine *e = h->engine;
    binder_round_fn done = h->done;
    void *ctx = h->ctx;

    if (h->prev)
        h->prev->next = h->next;
    else
        e->rounds = h->next;
    if (h->next)
        h->next->prev = h->prev;
    if (h->is_holding)
        binder_index_release(e->index, h->learnt.volume);
    done(ctx, result, err);
    binder_step_done(&h->step);
    kube_object_unref(h->object);
    kube_object_unref(h->learnt.claim ? &h->learnt.claim->o : NULL);
    free(h->learnt.volume);
    free(h->key);
    free(h);
}

static void fail(struct round *h, const struct kube_answer *a)
{
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_CONFLICT || a->reason == KUBE_NOT_FOUND) {
        finish(h, BINDER_RETRY, NULL);
        return;
    }
    (void)!kube_answer_error(a, &err);
    finish(h, BINDER_FAILED, &err);
}

static void on_looked(struct round *h, const struct kube_answer *a)
{
    if (a->reason != KUBE_OK && a->reason != KUBE_NOT_FOUND) {
        fail(h, a);
        return;
    }
    h->learnt.has_looked = true;
    if (a->reason == KUBE_OK)
        h->learnt.claim = kube_as_pvc(kube_object_ref(a->object));
    go(h);
}

/* The claim had no class and is given the default one. */
static bool is_class_patch(const struct round *h)
{
    return h->step.act == BINDER_PATCH && strstr(h->step.body.data, "\"storageClassName\"");
}

static void on_written(struct round *h, const struct kube_answer *a)
{
    struct binder_engine *e = h->engine;

    if (is_class_patch(h))
        *(a->reason == KUBE_OK ? &e->metrics.retroactive : &e->metrics.retroactive_errors) += 1;

    if (a->reason != KUBE_OK) {
        fail(h, a);
        return;
    }
    e->setup.ports->store(e->setup.ports_self, a->object);
    if (h->is_holding)
        binder_index_release(e->index, h->learnt.volume);
    h->is_holding = false;
    binder_tell(e, &h->step);
    if (h->step.is_last)
        finish(h, BINDER_DONE, NULL);
    else
        go(h);
}

static void on_answer(void *ctx, const struct kube_answer *a)
{
    struct round *h = ctx;

    h->request = NULL;
    if (h->step.act == BINDER_GET_CLAIM)
        on_looked(h, a);
    else
        on_written(h, a);
}

/* The claim takes a volume: until that is written the volume is nobody else's. */
static void hold(struct round *h)
{
    if (!h->step.name || h->object->kind != &kube_pvc_kind)
        return;
    free(h->learnt.volume);
    h->learnt.volume = ol_xstrdup(h->step.name);
    h->is_holding = true;
    binder_index_hold(h->engine->index, h->learnt.volume);
}

static const struct kube_object *find(const struct binder_engine *e, const char *key)
{
    char ns[254], name[254];
    const struct kube_pvc *claim = NULL;
    const struct kube_pv *pv = NULL;

    if (!strchr(key, '/')) {
        pv = binder_index_get(e->index, key);
        return pv ? &pv->o : NULL;
    }
    if (kube_key_split(key, ns, name) < 0)
        return NULL;
    claim = e->setup.view->claim(e->setup.view_self, ns, name);
    return claim ? &claim->o : NULL;
}

static bool decide(struct round *h)
{
    struct binder_engine *e = h->engine;
    const struct kube_object *o = find(e, h->key);

    binder_step_clear(&h->step);
    if (!o)
        return false;
    kube_object_ref(o);
    kube_object_unref(h->object);
    h->object = o;
    if (o->kind == &kube_pv_kind)
        binder_decide_volume(&e->rules, kube_as_pv(o), &h->learnt, &h->step);
    else
        binder_decide_claim(&e->rules, kube_as_pvc(o), &h->learnt, &h->step);
    return true;
}

static void queue_claim(struct binder_engine *e, const struct kube_ref *ref)
{
    ol_autofree char *key = ol_xasprintf("%s/%s", ref->ns, ref->name);

    e->setup.ports->enqueue(e->setup.ports_self, key);
}

static void go(struct round *h)
{
    struct binder_engine *e = h->engine;
    struct ol_err err = OL_ERR_INIT;

    if (!decide(h)) {
        finish(h, BINDER_DONE, NULL);
        return;
    }
    if (h->step.is_waiting)
        binder_waiting_add(&e->waiting, h->key);
    else
        binder_waiting_remove(&e->waiting, h->key);
    if (++h->n_steps > MOST_STEPS) {
        finish(h, BINDER_RETRY, NULL);
        return;
    }
    switch (h->step.act) {
    case BINDER_NOTHING: break;
    case BINDER_FAIL:
        binder_tell(e, &h->step);
        err = h->step.err;
        finish(h, BINDER_FAILED, &err);
        return;
    case BINDER_QUEUE_CLAIM: queue_claim(e, h->step.ref); break;
    case BINDER_START: binder_start(e, &h->step); break;
    default:
        hold(h);
        h->request = binder_perform(e, &h->step, on_answer, h);
        return;
    }
    binder_tell(e, &h->step);
    finish(h, BINDER_DONE, NULL);
}

void binder_engine_sync(struct binder_engine *e, const char *key, binder_round_fn done, void *ctx)
{
    struct round *h = ol_xcalloc(1, sizeof(*h));

    h->engine = e;
    h->key = ol_xstrdup(key);
    h->done = done;
    h->ctx = ctx;
    binder_step_init(&h->step);
    h->next = e->rounds;
    if (h->next)
        h->next->prev = h;
    e->rounds = h;
    go(h);
}

void binder_engine_free(struct binder_engine *e)
{
    if (!e)
        return;
    binder_runs_done(e);
    while (e->rounds) {
        struct round *h = e->rounds;

        if (h->request)
            e->setup.ports->cancel(e->setup.ports_self, h->request);
        finish(h, BINDER_DONE, NULL);
    }
    binder_waiting_done(&e->waiting);
    binder_metrics_done(&e->metrics);
    binder_index_free(e->index);
    free(e);
}

/* --- caches --- */
static void wake_waiting(struct binder_engine *e, const struct kube_pv *pv)
{
    ol_autofree char *key = binder_waiting_take(&e->waiting, &e->rules, pv);

    if (key)
        e->setup.ports->enqueue(e->setup.ports_self, key);
}

static void volume_changed(struct binder_engine *e, const struct kube_object *old,
                           const struct kube_object *now)
{
    const struct kube_object *o = now ? now : old;
    const struct kube_pv *gone = kube_as_pv(old);
    bool was_free = binder_index_is_free(e->index, o->meta.name);

    if (now) {
        binder_index_put(e->index, kube_as_pv(now));
        e->setup.ports->enqueue(e->setup.ports_self, o->meta.name);
        if (!was_free && binder_index_is_free(e->index, o->meta.name))
            wake_waiting(e, kube_as_pv(now));
        return;
    }
    binder_index_remove(e->index, o->meta.name);
    binder_metrics_end(&e->metrics, o->meta.name, e->setup.ports->now(e->setup.ports_self));
    if (gone->spec.claim)
        queue_claim(e, gone->spec.claim);
}

static void claim_changed(struct binder_engine *e, const struct kube_pvc *old,
                          const struct kube_pvc *now)
{
    const struct kube_pvc *claim = now ? now : old;
    ol_autofree char *key = kube_object_key(&claim->o);

    if (now) {
        if (now->status.phase == KUBE_PVC_BOUND && old && old->status.phase != KUBE_PVC_BOUND)
            binder_metrics_end(&e->metrics, key, e->setup.ports->now(e->setup.ports_self));
        e->setup.ports->enqueue(e->setup.ports_self, key);
        return;
    }
    binder_metrics_drop(&e->metrics, key);
    binder_waiting_remove(&e->waiting, key);
    if (old->spec.volume_name[0])
        e->setup.ports->enqueue(e->setup.ports_self, old->spec.volume_name);
    /* Others that were given to it: a binding that was under way. */
    binder_each_reserved(e->index, old, e->setup.ports->enqueue, e->setup.ports_self);
}

void binder_engine_changed(struct binder_engine *e, const struct kube_object *old,
                           const struct kube_object *now)
{
    const struct kube_object *o = now ? now : old;

    if (kube_as_pv(o))
        volume_changed(e, old, now);
    else if (kube_as_pvc(o))
        claim_changed(e, kube_as_pvc(old), kube_as_pvc(now));
}
