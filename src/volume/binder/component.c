/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/binder.h"

#include <errno.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/binder/component-internal.h"
#include "volume/binder/pod-claims.h"

enum { WORKERS = 256 };
#define RESYNC      (15 * OL_SECOND)
#define RETRY_AFTER (100 * OL_MS) /* a conflict: by then the cache knows what the others did */

/* --- the caches --- */
static const struct kube_pvc *view_claim(void *self, const char *ns, const char *name)
{
    struct binder_component_state *s = self;

    return kube_as_pvc(kube_informer_get(s->claims, ns, name));
}

static const struct kube_class *view_class(void *self, const char *name)
{
    struct binder_component_state *s = self;

    return kube_as_class(kube_informer_get(s->classes, "", name));
}

static const struct kube_class *view_each_class(void *self, size_t *at)
{
    struct binder_component_state *s = self;

    return kube_as_class(kube_informer_each(s->classes, at));
}

static const struct kube_pod *view_each_pod(void *self, const char *ns, const char *claim,
                                            size_t *at)
{
    struct binder_component_state *s = self;
    ol_autofree char *key = ol_xasprintf("%s/%s", ns, claim);

    return kube_as_pod(kube_index_each(s->pods_by_claim, key, at));
}

static const struct kube_node *view_node(void *self, const char *name)
{
    struct binder_component_state *s = self;

    return kube_as_node(kube_informer_get(s->nodes, "", name));
}

const struct binder_view binder_component_view = {
    .claim = view_claim,
    .class_of = view_class,
    .each_class = view_each_class,
    .each_pod = view_each_pod,
    .node = view_node,
};

/* --- the world --- */
static void *port_send(void *self, const struct kube_ask *ask, kube_done_fn done, void *ctx)
{
    struct binder_component_state *s = self;

    return kube_send(s->client, ask, done, ctx);
}

static void port_cancel(void *self, void *handle)
{
    kube_cancel(handle);
}

int binder_cache_store(struct kube_informer *i, const struct kube_object *o, struct ol_err *err)
{
    const struct kube_meta *m = &o->meta;
    const struct kube_object *has = kube_informer_get(i, m->ns, m->name);
    int order = 0;

    if (has && kube_version_cmp(has->meta.resource_version, m->resource_version, &order) < 0)
        return ol_err_set(err, EINVAL, "%s \"%s\": resource version \"%s\" or \"%s\" is no number",
                          o->kind->singular, m->name, has->meta.resource_version,
                          m->resource_version);
    if (order > 0)
        return 0;
    kube_informer_store(i, o);
    return 1;
}

static void port_store(void *self, const struct kube_object *o)
{
    struct binder_component_state *s = self;
    struct ol_err err = OL_ERR_INIT;

    if (binder_cache_store(kube_as_pv(o) ? s->pvs : s->claims, o, &err) < 0)
        ol_warn(s->loop->env, "%s", ol_err_text(&err));
}

static void port_event(void *self, const struct binder_event *e)
{
    struct binder_component_state *s = self;

    kube_event_add(s->recorder, e->about, e->type, e->reason, "%s", e->text);
}

static void port_enqueue(void *self, const char *key)
{
    struct binder_component_state *s = self;

    kube_controller_add(s->controller, key);
}

static ol_time port_now(void *self)
{
    struct binder_component_state *s = self;

    return ol_now_boot(s->loop->env);
}

static void port_wake(void *self, ol_time when)
{
    struct binder_component_state *s = self;
    ol_time now = port_now(self);

    if (s->wake_at && s->wake_at <= when)
        return;
    s->wake_at = when;
    ol_timer_set(&s->timer, when > now ? when - now : 0);
}

const struct binder_ports binder_component_ports = {
    .send = port_send,
    .cancel = port_cancel,
    .store = port_store,
    .event = port_event,
    .enqueue = port_enqueue,
    .wake = port_wake,
    .now = port_now,
};

static void on_timer(void *ctx)
{
    struct binder_component_state *s = ctx;

    s->wake_at = 0;
    binder_engine_tick(s->engine);
}

/* --- the frame --- */
static void on_round(void *ctx, enum binder_result result, const struct ol_err *err)
{
    struct kube_task *task = ctx;

    if (result == BINDER_DONE)
        kube_task_done(task);
    else if (result == BINDER_RETRY)
        kube_task_after(task, RETRY_AFTER);
    else
        kube_task_fail(task, err);
}

static void begin_round(void *ctx, struct kube_task *task)
{
    struct binder_component_state *s = ctx;

    binder_engine_sync(s->engine, kube_task_key(task), on_round, task);
}

static void resync_all(void *ctx, struct kube_controller *c)
{
    struct binder_component_state *s = ctx;
    const struct kube_object *o = NULL;

    for (size_t at = 0; (o = kube_informer_each(s->claims, &at));)
        kube_controller_add_object(c, o);
    for (size_t at = 0; (o = kube_informer_each(s->pvs, &at));)
        kube_controller_add_object(c, o);
}

static void on_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct binder_component_state *s = ctx;

    binder_engine_changed(s->engine, old, now);
}

static void open_caches(struct binder_component_state *s, struct kube_informers *all)
{
    struct kube_handler handler = {.changed = on_changed, .ctx = s};

    s->pvs = kube_informer_of(all, &kube_pv_kind);
    s->claims = kube_informer_of(all, &kube_pvc_kind);
    s->classes = kube_informer_of(all, &kube_class_kind);
    s->pods = kube_informer_of(all, &kube_pod_kind);
    s->nodes = kube_informer_of(all, &kube_node_kind);
    s->pods_by_claim = kube_informer_add_index(s->pods, pod_claims_index);
    kube_informer_add_handler(s->pvs, &handler);
    kube_informer_add_handler(s->claims, &handler);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct binder_component_state *s = ol_xcalloc(1, sizeof(*s));

    if (options)
        s->options = *(const struct binder_component_options *)options;
    if (!s->options.rules.plugins) {
        s->in_tree = binder_in_tree_new(k->loop);
        s->options.rules.plugins = binder_in_tree_plugins(s->in_tree);
    }
    s->loop = k->loop;
    s->client = k->client;
    ol_timer_init(&s->timer, k->loop, on_timer, s);
    s->recorder = kube_recorder_new(k->client, BINDER_EVENT_SOURCE, "");
    s->controller = kube_controller_new(
        k->loop, &(struct kube_controller_options){
                     .name = binder_component.name,
                     .n_workers = s->options.n_workers ? s->options.n_workers : WORKERS,
                     .resync = s->options.resync ? s->options.resync : RESYNC,
                     .sync = begin_round,
                     .resync_all = resync_all,
                     .ctx = s,
                 });
    s->engine = binder_engine_new(&(struct binder_setup){
        .options = &s->options.rules,
        .view = &binder_component_view,
        .view_self = s,
        .ports = &binder_component_ports,
        .ports_self = s,
    });
    open_caches(s, k->informers);
    *ret_state = s;
    return 0;
}

static void run(void *state)
{
    struct binder_component_state *s = state;

    kube_controller_run(s->controller);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct binder_component_state *s = state;

    kube_controller_pause(s->controller);
    binder_engine_free(s->engine);
    kube_controller_free(s->controller);
    kube_recorder_free(s->recorder);
    ol_timer_done(&s->timer);
    binder_in_tree_free(s->in_tree);
    free(s);
    stopped(ctx);
}

const struct kube_component binder_component = {
    .name = "persistentvolume-binder",
    .start = start,
    .run = run,
    .stop = stop,
    .write_metrics = binder_write_metrics,
};
