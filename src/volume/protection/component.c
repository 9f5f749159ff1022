/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/client/controller.h"
#include "volume/binder/pod-claims.h"
#include "volume/protection/live-internal.h"
#include "volume/protection/protection.h"

enum { WORKERS = 64, PATCH_MAX_BYTES = 1 << 20 };
#define RETRY_AFTER (100 * OL_MS)

/* What the two have different. */
struct protected_kind {
    const struct kube_kind *kind;
    const char *finalizer;
    bool want_pods;
};
static const struct protected_kind claims = {&kube_pvc_kind, PROTECTION_CLAIM_FINALIZER, true};
static const struct protected_kind volumes = {&kube_pv_kind, PROTECTION_VOLUME_FINALIZER, false};

struct state {
    const struct protected_kind *of;
    struct kube_client *client;
    struct kube_informer *objects, *pods;
    struct kube_index *pods_by_claim;
    struct kube_controller *controller;
    struct live *live;
    struct write *writes;
};

/* A patch under way. */
struct write {
    struct state *s;
    struct kube_task *task;
    struct kube_request *request;
    struct write *prev, *next;
};

/* --- writing --- */
static void write_free(struct write *w)
{
    if (w->prev)
        w->prev->next = w->next;
    else
        w->s->writes = w->next;
    if (w->next)
        w->next->prev = w->prev;
    free(w);
}

static void on_written(void *ctx, const struct kube_answer *a)
{
    struct write *w = ctx;
    struct kube_task *task = w->task;
    struct kube_informer *cache = w->s->objects;
    struct ol_err err = OL_ERR_INIT;

    write_free(w);
    if (a->reason == KUBE_OK) {
        if (a->object && (!a->object->meta.deleted || a->object->meta.finalizers.n))
            kube_informer_store(cache, a->object);
        kube_task_done(task);
    } else if (a->reason == KUBE_CONFLICT) {
        kube_task_after(task, RETRY_AFTER);
    } else if (a->reason == KUBE_NOT_FOUND) {
        kube_task_done(task);
    } else {
        (void)!kube_answer_error(a, &err);
        kube_task_fail(task, &err);
    }
}

static void begin_write(struct state *s, const struct kube_object *o, enum protection_act act,
                        struct kube_task *task)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(PATCH_MAX_BYTES);
    struct write *w = ol_xcalloc(1, sizeof(*w));

    protection_write_patch(o, s->of->finalizer, act, &body);
    w->s = s;
    w->task = task;
    w->next = s->writes;
    if (w->next)
        w->next->prev = w;
    s->writes = w;
    w->request = kube_send(s->client,
                           &(struct kube_ask){.verb = KUBE_VERB_PATCH_MERGE,
                                              .kind = o->kind,
                                              .ns = o->meta.ns,
                                              .name = o->meta.name,
                                              .body = body.data,
                                              .size = body.len},
                           on_written, w);
}

/* --- deciding --- */
static enum protection_use cached_use(struct state *s, const struct kube_object *o, const char *key)
{
    const struct kube_object *pod = NULL;

    if (!s->of->want_pods)
        return protection_use_of(kube_as_pv(o));
    for (size_t at = 0; (pod = kube_index_each(s->pods_by_claim, key, &at));) {
        if (protection_pod_uses(kube_as_pod(pod), kube_as_pvc(o)))
            return PROTECTION_USED;
    }
    return PROTECTION_UNUSED;
}

static void act(struct state *s, struct kube_task *task, const struct kube_object *o,
                enum protection_use use)
{
    enum protection_act what = protection_decide(o, s->of->finalizer, use);

    if (what == PROTECTION_NOTHING)
        kube_task_done(task);
    else if (what == PROTECTION_LOOK)
        live_ask(s->live, o->meta.ns, task);
    else
        begin_write(s, o, what, task);
}

static void begin_round(void *ctx, struct kube_task *task)
{
    struct state *s = ctx;
    const char *key = kube_task_key(task);
    const struct kube_object *o = kube_informer_get_key(s->objects, key);

    if (o)
        act(s, task, o, cached_use(s, o, key));
    else
        kube_task_done(task);
}

/* A pod in the list that can't be read might be one that uses it. */
static enum protection_use live_use(const struct kube_pvc *claim, const char *items, size_t len)
{
    struct kube_text_items at = {.at = items, .end = items + len};
    const char *text = NULL;
    size_t size = 0;
    int r = 0;

    while ((r = kube_text_next(&at, &text, &size)) > 0) {
        ol_auto(kube_object_unref_at) const struct kube_object *pod = NULL;

        if (kube_decode_text(&kube_pod_kind, text, size, &pod, NULL) < 0)
            return PROTECTION_USED;
        if (protection_pod_uses(kube_as_pod(pod), claim))
            return PROTECTION_USED;
    }
    return r < 0 ? PROTECTION_USED : PROTECTION_FREE;
}

static void on_live(void *ctx, struct kube_task *task, const char *items, size_t len,
                    const struct ol_err *err)
{
    struct state *s = ctx;
    const struct kube_object *o = kube_informer_get_key(s->objects, kube_task_key(task));

    if (!items)
        kube_task_fail(task, err);
    else if (!o)
        kube_task_done(task);
    else
        act(s, task, o, live_use(kube_as_pvc(o), items, len));
}

/* --- caches --- */
static void on_object(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct state *s = ctx;

    if (now && protection_decide(now, s->of->finalizer, PROTECTION_FREE) != PROTECTION_NOTHING)
        kube_controller_add_object(s->controller, now);
}

static void add_claims(struct state *s, const struct kube_pod *pod)
{
    const struct kube_volume *all = pod->spec.volumes.v;
    char out[POD_CLAIM_MAX];

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        const char *name = pod_claim_name(pod, &all[i], out);
        ol_autofree char *key = name ? ol_xasprintf("%s/%s", pod->o.meta.ns, name) : NULL;

        if (key)
            kube_controller_add(s->controller, key);
    }
}

static void on_pod(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    if (!now)
        add_claims(ctx, kube_as_pod(old));
    else if (protection_pod_matters(kube_as_pod(now)))
        add_claims(ctx, kube_as_pod(now));
}

/* --- the frame --- */
static int start(const struct kube_context *k, const struct protected_kind *of, const char *name,
                 void **ret_state)
{
    struct state *s = ol_xcalloc(1, sizeof(*s));
    struct kube_handler objects = {.changed = on_object, .ctx = s};
    struct kube_handler pods = {.changed = on_pod, .ctx = s};

    s->of = of;
    s->client = k->client;
    s->controller = kube_controller_new(
        k->loop, &(struct kube_controller_options){
                     .name = name, .n_workers = WORKERS, .sync = begin_round, .ctx = s});
    s->objects = kube_informer_of(k->informers, of->kind);
    kube_informer_add_handler(s->objects, &objects);
    if (of->want_pods) {
        s->live =
            live_new(&(struct live_options){.client = k->client, .answer = on_live, .ctx = s});
        s->pods = kube_informer_of(k->informers, &kube_pod_kind);
        s->pods_by_claim = kube_informer_add_index(s->pods, pod_claims_index);
        kube_informer_add_handler(s->pods, &pods);
    }
    *ret_state = s;
    return 0;
}

static int start_claims(const struct kube_context *k, const void *options, void **ret_state,
                        struct ol_err *err)
{
    return start(k, &claims, protection_claims.name, ret_state);
}

static int start_volumes(const struct kube_context *k, const void *options, void **ret_state,
                         struct ol_err *err)
{
    return start(k, &volumes, protection_volumes.name, ret_state);
}

static void run(void *state)
{
    struct state *s = state;

    kube_controller_run(s->controller);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct state *s = state;

    kube_controller_pause(s->controller);
    while (s->writes) {
        kube_cancel(s->writes->request);
        kube_task_done(s->writes->task);
        write_free(s->writes);
    }
    live_free(s->live);
    kube_controller_free(s->controller);
    free(s);
    stopped(ctx);
}

const struct kube_component protection_claims = {
    .name = "persistentvolumeclaim-protection",
    .start = start_claims,
    .run = run,
    .stop = stop,
};
const struct kube_component protection_volumes = {
    .name = "persistentvolume-protection",
    .start = start_volumes,
    .run = run,
    .stop = stop,
};
