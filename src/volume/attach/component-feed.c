/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/attach/component-internal.h"
#include "volume/binder/pod-claims.h"

#define KEEP_TERMINATED "volumes.kubernetes.io/keep-terminated-pod-volumes"
enum { ROUNDS_PER_LISTING = 3 }; /* of the populator: all pods are looked at in every third */

static const struct kube_pvc *view_claim(void *self, const char *ns, const char *name)
{
    struct attach_state_of *s = self;

    return kube_as_pvc(kube_informer_get(s->claims, ns, name));
}

static const struct kube_pv *view_pv(void *self, const char *name)
{
    struct attach_state_of *s = self;

    return kube_as_pv(kube_informer_get(s->pvs, "", name));
}

static const struct kube_csidriver *view_driver(void *self, const char *name)
{
    struct attach_state_of *s = self;

    return kube_as_csidriver(kube_informer_get(s->drivers, "", name));
}

const struct attach_view attach_component_view = {
    .claim = view_claim,
    .pv = view_pv,
    .driver = view_driver,
};

/* --- pods --- */
/* A pod that has ended needs its volumes no more, unless the node wants to keep them. */
static bool needs_volumes(struct attach_state_of *s, const struct kube_pod *pod)
{
    const struct kube_object *node = NULL;
    const char *keep = NULL;

    if (!kube_pod_is_terminated(pod))
        return true;
    node = kube_informer_get(s->nodes, "", pod->spec.node);
    keep = node ? kube_map_get(&node->meta.annotations, KEEP_TERMINATED) : NULL;
    return keep && strcmp(keep, "true") == 0;
}

/* Volumes are only added: what a pod runs with is not taken away because an object can't be
 * found. */
static void add_volumes(struct attach_state_of *s, const struct kube_pod *pod)
{
    const struct kube_volume *all = pod->spec.volumes.v;

    for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
        struct attach_spec spec = {0};

        if (attach_spec_of(&attach_component_view, s, pod, &all[i], &spec) > 0)
            attach_pod_wants(s->world, pod, &spec);
    }
}

static void feed_pod(struct attach_state_of *s, const struct kube_pod *pod)
{
    if (!pod->spec.node[0])
        return;
    if (!needs_volumes(s, pod))
        attach_pod_drops(s->world, pod, NULL);
    else if (attach_is_managed(s->world, pod->spec.node))
        add_volumes(s, pod);
}

static void on_pod(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;

    if (!s->is_filled)
        return;
    if (old && (!now || strcmp(old->meta.uid, now->meta.uid) != 0))
        attach_pod_drops(s->world, kube_as_pod(old), NULL);
    if (now)
        feed_pod(s, kube_as_pod(now));
}

static void feed_all_pods(struct attach_state_of *s)
{
    const struct kube_object *pod = NULL;

    for (size_t at = 0; (pod = kube_informer_each(s->pods, &at));)
        feed_pod(s, kube_as_pod(pod));
}

/* --- claims, volumes, drivers: pods may have waited for them --- */
static void feed_pods_of(struct attach_state_of *s, const char *ns, const char *claim)
{
    ol_autofree char *key = ol_xasprintf("%s/%s", ns, claim);
    const struct kube_object *pod = NULL;

    for (size_t at = 0; (pod = kube_index_each(s->pods_by_claim, key, &at));)
        feed_pod(s, kube_as_pod(pod));
}

static void on_claim(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;
    const struct kube_pvc *claim = kube_as_pvc(now);

    if (s->is_filled && claim && claim->status.phase == KUBE_PVC_BOUND)
        feed_pods_of(s, now->meta.ns, now->meta.name);
}

static void on_pv(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;
    const struct kube_pv *pv = kube_as_pv(now);

    if (s->is_filled && pv && pv->spec.claim)
        feed_pods_of(s, pv->spec.claim->ns, pv->spec.claim->name);
}

/* Volumes of a driver that wants no attaching (any more) are wanted by nobody. */
static void drop_of_driver(struct attach_state_of *s, const char *driver)
{
    ol_autofree char *prefix = ol_xasprintf("kubernetes.io/csi/%s^", driver);
    const struct kube_object *o = NULL;

    for (size_t at = 0; (o = kube_informer_each(s->pods, &at));) {
        const struct kube_volume *all = kube_as_pod(o)->spec.volumes.v;

        for (uint32_t i = 0; i < kube_as_pod(o)->spec.volumes.n; i++) {
            const struct kube_pvc *claim = NULL;
            const struct kube_pv *pv = NULL;
            char out[POD_CLAIM_MAX];
            const char *name = pod_claim_name(kube_as_pod(o), &all[i], out);
            ol_autofree char *unique = NULL;

            claim = name ? view_claim(s, o->meta.ns, name) : NULL;
            pv = claim ? view_pv(s, claim->spec.volume_name) : NULL;
            if (!pv || !pv->spec.csi || strcmp(pv->spec.csi->driver, driver) != 0)
                continue;
            unique = ol_xasprintf("%s%s", prefix, pv->spec.csi->handle);
            attach_pod_drops(s->world, kube_as_pod(o), unique);
        }
    }
}

static void on_driver(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;
    const struct kube_csidriver *d = kube_as_csidriver(now);

    if (!s->is_filled)
        return;
    if (d && d->attach_required == 0)
        drop_of_driver(s, now->meta.name);
    else
        feed_all_pods(s);
}

/* --- nodes and VolumeAttachments --- */
static void on_node(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;
    bool was_managed = false;

    if (!s->is_filled)
        return;
    if (!now) {
        attach_node_gone(s->world, old->meta.name);
        return;
    }
    was_managed = attach_is_managed(s->world, now->meta.name);
    attach_node_set(s->world, kube_as_node(now), false);
    if (!was_managed && attach_is_managed(s->world, now->meta.name))
        feed_all_pods(s);
}

static void on_va(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attach_state_of *s = ctx;

    if (!s->is_filled)
        return;
    if (now)
        attach_va_set(s->world, kube_as_va(now), NULL);
    else
        attach_va_gone(s->world, old->meta.name, ol_now_boot(s->loop->env));
}

void attach_feed_open(struct attach_state_of *s, struct kube_informers *all)
{
    const struct {
        const struct kube_kind *kind;
        struct kube_informer **to;
        void (*changed)(void *ctx, const struct kube_object *old, const struct kube_object *now);
    } caches[] = {
        {&kube_pod_kind, &s->pods, on_pod},
        {&kube_pvc_kind, &s->claims, on_claim},
        {&kube_pv_kind, &s->pvs, on_pv},
        {&kube_node_kind, &s->nodes, on_node},
        {&kube_csidriver_kind, &s->drivers, on_driver},
        {&kube_va_kind, &s->vas, on_va},
    };

    for (size_t i = 0; i < ol_count(caches); i++) {
        struct kube_handler h = {.changed = caches[i].changed, .ctx = s};

        *caches[i].to = kube_informer_of(all, caches[i].kind);
        kube_informer_add_handler(*caches[i].to, &h);
    }
    s->pods_by_claim = kube_informer_add_index(s->pods, pod_claims_index);
}

/* The actual world first, from nodes and VolumeAttachments, then the desired one. */
void attach_feed_fill(struct attach_state_of *s)
{
    const struct kube_object *o = NULL;

    for (size_t at = 0; (o = kube_informer_each(s->nodes, &at));)
        attach_node_set(s->world, kube_as_node(o), true);
    for (size_t at = 0; (o = kube_informer_each(s->vas, &at));) {
        const struct kube_va *va = kube_as_va(o);
        const struct kube_pv *pv = va->pv_name ? view_pv(s, va->pv_name) : NULL;
        struct attach_spec spec = {0};
        bool is_known = pv && attach_spec_of_pv(&attach_component_view, s, pv, &spec) > 0;

        attach_va_set(s->world, va, is_known ? &spec : NULL);
        attach_spec_done(&spec);
    }
    attach_verify(s->world, ol_now_boot(s->loop->env));
    s->is_filled = true;
    feed_all_pods(s);
}

/* --- the populator --- */
static bool is_there(void *ctx, const struct kube_pod *pod)
{
    struct attach_state_of *s = ctx;
    const struct kube_object *now = kube_informer_get(s->pods, pod->o.meta.ns, pod->o.meta.name);

    return now && strcmp(now->meta.uid, pod->o.meta.uid) == 0 && needs_volumes(s, kube_as_pod(now));
}

void attach_feed_populate(struct attach_state_of *s)
{
    attach_drop_pods(s->world, is_there, s);
    if (++s->n_populated % ROUNDS_PER_LISTING == 0)
        feed_all_pods(s);
}
