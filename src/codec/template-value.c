/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

enum { MAX_REPR = (1 << 20) - 64 }; /* ol_val_to_repr() cuts longer text */

/* Values of the configuration never stand on this line. */
#define TUPLE_LINE UINT32_MAX

int tmpl_fail_undefined(struct tmpl_run *r, const struct tmpl_value *v)
{
    return ol_err_set_domain(r->err, EINVAL, "UndefinedError", 0, "%s", v->why);
}

int tmpl_fail_type(struct tmpl_run *r, const char *fmt, ...)
{
    char what[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return ol_err_set_domain(r->err, EINVAL, "TypeError", 0, "%s", what);
}

struct ol_val *tmpl_new_tuple(struct tmpl_run *r)
{
    struct ol_val *list = ol_val_new_list(r->arena);

    list->line = TUPLE_LINE;
    return list;
}

bool tmpl_is_tuple(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_LIST) && v->line == TUPLE_LINE;
}

static bool has_tuple(const struct ol_val *v, int depth)
{
    if (depth > OL_VAL_MAX_DEPTH || tmpl_is_tuple(v))
        return true;
    for (size_t i = 0; ol_val_is(v, OL_VAL_LIST) && i < v->list.n; i++)
        if (has_tuple(v->list.items[i], depth + 1))
            return true;
    for (size_t i = 0; ol_val_is(v, OL_VAL_MAP) && i < v->map.n; i++)
        if (has_tuple(v->map.pairs[i].value, depth + 1))
            return true;
    return false;
}

int tmpl_text(struct tmpl_run *r, int line, const struct tmpl_value *v, const struct ol_val **ret)
{
    const char *text;

    if (!v->v) {
        /* A missing "else" is Jinja2's own Undefined, which shows nothing. */
        *ret = ol_val_new_str(r->arena,
                              v->name ? ol_arena_printf(r->arena, TMPL_MISSING "%s", v->name) : "");
        return 0;
    }
    if (v->v->type == OL_VAL_STR) {
        *ret = v->v;
        return 0;
    }
    if (has_tuple(v->v, 0))
        return tmpl_unsupported(r->err, line, "the text of a tuple");
    text = ol_val_to_text(r->arena, v->v);
    if (strlen(text) > MAX_REPR)
        return ol_err_set(r->err, EFBIG, "a value in the template has more than %d bytes of text",
                          MAX_REPR);
    *ret = ol_val_new_str(r->arena, text);
    return 0;
}

static size_t span_char(const char *s, size_t len)
{
    size_t n = 1;

    while (n < len && (s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

size_t tmpl_count_chars(const struct ol_val *text)
{
    size_t n = 0;

    for (size_t i = 0; i < text->str.len; i++)
        n += (text->str.data[i] & 0xc0) != 0x80;
    return n;
}

static struct ol_val *characters(struct tmpl_run *r, const struct ol_val *text)
{
    struct ol_val *list = ol_val_new_list(r->arena);
    size_t n;

    for (size_t i = 0; i < text->str.len; i += n) {
        n = span_char(text->str.data + i, text->str.len - i);
        ol_val_append(r->arena, list, ol_val_new_strn(r->arena, text->str.data + i, n));
    }
    return list;
}

static struct ol_val *keys(struct tmpl_run *r, const struct ol_val *map)
{
    struct ol_val *list = ol_val_new_list(r->arena);

    for (size_t i = 0; i < map->map.n; i++)
        ol_val_append(r->arena, list, (struct ol_val *)map->map.pairs[i].key);
    return list;
}

int tmpl_iterate(struct tmpl_run *r, int line, const struct tmpl_value *v, struct ol_val **ret)
{
    if (!v->v) {
        *ret = ol_val_new_list(r->arena);
        return 0;
    }
    switch (v->v->type) {
    case OL_VAL_LIST: *ret = (struct ol_val *)v->v; return 0;
    case OL_VAL_STR: *ret = characters(r, v->v); return 0;
    case OL_VAL_MAP: *ret = keys(r, v->v); return 0;
    case OL_VAL_NULL:
    case OL_VAL_BOOL:
    case OL_VAL_INT:
    case OL_VAL_FLOAT:
        return tmpl_fail_type(r, "'%s' object is not iterable", ol_val_type_name(v->v));
    default: return tmpl_unsupported(r->err, line, "a loop over a %s", ol_val_type_name(v->v));
    }
}

int tmpl_equal(struct tmpl_run *r, int line, const struct tmpl_value *a, const struct tmpl_value *b)
{
    if (!a->v || !b->v)
        return !a->v && !b->v;
    if (a->v->type == b->v->type && (has_tuple(a->v, 0) || has_tuple(b->v, 0)))
        return tmpl_unsupported(r->err, line, "the comparison of tuples");
    return ol_val_equal(a->v, b->v);
}

static int is_in_list(struct tmpl_run *r, int line, const struct tmpl_value *item,
                      const struct ol_val *list)
{
    for (size_t i = 0; i < list->list.n; i++) {
        const struct tmpl_value one = {.v = list->list.items[i]};
        int e = tmpl_step(r);

        if (e == 0)
            e = tmpl_equal(r, line, item, &one);
        if (e != 0)
            return e;
    }
    return 0;
}

/* 1, 0 or -errno */
int tmpl_contains(struct tmpl_run *r, int line, const struct tmpl_value *item,
                  const struct tmpl_value *in)
{
    if (!in->v)
        return 0;
    switch (in->v->type) {
    case OL_VAL_STR:
        if (!ol_val_is(item->v, OL_VAL_STR))
            return tmpl_fail_type(r, "'in <string>' requires string as left operand, not %s",
                                  item->v ? ol_val_type_name(item->v) : "UndefinedJinjaVariable");
        return memmem(in->v->str.data, in->v->str.len, item->v->str.data, item->v->str.len) != NULL;
    case OL_VAL_LIST: return is_in_list(r, line, item, in->v);
    case OL_VAL_MAP:
        if (ol_val_is(item->v, OL_VAL_LIST) || ol_val_is(item->v, OL_VAL_MAP))
            return tmpl_fail_type(r, "unhashable type: '%s'", ol_val_type_name(item->v));
        return item->v && ol_val_get_key(in->v, item->v);
    default:
        return tmpl_fail_type(r, "argument of type '%s' is not iterable", ol_val_type_name(in->v));
    }
}

static bool as_number(const struct ol_val *v, double *ret)
{
    if (ol_val_is(v, OL_VAL_FLOAT))
        *ret = v->number;
    else if (ol_val_is(v, OL_VAL_BOOL))
        *ret = v->boolean;
    else if (ol_val_is(v, OL_VAL_INT) && !v->integer.text)
        *ret = (double)v->integer.value;
    else
        return false;
    return true;
}

/* <0, 0, >0 in *ret */
static int order(struct tmpl_run *r, const struct tmpl_node *op, const struct ol_val *a,
                 const struct ol_val *b, int *ret)
{
    double x, y;

    if (ol_val_is(a, OL_VAL_INT) && ol_val_is(b, OL_VAL_INT) && !a->integer.text
        && !b->integer.text) {
        *ret = (a->integer.value > b->integer.value) - (a->integer.value < b->integer.value);
        return 0;
    }
    if (as_number(a, &x) && as_number(b, &y) && x == x && y == y) {
        *ret = (x > y) - (x < y);
        return 0;
    }
    if (ol_val_is(a, OL_VAL_STR) && ol_val_is(b, OL_VAL_STR)) {
        size_t len = a->str.len < b->str.len ? a->str.len : b->str.len;

        *ret = memcmp(a->str.data, b->str.data, len);
        if (*ret == 0)
            *ret = (a->str.len > b->str.len) - (a->str.len < b->str.len);
        return 0;
    }
    if (a->type == b->type)
        return tmpl_unsupported(r->err, op->line, "'%s' of a %s", op->name, ol_val_type_name(a));
    return tmpl_fail_type(r, "'%s' not supported between instances of '%s' and '%s'", op->name,
                          ol_val_type_name(a), ol_val_type_name(b));
}

int tmpl_compare(struct tmpl_run *r, const struct tmpl_node *op, const struct tmpl_value *a,
                 const struct tmpl_value *b)
{
    int sign = 0, e;

    if (!a->v || !b->v)
        return tmpl_fail_undefined(r, a->v ? b : a);
    e = order(r, op, a->v, b->v, &sign);
    if (e < 0)
        return e;
    if (op->name[0] == '<')
        return op->name[1] ? sign <= 0 : sign < 0;
    return op->name[1] ? sign >= 0 : sign > 0;
}

/* What Python's types have under this name: it is found before a key of the same name. */
static bool is_python_attribute(const struct ol_val *v, const char *name)
{
    static const char *const of_str[] = {
        "capitalize",   "casefold",    "center",    "count",      "encode",       "endswith",
        "expandtabs",   "find",        "format",    "format_map", "index",        "isalnum",
        "isalpha",      "isascii",     "isdecimal", "isdigit",    "isidentifier", "islower",
        "isnumeric",    "isprintable", "isspace",   "istitle",    "isupper",      "join",
        "ljust",        "lower",       "lstrip",    "maketrans",  "partition",    "removeprefix",
        "removesuffix", "replace",     "rfind",     "rindex",     "rjust",        "rpartition",
        "rsplit",       "rstrip",      "split",     "splitlines", "startswith",   "strip",
        "swapcase",     "title",       "translate", "upper",      "zfill",        NULL};
    static const char *const of_list[] = {"append", "clear", "copy",   "count",   "extend", "index",
                                          "insert", "pop",   "remove", "reverse", "sort",   NULL};
    static const char *const of_map[] = {"clear",      "copy",   "fromkeys", "get",
                                         "items",      "keys",   "pop",      "popitem",
                                         "setdefault", "update", "values",   NULL};
    static const char *const of_number[] = {
        "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
        "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
        "numerator",        "real",      "to_bytes",   NULL};

    if (ol_str_starts(name, "__"))
        return true;
    switch (v->type) {
    case OL_VAL_NULL: return false;
    case OL_VAL_STR: return ol_str_in(name, of_str);
    case OL_VAL_LIST: return ol_str_in(name, of_list);
    case OL_VAL_MAP: return ol_str_in(name, of_map);
    case OL_VAL_BOOL:
    case OL_VAL_INT:
    case OL_VAL_FLOAT: return ol_str_in(name, of_number);
    default: return true;
    }
}

static int undefined_in(struct tmpl_run *r, const struct ol_val *of, const char *name,
                        struct tmpl_value *ret)
{
    const char *type = ol_val_type_name(of);

    ret->v = NULL;
    ret->name = name;
    ret->why = ol_arena_printf(r->arena, "'%s%s' has no attribute '%s'",
                               of->type == OL_VAL_NULL ? "None" : type,
                               of->type == OL_VAL_NULL ? "" : " object", name);
    return 0;
}

int tmpl_attr(struct tmpl_run *r, const struct tmpl_node *n, const struct tmpl_value *of,
              struct tmpl_value *ret)
{
    if (!of->v)
        return tmpl_fail_undefined(r, of);
    if (is_python_attribute(of->v, n->name))
        return tmpl_unsupported(r->err, n->line, "the attribute '%s' of a %s", n->name,
                                ol_val_type_name(of->v));
    ret->v = ol_val_get(of->v, n->name);
    return ret->v ? 0 : undefined_in(r, of->v, n->name, ret);
}

/* Item of a list or character of a text; negative indexes count from the end. */
static const struct ol_val *at_index(struct tmpl_run *r, const struct ol_val *of, int64_t index)
{
    const struct ol_val *list = ol_val_is(of, OL_VAL_STR) ? characters(r, of) : of;
    int64_t n = (int64_t)ol_val_count(list);

    index += index < 0 ? n : 0;
    return index < 0 ? NULL : ol_val_item(list, (size_t)index);
}

int tmpl_item(struct tmpl_run *r, const struct tmpl_node *n, const struct tmpl_value *of,
              const struct tmpl_value *key, struct tmpl_value *ret)
{
    const struct ol_val *name = NULL;
    int e;

    if (!of->v)
        return tmpl_fail_undefined(r, of);
    if (!key->v || tmpl_is_tuple(key->v) || tmpl_is_tuple(of->v))
        return tmpl_unsupported(r->err, n->line, "this index");
    if (ol_val_is(of->v, OL_VAL_MAP)) {
        bool is_hashable = key->v->type != OL_VAL_LIST && key->v->type != OL_VAL_MAP;

        ret->v = is_hashable ? ol_val_get_key(of->v, key->v) : NULL;
    } else if (ol_val_is(key->v, OL_VAL_INT) && !key->v->integer.text) {
        ret->v = at_index(r, of->v, key->v->integer.value);
    } else if (ol_val_is(key->v, OL_VAL_BOOL)) {
        ret->v = at_index(r, of->v, key->v->boolean);
    }
    if (ret->v)
        return 0;
    if (ol_val_is(key->v, OL_VAL_STR) && is_python_attribute(of->v, key->v->str.data))
        return tmpl_unsupported(r->err, n->line, "the attribute '%s' of a %s", key->v->str.data,
                                ol_val_type_name(of->v));
    e = tmpl_text(r, n->line, key, &name);
    return e < 0 ? e : undefined_in(r, of->v, name->str.data, ret);
}
