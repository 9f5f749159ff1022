/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/match.h"

#include <stdio.h>
#include <string.h>

#include "kube/base/kind.h"
#include "volume/binder/index-internal.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static const char *claim_class(const struct kube_pvc *claim)
{
    bool is_set = false;

    return kube_claim_class(claim, &is_set);
}

struct ol_quantity binder_pv_size(const struct kube_pv *pv)
{
    const struct ol_quantity *q = kube_resource_get(&pv->spec.capacity, "storage");

    return q ? *q : (struct ol_quantity){0};
}

struct ol_quantity binder_claim_size(const struct kube_pvc *claim)
{
    const struct ol_quantity *q = kube_resource_get(&claim->spec.requests, "storage");

    return q ? *q : (struct ol_quantity){0};
}

bool binder_is_bound_to(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    const struct kube_ref *ref = pv->spec.claim;
    const struct kube_meta *m = &claim->o.meta;

    return ref && strcmp(ref->name, m->name) == 0 && strcmp(ref->ns, m->ns) == 0
           && (ref->uid[0] == '\0' || strcmp(ref->uid, m->uid) == 0);
}

bool binder_has_mode(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    return (pv->spec.volume_mode == KUBE_MODE_BLOCK)
           == (claim->spec.volume_mode == KUBE_MODE_BLOCK);
}

bool binder_has_access(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    return (claim->spec.access_modes & ~pv->spec.access_modes) == 0;
}

bool binder_reaches_node(const struct kube_pv *pv, const struct kube_node *node)
{
    if (!pv->spec.affinity || !pv->spec.affinity->required)
        return true;
    return kube_node_matches(pv->spec.affinity->required, node);
}

static bool has_attributes_class(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    return strcmp(or_empty(pv->spec.attributes_class), or_empty(claim->spec.attributes_class)) == 0;
}

static const char *mismatch_of(const struct kube_pv *pv, const struct kube_pvc *claim,
                               bool has_attributes_classes)
{
    struct ol_quantity size = binder_pv_size(pv), want = binder_claim_size(claim);

    if (ol_quantity_cmp(&size, &want) < 0)
        return "requested PV is too small";
    if (strcmp(kube_pv_class(pv), claim_class(claim)) != 0)
        return "storageClassName does not match";
    if (has_attributes_classes && !has_attributes_class(pv, claim))
        return "volumeAttributesClassName does not match";
    if (!has_attributes_classes
        && (or_empty(pv->spec.attributes_class)[0] != '\0'
            || or_empty(claim->spec.attributes_class)[0] != '\0'))
        return "volumeAttributesClassName is not supported when the feature-gate "
               "VolumeAttributesClass is disabled";
    if (!binder_has_mode(pv, claim))
        return "incompatible volumeMode";
    if (!binder_has_access(pv, claim))
        return "incompatible accessMode";
    return NULL;
}

const char *binder_mismatch(const struct kube_pv *pv, const struct kube_pvc *claim,
                            bool has_attributes_classes, char out[320])
{
    const char *why = NULL;

    if (pv->o.meta.deleted) {
        snprintf(out, 320, "the volume is marked for deletion \"%s\"", pv->o.meta.name);
        return out;
    }
    why = mismatch_of(pv, claim, has_attributes_classes);
    if (!why)
        return NULL;
    snprintf(out, 320, "%s", why);
    return out;
}

/* Reserved for this claim and fit for it, but for access modes and reach. */
static bool is_fit_reserved(const struct entry *e, const struct kube_pvc *claim, __int128 size)
{
    return e->size >= size && e->pv->o.meta.deleted == 0 && binder_is_bound_to(e->pv, claim)
           && binder_has_mode(e->pv, claim) && has_attributes_class(e->pv, claim);
}

/* Of several the one with the claim's UID, which is what a binding under way looks like; then the
 * smallest, then by name. */
static bool is_better_reserved(const struct entry *a, const struct entry *b)
{
    bool has_uid = a->pv->spec.claim->uid[0] != '\0';

    if (has_uid != (b->pv->spec.claim->uid[0] != '\0'))
        return has_uid;
    if (a->size != b->size)
        return a->size < b->size;
    return strcmp(a->name, b->name) < 0;
}

/* 'set' of access modes, or ~0 for any. */
static const struct entry *find_reserved(const struct chain *chain, const struct kube_pvc *claim,
                                         __int128 size, unsigned set)
{
    const struct entry *best = NULL;

    for (const struct entry *e = chain ? chain->first : NULL; e; e = e->chain_next) {
        if (set != ~0u && e->pv->spec.access_modes != set)
            continue;
        if (is_fit_reserved(e, claim, size) && (!best || is_better_reserved(e, best)))
            best = e;
    }
    return best;
}

/* First of the shelf's entries of at least 'size' that fits; 'm' NULL: any node will do. */
static const struct entry *find_on_shelf(const struct shelf *s, const struct kube_pvc *claim,
                                         __int128 size, const struct binder_node_match *m)
{
    const struct kube_label_selector *labels = claim->spec.selector;

    for (const struct entry *e = s ? binder_shelf_from(s, size) : NULL; e; e = e->next[0]) {
        if (labels && !kube_labels_match(labels, &e->pv->o.meta.labels))
            continue;
        if (m
            && ((m->is_excluded && m->is_excluded(m->ctx, e->pv))
                || !binder_reaches_node(e->pv, m->node)))
            continue;
        return e;
    }
    return NULL;
}

static struct shelf_key key_of(const struct kube_pvc *claim, unsigned set)
{
    return (struct shelf_key){
        .modes = set,
        .is_block = claim->spec.volume_mode == KUBE_MODE_BLOCK,
        .class_name = claim_class(claim),
        .attributes_class = or_empty(claim->spec.attributes_class),
    };
}

const struct kube_pv *binder_find_best(const struct binder_index *x, const struct kube_pvc *claim,
                                       bool is_delayed)
{
    unsigned sets[16] = {0};
    size_t n = binder_index_sets(x, claim->spec.access_modes, sets);
    __int128 size = binder_claim_size(claim).nano;
    const struct chain *chain = binder_chain_find(x, claim->o.meta.ns, claim->o.meta.name);

    for (size_t i = 0; i < n; i++) {
        struct shelf_key key = key_of(claim, sets[i]);
        const struct entry *e = find_reserved(chain, claim, size, sets[i]);

        if (!e && !is_delayed)
            e = find_on_shelf(binder_shelf_find(x, &key), claim, size, NULL);
        if (e)
            return e->pv;
    }
    return NULL;
}

const struct kube_pv *binder_find_for_node(const struct binder_index *x,
                                           const struct binder_node_match *m)
{
    const struct kube_pvc *claim = m->claim;
    unsigned sets[16] = {0};
    size_t n = binder_index_sets(x, claim->spec.access_modes, sets);
    __int128 size = binder_claim_size(claim).nano;
    const struct chain *chain = binder_chain_find(x, claim->o.meta.ns, claim->o.meta.name);
    const struct entry *best = find_reserved(chain, claim, size, ~0u);

    if (best && !(m->is_excluded && m->is_excluded(m->ctx, best->pv)))
        return binder_reaches_node(best->pv, m->node) ? best->pv : NULL;
    best = NULL;
    for (size_t i = 0; i < n; i++) {
        struct shelf_key key = key_of(claim, sets[i]);
        const struct entry *e = find_on_shelf(binder_shelf_find(x, &key), claim, size, m);

        if (e && (!best || e->size < best->size))
            best = e;
    }
    return best ? best->pv : NULL;
}

void binder_each_reserved(const struct binder_index *x, const struct kube_pvc *claim,
                          void (*tell)(void *to, const char *name), void *to)
{
    const struct chain *chain = binder_chain_find(x, claim->o.meta.ns, claim->o.meta.name);

    for (const struct entry *e = chain ? chain->first : NULL; e; e = e->chain_next)
        tell(to, e->name);
}
