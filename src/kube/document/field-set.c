/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/document/field-set.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/document/document-internal.h"

enum { LARGEST_ELEMENT = 1 << 20 };

static bool is_self(const struct ol_pair *pair)
{
    return pair->key->type == OL_VAL_STR && !strcmp(pair->key->str.data, ".");
}

bool fset_is_empty(const struct ol_val *set)
{
    size_t n = ol_val_count(set);

    return n == 0 || (n == 1 && is_self(&set->map.pairs[0]));
}

bool fset_is_member(const struct ol_val *node)
{
    return node && (ol_val_count(node) == 0 || ol_val_get(node, "."));
}

struct ol_val *fset_node(struct ol_arena *a, bool is_member, const struct ol_val *below)
{
    struct ol_val *node = NULL;
    bool is_marked = below && ol_val_get(below, ".");

    if (fset_is_empty(below))
        return is_member ? ol_val_new_map(a) : NULL;
    if (is_marked == is_member)
        return (struct ol_val *)below;
    node = doc_map_clone(a, below, 1);
    if (is_member)
        ol_val_set(a, node, ".", ol_val_new_map(a));
    else
        (void)ol_val_remove(node, ".");
    return node;
}

void fset_add(struct ol_arena *a, struct ol_val **set, const char *element, struct ol_val *node)
{
    if (!node)
        return;
    if (!*set)
        *set = ol_val_new_map(a);
    ol_val_set(a, *set, element, node);
}

/* What becomes of an element that both have. */
static struct ol_val *combine_node(struct ol_arena *a, enum fset_op op, const struct ol_val *x,
                                   const struct ol_val *y)
{
    bool in_x = fset_is_member(x), in_y = fset_is_member(y);
    bool is_member = op == FSET_UNION          ? in_x || in_y
                     : op == FSET_INTERSECTION ? in_x && in_y
                                               : in_x && !in_y;

    if (op == FSET_DIFFERENCE && is_member && fset_is_empty(x))
        return (struct ol_val *)x;
    return fset_node(a, is_member, fset_combine(a, op, x, y));
}

static bool have_common(const struct ol_val *x, const struct ol_val *y)
{
    bool is_found = false;

    for (size_t i = 0; !is_found && i < y->map.n; i++)
        is_found = !is_self(&y->map.pairs[i]) && ol_val_get_key(x, y->map.pairs[i].key);
    return is_found;
}

/* A set of those elements of 'from' that the other lacks. */
static void add_missing(struct ol_arena *a, const struct ol_val *from, const struct ol_val *other,
                        struct ol_val *to)
{
    for (size_t i = 0; i < from->map.n; i++) {
        const struct ol_pair *pair = &from->map.pairs[i];

        if (!is_self(pair) && !ol_val_get_key(other, pair->key))
            ol_val_set_key(a, to, pair->key, pair->value);
    }
}

/* Both are not empty, and have something in common that matters. */
static const struct ol_val *combine(struct ol_arena *a, enum fset_op op, const struct ol_val *x,
                                    const struct ol_val *y)
{
    struct ol_val *to = ol_val_new_map(a);
    bool is_same = op == FSET_DIFFERENCE;

    for (size_t i = 0; i < x->map.n; i++) {
        const struct ol_pair *pair = &x->map.pairs[i];
        const struct ol_val *other = is_self(pair) ? NULL : ol_val_get_key(y, pair->key);
        struct ol_val *node = NULL;

        if (!other)
            continue;
        node = combine_node(a, op, pair->value, other);
        is_same = is_same && node == pair->value;
        if (node)
            ol_val_set_key(a, to, pair->key, node);
    }
    if (is_same)
        return x;
    if (op != FSET_INTERSECTION)
        add_missing(a, x, y, to);
    if (op == FSET_UNION)
        add_missing(a, y, x, to);
    return to->map.n ? to : NULL;
}

const struct ol_val *fset_combine(struct ol_arena *a, enum fset_op op, const struct ol_val *x,
                                  const struct ol_val *y)
{
    if (fset_is_empty(x))
        return op == FSET_UNION && !fset_is_empty(y) ? y : NULL;
    if (fset_is_empty(y))
        return op == FSET_INTERSECTION ? NULL : x;
    if (op != FSET_UNION && !have_common(x, y))
        return op == FSET_INTERSECTION ? NULL : x;
    return combine(a, op, x, y);
}

/* A JSON token: its kind in the order of the reference (numbers before text before truth), and how
 * long it is. */
static int token(const char *s, size_t *ret_len)
{
    size_t len = 1;

    if (*s == '"') {
        while (s[len] && s[len] != '"')
            len += s[len] == '\\' && s[len + 1] ? 2 : 1;
        *ret_len = len + (s[len] == '"');
        return 2;
    }
    if (*s == '-' || (*s >= '0' && *s <= '9')) {
        *ret_len = strspn(s, "-+.eE0123456789");
        return 1;
    }
    *ret_len = len;
    return *s == 't' || *s == 'f' ? 3 : 0;
}

static int sign(double d)
{
    return (d > 0) - (d < 0);
}

/* Two tokens of the same kind. */
static int compare_tokens(int kind, const char *x, size_t nx, const char *y, size_t ny)
{
    int r;

    if (kind == 1)
        return sign(strtod(x, NULL) - strtod(y, NULL));
    if (!kind && *x != *y)
        return *x == '}' ? -1 : 1; /* one ends, the other has more */
    if (kind != 2)
        return memcmp(x, y, nx < ny ? nx : ny);
    r = memcmp(x, y, (nx < ny ? nx : ny) - 1); /* without the quotation mark at its end */
    return r ? r : (nx > ny) - (nx < ny);
}

/* Elements "k:" and "v:" by their values, not by their text: port 80 stands before port 443. */
static int compare_json(const char *x, const char *y)
{
    while (*x && *y) {
        size_t nx, ny;
        int kx = token(x, &nx), ky = token(y, &ny);
        int r = kx != ky ? kx - ky : compare_tokens(kx, x, nx, y, ny);

        if (r)
            return r;
        x += nx;
        y += ny;
    }
    return !!*x - !!*y;
}

static int compare_elements(const void *pa, const void *pb)
{
    const struct ol_pair *a = pa, *b = pb;
    const char *x = a->key->str.data, *y = b->key->str.data;

    if (*x != *y || *x == 'f' || *x == '.')
        return strcmp(x, y);
    return compare_json(x + strnlen(x, 2), y + strnlen(y, 2));
}

struct ol_val *fset_sorted(struct ol_arena *a, const struct ol_val *set)
{
    struct ol_val *to = NULL;
    bool is_changed = false;

    if (!set || set->type != OL_VAL_MAP || !set->map.n)
        return set ? (struct ol_val *)set : ol_val_new_map(a);
    to = doc_map_clone(a, set, 0);
    for (size_t i = 0; i < to->map.n; i++) {
        struct ol_pair *pair = &to->map.pairs[i];
        struct ol_val *below = fset_sorted(a, pair->value);

        is_changed |= below != pair->value || (i && compare_elements(pair - 1, pair) > 0);
        pair->value = below;
    }
    if (!is_changed)
        return (struct ol_val *)set;
    qsort(to->map.pairs, to->map.n, sizeof(*to->map.pairs), compare_elements);
    to->map.index = NULL; /* of the old places; nobody looks into it any more */
    to->map.index_size = 0;
    return to;
}

void fset_add_json(struct ol_buf *to, const struct ol_val *v)
{
    static const struct ol_json_style style = {
        .indent = -1, .item_separator = ",", .key_separator = ":"};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST_ELEMENT);

    if (ol_json_dump(v, &style, &text) < 0)
        return;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '<' || c == '>' || c == '&')
            ol_buf_printf(to, "\\u%04x", c);
        else if (c == 0xe2 && (unsigned char)text.data[i + 1] == 0x80
                 && ((unsigned char)text.data[i + 2] & 0xfe) == 0xa8)
            ol_buf_printf(to, "\\u20%02x", (unsigned char)text.data[(i += 2)] & 0x3f);
        else
            ol_buf_addc(to, (char)c);
    }
}

/* [name="web"] of "k:{"name":"web"}", [="x"] of "v:"x"". */
static void add_element(struct ol_arena *a, const char *element, struct ol_buf *to)
{
    struct ol_val *v = NULL;

    if (ol_json_load(element + 2, strlen(element + 2), a, &v, NULL) < 0) {
        ol_buf_printf(to, "[%s]", element + 2);
        return;
    }
    ol_buf_addc(to, '[');
    if (*element == 'v') {
        ol_buf_addc(to, '=');
        fset_add_json(to, v);
    }
    for (size_t i = 0; *element == 'k' && i < ol_val_count(v); i++) {
        ol_buf_printf(to, "%s%s=", i ? "," : "", v->map.pairs[i].key->str.data);
        fset_add_json(to, v->map.pairs[i].value);
    }
    ol_buf_addc(to, ']');
}

void fset_add_path(struct ol_arena *a, const char *element, struct ol_buf *to)
{
    if (*element == 'f')
        ol_buf_printf(to, ".%s", element + 2);
    else
        add_element(a, element, to);
}

struct telling {
    struct ol_arena *arena;
    void (*tell)(void *ctx, const char *path);
    void *ctx;
    struct ol_buf path;
};

/* Members first, then what stands below them. */
static void tell_set(struct telling *t, const struct ol_val *set, bool want_members)
{
    for (size_t i = 0; i < ol_val_count(set); i++) {
        const struct ol_pair *pair = &set->map.pairs[i];
        const char *element = ol_val_str(pair->key);
        size_t len = t->path.len;

        if (!element || strlen(element) < 2)
            continue;
        fset_add_path(t->arena, element, &t->path);
        if (!want_members) {
            tell_set(t, pair->value, true);
            tell_set(t, pair->value, false);
        } else if (fset_is_member(pair->value)) {
            t->tell(t->ctx, t->path.data);
        }
        ol_buf_truncate(&t->path, len);
    }
}

void fset_each(struct ol_arena *a, const struct ol_val *set,
               void (*tell)(void *ctx, const char *path), void *ctx)
{
    struct telling t = {.arena = a, .tell = tell, .ctx = ctx, .path = OL_BUF_INIT(LARGEST_ELEMENT)};
    const struct ol_val *sorted = fset_sorted(a, set);

    tell_set(&t, sorted, true);
    tell_set(&t, sorted, false);
    ol_buf_done(&t.path);
}
