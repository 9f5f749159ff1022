/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/val.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_FROM = 12 }; /* pairs from which a map gets an index */

static struct ol_val *new_val(struct ol_arena *a, enum ol_val_type type)
{
    struct ol_val *v = ol_arena_alloc(a, sizeof(*v));

    v->type = type;
    return v;
}

struct ol_val *ol_val_new_null(struct ol_arena *a)
{
    return new_val(a, OL_VAL_NULL);
}

struct ol_val *ol_val_new_bool(struct ol_arena *a, bool b)
{
    struct ol_val *v = new_val(a, OL_VAL_BOOL);

    v->boolean = b;
    return v;
}

struct ol_val *ol_val_new_int(struct ol_arena *a, int64_t i)
{
    struct ol_val *v = new_val(a, OL_VAL_INT);

    v->integer.value = i;
    return v;
}

/* Python's int has one zero and no leading zeros. */
static const char *canonical_digits(struct ol_arena *a, const char *digits)
{
    bool is_negative = *digits == '-';
    const char *p = digits + (*digits == '-' || *digits == '+');

    while (*p == '0' && p[1])
        p++;
    return ol_arena_printf(a, "%s%s", is_negative && strcmp(p, "0") ? "-" : "", p);
}

struct ol_val *ol_val_new_int_text(struct ol_arena *a, const char *digits)
{
    const char *text = canonical_digits(a, digits);
    struct ol_val *v = new_val(a, OL_VAL_INT);
    char back[32];

    v->integer.value = strtoll(text, NULL, 10);
    snprintf(back, sizeof(back), "%lld", (long long)v->integer.value);
    if (strcmp(back, text))
        v->integer.text = text;
    return v;
}

struct ol_val *ol_val_new_float(struct ol_arena *a, double d)
{
    struct ol_val *v = new_val(a, OL_VAL_FLOAT);

    v->number = d;
    return v;
}

static struct ol_val *new_text(struct ol_arena *a, enum ol_val_type type, const void *s, size_t len)
{
    struct ol_val *v = new_val(a, type);

    v->str.data = ol_arena_memdup(a, s, len);
    v->str.len = len;
    return v;
}

struct ol_val *ol_val_new_str(struct ol_arena *a, const char *s)
{
    return new_text(a, OL_VAL_STR, s, strlen(s));
}

struct ol_val *ol_val_new_strn(struct ol_arena *a, const char *s, size_t len)
{
    return new_text(a, OL_VAL_STR, s, len);
}

struct ol_val *ol_val_new_bytes(struct ol_arena *a, const void *data, size_t len)
{
    return new_text(a, OL_VAL_BYTES, data, len);
}

struct ol_val *ol_val_new_time(struct ol_arena *a, const char *text)
{
    return new_text(a, OL_VAL_TIME, text, strlen(text));
}

struct ol_val *ol_val_new_list(struct ol_arena *a)
{
    return new_val(a, OL_VAL_LIST);
}

struct ol_val *ol_val_new_map(struct ol_arena *a)
{
    return new_val(a, OL_VAL_MAP);
}

struct ol_val *ol_val_new_set(struct ol_arena *a)
{
    return new_val(a, OL_VAL_SET);
}

void ol_val_append(struct ol_arena *a, struct ol_val *list, struct ol_val *item)
{
    assert(list->type == OL_VAL_LIST);
    if (list->list.n == list->list.cap) {
        size_t cap = list->list.cap ? list->list.cap * 2 : 4;

        list->list.items =
            ol_arena_grow(a, list->list.items, list->list.cap * sizeof(item), cap * sizeof(item));
        list->list.cap = cap;
    }
    list->list.items[list->list.n++] = item;
}

static bool is_text(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_STR) || ol_val_is(v, OL_VAL_BYTES) || ol_val_is(v, OL_VAL_TIME);
}

static bool is_map(const struct ol_val *v)
{
    return v && (v->type == OL_VAL_MAP || v->type == OL_VAL_SET);
}

/* A number that a bool, int or float key is compared by; false when it is none of them. */
static bool as_number(const struct ol_val *v, double *ret)
{
    switch (v->type) {
    case OL_VAL_BOOL: *ret = v->boolean; return true;
    case OL_VAL_INT:
        *ret = v->integer.text ? strtod(v->integer.text, NULL) : (double)v->integer.value;
        return true;
    case OL_VAL_FLOAT: *ret = v->number; return true;
    default: return false;
    }
}

static uint32_t hash_bytes(uint32_t h, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t wide = h;

    for (; len >= sizeof(wide); len -= sizeof(wide), p += sizeof(wide)) {
        uint64_t part;

        memcpy(&part, p, sizeof(part));
        wide = (wide ^ part) * 0x9e3779b97f4a7c15u;
        wide ^= wide >> 32;
    }
    for (size_t i = 0; i < len; i++)
        wide = (wide ^ p[i]) * 16777619u;
    return (uint32_t)(wide ^ wide >> 32);
}

/* Equal keys have equal hashes; lists and maps all hash by their length only. */
static uint32_t hash_key(const struct ol_val *key)
{
    double number;

    if (as_number(key, &number)) {
        number += 0.0; /* -0.0 and 0.0 are one key */
        return hash_bytes(2166136261u, &number, sizeof(number));
    }
    if (key->type == OL_VAL_STR || key->type == OL_VAL_BYTES || key->type == OL_VAL_TIME)
        return hash_bytes(2166136261u + key->type, key->str.data, key->str.len);
    return (uint32_t)key->type * 31 + (uint32_t)ol_val_count(key);
}

static void index_put(struct ol_val *map, size_t at)
{
    size_t slot = hash_key(map->map.pairs[at].key) & (map->map.index_size - 1);

    while (map->map.index[slot])
        slot = (slot + 1) & (map->map.index_size - 1);
    map->map.index[slot] = (uint32_t)at + 1;
}

static void index_build(struct ol_arena *a, struct ol_val *map)
{
    size_t size = 64;

    while (size < map->map.n * 4)
        size *= 2;
    map->map.index = ol_arena_alloc(a, size * sizeof(*map->map.index));
    map->map.index_size = size;
    for (size_t i = 0; i < map->map.n; i++)
        index_put(map, i);
}

/* Nearly all keys are strings: these need no general comparison. */
static bool is_same_key(const struct ol_val *a, const struct ol_val *b)
{
    if (a->type == OL_VAL_STR && b->type == OL_VAL_STR)
        return a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
    return ol_val_equal(a, b);
}

static struct ol_pair *find_pair(const struct ol_val *map, const struct ol_val *key)
{
    if (!map->map.index) {
        for (size_t i = 0; i < map->map.n; i++)
            if (is_same_key(map->map.pairs[i].key, key))
                return &map->map.pairs[i];
        return NULL;
    }
    for (size_t slot = hash_key(key) & (map->map.index_size - 1); map->map.index[slot];
         slot = (slot + 1) & (map->map.index_size - 1)) {
        struct ol_pair *pair = &map->map.pairs[map->map.index[slot] - 1];

        if (is_same_key(pair->key, key))
            return pair;
    }
    return NULL;
}

void ol_val_set_key(struct ol_arena *a, struct ol_val *map, const struct ol_val *key,
                    struct ol_val *value)
{
    struct ol_pair *pair;

    assert(is_map(map));
    pair = find_pair(map, key);
    if (pair) {
        pair->value = value;
        return;
    }
    if (map->map.n == map->map.cap) {
        size_t cap = map->map.cap ? map->map.cap * 2 : 4;

        map->map.pairs =
            ol_arena_grow(a, map->map.pairs, map->map.cap * sizeof(*pair), cap * sizeof(*pair));
        map->map.cap = cap;
    }
    map->map.pairs[map->map.n++] = (struct ol_pair){.key = key, .value = value};
    if (map->map.index && map->map.n * 2 < map->map.index_size)
        index_put(map, map->map.n - 1);
    else if (map->map.n >= INDEX_FROM)
        index_build(a, map);
}

void ol_val_set(struct ol_arena *a, struct ol_val *map, const char *key, struct ol_val *value)
{
    ol_val_set_key(a, map, ol_val_new_str(a, key), value);
}

void ol_val_set_str(struct ol_arena *a, struct ol_val *map, const char *key, const char *value)
{
    ol_val_set(a, map, key, ol_val_new_str(a, value));
}

void ol_val_set_int(struct ol_arena *a, struct ol_val *map, const char *key, int64_t value)
{
    ol_val_set(a, map, key, ol_val_new_int(a, value));
}

void ol_val_set_bool(struct ol_arena *a, struct ol_val *map, const char *key, bool value)
{
    ol_val_set(a, map, key, ol_val_new_bool(a, value));
}

static struct ol_val key_for(const char *key)
{
    return (struct ol_val){.type = OL_VAL_STR, .str = {.data = key, .len = strlen(key)}};
}

bool ol_val_remove_key(struct ol_val *map, const struct ol_val *key)
{
    struct ol_pair *pair = is_map(map) ? find_pair(map, key) : NULL;

    if (!pair)
        return false;
    memmove(pair, pair + 1, (size_t)(map->map.pairs + map->map.n - (pair + 1)) * sizeof(*pair));
    map->map.n--;
    if (map->map.index) {
        memset(map->map.index, 0, map->map.index_size * sizeof(*map->map.index));
        for (size_t i = 0; i < map->map.n; i++)
            index_put(map, i);
    }
    return true;
}

bool ol_val_remove(struct ol_val *map, const char *key)
{
    const struct ol_val k = key_for(key);

    return ol_val_remove_key(map, &k);
}

struct ol_val *ol_val_copy_top(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *to = new_val(a, v->type);

    to->line = v->line;
    to->column = v->column;
    if (v->type == OL_VAL_LIST)
        for (size_t i = 0; i < v->list.n; i++)
            ol_val_append(a, to, v->list.items[i]);
    else if (is_map(v))
        for (size_t i = 0; i < v->map.n; i++)
            ol_val_set_key(a, to, v->map.pairs[i].key, v->map.pairs[i].value);
    return to;
}

static struct ol_val *copy_deep(struct ol_arena *a, const struct ol_val *v, int depth);

static struct ol_val *copy_container(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *to = new_val(a, v->type);

    for (size_t i = 0; v->type == OL_VAL_LIST && i < v->list.n; i++)
        ol_val_append(a, to, copy_deep(a, v->list.items[i], depth));
    for (size_t i = 0; is_map(v) && i < v->map.n; i++)
        ol_val_set_key(a, to, copy_deep(a, v->map.pairs[i].key, depth),
                       copy_deep(a, v->map.pairs[i].value, depth));
    return to;
}

static struct ol_val *copy_deep(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *to;

    /* The top keeps its type: who copies a map goes on to change it. */
    if (depth > OL_VAL_MAX_DEPTH || (depth && ol_arena_is_over(a)))
        return ol_val_new_null(a);
    if (v->type == OL_VAL_LIST || is_map(v)) {
        to = copy_container(a, v, depth + 1);
    } else if (is_text(v)) {
        to = new_text(a, v->type, v->str.data, v->str.len);
    } else if (v->type == OL_VAL_INT && v->integer.text) {
        to = ol_val_new_int_text(a, v->integer.text);
    } else {
        to = new_val(a, v->type);
        *to = *v;
    }
    to->line = v->line;
    to->column = v->column;
    return to;
}

struct ol_val *ol_val_copy(struct ol_arena *a, const struct ol_val *v)
{
    return v ? copy_deep(a, v, 0) : NULL;
}

static bool take_room(const struct ol_val *v, size_t *left, int depth);

static bool take_room_inside(const struct ol_val *v, size_t *left, int depth)
{
    bool fits = true;

    for (size_t i = 0; fits && v->type == OL_VAL_LIST && i < v->list.n; i++)
        fits = take_room(v->list.items[i], left, depth);
    for (size_t i = 0; fits && is_map(v) && i < v->map.n; i++)
        fits = take_room(v->map.pairs[i].key, left, depth)
               && take_room(v->map.pairs[i].value, left, depth);
    return fits;
}

/* Takes what a copy of 'v' needs from *left; false when it is not enough. */
static bool take_room(const struct ol_val *v, size_t *left, int depth)
{
    size_t need;

    if (!v)
        return true;
    need = sizeof(*v) + (is_text(v) ? v->str.len : 0);
    if (depth > OL_VAL_MAX_DEPTH || need > *left)
        return false;
    *left -= need;
    return take_room_inside(v, left, depth + 1);
}

bool ol_val_is_within(const struct ol_val *v, size_t max)
{
    return take_room(v, &max, 0);
}

bool ol_val_is(const struct ol_val *v, enum ol_val_type type)
{
    return v && v->type == type;
}

const struct ol_val *ol_val_get_key(const struct ol_val *map, const struct ol_val *key)
{
    const struct ol_pair *pair = is_map(map) ? find_pair(map, key) : NULL;

    return pair ? pair->value : NULL;
}

const struct ol_val *ol_val_get(const struct ol_val *map, const char *key)
{
    const struct ol_val k = key_for(key);

    return ol_val_get_key(map, &k);
}

struct ol_val *ol_val_get_mut(struct ol_val *map, const char *key)
{
    const struct ol_val k = key_for(key);
    struct ol_pair *pair = is_map(map) ? find_pair(map, &k) : NULL;

    return pair ? pair->value : NULL;
}

const struct ol_val *ol_val_at(const struct ol_val *root, const char *path)
{
    while (root && *path) {
        size_t len = strcspn(path, "/");
        const struct ol_val k = {.type = OL_VAL_STR, .str = {.data = path, .len = len}};

        root = ol_val_get_key(root, &k);
        path += len + (path[len] == '/');
    }
    return root;
}

const char *ol_val_str(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_STR) ? v->str.data : NULL;
}

int64_t ol_val_int(const struct ol_val *v, int64_t fallback)
{
    return ol_val_is(v, OL_VAL_INT) && !v->integer.text ? v->integer.value : fallback;
}

size_t ol_val_count(const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_LIST))
        return v->list.n;
    return is_map(v) ? v->map.n : 0;
}

const struct ol_val *ol_val_item(const struct ol_val *list, size_t at)
{
    return ol_val_is(list, OL_VAL_LIST) && at < list->list.n ? list->list.items[at] : NULL;
}

const struct ol_pair *ol_val_pair(const struct ol_val *map, size_t at)
{
    return is_map(map) && at < map->map.n ? &map->map.pairs[at] : NULL;
}

bool ol_val_is_truthy(const struct ol_val *v)
{
    double number;

    if (!v || v->type == OL_VAL_NULL)
        return false;
    if (as_number(v, &number))
        return number != 0;
    switch (v->type) {
    case OL_VAL_STR:
    case OL_VAL_BYTES: return v->str.len > 0;
    case OL_VAL_LIST:
    case OL_VAL_MAP:
    case OL_VAL_SET: return ol_val_count(v) > 0;
    default: return true;
    }
}

static bool equal_deep(const struct ol_val *a, const struct ol_val *b, int depth);

static bool equal_integers(const struct ol_val *a, const struct ol_val *b)
{
    if (a->integer.text || b->integer.text)
        return a->integer.text && b->integer.text && !strcmp(a->integer.text, b->integer.text);
    return a->integer.value == b->integer.value;
}

static bool equal_texts(const struct ol_val *a, const struct ol_val *b)
{
    return a->str.len == b->str.len && !memcmp(a->str.data, b->str.data, a->str.len);
}

static bool equal_lists(const struct ol_val *a, const struct ol_val *b, int depth)
{
    bool are_equal = a->list.n == b->list.n;

    for (size_t i = 0; are_equal && i < a->list.n; i++)
        are_equal = equal_deep(a->list.items[i], b->list.items[i], depth);
    return are_equal;
}

static bool equal_maps(const struct ol_val *a, const struct ol_val *b, int depth)
{
    bool are_equal = a->map.n == b->map.n;

    for (size_t i = 0; are_equal && i < a->map.n; i++) {
        const struct ol_pair *other = find_pair(b, a->map.pairs[i].key);

        are_equal = other && equal_deep(a->map.pairs[i].value, other->value, depth);
    }
    return are_equal;
}

static bool equal_deep(const struct ol_val *a, const struct ol_val *b, int depth)
{
    double x, y;

    if (a == b)
        return true;
    if (!a || !b || depth > OL_VAL_MAX_DEPTH)
        return false;
    if (a->type == OL_VAL_INT && b->type == OL_VAL_INT)
        return equal_integers(a, b);
    if (as_number(a, &x) && as_number(b, &y))
        return x == y;
    if (a->type != b->type)
        return false;
    if (is_text(a))
        return equal_texts(a, b);
    if (a->type == OL_VAL_LIST)
        return equal_lists(a, b, depth + 1);
    return a->type == OL_VAL_NULL || equal_maps(a, b, depth + 1);
}

bool ol_val_equal(const struct ol_val *a, const struct ol_val *b)
{
    return equal_deep(a, b, 0);
}

const char *ol_val_type_name(const struct ol_val *v)
{
    static const char *const names[] = {
        [OL_VAL_NULL] = "NoneType", [OL_VAL_BOOL] = "bool", [OL_VAL_INT] = "int",
        [OL_VAL_FLOAT] = "float",   [OL_VAL_STR] = "str",   [OL_VAL_BYTES] = "bytes",
        [OL_VAL_TIME] = "datetime", [OL_VAL_LIST] = "list", [OL_VAL_MAP] = "dict",
        [OL_VAL_SET] = "set",
    };

    return names[v ? v->type : OL_VAL_NULL];
}
