/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/tagged.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"

/* --- values to tagged form --- */

static struct ol_val *from(struct ol_arena *a, const struct ol_val *v, int depth);

static struct ol_val *one(struct ol_arena *a, const char *tag, struct ol_val *v)
{
    struct ol_val *map = ol_val_new_map(a);

    ol_val_set(a, map, tag, v);
    return map;
}

static struct ol_val *list_from(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < v->list.n; i++) {
        struct ol_val *item = from(a, v->list.items[i], depth + 1);

        if (!item)
            return NULL;
        ol_val_append(a, list, item);
    }
    return one(a, "list", list);
}

static struct ol_val *set_from(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < v->map.n; i++) {
        struct ol_val *item = from(a, v->map.pairs[i].key, depth + 1);

        if (!item)
            return NULL;
        ol_val_append(a, list, item);
    }
    return one(a, "set", list);
}

static struct ol_val *map_from(struct ol_arena *a, const struct ol_val *v, int depth)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; i < v->map.n; i++) {
        struct ol_val *pair = ol_val_new_list(a);
        struct ol_val *key = from(a, v->map.pairs[i].key, depth + 1);
        struct ol_val *value = from(a, v->map.pairs[i].value, depth + 1);

        if (!key || !value)
            return NULL;
        ol_val_append(a, pair, key);
        ol_val_append(a, pair, value);
        ol_val_append(a, list, pair);
    }
    return one(a, "map", list);
}

static struct ol_val *bytes_from(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(v->str.len * 2 + 4);

    ol_base64_encode(v->str.data, v->str.len, 0, &text);
    return one(a, "bytes", ol_val_new_strn(a, text.data, text.len));
}

static struct ol_val *from(struct ol_arena *a, const struct ol_val *v, int depth)
{
    if (depth > OL_VAL_MAX_DEPTH || ol_arena_is_over(a))
        return NULL;
    switch (v ? v->type : OL_VAL_NULL) {
    case OL_VAL_BOOL: return one(a, "bool", ol_val_new_bool(a, v->boolean));
    case OL_VAL_INT: return one(a, "int", ol_val_new_str(a, ol_val_to_text(a, v)));
    case OL_VAL_FLOAT: return one(a, "float", ol_val_new_str(a, ol_val_to_text(a, v)));
    case OL_VAL_STR: return one(a, "str", ol_val_new_strn(a, v->str.data, v->str.len));
    case OL_VAL_TIME: return one(a, "timestamp", ol_val_new_strn(a, v->str.data, v->str.len));
    case OL_VAL_BYTES: return bytes_from(a, v);
    case OL_VAL_LIST: return list_from(a, v, depth);
    case OL_VAL_MAP: return map_from(a, v, depth);
    case OL_VAL_SET: return set_from(a, v, depth);
    default: return one(a, "null", ol_val_new_bool(a, true));
    }
}

struct ol_val *ol_tagged_from(struct ol_arena *a, const struct ol_val *v)
{
    return from(a, v, 0);
}

/* --- tagged form to values --- */

struct reader {
    struct ol_arena *a;
    struct ol_err *err;
    int depth;
};

static int to_val(struct reader *r, const struct ol_val *tagged, struct ol_val **ret);

static int bad(struct reader *r, const char *what)
{
    return ol_err_set(r->err, EINVAL, "not a tagged value: %s", what);
}

static int to_null(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    *ret = ol_val_new_null(r->a);
    return 0;
}

static int to_bool(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    if (!ol_val_is(v, OL_VAL_BOOL))
        return bad(r, "bool is true or false");
    *ret = ol_val_new_bool(r->a, v->boolean);
    return 0;
}

static int to_int(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    const char *text = ol_val_str(v);
    const char *digits = text ? text + (*text == '-') : "";

    if (!*digits || digits[strspn(digits, "0123456789")])
        return bad(r, "int is decimal text");
    *ret = ol_val_new_int_text(r->a, text);
    return 0;
}

static int to_float(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    const char *text = ol_val_str(v);
    char *end;
    double number;

    if (!text || !*text)
        return bad(r, "float is text");
    number = strtod(text, &end);
    if (*end)
        return bad(r, "float is a number as Python shows it");
    *ret = ol_val_new_float(r->a, number);
    return 0;
}

static int to_str(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    if (!ol_val_is(v, OL_VAL_STR))
        return bad(r, "str is text");
    *ret = ol_val_new_strn(r->a, v->str.data, v->str.len);
    return 0;
}

static int to_time(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    if (!ol_val_is(v, OL_VAL_STR))
        return bad(r, "timestamp is text");
    *ret = ol_val_new_time(r->a, v->str.data);
    return 0;
}

static int to_bytes(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(SIZE_MAX / 2);
    int n;

    if (!ol_val_is(v, OL_VAL_STR))
        return bad(r, "bytes is text");
    n = ol_base64_decode(v->str.data, v->str.len, OL_BASE64_STRICT, &bytes, r->err);
    if (n < 0)
        return ol_err_prefix(r->err, n, "bytes");
    *ret = ol_val_new_bytes(r->a, bytes.data, bytes.len);
    return 0;
}

static int to_list(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    struct ol_val *list = ol_val_new_list(r->a);

    if (!ol_val_is(v, OL_VAL_LIST))
        return bad(r, "list is a list");
    for (size_t i = 0; i < v->list.n; i++) {
        struct ol_val *item = NULL;
        int n = to_val(r, v->list.items[i], &item);

        if (n < 0)
            return n;
        ol_val_append(r->a, list, item);
    }
    *ret = list;
    return 0;
}

static int to_map(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    struct ol_val *map = ol_val_new_map(r->a);

    if (!ol_val_is(v, OL_VAL_LIST))
        return bad(r, "map is a list of pairs");
    for (size_t i = 0; i < v->list.n; i++) {
        const struct ol_val *pair = v->list.items[i];
        struct ol_val *key = NULL, *value = NULL;
        int n;

        if (!ol_val_is(pair, OL_VAL_LIST) || pair->list.n != 2)
            return bad(r, "map is a list of pairs");
        n = to_val(r, pair->list.items[0], &key);
        if (n == 0)
            n = to_val(r, pair->list.items[1], &value);
        if (n < 0)
            return n;
        ol_val_set_key(r->a, map, key, value);
    }
    *ret = map;
    return 0;
}

static int to_set(struct reader *r, const struct ol_val *v, struct ol_val **ret)
{
    struct ol_val *set = ol_val_new_set(r->a);

    if (!ol_val_is(v, OL_VAL_LIST))
        return bad(r, "set is a list");
    for (size_t i = 0; i < v->list.n; i++) {
        struct ol_val *item = NULL;
        int n = to_val(r, v->list.items[i], &item);

        if (n < 0)
            return n;
        ol_val_set_key(r->a, set, item, ol_val_new_null(r->a));
    }
    *ret = set;
    return 0;
}

static const struct {
    const char *tag;
    int (*read)(struct reader *r, const struct ol_val *v, struct ol_val **ret);
} readers[] = {
    {"null", to_null}, {"bool", to_bool},   {"int", to_int},        {"float", to_float},
    {"str", to_str},   {"bytes", to_bytes}, {"timestamp", to_time}, {"list", to_list},
    {"map", to_map},   {"set", to_set},
};

static int to_val(struct reader *r, const struct ol_val *tagged, struct ol_val **ret)
{
    const struct ol_pair *pair = ol_val_pair(tagged, 0);
    const char *tag = pair ? ol_val_str(pair->key) : NULL;

    if (!tag || ol_val_count(tagged) != 1)
        return bad(r, "expected a map of one key");
    for (size_t i = 0; i < ol_count(readers); i++) {
        int n;

        if (strcmp(readers[i].tag, tag))
            continue;
        if (r->depth == OL_VAL_MAX_DEPTH)
            return ol_err_set(r->err, ELOOP, "nested deeper than %d levels", OL_VAL_MAX_DEPTH);
        r->depth++;
        n = readers[i].read(r, pair->value, ret);
        r->depth--;
        return n;
    }
    return bad(r, tag);
}

int ol_tagged_to(struct ol_arena *a, const struct ol_val *tagged, struct ol_val **ret,
                 struct ol_err *err)
{
    struct reader r = {.a = a, .err = err};
    struct ol_val *v = NULL;
    int n = to_val(&r, tagged, &v);

    if (n < 0)
        return n;
    *ret = v;
    return 0;
}
