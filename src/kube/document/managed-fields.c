/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "kube/document/managed-internal.h"

enum { MOST_UPDATERS = 10 }; /* as DefaultMaxUpdateManagers */

static const char ancient[] = "ancient-changes";

static const struct ol_val *entries_of(const struct ol_val *object)
{
    return ol_val_get(ol_val_get(object, "metadata"), "managedFields");
}

/* [] or [{}]: the client wants to start anew. */
static bool is_reset(const struct ol_val *list)
{
    const struct ol_val *only = ol_val_item(list, 0);

    if (!ol_val_is(list, OL_VAL_LIST))
        return false;
    return !list->list.n || (list->list.n == 1 && ol_val_is(only, OL_VAL_MAP) && !only->map.n);
}

/* The entries that the request brings, or else the stored ones. A subresource can't set any. */
static void load(struct managed *g, struct ol_arena *a, const struct ol_val *old,
                 const struct ol_val *now, const struct kube_manager *m)
{
    const struct ol_val *given = entries_of(now);
    int r = -1;

    if (!m->subresource && is_reset(given)) {
        (void)!managed_load(g, a, NULL);
        return;
    }
    if (!m->subresource && given)
        r = managed_load(g, a, given);
    if (r < 0 || !g->n)
        r = managed_load(g, a, entries_of(old));
    (void)r; /* what can't be read is given up, as the reference does */
}

/* Oldest first. */
static int by_age(const void *pa, const void *pb)
{
    const struct managed_entry *a = *(struct managed_entry *const *)pa;
    const struct managed_entry *b = *(struct managed_entry *const *)pb;
    int r = strcmp(a->time ? a->time : "", b->time ? b->time : "");

    return r ? r : managed_compare(a, b);
}

/* Puts an old entry into the bucket of its version. */
static void give_to_bucket(struct managed *g, struct managed_entry *first, struct managed_entry *e)
{
    const struct managed_entry like = {
        .manager = ancient, .api_version = e->api_version, .subresource = ""};
    struct managed_entry *bucket = managed_find(g, &like);

    if (!bucket) {
        bucket = first;
        bucket->manager = ancient;
        bucket->subresource = "";
        bucket->source = NULL;
    }
    bucket->set = fset_combine(g->arena, FSET_UNION, e->set, bucket->set);
    bucket->time = e->time;
    bucket->source = NULL;
    e->set = NULL;
}

/* More than ten updaters: the oldest of a version become one. */
static void cap(struct managed *g)
{
    struct managed_entry **by =
        ol_arena_alloc(g->arena, (g->n + 1) * sizeof(struct managed_entry *));
    size_t n = 0, left;

    for (size_t i = 0; i < g->n; i++)
        if (!g->v[i].is_apply)
            by[n++] = &g->v[i];
    left = n;
    if (n <= MOST_UPDATERS)
        return;
    qsort(by, n, sizeof(struct managed_entry *), by_age);
    for (size_t i = 0; i < n && left > MOST_UPDATERS; i++) {
        struct managed_entry *first = NULL;

        for (size_t k = 0; k < i && !first; k++)
            if (by[k]->set && !strcmp(by[k]->api_version, by[i]->api_version))
                first = by[k];
        if (!first)
            continue;
        give_to_bucket(g, first, by[i]);
        left--;
    }
    managed_compact(g);
}

/* What the write has changed is no longer theirs. */
static void take_from_others(struct managed *g, const struct typed_changes *c)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct ol_val *set = fset_combine(g->arena, FSET_DIFFERENCE, g->v[i].set, c->changed);

        managed_set(&g->v[i], fset_combine(g->arena, FSET_DIFFERENCE, set, c->removed));
    }
    managed_compact(g);
}

void kube_managed_update(struct ol_arena *a, const struct kube_kind *kind, const struct ol_val *old,
                         struct ol_val *now, const struct kube_manager *m)
{
    const struct typed root = typed_root(kind, m->subresource);
    const struct ol_val *mine = NULL;
    struct managed_entry like, *e = NULL;
    struct typed_changes changes;
    struct managed g;

    load(&g, a, old, now, m);
    /* An object whose managers were given up is not tracked until it is applied. */
    if (!g.n && old) {
        managed_put(a, now, NULL);
        return;
    }
    changes = typed_compare(a, &root, old, now);
    take_from_others(&g, &changes);
    mine = managed_strip(a, changes.changed);
    if (!fset_is_empty(mine)) {
        like = managed_entry_of(a, kind, m, false);
        e = managed_get(&g, &like);
        managed_set(e, fset_combine(a, FSET_UNION, mine, e->set));
        e->source = NULL;
        e->time = m->time;
    }
    cap(&g);
    managed_put(a, now, managed_store(&g));
}
