/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "core/table.h"
#include "kube/base/kind.h"
#include "pv-cases.h"
#include "volume/binder/match.h"

enum { MOST_VOLUMES = 200 };

/* Volumes in an index. Names are unique in a cluster; in a case's set a second one of a name gets
 * another. */
struct shelf_of {
    struct binder_index *index;
    const struct kube_object *all[MOST_VOLUMES];
    size_t n;
};

static bool has_name(const struct shelf_of *s, const char *name)
{
    return binder_index_get(s->index, name) != NULL;
}

static void add(struct pv_case *c, struct shelf_of *s, const struct ol_val *v)
{
    struct ol_val *doc = pv_volume_doc(c->arena, v);
    struct ol_val *meta = ol_val_get_mut(doc, "metadata");
    struct ol_val *ref = ol_val_get_mut(ol_val_get_mut(doc, "spec"), "claimRef");
    const char *name = pv_str(meta, "name");

    /* The search's own tests say nothing of phases: such a volume is one that can be had. */
    if (!ol_val_get(v, "phase"))
        ol_val_set_str(c->arena, ol_val_get_mut(doc, "status"), "phase", "Available");
    if (has_name(s, name))
        ol_val_set_str(c->arena, meta, "name", ol_arena_printf(c->arena, "%s-%zu", name, s->n));
    s->all[s->n] = pv_decode(c, doc);
    (void)ref;
    if (s->all[s->n] && s->n + 1 < MOST_VOLUMES)
        binder_index_put(s->index, kube_as_pv(s->all[s->n++]));
}

static void fill(struct pv_case *c, struct shelf_of *s)
{
    const struct ol_val *set =
        ol_val_get(ol_val_get(c->root, "indexPvSet"), pv_str(c->doc, "pvSet"));
    const struct ol_val *own = ol_val_get(c->doc, "pvs"), *one = ol_val_get(c->doc, "pv");

    *s = (struct shelf_of){.index = binder_index_new()};
    for (size_t i = 0; i < ol_val_count(set); i++)
        add(c, s, ol_val_item(set, i));
    for (size_t i = 0; i < ol_val_count(own); i++)
        add(c, s, ol_val_item(own, i));
    if (one)
        add(c, s, one);
}

static void empty(struct shelf_of *s)
{
    binder_index_free(s->index);
    while (s->n)
        kube_object_unref(s->all[--s->n]);
}

static unsigned modes_of(const struct ol_val *list)
{
    static const char *const names[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                        "ReadWriteOncePod"};
    unsigned modes = 0;

    for (size_t i = 0; i < ol_val_count(list); i++) {
        for (unsigned m = 0; m < ol_count(names); m++) {
            if (strcmp(names[m], ol_val_str(ol_val_item(list, i))) == 0)
                modes |= 1u << m;
        }
    }
    return modes;
}

static void check_found(struct pv_case *c, const struct kube_pv *pv)
{
    const struct ol_val *uid = ol_val_get(c->doc, "expectedUid"),
                        *name = ol_val_get(c->doc, "expectedName"),
                        *match = ol_val_get(c->doc, "expectedMatch");
    const char *has = pv ? (name ? pv->o.meta.name : pv->o.meta.uid) : "";
    const char *want = ol_val_str(name ? name : uid);

    if (match) {
        if (ol_val_is_truthy(match) != (pv != NULL))
            pv_case_fail(c, pv ? "found one" : "found none");
    } else if (strcmp(has, want ? want : "") != 0) {
        pv_case_fail(c, "found '%s', want '%s'", has, want ? want : "");
    }
}

static bool is_excluded(void *ctx, const struct kube_pv *pv)
{
    const struct ol_val *names = ctx;

    for (size_t i = 0; i < ol_val_count(names); i++) {
        if (strcmp(ol_val_str(ol_val_item(names, i)), pv->o.meta.name) == 0)
            return true;
    }
    return false;
}

static const struct kube_pv *find_for_node(struct pv_case *c, const struct shelf_of *s,
                                           const struct kube_pvc *claim)
{
    struct ol_val *doc = ol_val_new_map(c->arena), *meta = ol_val_new_map(c->arena);
    const struct ol_val *labels = ol_val_at(c->doc, "node/labels");
    ol_auto(kube_object_unref_at) const struct kube_object *node = NULL;

    ol_val_set_str(c->arena, doc, "apiVersion", "v1");
    ol_val_set_str(c->arena, doc, "kind", "Node");
    ol_val_set_str(c->arena, meta, "name", "node");
    ol_val_set(c->arena, meta, "labels", ol_val_copy(c->arena, labels));
    ol_val_set(c->arena, doc, "metadata", meta);
    node = pv_decode(c, doc);
    return binder_find_for_node(s->index, &(struct binder_node_match){
                                              .claim = claim,
                                              .node = kube_as_node(node),
                                              .is_excluded = is_excluded,
                                              .ctx = (void *)ol_val_get(c->doc, "excludedPvNames"),
                                          });
}

static void run_search(struct pv_case *c, const char *run)
{
    ol_auto(kube_object_unref_at) const struct kube_object *claim =
        pv_decode(c, pv_claim_doc(c->arena, ol_val_get(c->doc, "claim")));
    const struct kube_pvc *pvc = kube_as_pvc(claim);
    struct shelf_of s;
    char why[320];

    fill(c, &s);
    if (!pvc)
        pv_case_fail(c, "no claim");
    else if (ol_str_starts(run, "FindMatchingVolume"))
        check_found(c, find_for_node(c, &s, pvc));
    else if (strcmp(run, "checkVolumeSatisfyClaim") == 0)
        check_found(
            c, binder_mismatch(kube_as_pv(s.all[0]), pvc, true, why) ? NULL : kube_as_pv(s.all[0]));
    else
        check_found(c, binder_find_best(s.index, pvc, strstr(run, "delayBinding=true") != NULL));
    empty(&s);
}

static int by_size(const void *a, const void *b)
{
    const struct kube_pv *const *x = a, *const *y = b;
    struct ol_quantity sx = binder_pv_size(*x), sy = binder_pv_size(*y);

    return ol_quantity_cmp(&sx, &sy);
}

/* All volumes of exactly one set of modes, by size. */
static void run_list(struct pv_case *c)
{
    const struct ol_val *want = ol_val_get(c->doc, "expectedUidsPrefix");
    unsigned modes = modes_of(ol_val_get(c->doc, "modes"));
    const struct kube_pv *pv = NULL, *found[MOST_VOLUMES];
    struct shelf_of s;
    size_t n = 0;

    fill(c, &s);
    for (size_t at = 0; (pv = binder_index_each(s.index, &at));) {
        if (pv->spec.access_modes == modes)
            found[n++] = pv;
    }
    qsort(found, n, sizeof(found[0]), by_size);
    for (size_t i = 0; i < ol_val_count(want); i++) {
        if (i >= n || strcmp(found[i]->o.meta.uid, ol_val_str(ol_val_item(want, i))) != 0)
            pv_case_fail(c, "number %zu is '%s'", i, i < n ? found[i]->o.meta.uid : "");
    }
    empty(&s);
}

static void run_sets(struct pv_case *c)
{
    unsigned sets[16];
    struct shelf_of s;
    size_t n = 0;

    fill(c, &s);
    n = binder_index_sets(s.index, modes_of(ol_val_get(c->doc, "modes")), sets);
    if ((int64_t)n != ol_val_int(ol_val_get(c->doc, "expectedSetCount"), -1))
        pv_case_fail(c, "%zu sets", n);
    empty(&s);
}

/* A volume and a claim that have one member each. */
static void run_pair(struct pv_case *c, const char *member, const char *pv_key,
                     const char *claim_key)
{
    struct ol_val *pv = ol_val_new_map(c->arena), *claim = ol_val_new_map(c->arena);
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL, *p = NULL;
    const struct ol_val *want = ol_val_get(c->doc, "expected");
    const struct ol_val *mismatch = ol_val_get(c->doc, "expectedMismatch");
    bool is_modes = strcmp(member, "accessModes") == 0, has = false;

    ol_val_set_str(c->arena, pv, "name", "pv");
    ol_val_set_str(c->arena, claim, "name", "claim");
    ol_val_set_str(c->arena, pv, "capacity", "1Gi");
    ol_val_set_str(c->arena, claim, "request", "1Gi");
    if (ol_val_get(c->doc, pv_key))
        ol_val_set(c->arena, pv, member, ol_val_copy(c->arena, ol_val_get(c->doc, pv_key)));
    if (ol_val_get(c->doc, claim_key))
        ol_val_set(c->arena, claim, member, ol_val_copy(c->arena, ol_val_get(c->doc, claim_key)));
    o = pv_decode(c, pv_volume_doc(c->arena, pv));
    p = pv_decode(c, pv_claim_doc(c->arena, claim));
    has = is_modes ? binder_has_access(kube_as_pv(o), kube_as_pvc(p))
                   : binder_has_mode(kube_as_pv(o), kube_as_pvc(p));
    if (has != (want ? ol_val_is_truthy(want) : !ol_val_is_truthy(mismatch)))
        pv_case_fail(c, has ? "they match" : "they don't match");
}

void pv_run_index(struct pv_case *c)
{
    const char *run = pv_str(c->doc, "run");

    if (strcmp(run, "CheckVolumeModeMismatches") == 0)
        run_pair(c, "volumeMode", "pvVolumeMode", "pvcVolumeMode");
    else if (strcmp(run, "CheckAccessModes") == 0)
        run_pair(c, "accessModes", "pvAccessModes", "claimAccessModes");
    else if (strcmp(run, "listByAccessModes") == 0)
        run_list(c);
    else if (strcmp(run, "allPossibleMatchingAccessModes") == 0)
        run_sets(c);
    else
        run_search(c, run);
}
