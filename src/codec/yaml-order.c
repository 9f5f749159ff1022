/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-order.h"

#include <stdlib.h>
#include <string.h>

/* Keys of one class compare with one another, and with no other. */
enum key_class {
    KEY_ALONE, /* not even with its own kind: None, containers */
    KEY_NUMBER,
    KEY_STR,
    KEY_BYTES,
    KEY_DATE,
    KEY_NAIVE_TIME,
    KEY_AWARE_TIME,
};

static enum key_class class_of(const struct ol_val *key)
{
    switch (key->type) {
    case OL_VAL_BOOL:
    case OL_VAL_INT:
    case OL_VAL_FLOAT: return KEY_NUMBER;
    case OL_VAL_STR: return KEY_STR;
    case OL_VAL_BYTES: return KEY_BYTES;
    case OL_VAL_TIME:
        if (key->str.len <= strlen("2001-12-14"))
            return KEY_DATE;
        return strpbrk(key->str.data + strlen("2001-12-14"), "+-") ? KEY_AWARE_TIME
                                                                   : KEY_NAIVE_TIME;
    default: return KEY_ALONE;
    }
}

static double as_double(const struct ol_val *v)
{
    if (v->type == OL_VAL_FLOAT)
        return v->number;
    if (v->type == OL_VAL_BOOL)
        return v->boolean;
    return v->integer.text ? strtod(v->integer.text, NULL) : (double)v->integer.value;
}

/* Two integers of which at least one does not fit 64 bits. */
static int compare_long(const struct ol_val *a, const struct ol_val *b)
{
    double x = as_double(a), y = as_double(b);
    size_t la, lb;
    int r;

    if (x != y || !a->integer.text || !b->integer.text)
        return x < y ? -1 : x > y;
    la = strlen(a->integer.text);
    lb = strlen(b->integer.text);
    r = la != lb ? (la < lb ? -1 : 1) : strcmp(a->integer.text, b->integer.text);
    return *a->integer.text == '-' ? -r : r;
}

static int compare_numbers(const struct ol_val *a, const struct ol_val *b)
{
    double x, y;

    if (a->type == OL_VAL_INT && b->type == OL_VAL_INT) {
        if (a->integer.text || b->integer.text)
            return compare_long(a, b);
        return a->integer.value < b->integer.value ? -1 : a->integer.value > b->integer.value;
    }
    x = as_double(a);
    y = as_double(b);
    return x < y ? -1 : x > y;
}

/* The order of UTF-8 bytes is that of code points. */
static int compare(const void *pa, const void *pb)
{
    const struct ol_val *a = (*(const struct ol_pair *const *)pa)->key;
    const struct ol_val *b = (*(const struct ol_pair *const *)pb)->key;
    size_t len;
    int r;

    if (class_of(a) == KEY_NUMBER)
        return compare_numbers(a, b);
    len = a->str.len < b->str.len ? a->str.len : b->str.len;
    r = memcmp(a->str.data, b->str.data, len);
    if (r)
        return r;
    return a->str.len < b->str.len ? -1 : a->str.len > b->str.len;
}

const struct ol_pair **yaml_unsorted_pairs(struct ol_arena *a, const struct ol_val *map)
{
    const struct ol_pair **pairs = ol_arena_alloc(a, map->map.n * sizeof(struct ol_pair *));

    for (size_t i = 0; i < map->map.n; i++)
        pairs[i] = &map->map.pairs[i];
    return pairs;
}

const struct ol_pair **yaml_sorted_pairs(struct ol_arena *a, const struct ol_val *map)
{
    const struct ol_pair **pairs = yaml_unsorted_pairs(a, map);
    size_t n = map->map.n;
    enum key_class class = n ? class_of(pairs[0]->key) : KEY_ALONE;

    for (size_t i = 0; i < n; i++)
        if (class == KEY_ALONE || class_of(pairs[i]->key) != class)
            return pairs;
    if (n > 1)
        qsort(pairs, n, sizeof(struct ol_pair *), compare);
    return pairs;
}
