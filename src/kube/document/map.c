/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/str.h"
#include "kube/document/document-internal.h"

struct ol_val *doc_map_clone(struct ol_arena *a, const struct ol_val *map, size_t extra)
{
    struct ol_val *to = ol_val_new_map(a);
    size_t n = ol_val_count(map);

    to->map.cap = n + extra;
    to->map.pairs = ol_arena_alloc(a, to->map.cap * sizeof(*to->map.pairs));
    if (!n)
        return to;
    to->line = map->line;
    to->column = map->column;
    to->map.n = n;
    memcpy(to->map.pairs, map->map.pairs, n * sizeof(*to->map.pairs));
    if (map->map.index) {
        to->map.index_size = map->map.index_size;
        to->map.index = (uint32_t *)(void *)ol_arena_memdup(
            a, map->map.index, map->map.index_size * sizeof(*map->map.index));
    }
    return to;
}

struct ol_val *doc_map_compact(struct ol_arena *a, struct ol_val *map)
{
    struct ol_val *to = NULL;
    size_t n_gone = 0;

    for (size_t i = 0; i < map->map.n; i++)
        n_gone += !map->map.pairs[i].value;
    if (!n_gone)
        return map;
    to = ol_val_new_map(a);
    to->line = map->line;
    to->column = map->column;
    for (size_t i = 0; i < map->map.n; i++)
        if (map->map.pairs[i].value)
            ol_val_set_key(a, to, map->map.pairs[i].key, map->map.pairs[i].value);
    return to;
}

bool doc_is_directive(const char *key)
{
    return *key == '$'
           && (!strcmp(key, "$patch") || !strcmp(key, "$retainKeys")
               || ol_str_starts(key, "$setElementOrder/")
               || ol_str_starts(key, "$deleteFromPrimitiveList/"));
}

static bool is_dropped(const struct ol_pair *pair)
{
    const char *key = ol_val_str(pair->key);

    if (!pair->value || pair->value->type == OL_VAL_NULL)
        return true;
    return key && doc_is_directive(key);
}

static const struct ol_val *clean_list(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *to = NULL;

    for (size_t i = 0; i < v->list.n; i++) {
        bool is_gone = ol_val_get(v->list.items[i], "$patch");
        const struct ol_val *item = is_gone ? NULL : doc_clean(a, v->list.items[i]);

        if (!to && item == v->list.items[i])
            continue;
        if (!to) {
            to = ol_val_new_list(a);
            for (size_t k = 0; k < i; k++)
                ol_val_append(a, to, v->list.items[k]);
        }
        if (!is_gone)
            ol_val_append(a, to, (struct ol_val *)item);
    }
    return to ? to : v;
}

static const struct ol_val *clean_map(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *to = NULL;

    for (size_t i = 0; i < v->map.n; i++) {
        const struct ol_pair *pair = &v->map.pairs[i];
        bool is_gone = is_dropped(pair);
        const struct ol_val *value = is_gone ? NULL : doc_clean(a, pair->value);

        if (!to && value == pair->value)
            continue;
        if (!to) {
            to = ol_val_new_map(a);
            for (size_t k = 0; k < i; k++)
                ol_val_set_key(a, to, v->map.pairs[k].key, v->map.pairs[k].value);
        }
        if (!is_gone)
            ol_val_set_key(a, to, pair->key, (struct ol_val *)value);
    }
    return to ? to : v;
}

const struct ol_val *doc_clean(struct ol_arena *a, const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_LIST))
        return clean_list(a, v);
    return ol_val_is(v, OL_VAL_MAP) ? clean_map(a, v) : v;
}
