/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/document/typed-internal.h"

enum { MOST_KEYS = 4, LARGEST_KEY = 64 << 10 };

struct typed typed_root(const struct kube_kind *kind, const char *subresource)
{
    struct typed t = {.shape = TYPED_MAP, .schema = kind->schema};

    if (subresource && !strcmp(subresource, "status"))
        t.without = "spec";
    else if (!subresource && (kind->flags & KUBE_HAS_STATUS))
        t.without = "status";
    return t;
}

static struct typed typed_field(const struct kube_field *f)
{
    struct typed t = {.shape = TYPED_LEAF};

    if (f->flags & KUBE_ATOMIC)
        return t;
    switch (f->type) {
    case KUBE_OBJECT:
        t.shape = TYPED_MAP;
        t.schema = f->of;
        t.is_free = !f->of;
        break;
    case KUBE_STR_MAP:
    case KUBE_BYTES_MAP:
    case KUBE_RESOURCES:
        t.shape = TYPED_MAP;
        t.is_free = true;
        break;
    case KUBE_LIST:
        if (f->merge_keys) {
            t.shape = TYPED_LIST;
            t.schema = f->of;
            t.keys = f->merge_keys;
        }
        break;
    default:
        if (f->flags & KUBE_MERGE_SET)
            t.shape = TYPED_LIST;
    }
    return t;
}

struct typed typed_member(const struct typed *t, const char *name, bool *ret_is_known)
{
    const struct kube_field *f = t->schema ? kube_field_find(t->schema, name) : NULL;

    *ret_is_known = f != NULL;
    return f ? typed_field(f) : (struct typed){.shape = TYPED_MAP, .is_free = true};
}

/* Types that are one leaf wherever they are an item ("+structType=atomic" in k8s.io/api); of fields
 * the table says so itself. */
static bool is_atomic_type(const struct kube_schema *schema)
{
    static const char *const names[] = {
        "io.k8s.api.core.v1.LocalObjectReference",
        "io.k8s.api.core.v1.ObjectReference",
        "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
        NULL,
    };

    return schema && ol_str_in(schema->name, names);
}

struct typed typed_item(const struct typed *t)
{
    if (!t->keys || is_atomic_type(t->schema))
        return (struct typed){.shape = TYPED_LEAF};
    return (struct typed){.shape = TYPED_MAP, .schema = t->schema, .is_free = !t->schema};
}

enum typed_shape typed_shape_of(const struct typed *t, const struct ol_val *v)
{
    bool fits = t->shape == TYPED_MAP ? ol_val_is(v, OL_VAL_MAP) : ol_val_is(v, OL_VAL_LIST);

    return fits ? t->shape : TYPED_LEAF;
}

const char *typed_field_element(struct ol_arena *a, const char *name)
{
    size_t len = strlen(name);
    char *element = ol_arena_alloc(a, len + 3);

    memcpy(element, "f:", 2);
    memcpy(element + 2, name, len + 1);
    return element;
}

/* A key's value, its default when the item lacks it, or NULL. */
static const struct ol_val *key_value(struct ol_arena *a, const struct typed *t,
                                      const struct ol_val *item, const char *name)
{
    const struct ol_val *v = ol_val_get(item, name);
    const struct kube_field *f = NULL;
    struct ol_val *fallback = NULL;

    if (v && v->type != OL_VAL_NULL)
        return v;
    f = t->schema ? kube_field_find(t->schema, name) : NULL;
    if (f && f->fallback && ol_json_load(f->fallback, strlen(f->fallback), a, &fallback, NULL) < 0)
        return NULL;
    return fallback;
}

/* The names of "b,a" in order, into the arena; returns how many. */
static size_t sorted_keys(struct ol_arena *a, const char *keys, const char *ret[MOST_KEYS])
{
    size_t n = 0;

    while (*keys && n < MOST_KEYS) {
        size_t len = strcspn(keys, ","), at = n++;
        const char *name = ol_arena_memdup(a, keys, len);

        for (; at && strcmp(ret[at - 1], name) > 0; at--)
            ret[at] = ret[at - 1];
        ret[at] = name;
        keys += len + (keys[len] == ',');
    }
    return n;
}

static bool add_keys(struct ol_arena *a, const struct typed *t, const struct ol_val *item,
                     struct ol_buf *to)
{
    const char *names[MOST_KEYS];
    size_t n = sorted_keys(a, t->keys, names), n_found = 0;

    ol_buf_adds(to, "k:{");
    for (size_t i = 0; i < n; i++) {
        const struct ol_val *v = key_value(a, t, item, names[i]);

        if (!v)
            continue;
        ol_buf_printf(to, "%s\"%s\":", n_found++ ? "," : "", names[i]);
        fset_add_json(to, v);
    }
    ol_buf_addc(to, '}');
    return n_found > 0;
}

const char *typed_item_element(struct ol_arena *a, const struct typed *t, const struct ol_val *item)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST_KEY);

    if (t->keys) {
        if (!ol_val_is(item, OL_VAL_MAP) || !add_keys(a, t, item, &text))
            return NULL;
    } else {
        if (!item || item->type == OL_VAL_MAP || item->type == OL_VAL_LIST
            || item->type == OL_VAL_NULL)
            return NULL;
        ol_buf_adds(&text, "v:");
        fset_add_json(&text, item);
    }
    return ol_buf_status(&text) < 0 ? NULL : ol_arena_memdup(a, text.data, text.len);
}

struct ol_val *typed_index(struct ol_arena *a, const struct typed *t, const struct ol_val *list)
{
    struct ol_val *index = ol_val_new_map(a);

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *element = typed_item_element(a, t, list->list.items[i]);

        if (element && !ol_val_get(index, element))
            ol_val_set(a, index, element, list->list.items[i]);
    }
    return index;
}

/* --- comparison --- */
/* What became of one element, and of what is below it. */
struct outcome {
    bool is_changed, is_removed;
    struct typed_changes below;
};

static struct outcome compare(struct ol_arena *a, const struct typed *t, const struct ol_val *old,
                              const struct ol_val *now);

static void add_outcome(struct ol_arena *a, struct outcome *to, const struct outcome *o,
                        const char *element)
{
    fset_add(a, &to->below.changed, element, fset_node(a, o->is_changed, o->below.changed));
    fset_add(a, &to->below.removed, element, fset_node(a, o->is_removed, o->below.removed));
}

static bool is_noticed(const struct outcome *o)
{
    return o->is_changed || o->is_removed || o->below.changed || o->below.removed;
}

static void compare_member(struct ol_arena *a, const struct typed *t, struct outcome *to,
                           const struct ol_pair *of, const struct ol_val *both[2])
{
    const char *name = ol_val_str(of->key);
    struct typed child;
    struct outcome o;
    bool is_known;

    if (both[0] == both[1] || !name || (t->without && !strcmp(t->without, name)))
        return;
    child = typed_member(t, name, &is_known);
    o = compare(a, &child, both[0], both[1]);
    if (is_noticed(&o))
        add_outcome(a, to, &o, typed_field_element(a, name));
}

static void compare_maps(struct ol_arena *a, const struct typed *t, const struct ol_val *old,
                         const struct ol_val *now, struct outcome *to)
{
    for (size_t i = 0; i < ol_val_count(old); i++) {
        const struct ol_pair *pair = &old->map.pairs[i];
        /* Trees that share members have them at the same place mostly. */
        bool is_there = i < ol_val_count(now) && now->map.pairs[i].key == pair->key;
        const struct ol_val *other =
            is_there ? now->map.pairs[i].value : ol_val_get_key(now, pair->key);

        compare_member(a, t, to, pair, (const struct ol_val *[2]){pair->value, other});
    }
    for (size_t i = 0; i < ol_val_count(now); i++) {
        const struct ol_pair *pair = &now->map.pairs[i];
        bool is_there = i < ol_val_count(old) && old->map.pairs[i].key == pair->key;

        if (!is_there && !ol_val_get_key(old, pair->key))
            compare_member(a, t, to, pair, (const struct ol_val *[2]){NULL, pair->value});
    }
}

static void compare_lists(struct ol_arena *a, const struct typed *t, const struct ol_val *old,
                          const struct ol_val *now, struct outcome *to)
{
    const struct typed item = typed_item(t);
    const struct ol_val *had, *has;

    if (ol_val_equal(old, now))
        return;
    had = typed_index(a, t, old);
    has = typed_index(a, t, now);
    for (size_t i = 0; i < had->map.n; i++) {
        const char *element = had->map.pairs[i].key->str.data;
        struct outcome o = compare(a, &item, had->map.pairs[i].value, ol_val_get(has, element));

        add_outcome(a, to, &o, element);
    }
    for (size_t i = 0; i < has->map.n; i++) {
        const char *element = has->map.pairs[i].key->str.data;

        if (!ol_val_get(had, element)) {
            struct outcome o = compare(a, &item, NULL, has->map.pairs[i].value);

            add_outcome(a, to, &o, element);
        }
    }
}

static const struct ol_val *without_null(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_NULL) ? NULL : v;
}

static struct outcome compare(struct ol_arena *a, const struct typed *t, const struct ol_val *old,
                              const struct ol_val *now)
{
    struct outcome to = {.is_changed = false};
    enum typed_shape shape;

    old = without_null(old);
    now = without_null(now);
    if (old == now)
        return to;
    shape = typed_shape_of(t, now ? now : old);
    if (old && typed_shape_of(t, old) != shape)
        shape = TYPED_LEAF;
    if (shape == TYPED_LEAF || (!ol_val_count(old) && !ol_val_count(now))) {
        to.is_removed = !now;
        to.is_changed = now && !ol_val_equal(old, now);
        return to;
    }
    if (shape == TYPED_MAP)
        compare_maps(a, t, old, now, &to);
    else
        compare_lists(a, t, old, now, &to);
    to.is_changed = !old;
    to.is_removed = !now;
    return to;
}

struct typed_changes typed_compare(struct ol_arena *a, const struct typed *t,
                                   const struct ol_val *old, const struct ol_val *now)
{
    return compare(a, t, old, now).below;
}
