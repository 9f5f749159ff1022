/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/document/typed-internal.h"

/* --- the set of what a value tells --- */
static bool has_value(const struct ol_val *v)
{
    return v && v->type != OL_VAL_NULL;
}

/* One element's place in the set of its parent. */
static struct ol_val *set_node(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                               bool is_member)
{
    struct ol_val *below = NULL;

    if (typed_shape_of(t, v) == TYPED_LEAF)
        return fset_node(a, is_member || t->shape == TYPED_LEAF || has_value(v), NULL);
    below = typed_set(a, t, v);
    return fset_node(a, is_member, below);
}

static void add_items(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                      struct ol_val **set)
{
    const struct typed item = typed_item(t);
    const struct ol_val *index = typed_index(a, t, v);

    for (size_t i = 0; i < index->map.n; i++)
        fset_add(a, set, index->map.pairs[i].key->str.data,
                 set_node(a, &item, index->map.pairs[i].value, true));
}

struct ol_val *typed_set(struct ol_arena *a, const struct typed *t, const struct ol_val *v)
{
    enum typed_shape shape = typed_shape_of(t, v);
    struct ol_val *set = NULL;

    if (shape == TYPED_LIST)
        add_items(a, t, v, &set);
    for (size_t i = 0; shape == TYPED_MAP && i < v->map.n; i++) {
        const struct ol_val *value = v->map.pairs[i].value;
        const char *name = ol_val_str(v->map.pairs[i].key);
        struct typed child;
        bool is_known, is_empty;

        if (!name || (t->without && !strcmp(name, t->without)))
            continue;
        child = typed_member(t, name, &is_known);
        is_empty = !has_value(value) || (ol_val_is(value, OL_VAL_MAP) && !value->map.n);
        fset_add(a, &set, typed_field_element(a, name),
                 set_node(a, &child, value, is_empty || !is_known));
    }
    return set;
}

/* --- merging --- */
struct merging {
    struct ol_arena *arena;
    const struct typed *t;
    struct ol_val *elements[2]; /* of the items, as lists of strings */
    struct ol_val *index[2];
    size_t at[2], n[2];
    const struct ol_val *shared; /* next_shared() */
    struct ol_val *to;
};

static struct ol_val *element_list(struct ol_arena *a, const struct ol_val *index)
{
    struct ol_val *to = ol_val_new_list(a);

    for (size_t i = 0; i < index->map.n; i++)
        ol_val_append(a, to, (struct ol_val *)index->map.pairs[i].key);
    return to;
}

static const struct ol_val *current(const struct merging *m, int side)
{
    return m->at[side] < m->n[side] ? m->elements[side]->list.items[m->at[side]] : NULL;
}

static void take(struct merging *m, const struct ol_val *element)
{
    const struct typed item = typed_item(m->t);
    const struct ol_val *old = ol_val_get_key(m->index[0], element);
    const struct ol_val *new = ol_val_get_key(m->index[1], element);

    ol_val_append(m->arena, m->to, (struct ol_val *)typed_merge(m->arena, &item, old, new));
}

static bool has(const struct merging *m, int side, const struct ol_val *element)
{
    return ol_val_get_key(m->index[side], element) != NULL;
}

/* The configuration's next item that the value has as well; NULL = none. */
static const struct ol_val *next_shared(const struct merging *m)
{
    for (size_t i = m->at[1]; i < m->n[1]; i++)
        if (has(m, 0, m->elements[1]->list.items[i]))
            return m->elements[1]->list.items[i];
    return NULL;
}

static void merge_next(struct merging *m)
{
    const struct ol_val *old = current(m, 0), *new = current(m, 1);
    bool is_shared = old && has(m, 1, old);

    if (old && !is_shared) {
        take(m, old);
        m->at[0]++;
        return;
    }
    if (is_shared && !ol_val_equal(m->shared, old)) {
        m->at[0]++; /* it comes, or came, where the configuration has it */
        return;
    }
    take(m, new);
    m->at[1]++;
    if (!ol_val_equal(m->shared, new))
        return;
    m->at[0] += old && ol_val_equal(old, new);
    m->shared = next_shared(m);
}

/* The configuration's items in its order; the others stay before the shared one that they stood
 * before. */
static struct ol_val *merge_lists(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                  const struct ol_val *config)
{
    struct merging m = {.arena = a, .t = t, .to = ol_val_new_list(a)};
    const struct ol_val *sides[] = {v, config};

    for (int i = 0; i < 2; i++) {
        m.index[i] = typed_index(a, t, sides[i]);
        m.elements[i] = element_list(a, m.index[i]);
        m.n[i] = m.elements[i]->list.n;
    }
    m.shared = next_shared(&m);
    while (current(&m, 0) || current(&m, 1))
        merge_next(&m);
    return m.to;
}

static struct ol_val *merge_maps(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                 const struct ol_val *config)
{
    struct ol_val *to = doc_map_clone(a, v, config->map.n);

    for (size_t i = 0; i < config->map.n; i++) {
        const struct ol_pair *pair = &config->map.pairs[i];
        const struct ol_val *old = ol_val_get_key(v, pair->key);
        const char *name = ol_val_str(pair->key);
        bool is_known;
        const struct typed child = typed_member(t, name ? name : "", &is_known);

        if (has_value(pair->value))
            ol_val_set_key(a, to, pair->key,
                           (struct ol_val *)typed_merge(a, &child, old, pair->value));
        else if (old && typed_shape_of(&child, old) == TYPED_LEAF)
            ol_val_set_key(a, to, pair->key, NULL);
    }
    return doc_map_compact(a, to);
}

const struct ol_val *typed_merge(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                 const struct ol_val *config)
{
    enum typed_shape shape = typed_shape_of(t, config);

    if (!config)
        return v;
    if (!has_value(v) || shape == TYPED_LEAF || typed_shape_of(t, v) != shape)
        return doc_clean(a, config);
    if (!ol_val_count(v) && !ol_val_count(config))
        return config;
    return shape == TYPED_MAP ? merge_maps(a, t, v, config) : merge_lists(a, t, v, config);
}

/* --- removing --- */
static const struct ol_val *remove_items(struct ol_arena *a, const struct typed *t,
                                         const struct ol_val *v, const struct ol_val *set)
{
    const struct typed item = typed_item(t);
    struct ol_val *to = ol_val_new_list(a);

    for (size_t i = 0; i < v->list.n; i++) {
        const struct ol_val *value = v->list.items[i];
        const char *element = typed_item_element(a, t, value);
        const struct ol_val *node = element ? ol_val_get(set, element) : NULL;

        if (fset_is_member(node))
            continue;
        if (node)
            value = typed_remove(a, &item, value, node);
        if (value)
            ol_val_append(a, to, (struct ol_val *)value);
    }
    return to->list.n ? to : NULL;
}

const struct ol_val *typed_remove(struct ol_arena *a, const struct typed *t, const struct ol_val *v,
                                  const struct ol_val *set)
{
    enum typed_shape shape = typed_shape_of(t, v);
    struct ol_val *to = NULL;

    if (fset_is_empty(set))
        return v;
    if (shape == TYPED_LIST)
        return remove_items(a, t, v, set);
    if (shape == TYPED_LEAF)
        return ol_val_is(v, OL_VAL_MAP) || ol_val_is(v, OL_VAL_LIST) ? NULL : v;
    to = ol_val_new_map(a);
    for (size_t i = 0; i < v->map.n; i++) {
        const struct ol_pair *pair = &v->map.pairs[i];
        const char *name = ol_val_str(pair->key);
        const struct ol_val *node = ol_val_get(set, typed_field_element(a, name ? name : ""));
        const struct ol_val *value = pair->value;
        bool is_known;
        struct typed child;

        if (fset_is_member(node))
            continue;
        if (node) {
            child = typed_member(t, name, &is_known);
            value = typed_remove(a, &child, value, node);
        }
        if (value)
            ol_val_set_key(a, to, pair->key, (struct ol_val *)value);
    }
    return to->map.n ? to : NULL;
}

const struct ol_val *typed_with_parents(struct ol_arena *a, const struct typed *t,
                                        const struct ol_val *set)
{
    struct ol_val *to = NULL;

    for (size_t i = 0; i < ol_val_count(set); i++) {
        const struct ol_pair *pair = &set->map.pairs[i];
        const char *element = ol_val_str(pair->key);
        bool is_member = fset_is_member(pair->value), is_known = false;
        struct typed child = {.shape = TYPED_MAP, .is_free = true};

        if (!element || !strcmp(element, "."))
            continue;
        if (*element == 'f' && t->shape == TYPED_MAP)
            child = typed_member(t, element + 2, &is_known);
        else if (*element == 'k' && t->shape == TYPED_LIST)
            child = typed_item(t);
        fset_add(a, &to, element,
                 fset_node(a, is_member || (is_known && !fset_is_empty(pair->value)),
                           typed_with_parents(a, &child, pair->value)));
    }
    return to;
}
