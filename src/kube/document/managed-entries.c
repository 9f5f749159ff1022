/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/document/managed-internal.h"

static const char *text_of(const struct ol_val *entry, const char *key)
{
    const char *s = ol_val_str(ol_val_get(entry, key));

    return s ? s : "";
}

/* Maps of maps with keys of text: what the functions of sets count on. */
static bool is_set(const struct ol_val *v, int depth)
{
    bool is_fine = ol_val_is(v, OL_VAL_MAP) && depth < OL_VAL_MAX_DEPTH;

    for (size_t i = 0; is_fine && i < v->map.n; i++)
        is_fine =
            ol_val_is(v->map.pairs[i].key, OL_VAL_STR) && is_set(v->map.pairs[i].value, depth + 1);
    return is_fine;
}

static bool read_entry(const struct ol_val *v, struct managed_entry *ret)
{
    const char *operation = text_of(v, "operation");
    const struct ol_val *fields = ol_val_get(v, "fieldsV1");

    if (strcmp(operation, "Apply") != 0 && strcmp(operation, "Update") != 0)
        return false;
    if (!*text_of(v, "apiVersion") || strcmp(text_of(v, "fieldsType"), "FieldsV1") != 0)
        return false;
    if (ol_val_is(fields, OL_VAL_NULL))
        fields = NULL;
    if (fields && !is_set(fields, 0))
        return false;
    *ret = (struct managed_entry){
        .source = v,
        .manager = text_of(v, "manager"),
        .api_version = text_of(v, "apiVersion"),
        .time = ol_val_str(ol_val_get(v, "time")),
        .subresource = text_of(v, "subresource"),
        .is_apply = !strcmp(operation, "Apply"),
        .set = fields,
    };
    return true;
}

int managed_load(struct managed *to, struct ol_arena *a, const struct ol_val *list)
{
    size_t n = ol_val_count(list);

    *to = (struct managed){.arena = a};
    /* Room for those that one write adds. */
    to->v = ol_arena_alloc(a, (n + 4) * sizeof(*to->v));
    if (!list || list->type == OL_VAL_NULL)
        return 0;
    if (list->type != OL_VAL_LIST || n > MOST_MANAGED)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        struct managed_entry e;

        if (!read_entry(list->list.items[i], &e)) {
            to->n = 0;
            return -EINVAL;
        }
        *managed_get(to, &e) = e;
    }
    return 0;
}

/* Who applies is told apart by name alone, whatever version it applies. */
static bool is_same(const struct managed_entry *a, const struct managed_entry *b)
{
    return a->is_apply == b->is_apply && !strcmp(a->manager, b->manager)
           && !strcmp(a->subresource, b->subresource)
           && (a->is_apply || !strcmp(a->api_version, b->api_version));
}

struct managed_entry *managed_find(const struct managed *g, const struct managed_entry *like)
{
    for (size_t i = 0; i < g->n; i++)
        if (is_same(&g->v[i], like))
            return &g->v[i];
    return NULL;
}

struct managed_entry *managed_get(struct managed *g, const struct managed_entry *like)
{
    struct managed_entry *e = managed_find(g, like);

    if (e)
        return e;
    e = &g->v[g->n++];
    *e = *like;
    return e;
}

void managed_set(struct managed_entry *e, const struct ol_val *set)
{
    if (set == e->set)
        return;
    e->set = set;
    e->source = NULL;
}

void managed_compact(struct managed *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        if (!fset_is_empty(g->v[i].set))
            g->v[n++] = g->v[i];
    g->n = n;
}

struct managed_entry managed_entry_of(struct ol_arena *a, const struct kube_kind *kind,
                                      const struct kube_manager *m, bool is_apply)
{
    char *version = ol_arena_alloc(a, 96);

    kube_api_version(kind, version);
    return (struct managed_entry){
        .manager = m->name && *m->name ? m->name : "unknown",
        .api_version = version,
        .subresource = m->subresource ? m->subresource : "",
        .is_apply = is_apply,
    };
}

static struct ol_val *entry_value(struct ol_arena *a, const struct managed_entry *e)
{
    struct ol_val *v = NULL;

    if (e->source)
        return (struct ol_val *)e->source;
    v = ol_val_new_map(a);
    ol_val_set_str(a, v, "manager", e->manager);
    ol_val_set_str(a, v, "operation", e->is_apply ? "Apply" : "Update");
    ol_val_set_str(a, v, "apiVersion", e->api_version);
    if (e->time)
        ol_val_set_str(a, v, "time", e->time);
    ol_val_set_str(a, v, "fieldsType", "FieldsV1");
    ol_val_set(a, v, "fieldsV1", fset_sorted(a, e->set));
    if (*e->subresource)
        ol_val_set_str(a, v, "subresource", e->subresource);
    return v;
}

/* Times are RFC 3339 in UTC to the second: text in order. */
static int by_time(const void *pa, const void *pb)
{
    const struct managed_entry *a = pa, *b = pb;
    int r = (int)b->is_apply - (int)a->is_apply;

    if (!r)
        r = strcmp(a->time ? a->time : "", b->time ? b->time : "");
    if (!r)
        r = strcmp(a->manager, b->manager);
    if (!r)
        r = strcmp(a->api_version, b->api_version);
    return r ? r : strcmp(a->subresource, b->subresource);
}

struct ol_val *managed_store(struct managed *g)
{
    struct ol_val *list = NULL;

    managed_compact(g);
    if (!g->n)
        return NULL;
    qsort(g->v, g->n, sizeof(*g->v), by_time);
    list = ol_val_new_list(g->arena);
    for (size_t i = 0; i < g->n; i++)
        ol_val_append(g->arena, list, entry_value(g->arena, &g->v[i]));
    return list;
}

const struct ol_val *managed_strip(struct ol_arena *a, const struct ol_val *set)
{
    static const char *const stripped[] = {
        "f:name",        "f:namespace",  "f:creationTimestamp", "f:selfLink",        "f:uid",
        "f:clusterName", "f:generation", "f:managedFields",     "f:resourceVersion",
    };
    struct ol_val *top = NULL, *meta = NULL;

    if (!ol_val_get(set, "f:metadata") && !ol_val_get(set, "f:apiVersion")
        && !ol_val_get(set, "f:kind"))
        return set;
    for (size_t i = 0; i < ol_count(stripped); i++)
        fset_add(a, &meta, stripped[i], ol_val_new_map(a));
    fset_add(a, &top, "f:metadata", fset_node(a, true, meta));
    fset_add(a, &top, "f:apiVersion", ol_val_new_map(a));
    fset_add(a, &top, "f:kind", ol_val_new_map(a));
    return fset_combine(a, FSET_DIFFERENCE, set, top);
}

/* The text is JSON: {"manager":"x","operation":"Update","apiVersion":"v1"}. */
int managed_compare(const struct managed_entry *a, const struct managed_entry *b)
{
    int r = strcmp(a->manager, b->manager);

    if (!r)
        r = (int)b->is_apply - (int)a->is_apply;
    if (!r)
        r = strcmp(a->api_version, b->api_version);
    return r ? r : strcmp(a->subresource, b->subresource);
}

void managed_put(struct ol_arena *a, struct ol_val *object, struct ol_val *entries)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");
    struct ol_val *fresh = NULL;

    if (meta && meta->type != OL_VAL_MAP)
        return;
    if (ol_val_get(meta, "managedFields") == entries)
        return;
    fresh = doc_map_clone(a, meta, 1);
    if (entries)
        ol_val_set(a, fresh, "managedFields", entries);
    else
        (void)ol_val_remove(fresh, "managedFields");
    ol_val_set(a, object, "metadata", fresh);
}
