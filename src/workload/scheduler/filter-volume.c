/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/pod-claims.h"
#include "workload/scheduler/decide-internal.h"

/* Filters that look at the pod's volumes (plug-ins VolumeRestrictions and VolumeBinding). */

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

bool sched_is_claim_bound(const struct kube_pvc *claim)
{
    return *claim->spec.volume_name && annotation(&claim->o, "pv.kubernetes.io/bind-completed");
}

/* --- the pod's claims --- */

static bool is_owned_by(const struct kube_pvc *claim, const struct kube_pod *pod)
{
    const struct kube_owner *owners = claim->o.meta.owners.v;

    for (uint32_t i = 0; i < claim->o.meta.owners.n; i++)
        if (owners[i].is_controller && strcmp(owners[i].uid, pod->o.meta.uid) == 0)
            return true;
    return false;
}

/* NULL, or why the claim can't be used. */
static char *check_claim(const struct sched_try *t, const struct kube_volume *volume,
                         const char *name, const struct kube_pvc *claim)
{
    if (!claim && volume->ephemeral)
        return ol_xasprintf("waiting for ephemeral volume controller to create the "
                            "persistentvolumeclaim \"%s\"",
                            name);
    if (!claim)
        return ol_xasprintf("persistentvolumeclaim \"%s\" not found", name);
    if (claim->status.phase == KUBE_PVC_LOST)
        return ol_xasprintf("persistentvolumeclaim \"%s\" bound to non-existent persistentvolume "
                            "\"%s\"",
                            name, claim->spec.volume_name);
    if (claim->o.meta.deleted)
        return ol_xasprintf("persistentvolumeclaim \"%s\" is being deleted", name);
    if (volume->ephemeral && !is_owned_by(claim, t->pod))
        return ol_xasprintf("PVC %s/%s was not created for pod %s/%s (pod is not owner)",
                            claim->o.meta.ns, name, claim->o.meta.ns, t->pod->o.meta.name);
    return NULL;
}

static bool is_in(const struct kube_pvc *const *claims, size_t n, const struct kube_pvc *one)
{
    for (size_t i = 0; i < n; i++)
        if (claims[i] == one)
            return true;
    return false;
}

/* Another pod has the claim (ReadWriteOncePod). */
static bool has_other_user(const struct sched_try *t, const struct kube_pvc *claim)
{
    const struct kube_pod *user;
    size_t at = 0;

    if (!(claim->spec.access_modes & KUBE_RWOP))
        return false;
    while ((user = t->w->view->each_user(t->w->self, claim->o.meta.ns, claim->o.meta.name, &at)))
        if (!kube_pod_is_terminated(user) && strcmp(user->o.meta.uid, t->pod->o.meta.uid) != 0)
            return true;
    return false;
}

/* Adds the claim to its group. NULL, or why the pod can be nowhere. */
static char *sort_claim(struct sched_try *t, const struct kube_pvc *claim)
{
    bool is_set = false;
    const char *name = kube_claim_class(claim, &is_set);
    const struct kube_class *class_of;

    if (has_other_user(t, claim))
        t->is_claim_in_use = true;
    if (sched_is_claim_bound(claim)) {
        if (!is_in(t->bound, t->n_bound, claim))
            t->bound[t->n_bound++] = claim;
        return NULL;
    }
    class_of = *name ? t->w->view->class_of(t->w->self, name) : NULL;
    if (*name && !class_of)
        return ol_xasprintf("storageclass.storage.k8s.io \"%s\" not found", name);
    if (!class_of || class_of->binding_mode != KUBE_WAIT_FOR_FIRST_CONSUMER
        || *claim->spec.volume_name)
        return ol_xstrdup("pod has unbound immediate PersistentVolumeClaims");
    if (!is_in(t->delayed, t->n_delayed, claim))
        t->delayed[t->n_delayed++] = claim;
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    struct ol_quantity x = binder_claim_size(*(const struct kube_pvc *const *)a);
    struct ol_quantity y = binder_claim_size(*(const struct kube_pvc *const *)b);

    return ol_quantity_cmp(&x, &y);
}

char *sched_read_claims(struct sched_try *t)
{
    const struct kube_volume *volumes = t->pod->spec.volumes.v;
    char text[POD_CLAIM_MAX];
    char *problem = NULL;

    t->bound = ol_xcalloc(t->pod->spec.volumes.n, sizeof(*t->bound));
    t->delayed = ol_xcalloc(t->pod->spec.volumes.n, sizeof(*t->delayed));
    t->volumes = ol_xcalloc(t->pod->spec.volumes.n, sizeof(*t->volumes));
    for (uint32_t i = 0; i < t->pod->spec.volumes.n && !problem; i++) {
        const char *name = pod_claim_name(t->pod, &volumes[i], text);
        const struct kube_pvc *claim;

        if (!name)
            continue;
        claim = t->w->view->claim(t->w->self, t->pod->o.meta.ns, name);
        problem = check_claim(t, &volumes[i], name, claim);
        if (!problem)
            problem = sort_claim(t, claim);
    }
    /* The smallest first, so that each gets the smallest volume that fits. */
    qsort(t->delayed, t->n_delayed, sizeof(*t->delayed), by_size);
    return problem;
}

void sched_filter_restrictions(struct sched_try *t, const struct sched_node *n,
                               struct sched_reasons *to)
{
    (void)n;
    if (t->is_claim_in_use)
        sched_refuse(to, "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod "
                         "access mode already in-use by another pod");
}

/* --- provisioning --- */

static bool term_matches(const struct kube_topology_term *term, const struct kube_map *labels)
{
    const struct kube_requirement *r = term->expressions.v;

    for (uint32_t i = 0; i < term->expressions.n; i++) {
        const char *value = kube_map_get(labels, r[i].key);

        if (!value || !kube_strs_has(&r[i].values, value))
            return false;
    }
    return term->expressions.n > 0;
}

static bool is_allowed(const struct kube_class *c, const struct kube_node *node)
{
    const struct kube_topology_term *terms = c->allowed_topologies.v;

    for (uint32_t i = 0; i < c->allowed_topologies.n; i++)
        if (term_matches(&terms[i], &node->o.meta.labels))
            return true;
    return c->allowed_topologies.n == 0;
}

/* CSIStorageCapacity, where the driver reports it: a pool that the node reaches is large enough. */
static bool has_room(const struct sched_try *t, const struct kube_class *c,
                     const struct kube_pvc *claim, const struct kube_node *node)
{
    const struct kube_csidriver *driver = t->w->view->csidriver(t->w->self, c->provisioner);
    struct ol_quantity size = binder_claim_size(claim);
    const struct kube_capacity *pool;
    size_t at = 0;

    if (!driver || driver->storage_capacity != 1 || ol_quantity_is_zero(&size))
        return true;
    while ((pool = t->w->view->each_capacity(t->w->self, &at))) {
        const struct ol_quantity *most = pool->max_size ? pool->max_size : pool->capacity;

        if (strcmp(pool->class_name, c->o.meta.name) == 0 && most
            && ol_quantity_cmp(most, &size) >= 0 && pool->topology
            && kube_labels_match(pool->topology, &node->o.meta.labels))
            return true;
    }
    return false;
}

enum verdict { FITS, NO_VOLUME, NO_ROOM };

static enum verdict can_provision(const struct sched_try *t, const struct kube_pvc *claim,
                                  const struct kube_node *node)
{
    bool is_set = false;
    const struct kube_class *c = t->w->view->class_of(t->w->self, kube_claim_class(claim, &is_set));

    if (!c || !*c->provisioner || strcmp(c->provisioner, "kubernetes.io/no-provisioner") == 0)
        return NO_VOLUME;
    if (!is_allowed(c, node))
        return NO_VOLUME;
    return has_room(t, c, claim, node) ? FITS : NO_ROOM;
}

/* --- binding --- */

static bool is_chosen(void *ctx, const struct kube_pv *pv)
{
    const struct sched_try *t = ctx;

    for (size_t i = 0; i < t->n_volumes; i++)
        if (t->volumes[i].pv == pv)
            return true;
    return false;
}

static enum verdict place_claim(struct sched_try *t, const struct kube_pvc *claim,
                                const struct kube_node *node)
{
    const char *selected = annotation(&claim->o, SCHED_SELECTED_NODE);
    const struct binder_node_match match = {
        .claim = claim, .node = node, .is_excluded = is_chosen, .ctx = t};
    const struct kube_pv *pv = NULL;
    enum verdict v;

    if (selected && strcmp(selected, node->o.meta.name) != 0)
        return NO_VOLUME;
    if (!selected)
        pv = binder_find_for_node(t->w->volumes, &match);
    v = pv ? FITS : can_provision(t, claim, node);
    if (v == FITS)
        t->volumes[t->n_volumes++] = (struct sched_volume){claim, pv};
    return v;
}

static void check_bound(const struct sched_try *t, const struct kube_node *node,
                        struct sched_reasons *to)
{
    for (size_t i = 0; i < t->n_bound; i++) {
        const struct kube_pv *pv = binder_index_get(t->w->volumes, t->bound[i]->spec.volume_name);

        if (!pv) {
            sched_refuse(to, "node(s) unavailable due to one or more pvc(s) bound to non-existent "
                             "pv(s)");
            return;
        }
        if (!binder_reaches_node(pv, node)) {
            sched_refuse(to, "node(s) didn't match PersistentVolume's node affinity");
            return;
        }
    }
}

void sched_filter_volumes(struct sched_try *t, const struct sched_node *n, struct sched_reasons *to)
{
    t->n_volumes = 0;
    check_bound(t, n->node, to);
    for (size_t i = 0; i < t->n_delayed; i++) {
        enum verdict v = place_claim(t, t->delayed[i], n->node);

        if (v == NO_VOLUME)
            sched_refuse(to, "node(s) didn't find available persistent volumes to bind");
        else if (v == NO_ROOM)
            sched_refuse(to, "node(s) did not have enough free storage");
        if (v != FITS)
            return;
    }
}
