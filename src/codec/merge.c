/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/merge.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"

/* One merge under way. Values go through as const and come out changeable, as they went in:
 * nothing here writes to a value that it did not make. */
struct merge {
    const struct ol_merger *how;
    struct ol_err *err;
    int depth;
};

static int merge_any(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                     struct ol_val **ret);

static bool wants_recursion(unsigned bits, const struct ol_val *with)
{
    switch (with->type) {
    case OL_VAL_LIST: return bits & OL_MERGE_RECURSE_LIST;
    case OL_VAL_STR: return bits & OL_MERGE_RECURSE_STR;
    case OL_VAL_MAP: return bits & OL_MERGE_RECURSE_DICT;
    default: return false;
    }
}

/* A key that both sides have. */
static int merge_pair(struct merge *m, struct ol_val *to, const struct ol_pair *pair)
{
    const struct ol_val *old = ol_val_get_key(to, pair->key);
    unsigned bits = m->how->dict;
    struct ol_val *value;
    int r;

    if (pair->value->type == OL_VAL_NULL && bits & OL_MERGE_ALLOW_DELETE) {
        (void)ol_val_remove_key(to, pair->key);
        return 0;
    }
    if (bits & OL_MERGE_REPLACE) {
        ol_val_set_key(m->how->arena, to, pair->key, pair->value);
        return 0;
    }
    if (!wants_recursion(bits, pair->value))
        return 0;
    r = merge_any(m, old, pair->value, &value);
    if (r < 0)
        return r;
    ol_val_set_key(m->how->arena, to, pair->key, value);
    return 0;
}

static int merge_dict(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                      struct ol_val **ret)
{
    struct ol_val *to;

    if (with->type != OL_VAL_MAP) {
        *ret = (struct ol_val *)base;
        return 0;
    }
    to = ol_val_copy_top(m->how->arena, base);
    for (size_t i = 0; i < with->map.n; i++) {
        const struct ol_pair *pair = &with->map.pairs[i];
        int r = 0;

        if (ol_val_get_key(to, pair->key))
            r = merge_pair(m, to, pair);
        else
            ol_val_set_key(m->how->arena, to, pair->key, pair->value);
        if (r < 0)
            return r;
    }
    *ret = to;
    return 0;
}

static void append_characters(struct ol_arena *a, struct ol_val *to, const struct ol_val *text)
{
    const char *s = text->str.data;
    size_t n;

    for (size_t i = 0; i < text->str.len; i += n) {
        for (n = 1; i + n < text->str.len && (s[i + n] & 0xc0) == 0x80;)
            n++;
        ol_val_append(a, to, ol_val_new_strn(a, s + i, n));
    }
}

/* list.extend(): text gives its characters, bytes their numbers and a dict its keys. */
static int extend(struct merge *m, struct ol_val *to, const struct ol_val *with)
{
    struct ol_arena *a = m->how->arena;

    switch (with->type) {
    case OL_VAL_LIST:
        for (size_t i = 0; i < with->list.n; i++)
            ol_val_append(a, to, with->list.items[i]);
        return 0;
    case OL_VAL_STR: append_characters(a, to, with); return 0;
    case OL_VAL_BYTES:
        for (size_t i = 0; i < with->str.len; i++)
            ol_val_append(a, to, ol_val_new_int(a, (unsigned char)with->str.data[i]));
        return 0;
    case OL_VAL_MAP:
    case OL_VAL_SET:
        for (size_t i = 0; i < with->map.n; i++)
            ol_val_append(a, to, (struct ol_val *)with->map.pairs[i].key);
        return 0;
    default:
        return ol_err_set(m->err, EINVAL, "cannot extend a list by a %s", ol_val_type_name(with));
    }
}

/* Index by index up to the shorter length; what 'with' has beyond that is dropped. */
static int replace_items(struct merge *m, struct ol_val *to, const struct ol_val *with)
{
    for (size_t i = 0; i < to->list.n && i < with->list.n; i++) {
        struct ol_val *item = with->list.items[i];
        int r = 0;

        if (wants_recursion(m->how->list, item))
            r = merge_any(m, to->list.items[i], item, &item);
        if (r < 0)
            return r;
        to->list.items[i] = item;
    }
    return 0;
}

/* no_replace keeps the items, yet Python looks at what it was given: a value without length
 * or order is an error. */
static int check_no_replace(struct merge *m, const struct ol_val *base, const struct ol_val *with)
{
    bool is_ordered =
        with->type == OL_VAL_LIST || with->type == OL_VAL_STR || with->type == OL_VAL_BYTES;
    bool has_length = is_ordered || with->type == OL_VAL_MAP || with->type == OL_VAL_SET;

    if (is_ordered || (has_length && (base->list.n == 0 || ol_val_count(with) == 0)))
        return 0;
    return ol_err_set(m->err, EINVAL, "cannot merge a list with a %s", ol_val_type_name(with));
}

static int merge_list(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                      struct ol_val **ret)
{
    unsigned bits = m->how->list;
    struct ol_val *to = NULL;
    int r = 0;

    if (bits & OL_MERGE_REPLACE && with->type != OL_VAL_LIST) {
        *ret = (struct ol_val *)with;
        return 0;
    }
    if (bits & OL_MERGE_PREPEND) {
        to = ol_val_new_list(m->how->arena);
        r = extend(m, to, with);
        if (r == 0)
            r = extend(m, to, base);
    } else {
        to = ol_val_copy_top(m->how->arena, base);
        if (bits & OL_MERGE_APPEND)
            r = extend(m, to, with);
        else if (bits & OL_MERGE_NO_REPLACE)
            r = check_no_replace(m, base, with);
        else
            r = replace_items(m, to, with);
    }
    if (r < 0)
        return r;
    *ret = to;
    return 0;
}

static int merge_str(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                     struct ol_val **ret)
{
    struct ol_val *joined;
    char *text;

    if (!(m->how->str & OL_MERGE_APPEND)) {
        *ret = (struct ol_val *)with;
        return 0;
    }
    if (with->type != OL_VAL_STR)
        return ol_err_set(m->err, EINVAL, "cannot append a %s to text", ol_val_type_name(with));
    text = ol_arena_alloc(m->how->arena, base->str.len + with->str.len + 1);
    memcpy(text, base->str.data, base->str.len);
    memcpy(text + base->str.len, with->str.data, with->str.len);
    joined = ol_val_new_str(m->how->arena, "");
    joined->str.data = text;
    joined->str.len = base->str.len + with->str.len;
    *ret = joined;
    return 0;
}

static int merge_by_type(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                         struct ol_val **ret)
{
    if (base->type == OL_VAL_MAP && m->how->dict)
        return merge_dict(m, base, with, ret);
    if (base->type == OL_VAL_LIST && m->how->list)
        return merge_list(m, base, with, ret);
    if (base->type == OL_VAL_STR && m->how->str)
        return merge_str(m, base, with, ret);
    *ret = (struct ol_val *)base;
    return 0;
}

static int merge_any(struct merge *m, const struct ol_val *base, const struct ol_val *with,
                     struct ol_val **ret)
{
    int r;

    if (m->depth >= OL_VAL_MAX_DEPTH)
        return ol_err_set(m->err, ELOOP, "configuration is nested deeper than %d",
                          OL_VAL_MAX_DEPTH);
    if (ol_arena_is_over(m->how->arena))
        return ol_err_set(m->err, EFBIG, "merged configuration needs more than %zu bytes",
                          m->how->arena->max);
    m->depth++;
    r = merge_by_type(m, base, with, ret);
    m->depth--;
    return r;
}

int ol_merge(const struct ol_merger *how, const struct ol_val *base, const struct ol_val *with,
             struct ol_val **ret, struct ol_err *err)
{
    struct merge m = {.how = how, .err = err};
    struct ol_val *merged;
    int r = merge_any(&m, base, with, &merged);

    if (r < 0)
        return r;
    *ret = merged;
    return 0;
}

int ol_merge_system(struct ol_arena *a, const struct ol_val *const *sources, size_t n,
                    struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *merged = ol_val_new_map(a), *source;

    for (size_t i = 0; i < n; i++) {
        struct ol_merger how = OL_MERGER_INIT(a);
        int r;

        if (!ol_val_is_truthy(sources[i]))
            continue;
        r = ol_merger_take(&how, sources[i], &source, err);
        if (r == 0 && ol_merger_is_empty(&how))
            r = ol_merger_add_text(&how, "list()+dict()+str()", err);
        if (r == 0)
            r = ol_merge(&how, merged, source, &merged, err);
        if (r < 0)
            return r;
    }
    *ret = merged;
    return 0;
}
