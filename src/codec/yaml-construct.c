/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <errno.h>
#include <string.h>

/*
 * Nodes to values, as PyYAML's SafeConstructor does it. A container is made empty when it
 * is first met and filled later, breadth first: that is PyYAML's order, so of several
 * mistakes in a document the same one is reported, it lets a container hold itself, and
 * it needs no recursion.
 */

/* Python's recursion limit, less what safe_load itself is using. */
enum { MAX_MERGE_DEPTH = 970 };

static const char *const kind_ids[] = {
    [YAML_KIND_SCALAR] = "scalar",
    [YAML_KIND_SEQUENCE] = "sequence",
    [YAML_KIND_MAPPING] = "mapping",
};

struct construct {
    struct yaml_load *l;
    struct yaml_node *first, **last; /* containers still to be filled */
};

static int fail_tag(struct yaml_load *l, const struct yaml_node *node)
{
    if (node->tag == YAML_TAG_OTHER)
        return yaml_fail(l, "ConstructorError", node,
                         "could not determine a constructor for the tag %s",
                         ol_val_to_repr(&l->scratch, ol_val_new_str(&l->scratch, node->tag_text)));
    return yaml_fail(l, "ConstructorError", node,
                     "could not determine a constructor for the tag '%s%s'", yaml_tag_prefix,
                     yaml_tag_names[node->tag]);
}

static struct ol_val *new_container(struct ol_arena *a, const struct yaml_node *node)
{
    if (node->tag == YAML_TAG_MAP)
        return ol_val_new_map(a);
    if (node->tag == YAML_TAG_SET)
        return ol_val_new_set(a);
    return ol_val_new_list(a);
}

static void enqueue(struct construct *c, struct yaml_node *node)
{
    *c->last = node;
    c->last = &node->next;
}

static int make(struct construct *c, struct yaml_node *node, struct ol_val **ret)
{
    int r = 0;

    if (!node->val) {
        if (node->tag >= YAML_TAG_MERGE)
            return fail_tag(c->l, node);
        if (node->tag <= YAML_TAG_TIMESTAMP || node->tag == YAML_TAG_STR) {
            r = yaml_construct_scalar(c->l, node, &node->val);
        } else {
            node->val = new_container(c->l->a, node);
            enqueue(c, node);
        }
        if (r < 0)
            return r;
        node->val->line = node->line;
        node->val->column = node->column;
    }
    *ret = node->val;
    return 0;
}

static int expect_kind(struct yaml_load *l, const struct yaml_node *node, enum yaml_kind kind)
{
    if (node->kind == kind)
        return 0;
    return yaml_fail(l, "ConstructorError", node, "expected a %s node, but found %s",
                     kind_ids[kind], kind_ids[node->kind]);
}

static int fill_list(struct construct *c, struct yaml_node *node)
{
    int r = expect_kind(c->l, node, YAML_KIND_SEQUENCE);

    for (uint32_t i = 0; r == 0 && i < node->n; i++) {
        struct ol_val *item = NULL;

        r = make(c, node->items[i], &item);
        if (r == 0)
            ol_val_append(c->l->a, node->val, item);
    }
    return r;
}

static int fill_pair(struct construct *c, struct yaml_node *node, struct yaml_node *sub)
{
    struct ol_val *pair = ol_val_new_list(c->l->a), *key = NULL, *value = NULL;
    int r;

    if (sub->kind != YAML_KIND_MAPPING)
        return yaml_fail(c->l, "ConstructorError", sub,
                         "expected a mapping of length 1, but found %s", kind_ids[sub->kind]);
    if (sub->n != 2)
        return yaml_fail(c->l, "ConstructorError", sub,
                         "expected a single mapping item, but found %u items", sub->n / 2);
    r = make(c, sub->items[0], &key);
    if (r == 0)
        r = make(c, sub->items[1], &value);
    if (r < 0)
        return r;
    ol_val_append(c->l->a, pair, key);
    ol_val_append(c->l->a, pair, value);
    ol_val_append(c->l->a, node->val, pair);
    return 0;
}

/* !!omap and !!pairs: a list of pairs, each a list of two. */
static int fill_pairs(struct construct *c, struct yaml_node *node)
{
    int r = 0;

    if (node->kind != YAML_KIND_SEQUENCE)
        return yaml_fail(c->l, "ConstructorError", node, "expected a sequence, but found %s",
                         kind_ids[node->kind]);
    for (uint32_t i = 0; r == 0 && i < node->n; i++)
        r = fill_pair(c, node, node->items[i]);
    return r;
}

static void add_pairs(struct yaml_load *l, struct yaml_node *to, const struct yaml_node *from)
{
    for (uint32_t i = 0; i < from->n; i++)
        if (from->items[i])
            yaml_node_add(l, to, from->items[i]);
}

static int flatten(struct yaml_load *l, struct yaml_node *node, int depth);

/* What '<<' names comes before the mapping's own pairs, so that those win. */
static int collect_merge(struct yaml_load *l, struct yaml_node *merged, struct yaml_node *value,
                         int depth)
{
    int r = 0;

    if (value->kind == YAML_KIND_MAPPING) {
        r = flatten(l, value, depth + 1);
        if (r == 0)
            add_pairs(l, merged, value);
        return r;
    }
    if (value->kind == YAML_KIND_SCALAR)
        return yaml_fail(l, "ConstructorError", value,
                         "expected a mapping or list of mappings for merging, but found scalar");
    for (uint32_t i = 0; i < value->n; i++) {
        struct yaml_node *sub = value->items[i];

        if (sub->kind != YAML_KIND_MAPPING)
            return yaml_fail(l, "ConstructorError", sub,
                             "expected a mapping for merging, but found %s", kind_ids[sub->kind]);
        r = flatten(l, sub, depth + 1);
        if (r < 0)
            return r;
    }
    for (uint32_t i = value->n; r == 0 && i > 0; i--) {
        add_pairs(l, merged, value->items[i - 1]);
        r = yaml_check_size(l);
    }
    return r;
}

static bool needs_flattening(const struct yaml_node *node)
{
    for (uint32_t i = 0; i < node->n; i += 2)
        if (node->items[i]
            && (node->items[i]->tag == YAML_TAG_MERGE || node->items[i]->tag == YAML_TAG_VALUE))
            return true;
    return false;
}

/* Replaces merge keys by what they name. Pairs are blanked before their value is looked at,
 * so a mapping that merges itself comes to an end. */
static int flatten(struct yaml_load *l, struct yaml_node *node, int depth)
{
    struct yaml_node merged = {.kind = YAML_KIND_MAPPING};

    if (!needs_flattening(node))
        return 0;
    if (depth > MAX_MERGE_DEPTH)
        return yaml_fail(l, "RecursionError", NULL, "merge keys nested deeper than %d levels",
                         MAX_MERGE_DEPTH);
    for (uint32_t i = 0; i < node->n; i += 2) {
        struct yaml_node *key = node->items[i], *value = node->items[i + 1];
        int r;

        if (key && key->tag == YAML_TAG_VALUE)
            key->tag = YAML_TAG_STR;
        if (!key || key->tag != YAML_TAG_MERGE)
            continue;
        node->items[i] = node->items[i + 1] = NULL;
        r = collect_merge(l, &merged, value, depth);
        if (r == 0)
            r = yaml_check_size(l);
        if (r < 0)
            return r;
    }
    add_pairs(l, &merged, node);
    node->items = merged.items;
    node->n = merged.n;
    node->cap = merged.cap;
    return 0;
}

static bool is_hashable(const struct ol_val *v)
{
    return v->type != OL_VAL_LIST && v->type != OL_VAL_MAP && v->type != OL_VAL_SET;
}

static int fill_map(struct construct *c, struct yaml_node *node)
{
    int r = expect_kind(c->l, node, YAML_KIND_MAPPING);

    if (r == 0)
        r = flatten(c->l, node, 0);
    for (uint32_t i = 0; r == 0 && i < node->n; i += 2) {
        struct ol_val *key = NULL, *value = NULL;

        r = make(c, node->items[i], &key);
        if (r < 0)
            return r;
        if (!is_hashable(key))
            return yaml_fail(c->l, "ConstructorError", node->items[i], "found unhashable key");
        r = make(c, node->items[i + 1], &value);
        if (r < 0)
            return r;
        if (node->tag == YAML_TAG_SET)
            value = ol_val_new_null(c->l->a);
        ol_val_set_key(c->l->a, node->val, key, value);
    }
    return r;
}

static int fill(struct construct *c, struct yaml_node *node)
{
    switch (node->tag) {
    case YAML_TAG_SEQ: return fill_list(c, node);
    case YAML_TAG_OMAP:
    case YAML_TAG_PAIRS: return fill_pairs(c, node);
    default: return fill_map(c, node);
    }
}

int yaml_construct(struct yaml_load *l, struct yaml_node *root, struct ol_val **ret)
{
    struct construct c = {.l = l};
    struct ol_val *val = NULL;
    int r;

    if (!root) {
        *ret = ol_val_new_null(l->a);
        return 0;
    }
    c.last = &c.first;
    r = make(&c, root, &val);
    for (struct yaml_node *node = c.first; r == 0 && node; node = node->next) {
        r = fill(&c, node);
        if (r == 0)
            r = yaml_check_size(l);
    }
    if (r < 0)
        return r;
    *ret = val;
    return 0;
}
