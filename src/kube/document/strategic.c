/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/str.h"
#include "kube/document/strategic-internal.h"

#define ORDER_PREFIX  "$setElementOrder/"
#define DELETE_PREFIX "$deleteFromPrimitiveList/"

/* The state of one map that is being merged. */
struct strategic_map {
    const struct kube_schema *schema;
    const struct ol_val *patch;
    struct ol_val *to;   /* a clone of the document's; value NULL = removed */
    struct ol_val *done; /* members of the patch that $setElementOrder has dealt with; or NULL */
};

/* A field's list as strategic merge knows it. Composite keys (ports) merge by their first. */
static struct strategic_list list_of(struct strategic *s, const struct kube_field *f)
{
    struct strategic_list l = {.schema = NULL};

    if (!f || (f->flags & KUBE_APPLY_ONLY))
        return l;
    if (f->type == KUBE_LIST && f->merge_keys) {
        l.schema = f->of;
        l.key = ol_arena_memdup(s->arena, f->merge_keys, strcspn(f->merge_keys, ","));
        l.is_merging = true;
    } else if (f->flags & KUBE_MERGE_SET) {
        l.is_merging = true;
    }
    return l;
}

static const struct kube_field *field_of(const struct kube_schema *schema, const char *name)
{
    return schema && name ? kube_field_find(schema, name) : NULL;
}

static struct ol_val *without_null(struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_NULL) ? NULL : v;
}

/* "$patch" of a map: replace and delete say what comes of it, nothing else does. */
static int apply_directive(struct strategic *s, const struct ol_val *directive,
                           const struct ol_val *patch, struct ol_val **ret)
{
    const char *what = ol_val_str(directive);

    if (what && !strcmp(what, "replace")) {
        *ret = (struct ol_val *)doc_clean(s->arena, patch);
        return 0;
    }
    if (what && !strcmp(what, "delete")) {
        *ret = ol_val_new_map(s->arena);
        return 0;
    }
    return ol_err_set(s->err, EINVAL, "unknown patch type: %s in map",
                      what ? what : "not a string");
}

/* The members that the patch sets must be in the list; the document's others go. */
static int retain_keys(struct strategic *s, struct strategic_map *m, const struct ol_val *keys)
{
    struct ol_val *wanted = ol_val_new_map(s->arena);

    if (keys->type != OL_VAL_LIST)
        return ol_err_set(s->err, EINVAL, "invalid patch format of retainKeys");
    for (size_t i = 0; i < keys->list.n; i++)
        if (ol_val_is(keys->list.items[i], OL_VAL_STR))
            ol_val_set_key(s->arena, wanted, keys->list.items[i], keys->list.items[i]);
    for (size_t i = 0; i < m->patch->map.n; i++) {
        const struct ol_pair *pair = &m->patch->map.pairs[i];
        const char *name = ol_val_str(pair->key);

        if (!without_null(pair->value) || (name && doc_is_directive(name)))
            continue;
        if (!ol_val_get_key(wanted, pair->key))
            return ol_err_set(s->err, EINVAL, "invalid patch format of retainKeys");
    }
    for (size_t i = 0; i < m->to->map.n; i++)
        if (!ol_val_get_key(wanted, m->to->map.pairs[i].key))
            m->to->map.pairs[i].value = NULL;
    return 0;
}

/* The list of one $setElementOrder: what there is, what the patch has. */
struct ordered {
    const struct ol_val *old, *new, *order;
};

static int merge_ordered(struct strategic *s, const struct strategic_list *l,
                         const struct ordered *o, struct ol_val **ret)
{
    struct ol_val *merged = (struct ol_val *)o->old, *old = merged;
    int r = strategic_check_order(s, l, o->new, o->order);

    if (r >= 0 && o->old && o->new && l->is_merging) {
        r = strategic_merge_list(s, l, o->old, o->new, &merged);
        if (r >= 0)
            r = strategic_document_order(s, l, o->old, o->new, &old);
    } else if (o->new) {
        merged = (struct ol_val *)doc_clean(s->arena, o->new);
    }
    return r < 0 ? r : strategic_order(s, l, merged, o->order, old, ret);
}

/* Merges the list that 'key' orders, with its patch, and puts it in order. */
static int order_list(struct strategic *s, struct strategic_map *m, const struct ol_val *key,
                      const struct ol_val *order)
{
    const char *name = key->str.data + strlen(ORDER_PREFIX);
    const struct strategic_list l = list_of(s, field_of(m->schema, name));
    const struct ordered o = {.old = without_null(ol_val_get_mut(m->to, name)),
                              .new = ol_val_get(m->patch, name),
                              .order = order};
    struct ol_val *merged = NULL;
    int r;

    if (order->type != OL_VAL_LIST || (o.old && o.old->type != OL_VAL_LIST)
        || (o.new &&o.new->type != OL_VAL_LIST))
        return ol_err_set(s->err, EINVAL, "invalid patch format of setElementOrder list");
    if (!o.old && !o.new)
        return 0;
    r = merge_ordered(s, &l, &o, &merged);
    if (r < 0)
        return r;
    ol_val_set(s->arena, m->to, name, merged);
    if (!m->done)
        m->done = ol_val_new_map(s->arena);
    ol_val_set(s->arena, m->done, name, merged);
    return 0;
}

static int order_lists(struct strategic *s, struct strategic_map *m)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->patch->map.n; i++) {
        const struct ol_pair *pair = &m->patch->map.pairs[i];
        const char *name = ol_val_str(pair->key);

        if (name && ol_str_starts(name, ORDER_PREFIX))
            r = order_list(s, m, pair->key, pair->value);
    }
    return r;
}

/* $deleteFromPrimitiveList/NAME. */
static void delete_from(struct strategic *s, struct strategic_map *m, const char *name,
                        const struct ol_val *patch)
{
    const struct ol_val *old = ol_val_get(m->to, name);

    if (patch->type == OL_VAL_LIST && ol_val_is(old, OL_VAL_LIST))
        ol_val_set(s->arena, m->to, name, strategic_delete(s, old, patch));
}

/* What comes of a member that the patch sets; NULL = nothing. */
static int merge_value(struct strategic *s, const struct kube_field *f, const struct ol_val *old,
                       const struct ol_val *patch, struct ol_val **ret)
{
    struct strategic_list l;

    if (ol_val_is(patch, OL_VAL_MAP) && ol_val_is(old, OL_VAL_MAP))
        return strategic_merge_map(s, f && f->type == KUBE_OBJECT ? f->of : NULL, old, patch, ret);
    if (ol_val_is(patch, OL_VAL_LIST) && ol_val_is(old, OL_VAL_LIST)) {
        l = list_of(s, f);
        if (l.is_merging)
            return strategic_merge_list(s, &l, old, patch, ret);
    }
    *ret = ol_val_get(patch, "$patch") ? NULL : (struct ol_val *)doc_clean(s->arena, patch);
    return 0;
}

static int merge_member(struct strategic *s, struct strategic_map *m, const struct ol_pair *pair)
{
    const struct kube_field *f = field_of(m->schema, ol_val_str(pair->key));
    const struct ol_val *old = ol_val_get_key(m->to, pair->key);
    struct ol_val *new = NULL;
    int r = without_null(pair->value) ? merge_value(s, f, old, pair->value, &new) : 0;

    if (r >= 0 && (new || old))
        ol_val_set_key(s->arena, m->to, pair->key, new);
    return r;
}

static int merge_members(struct strategic *s, struct strategic_map *m)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->patch->map.n; i++) {
        const struct ol_pair *pair = &m->patch->map.pairs[i];
        const char *name = ol_val_str(pair->key);

        if (name && ol_str_starts(name, DELETE_PREFIX))
            delete_from(s, m, name + strlen(DELETE_PREFIX), pair->value);
        else if (name && (doc_is_directive(name) || ol_val_get(m->done, name)))
            continue;
        else
            r = merge_member(s, m, pair);
    }
    return r;
}

int strategic_merge_map(struct strategic *s, const struct kube_schema *schema,
                        const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret)
{
    const struct ol_val *directive = ol_val_get(patch, "$patch");
    const struct ol_val *retain = ol_val_get(patch, "$retainKeys");
    struct strategic_map m = {.schema = schema, .patch = patch};
    int r = 0;

    if (directive)
        return apply_directive(s, directive, patch, ret);
    if (s->depth >= OL_VAL_MAX_DEPTH)
        return ol_err_set(s->err, EINVAL, "the patch is nested too deep");
    s->depth++;
    m.to = doc_map_clone(s->arena, doc, patch->map.n);
    if (retain)
        r = retain_keys(s, &m, retain);
    if (r >= 0)
        r = order_lists(s, &m);
    if (r >= 0)
        r = merge_members(s, &m);
    s->depth--;
    if (r < 0)
        return r;
    *ret = doc_map_compact(s->arena, m.to);
    return 0;
}

int kube_patch_strategic(struct ol_arena *a, const struct kube_schema *schema,
                         const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret,
                         struct ol_err *err)
{
    struct strategic s = {.arena = a, .err = err};

    if (!ol_val_is(doc, OL_VAL_MAP) || !ol_val_is(patch, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "invalid JSON document: the patch is not an object");
    return strategic_merge_map(&s, schema, doc, patch, ret);
}
