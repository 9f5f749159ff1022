/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/pod-claims.h"
#include "workload/scheduler/scheduler-internal.h"

#define BIND_TIMEOUT (600 * OL_SECOND)
#define FLUSH        (60 * OL_SECOND) /* all pods without a node again, whatever was missed */
#define GATHER       (20 * OL_MS)     /* changes that come together wake them once */

static const struct ol_backoff backoff = {.first = 50 * OL_MS, .most = 10 * OL_SECOND};

/* --- what the decision may ask --- */

static const struct sched_node *view_node(void *self, size_t *at)
{
    struct scheduler *s = self;

    return sched_nodes_each(&s->node_cache, at);
}

static const struct kube_pvc *view_claim(void *self, const char *ns, const char *name)
{
    struct scheduler *s = self;

    return kube_as_pvc(kube_informer_get(s->claims, ns, name));
}

static const struct kube_class *view_class(void *self, const char *name)
{
    struct scheduler *s = self;

    return kube_as_class(kube_informer_get(s->classes, "", name));
}

static const struct kube_csinode *view_csinode(void *self, const char *name)
{
    struct scheduler *s = self;

    return kube_as_csinode(kube_informer_get(s->csinodes, "", name));
}

static const struct kube_csidriver *view_csidriver(void *self, const char *name)
{
    struct scheduler *s = self;

    return kube_as_csidriver(kube_informer_get(s->csidrivers, "", name));
}

static const struct kube_capacity *view_capacity(void *self, size_t *at)
{
    struct scheduler *s = self;

    return kube_as_capacity(kube_informer_each(s->capacities, at));
}

static const struct kube_va *view_attachment(void *self, const char *node, size_t *at)
{
    struct scheduler *s = self;

    return kube_as_va(kube_index_each(s->attachments_by_node, node, at));
}

static bool is_placed(const struct scheduler *s, const struct kube_pod *pod)
{
    ol_autofree char *key = *pod->spec.node ? NULL : kube_object_key(&pod->o);

    return !key || ol_table_find_str(&s->bindings, key);
}

static const struct kube_pod *view_user(void *self, const char *ns, const char *claim, size_t *at)
{
    struct scheduler *s = self;
    ol_autofree char *key = ol_xasprintf("%s/%s", ns, claim);
    const struct kube_pod *pod;

    while ((pod = kube_as_pod(kube_index_each(s->pods_by_claim, key, at))))
        if (is_placed(s, pod))
            return pod;
    return NULL;
}

static const struct sched_view view = {
    .each_node = view_node,
    .claim = view_claim,
    .class_of = view_class,
    .csinode = view_csinode,
    .csidriver = view_csidriver,
    .each_capacity = view_capacity,
    .each_attachment = view_attachment,
    .each_user = view_user,
};

/* --- changes --- */

static void wake_all(void *ctx)
{
    struct scheduler *s = ctx;
    const struct parked *p;
    const struct binding *b;
    size_t at = 0;

    while ((p = ol_table_each(&s->parked, &at)))
        kube_controller_add(s->controller, p->key);
    at = 0;
    while ((b = ol_table_each(&s->bindings, &at)))
        if (b->phase == BIND_WAIT)
            kube_controller_add(s->controller, b->key);
}

void scheduler_wake(struct scheduler *s)
{
    if (s->parked.n)
        ol_timer_set(&s->wake, GATHER);
}

static bool is_ours(const struct kube_pod *pod)
{
    const char *name = pod->spec.scheduler;

    return !name || !*name || strcmp(name, "default-scheduler") == 0;
}

/* It takes room on its node. */
static bool is_counted(const struct kube_pod *pod)
{
    return pod && *pod->spec.node && !kube_pod_is_terminated(pod);
}

/* Moves what the pod takes. */
static void recount(struct scheduler *s, const struct kube_pod *old, const struct kube_pod *now)
{
    if (is_counted(old))
        sched_nodes_remove_pod(&s->node_cache, old->spec.node, old);
    if (is_counted(now))
        sched_nodes_add_pod(&s->node_cache, now->spec.node, now);
    if (old && !is_counted(now))
        scheduler_wake(s);
}

static void pod_changed(void *ctx, const struct kube_object *old_object,
                        const struct kube_object *new_object)
{
    struct scheduler *s = ctx;
    const struct kube_pod *old = kube_as_pod(old_object), *now = kube_as_pod(new_object);
    ol_autofree char *key = kube_object_key(now ? new_object : old_object);
    struct binding *b = ol_table_find_str(&s->bindings, key);

    if (b && (!now || *now->spec.node))
        binding_uncount(b);
    recount(s, old, now);
    if (b || !now || !*now->spec.node)
        kube_controller_add(s->controller, key);
}

static void node_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct scheduler *s = ctx;

    if (now)
        sched_nodes_set(&s->node_cache, kube_as_node(now));
    else
        sched_nodes_unset(&s->node_cache, old->meta.name);
    ol_timer_set(&s->wake, GATHER);
}

static void wake_users(struct scheduler *s, const char *claim_key)
{
    const struct kube_object *pod;
    size_t at = 0;

    while ((pod = kube_index_each(s->pods_by_claim, claim_key, &at)))
        if (!*kube_as_pod(pod)->spec.node)
            kube_controller_add_object(s->controller, pod);
}

static void claim_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    ol_autofree char *key = kube_object_key(now ? now : old);

    wake_users(ctx, key);
}

static void wake_users_of(struct scheduler *s, const struct kube_object *volume)
{
    const struct kube_pv *pv = kube_as_pv(volume);
    ol_autofree char *key = NULL;

    if (!pv || !pv->spec.claim)
        return;
    key = ol_xasprintf("%s/%s", pv->spec.claim->ns, pv->spec.claim->name);
    wake_users(s, key);
}

static void volume_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct scheduler *s = ctx;

    if (now)
        binder_index_put(s->index, kube_as_pv(now));
    else
        binder_index_remove(s->index, old->meta.name);
    wake_users_of(s, old);
    wake_users_of(s, now);
    scheduler_wake(s);
}

static void other_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    (void)old;
    (void)now;
    scheduler_wake(ctx);
}

/* --- pods --- */

static void decide(struct scheduler *s, const struct kube_pod *pod, struct kube_task *task)
{
    ol_auto(sched_decision_done) struct sched_decision d = {0};
    ol_time held = scheduler_held(s, kube_task_key(task));

    if (held) {
        kube_task_after(task, held);
        return;
    }
    if (binding_is_claim_taken(s, pod)) {
        scheduler_park(s, kube_task_key(task));
        kube_task_done(task);
        return;
    }
    sched_decide(&s->world, pod, &d);
    if (d.node) {
        binding_step(binding_new(s, kube_task_key(task), pod, &d), task);
        return;
    }
    scheduler_report(s, pod, "Unschedulable", d.message);
    kube_task_done(task);
}

static bool is_wanted(const struct kube_pod *pod)
{
    return pod && !*pod->spec.node && !pod->o.meta.deleted && !kube_pod_is_terminated(pod)
           && !pod->spec.scheduling_gates.n && is_ours(pod);
}

static void sync_pod(void *ctx, struct kube_task *task)
{
    struct scheduler *s = ctx;
    const char *key = kube_task_key(task);
    const struct kube_pod *pod = kube_as_pod(kube_informer_get_key(s->pods, key));
    struct binding *b = ol_table_find_str(&s->bindings, key);

    if (b && (!is_wanted(pod) || strcmp(pod->o.meta.uid, b->pod->o.meta.uid) != 0)) {
        binding_free(b);
        b = NULL;
        scheduler_wake(s); /* what it had reserved is free */
    }
    if (!is_wanted(pod)) {
        scheduler_unpark(s, key);
        kube_task_done(task);
    } else if (b) {
        binding_step(b, task);
    } else {
        decide(s, pod, task);
    }
}

static void flush(void *ctx, struct kube_controller *c)
{
    (void)c;
    wake_all(ctx);
}

/* --- life --- */

static void index_by_node(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    emit(to, kube_as_va(o)->node);
}

static struct kube_informer *watch(struct scheduler *s, const struct kube_kind *kind,
                                   void (*changed)(void *, const struct kube_object *,
                                                   const struct kube_object *))
{
    struct kube_informer *i = kube_informer_of(s->k->informers, kind);

    kube_informer_add_handler(i, &(struct kube_handler){changed, s});
    return i;
}

static void watch_all(struct scheduler *s)
{
    s->pods_by_claim = kube_informer_add_index(kube_informer_of(s->k->informers, &kube_pod_kind),
                                               pod_claims_index);
    s->attachments_by_node =
        kube_informer_add_index(kube_informer_of(s->k->informers, &kube_va_kind), index_by_node);
    s->pods = watch(s, &kube_pod_kind, pod_changed);
    s->nodes = watch(s, &kube_node_kind, node_changed);
    s->claims = watch(s, &kube_pvc_kind, claim_changed);
    s->volumes = watch(s, &kube_pv_kind, volume_changed);
    s->classes = watch(s, &kube_class_kind, other_changed);
    s->csinodes = watch(s, &kube_csinode_kind, other_changed);
    s->csidrivers = watch(s, &kube_csidriver_kind, other_changed);
    s->capacities = watch(s, &kube_capacity_kind, other_changed);
    s->attachments = watch(s, &kube_va_kind, other_changed);
}

static int scheduler_start(const struct kube_context *k, const void *options, void **ret_state,
                           struct ol_err *err)
{
    const struct scheduler_options *o = options;
    struct scheduler *s = ol_xcalloc(1, sizeof(*s));
    struct kube_controller_options c = {.name = "scheduler",
                                        .backoff = backoff,
                                        .n_workers = 256,
                                        .resync = FLUSH,
                                        .sync = sync_pod,
                                        .resync_all = flush,
                                        .ctx = s};

    (void)err;
    s->k = k;
    s->bind_timeout = o && o->bind_timeout ? o->bind_timeout : BIND_TIMEOUT;
    s->bindings = s->parked = s->reports = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    sched_nodes_init(&s->node_cache);
    s->index = binder_index_new();
    s->world = (struct sched_world){.view = &view, .self = s, .volumes = s->index};
    ol_timer_init(&s->wake, k->loop, wake_all, s);
    s->controller = kube_controller_new(k->loop, &c);
    s->recorder = kube_recorder_new(k->client, "default-scheduler", NULL);
    watch_all(s);
    *ret_state = s;
    return 0;
}

static void scheduler_run(void *state)
{
    struct scheduler *s = state;

    kube_controller_run(s->controller);
}

static void scheduler_stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct scheduler *s = state;
    struct binding *b;
    size_t at = 0;

    while ((b = ol_table_each(&s->bindings, &at))) {
        binding_free(b);
        at = 0;
    }
    ol_table_done(&s->bindings);
    scheduler_reports_done(s);
    kube_controller_free(s->controller);
    kube_recorder_free(s->recorder);
    ol_timer_done(&s->wake);
    sched_nodes_done(&s->node_cache);
    binder_index_free(s->index);
    free(s);
    stopped(ctx);
}

const struct kube_component scheduler_component = {
    .name = "scheduler",
    .start = scheduler_start,
    .run = scheduler_run,
    .stop = scheduler_stop,
};
