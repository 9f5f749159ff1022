/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/document/strategic-internal.h"

/* An item and where it stands in an order: -1 = nowhere. */
struct ranked {
    struct ol_val *item;
    int64_t rank;
    size_t at;
};
struct run {
    struct ranked *v;
    size_t n;
};

/* What tells items apart: the merge key's value, or a scalar itself. */
static const struct ol_val *identity(const struct strategic_list *l, const struct ol_val *item)
{
    const struct ol_val *id = l->key ? ol_val_get(item, l->key) : item;

    return id && id->type != OL_VAL_MAP && id->type != OL_VAL_LIST ? id : NULL;
}

static const char *directive_of(const struct ol_val *item)
{
    const struct ol_val *d = ol_val_get(item, "$patch");

    return d ? ol_val_str(d) ? ol_val_str(d) : "not a string" : NULL;
}

/* All items of both lists are maps with the merge key, or all are scalars of one type. 'patch' may
 * be NULL. */
static int check_items(struct strategic *s, const struct strategic_list *l,
                       const struct ol_val *list, const struct ol_val *like)
{
    size_t n = ol_val_count(list);
    const struct ol_val *first = ol_val_item(like, 0) ? ol_val_item(like, 0) : ol_val_item(list, 0);

    for (size_t i = 0; i < n; i++) {
        const struct ol_val *item = list->list.items[i];

        if (item->type != first->type || item->type == OL_VAL_NULL)
            return ol_err_set(s->err, EINVAL, "list element types are not identical");
        if (item->type == OL_VAL_LIST)
            return ol_err_set(s->err, EINVAL, "lists of lists are not supported");
        if (!l->key && item->type == OL_VAL_MAP)
            return ol_err_set(s->err, EINVAL, "cannot merge lists without merge key");
        if (l->key && directive_of(item) && !strcmp(directive_of(item), "replace"))
            continue;
        if (!identity(l, item))
            return ol_err_set(s->err, EINVAL, "map does not contain declared merge key: %s",
                              l->key);
    }
    return 0;
}

/* Position of each identity; the first of equals counts. */
static struct ol_val *positions(struct strategic *s, const struct strategic_list *l,
                                const struct ol_val *list)
{
    struct ol_val *map = ol_val_new_map(s->arena);

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *id = identity(l, list->list.items[i]);

        if (id && !ol_val_get_key(map, id))
            ol_val_set_key(s->arena, map, id, ol_val_new_int(s->arena, (int64_t)i));
    }
    return map;
}

static int64_t position(const struct strategic_list *l, const struct ol_val *map,
                        const struct ol_val *item)
{
    const struct ol_val *id = identity(l, item);

    return id ? ol_val_int(ol_val_get_key(map, id), -1) : -1;
}

static int compare_ranked(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* The items of 'merged' that 'order' has, or those that it lacks, by their ranks in 'ranks'. */
static struct run run_of(struct strategic *s, const struct strategic_list *l,
                         const struct ol_val *merged, const struct ol_val *order,
                         const struct ol_val *ranks)
{
    struct run run = {.v = ol_arena_alloc(s->arena, merged->list.n * sizeof(*run.v))};
    bool want_in = order == ranks;

    for (size_t i = 0; i < merged->list.n; i++) {
        struct ol_val *item = merged->list.items[i];

        if ((position(l, order, item) >= 0) == want_in)
            run.v[run.n++] =
                (struct ranked){.item = item, .rank = position(l, ranks, item), .at = i};
    }
    qsort(run.v, run.n, sizeof(*run.v), compare_ranked);
    return run;
}

/* Both runs keep their order; an item that the patch doesn't name comes first where it stood before
 * the patch's item in the document. */
static struct ol_val *interleave(struct strategic *s, const struct strategic_list *l,
                                 const struct run *others, const struct run *named,
                                 const struct ol_val *ranks)
{
    struct ol_val *to = ol_val_new_list(s->arena);
    size_t i = 0, k = 0;

    while (i < others->n || k < named->n) {
        int64_t rank = k < named->n ? position(l, ranks, named->v[k].item) : -1;
        bool is_other =
            k >= named->n || (i < others->n && others->v[i].rank >= 0 && others->v[i].rank < rank);

        ol_val_append(s->arena, to, is_other ? others->v[i++].item : named->v[k++].item);
    }
    return to;
}

int strategic_order(struct strategic *s, const struct strategic_list *l,
                    const struct ol_val *merged, const struct ol_val *order,
                    const struct ol_val *doc, struct ol_val **ret)
{
    const struct ol_val *in_order = NULL, *in_doc = NULL;
    struct run named, others;
    int r = check_items(s, l, merged, NULL);

    if (r >= 0)
        r = check_items(s, l, order, NULL);
    if (r < 0)
        return r;
    in_order = positions(s, l, order);
    in_doc = positions(s, l, doc);
    named = run_of(s, l, merged, in_order, in_order);
    others = run_of(s, l, merged, in_order, in_doc);
    *ret = interleave(s, l, &others, &named, in_doc);
    return 0;
}

int strategic_check_order(struct strategic *s, const struct strategic_list *l,
                          const struct ol_val *patch, const struct ol_val *order)
{
    size_t n = ol_val_count(patch), n_order = ol_val_count(order), at = 0;

    if (!n || !n_order)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct ol_val *item = patch->list.items[i], *id = identity(l, item);

        if (ol_val_get(item, "$patch"))
            continue;
        if (!id)
            return ol_err_set(s->err, EINVAL, "map does not contain declared merge key: %s",
                              l->key ? l->key : "");
        while (at < n_order && !ol_val_equal(identity(l, order->list.items[at]), id))
            at++;
        if (at++ >= n_order)
            return ol_err_set(s->err, EINVAL,
                              "The order in patch list doesn't match $setElementOrder list");
    }
    return 0;
}

struct ol_val *strategic_delete(struct strategic *s, const struct ol_val *doc,
                                const struct ol_val *patch)
{
    const struct strategic_list scalars = {.key = NULL};
    const struct ol_val *gone = positions(s, &scalars, patch);
    struct ol_val *to = ol_val_new_list(s->arena);

    for (size_t i = 0; i < doc->list.n; i++)
        if (position(&scalars, gone, doc->list.items[i]) < 0)
            ol_val_append(s->arena, to, doc->list.items[i]);
    return to;
}

/* Both lists one after the other, each scalar once. */
static struct ol_val *merge_scalars(struct strategic *s, const struct ol_val *doc,
                                    const struct ol_val *patch)
{
    struct ol_val *to = ol_val_new_list(s->arena), *seen = ol_val_new_map(s->arena);
    const struct ol_val *const both[] = {doc, patch};

    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; i < both[b]->list.n; i++) {
            struct ol_val *item = both[b]->list.items[i];

            if (ol_val_get_key(seen, item))
                continue;
            ol_val_set_key(s->arena, seen, item, item);
            ol_val_append(s->arena, to, item);
        }
    return to;
}

/* A list of the document and its patch. */
struct sides {
    const struct ol_val *doc, *patch;
};

/* Takes the items with directives out of the patch, and what they delete out of the document's
 * list. */
static int take_directives(struct strategic *s, const struct strategic_list *l, struct sides *both)
{
    struct ol_val *deleted = ol_val_new_map(s->arena);
    struct ol_val *doc = ol_val_new_list(s->arena), *patch = ol_val_new_list(s->arena);
    bool is_replaced = false;

    for (size_t i = 0; i < both->patch->list.n; i++) {
        struct ol_val *item = both->patch->list.items[i];
        const char *what = directive_of(item);

        if (!what)
            ol_val_append(s->arena, patch, item);
        else if (!strcmp(what, "delete"))
            ol_val_set_key(s->arena, deleted, identity(l, item), item);
        else if (!strcmp(what, "replace"))
            is_replaced = true;
        else
            return ol_err_set(s->err, EINVAL, "unknown patch type: %s in map", what);
    }
    for (size_t i = 0; !is_replaced && i < both->doc->list.n; i++)
        if (!ol_val_get_key(deleted, identity(l, both->doc->list.items[i])))
            ol_val_append(s->arena, doc, both->doc->list.items[i]);
    *both = (struct sides){.doc = doc, .patch = patch};
    return 0;
}

/* The reference deletes and adds in the very array that it takes for the document's order after
 * that: the first new items stand in it in the room that deleted ones have left at its end. */
int strategic_document_order(struct strategic *s, const struct strategic_list *l,
                             const struct ol_val *doc, const struct ol_val *patch,
                             struct ol_val **ret)
{
    struct sides both = {.doc = doc, .patch = patch};
    const struct ol_val *had = positions(s, l, doc);
    struct ol_val *to = NULL;
    size_t room;
    int r = l->key ? take_directives(s, l, &both) : 0;

    if (r < 0)
        return r;
    room = doc->list.n - both.doc->list.n;
    to = ol_val_copy_top(s->arena, both.doc);
    for (size_t i = 0; room && i < both.patch->list.n; i++)
        if (position(l, had, both.patch->list.items[i]) < 0) {
            ol_val_append(s->arena, to, both.patch->list.items[i]);
            room--;
        }
    *ret = to;
    return 0;
}

static int merge_maps(struct strategic *s, const struct strategic_list *l, const struct ol_val *doc,
                      const struct ol_val *patch, struct ol_val **ret)
{
    struct ol_val *to = ol_val_copy_top(s->arena, doc);
    struct ol_val *at = positions(s, l, doc);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < patch->list.n; i++) {
        struct ol_val *item = patch->list.items[i];
        int64_t pos = position(l, at, item);

        if (pos >= 0) {
            r = strategic_merge_map(s, l->schema, to->list.items[pos], item, &to->list.items[pos]);
            continue;
        }
        ol_val_set_key(s->arena, at, identity(l, item),
                       ol_val_new_int(s->arena, (int64_t)to->list.n));
        ol_val_append(s->arena, to, (struct ol_val *)doc_clean(s->arena, item));
    }
    *ret = to;
    return r;
}

int strategic_merge_list(struct strategic *s, const struct strategic_list *l,
                         const struct ol_val *doc, const struct ol_val *patch, struct ol_val **ret)
{
    struct sides both = {.doc = doc, .patch = patch};
    struct ol_val *merged = NULL;
    int r = check_items(s, l, doc, patch);

    if (r >= 0)
        r = check_items(s, l, patch, NULL);
    if (r < 0)
        return r;
    if (!l->key) {
        merged = merge_scalars(s, doc, patch);
    } else {
        r = take_directives(s, l, &both);
        if (r >= 0)
            r = merge_maps(s, l, both.doc, both.patch, &merged);
    }
    if (r < 0)
        return r;
    return strategic_order(s, l, merged, both.patch, both.doc, ret);
}
