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

struct state;

/* What they have different. */
struct protected_kind {
    const char *name; /* the component's */
    const struct kube_kind *kind;
    const char *finalizer;
    /* Whether the caches know of a use. */
    enum protection_use (*use)(struct state *s, const struct kube_object *o, const char *key);
    /* Caches and handlers of those who may use it; NULL = the object itself tells. */
    void (*watch)(struct state *s, const struct kube_context *k);
};

struct state {
    const struct protected_kind *of;
    struct kube_client *client;
    struct kube_informer *objects;
    struct kube_index *users[2]; /* by the key of what they use; NULL = none */
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
static enum protection_use use_of_claim(struct state *s, const struct kube_object *o,
                                        const char *key)
{
    const struct kube_object *pod = NULL;

    for (size_t at = 0; (pod = kube_index_each(s->users[0], key, &at));) {
        if (protection_pod_uses(kube_as_pod(pod), kube_as_pvc(o)))
            return PROTECTION_USED;
    }
    return PROTECTION_UNUSED;
}

static enum protection_use use_of_volume(struct state *s, const struct kube_object *o,
                                         const char *key)
{
    return protection_use_of(kube_as_pv(o));
}

static enum protection_use use_of_class(struct state *s, const struct kube_object *o,
                                        const char *key)
{
    for (size_t i = 0; i < ol_count(s->users); i++) {
        size_t at = 0;

        if (kube_index_each(s->users[i], key, &at))
            return PROTECTION_USED;
    }
    return PROTECTION_FREE;
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
        act(s, task, o, s->of->use(s, o, key));
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

static void watch_pods(struct state *s, const struct kube_context *k)
{
    struct kube_informer *pods = kube_informer_of(k->informers, &kube_pod_kind);

    s->live = live_new(&(struct live_options){.client = k->client, .answer = on_live, .ctx = s});
    s->users[0] = kube_informer_add_index(pods, pod_claims_index);
    kube_informer_add_handler(pods, &(struct kube_handler){.changed = on_pod, .ctx = s});
}

/* A class that nobody deletes is no work. */
static void add_class(void *to, const char *name)
{
    struct state *s = to;
    const struct kube_object *class = kube_informer_get(s->objects, "", name);

    if (class && class->meta.deleted)
        kube_controller_add_object(s->controller, class);
}

static void on_class_user(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    if (old)
        protection_classes_index(old, add_class, ctx);
}

static void watch_class_users(struct state *s, const struct kube_context *k)
{
    const struct kube_kind *const kinds[] = {&kube_pvc_kind, &kube_pv_kind};

    for (size_t i = 0; i < ol_count(kinds); i++) {
        struct kube_informer *users = kube_informer_of(k->informers, kinds[i]);

        s->users[i] = kube_informer_add_index(users, protection_classes_index);
        kube_informer_add_handler(users,
                                  &(struct kube_handler){.changed = on_class_user, .ctx = s});
    }
}

static const struct protected_kind claims = {"persistentvolumeclaim-protection", &kube_pvc_kind,
                                             PROTECTION_CLAIM_FINALIZER, use_of_claim, watch_pods};
static const struct protected_kind volumes = {"persistentvolume-protection", &kube_pv_kind,
                                              PROTECTION_VOLUME_FINALIZER, use_of_volume, NULL};
static const struct protected_kind classes = {
    "volumeattributesclass-protection", &kube_attributes_class_kind, PROTECTION_CLASS_FINALIZER,
    use_of_class, watch_class_users};

/* --- the frame --- */
static int start(const struct kube_context *k, const struct protected_kind *of, void **ret_state)
{
    struct state *s = ol_xcalloc(1, sizeof(*s));
    struct kube_handler objects = {.changed = on_object, .ctx = s};

    s->of = of;
    s->client = k->client;
    s->controller = kube_controller_new(
        k->loop, &(struct kube_controller_options){
                     .name = of->name, .n_workers = WORKERS, .sync = begin_round, .ctx = s});
    s->objects = kube_informer_of(k->informers, of->kind);
    kube_informer_add_handler(s->objects, &objects);
    if (of->watch)
        of->watch(s, k);
    *ret_state = s;
    return 0;
}

static int start_claims(const struct kube_context *k, const void *options, void **ret_state,
                        struct ol_err *err)
{
    return start(k, &claims, ret_state);
}

static int start_volumes(const struct kube_context *k, const void *options, void **ret_state,
                         struct ol_err *err)
{
    return start(k, &volumes, ret_state);
}

static int start_classes(const struct kube_context *k, const void *options, void **ret_state,
                         struct ol_err *err)
{
    return start(k, &classes, ret_state);
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
const struct kube_component protection_classes = {
    .name = "volumeattributesclass-protection",
    .start = start_classes,
    .run = run,
    .stop = stop,
};
