/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

/* One filter or method: the call's value and arguments in, a value out. */
struct function {
    const char *name;
    int (*call)(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret);
    int min_args, max_args;
};

static int give_str(struct tmpl_run *r, const char *s, size_t len, struct tmpl_value *ret)
{
    *ret = (struct tmpl_value){.v = ol_val_new_strn(r->arena, s, len)};
    return 0;
}

static int text_of(struct tmpl_run *r, struct tmpl_call *c, const struct tmpl_value *v,
                   const struct ol_val **ret)
{
    return tmpl_text(r, c->node->line, v, ret);
}

static int call_default(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    bool wants_truth = c->n_args > 1 && tmpl_truth(&c->args[1]);

    *ret = c->of;
    if (c->of.v && (!wants_truth || tmpl_truth(&c->of)))
        return 0;
    if (c->n_args > 0)
        *ret = c->args[0];
    else
        ret->v = ol_val_new_str(r->arena, "");
    return 0;
}

static int change_case(struct tmpl_run *r, struct tmpl_call *c, bool is_upper,
                       struct tmpl_value *ret)
{
    const struct ol_val *text = NULL;
    int e = text_of(r, c, &c->of, &text);
    char *s;

    if (e < 0)
        return e;
    s = ol_arena_memdup(r->arena, text->str.data, text->str.len);
    for (size_t i = 0; i < text->str.len; i++) {
        if ((unsigned char)s[i] >= 0x80)
            return tmpl_unsupported(r->err, c->node->line, "'%s' of text beyond ASCII",
                                    c->node->name);
        if (is_upper && s[i] >= 'a' && s[i] <= 'z')
            s[i] = (char)(s[i] - 'a' + 'A');
        else if (!is_upper && s[i] >= 'A' && s[i] <= 'Z')
            s[i] = (char)(s[i] - 'A' + 'a');
    }
    return give_str(r, s, text->str.len, ret);
}

static int call_lower(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    return change_case(r, c, false, ret);
}

static int call_upper(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    return change_case(r, c, true, ret);
}

static int call_string(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *text = NULL;
    int e = text_of(r, c, &c->of, &text);

    if (e == 0)
        *ret = (struct tmpl_value){.v = text};
    return e;
}

/* Python's int() and float() of text; what neither takes is the default. */
static int int_of_text(struct tmpl_run *r, struct tmpl_call *c, const struct ol_val *text,
                       struct tmpl_value *ret)
{
    size_t len;
    const char *s = ol_str_strip(text->str.data, text->str.len, &len);
    char *copy = ol_arena_memdup(r->arena, s, len), *end = NULL;
    int64_t v;
    double d;

    if (strspn(copy, "+-.0123456789eE") != len) {
        if (len > 0 && strpbrk(copy, "_nN\x80") != NULL)
            return tmpl_unsupported(r->err, c->node->line, "'int' of this text");
        for (const char *p = copy; *p; p++)
            if ((unsigned char)*p >= 0x80)
                return tmpl_unsupported(r->err, c->node->line, "'int' of this text");
        len = 0;
    }
    if (len > 0 && ol_parse_i64(*copy == '+' && copy[1] != '-' ? copy + 1 : copy, 10, &v) == 0) {
        ret->v = ol_val_new_int(r->arena, v);
        return 0;
    }
    d = len > 0 ? strtod(copy, &end) : 0;
    if (len > 0 && !*end) {
        if (fabs(d) >= 9007199254740992.0)
            return tmpl_unsupported(r->err, c->node->line, "'int' of a number this large");
        ret->v = ol_val_new_int(r->arena, (int64_t)d);
        return 0;
    }
    *ret = c->n_args > 0 ? c->args[0] : (struct tmpl_value){.v = ol_val_new_int(r->arena, 0)};
    return 0;
}

static int call_int(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    if (!c->of.v)
        return tmpl_fail_undefined(r, &c->of);
    switch (c->of.v->type) {
    case OL_VAL_INT: ret->v = c->of.v; return 0;
    case OL_VAL_BOOL: ret->v = ol_val_new_int(r->arena, c->of.v->boolean); return 0;
    case OL_VAL_STR: return int_of_text(r, c, c->of.v, ret);
    case OL_VAL_FLOAT:
        if (!(fabs(c->of.v->number) < 9007199254740992.0))
            return tmpl_unsupported(r->err, c->node->line, "'int' of a number this large");
        ret->v = ol_val_new_int(r->arena, (int64_t)c->of.v->number);
        return 0;
    default:
        *ret = c->n_args > 0 ? c->args[0] : (struct tmpl_value){.v = ol_val_new_int(r->arena, 0)};
        return 0;
    }
}

static int call_join(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(r->out->max);
    const struct ol_val *text = NULL, *glue = ol_val_new_str(r->arena, "");
    struct ol_val *list = NULL;
    int e = tmpl_iterate(r, c->node->line, &c->of, &list);

    if (e == 0 && c->n_args > 0)
        e = text_of(r, c, &c->args[0], &glue);
    for (size_t i = 0; e == 0 && i < ol_val_count(list); i++) {
        const struct tmpl_value item = {.v = list->list.items[i]};

        e = tmpl_step(r);
        if (e == 0)
            e = text_of(r, c, &item, &text);
        if (e < 0)
            break;
        if (i > 0)
            ol_buf_add(&b, glue->str.data, glue->str.len);
        ol_buf_add(&b, text->str.data, text->str.len);
    }
    if (e == 0 && ol_buf_status(&b) < 0)
        e = ol_err_set(r->err, EFBIG, "'join' makes more than %zu bytes", b.max);
    return e < 0 ? e : give_str(r, b.data, b.len, ret);
}

static int call_replace(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(r->out->max);
    const struct ol_val *text = NULL, *from = NULL, *to = NULL;
    const char *p, *end, *hit;
    int64_t left = INT64_MAX;
    int e = text_of(r, c, &c->of, &text);

    if (e == 0)
        e = text_of(r, c, &c->args[0], &from);
    if (e == 0)
        e = text_of(r, c, &c->args[1], &to);
    if (e < 0)
        return e;
    if (c->n_args > 2 && !ol_val_is(c->args[2].v, OL_VAL_NULL)) {
        left = ol_val_int(c->args[2].v, -1);
        if (left < 0)
            return tmpl_unsupported(r->err, c->node->line, "this count");
    }
    if (from->str.len == 0)
        return tmpl_unsupported(r->err, c->node->line, "'replace' of empty text");
    p = text->str.data;
    end = p + text->str.len;
    for (; left > 0; left--, p = hit + from->str.len) {
        hit = memmem(p, (size_t)(end - p), from->str.data, from->str.len);
        if (!hit)
            break;
        ol_buf_add(&b, p, (size_t)(hit - p));
        ol_buf_add(&b, to->str.data, to->str.len);
    }
    ol_buf_add(&b, p, (size_t)(end - p));
    if (ol_buf_status(&b) < 0)
        return ol_err_set(r->err, EFBIG, "'replace' makes more than %zu bytes", b.max);
    return give_str(r, b.data, b.len, ret);
}

static int call_trim(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *text = NULL;
    int e = text_of(r, c, &c->of, &text);
    const char *s;
    size_t len;

    if (e < 0)
        return e;
    s = ol_str_strip(text->str.data, text->str.len, &len);
    /* str.strip() takes blanks of all of Unicode. */
    if (len > 0 && ((unsigned char)s[0] >= 0x80 || (unsigned char)s[len - 1] >= 0x80))
        return tmpl_unsupported(r->err, c->node->line, "'%s' of text beyond ASCII", c->node->name);
    return give_str(r, s, len, ret);
}

static int call_length(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *v = c->of.v;
    bool has_length =
        !v || v->type == OL_VAL_STR || v->type == OL_VAL_LIST || v->type == OL_VAL_MAP;

    if (tmpl_is_tuple(v))
        return tmpl_unsupported(r->err, c->node->line, "'length' of a tuple");
    if (!has_length)
        return tmpl_fail_type(r, "object of type '%s' has no len()", ol_val_type_name(v));
    ret->v = ol_val_new_int(r->arena, ol_val_is(v, OL_VAL_STR) ? (int64_t)tmpl_count_chars(v)
                                                               : (int64_t)ol_val_count(v));
    return 0;
}

static int call_first(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *list = NULL;
    int e = tmpl_iterate(r, c->node->line, &c->of, &list);

    if (e < 0)
        return e;
    ret->v = ol_val_item(list, 0);
    ret->name = "None";
    ret->why = "No first item, sequence was empty.";
    return 0;
}

static int call_last(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *list = NULL;
    int e;

    if (!c->of.v)
        return tmpl_unsupported(r->err, c->node->line, "'last' of an undefined value");
    e = tmpl_iterate(r, c->node->line, &c->of, &list);
    if (e < 0)
        return e;
    ret->v = list->list.n ? ol_val_item(list, list->list.n - 1) : NULL;
    ret->name = "None";
    ret->why = "No last item, sequence was empty.";
    return 0;
}

static int call_list(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *list = NULL, *copy;
    int e = tmpl_iterate(r, c->node->line, &c->of, &list);

    if (e < 0)
        return e;
    copy = ol_val_copy_top(r->arena, list);
    copy->line = 0;
    ret->v = copy;
    return 0;
}

/* Pairs of a dict; the view is as little a list for Python as a tuple is. */
static int call_items(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *view = tmpl_new_tuple(r);

    if (c->of.v && c->of.v->type != OL_VAL_MAP)
        return tmpl_fail_type(r, "Can only get item pairs from a mapping.");
    for (size_t i = 0; i < ol_val_count(c->of.v); i++) {
        const struct ol_pair *pair = ol_val_pair(c->of.v, i);
        struct ol_val *item = tmpl_new_tuple(r);

        ol_val_append(r->arena, item, (struct ol_val *)pair->key);
        ol_val_append(r->arena, item, pair->value);
        ol_val_append(r->arena, view, item);
    }
    ret->v = view;
    return 0;
}

/* What 'sort' looks at: text, or the text that a pair starts with; NULL = something else. */
static const char *sort_text(const struct ol_val *v)
{
    return ol_val_str(tmpl_is_tuple(v) ? ol_val_item(v, 0) : v);
}

static int compare_sorted(const void *pa, const void *pb)
{
    const struct ol_val *a = *(struct ol_val *const *)pa, *b = *(struct ol_val *const *)pb;

    if (ol_val_is(a, OL_VAL_INT))
        return (a->integer.value > b->integer.value) - (a->integer.value < b->integer.value);
    return tmpl_is_tuple(a) ? strcmp(sort_text(a), sort_text(b))
                            : strcasecmp(sort_text(a), sort_text(b));
}

static int call_sort(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *list = NULL;
    int e = call_list(r, c, ret);

    if (e < 0)
        return e;
    list = (struct ol_val *)ret->v;
    for (size_t i = 0; i < list->list.n; i++) {
        const struct ol_val *v = list->list.items[i], *first = list->list.items[0];
        const char *text = sort_text(v);
        bool is_int = ol_val_is(v, OL_VAL_INT) && !v->integer.text;

        if ((!is_int && !text) || v->type != first->type
            || tmpl_is_tuple(v) != tmpl_is_tuple(first))
            return tmpl_unsupported(r->err, c->node->line, "'sort' of such values");
        for (; text && *text; text++)
            if ((unsigned char)*text >= 0x80)
                return tmpl_unsupported(r->err, c->node->line, "'sort' of text beyond ASCII");
    }
    qsort(list->list.items, list->list.n, sizeof(*list->list.items), compare_sorted);
    /* Python keeps the order of equal items, qsort() need not. */
    for (size_t i = 1; i < list->list.n; i++)
        if (!compare_sorted(&list->list.items[i - 1], &list->list.items[i])
            && !ol_val_equal(list->list.items[i - 1], list->list.items[i]))
            return tmpl_unsupported(r->err, c->node->line, "'sort' of text in several cases");
    return 0;
}

static const struct function filters[] = {
    {"default", call_default, 0, 2}, {"d", call_default, 0, 2},       {"lower", call_lower, 0, 0},
    {"upper", call_upper, 0, 0},     {"int", call_int, 0, 1},         {"string", call_string, 0, 0},
    {"join", call_join, 0, 1},       {"replace", call_replace, 2, 3}, {"trim", call_trim, 0, 0},
    {"length", call_length, 0, 0},   {"count", call_length, 0, 0},    {"first", call_first, 0, 0},
    {"last", call_last, 0, 0},       {"list", call_list, 0, 0},       {"sort", call_sort, 0, 0},
};

static int find_function(const struct function *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name))
            return (int)i;
    return -1;
}

static int run_function(struct tmpl_run *r, const struct function *f, struct tmpl_call *c,
                        struct tmpl_value *ret)
{
    if (c->n_args < f->min_args || c->n_args > f->max_args)
        return tmpl_unsupported(r->err, c->node->line, "'%s' with %d arguments", f->name,
                                c->n_args);
    return f->call(r, c, ret);
}

int tmpl_knows_filter(const char *name)
{
    static const char *const others[] = {
        "abs",       "attr",     "batch",          "capitalize", "center",      "dictsort",
        "e",         "escape",   "filesizeformat", "float",      "forceescape", "format",
        "groupby",   "indent",   "items",          "map",        "min",         "max",
        "pprint",    "random",   "reject",         "rejectattr", "reverse",     "round",
        "safe",      "select",   "selectattr",     "slice",      "striptags",   "sum",
        "title",     "tojson",   "truncate",       "unique",     "urlencode",   "urlize",
        "wordcount", "wordwrap", "xmlattr",        NULL};

    if (find_function(filters, ol_count(filters), name) >= 0)
        return 0;
    return ol_str_in(name, others) ? -ENOSYS : -EINVAL;
}

int tmpl_filter(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    int at = find_function(filters, ol_count(filters), c->node->name);

    return run_function(r, &filters[at], c, ret);
}

static int method_get(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *key = c->args[0].v;

    if (!key || key->type == OL_VAL_LIST || key->type == OL_VAL_MAP)
        return tmpl_unsupported(r->err, c->node->line, "this key");
    ret->v = ol_val_get_key(c->of.v, key);
    if (!ret->v && c->n_args > 1)
        *ret = c->args[1];
    else if (!ret->v)
        ret->v = ol_val_new_null(r->arena);
    return 0;
}

static int method_keys(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    struct ol_val *view = tmpl_new_tuple(r);
    bool is_values = c->node->name[0] == 'v';

    for (size_t i = 0; i < ol_val_count(c->of.v); i++) {
        const struct ol_pair *pair = ol_val_pair(c->of.v, i);

        ol_val_append(r->arena, view, is_values ? pair->value : (struct ol_val *)pair->key);
    }
    ret->v = view;
    return 0;
}

static int method_split(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *at = c->args[0].v, *text = c->of.v;
    struct ol_val *list = ol_val_new_list(r->arena);
    const char *p = text->str.data, *end = p + text->str.len, *hit;

    if (!ol_val_is(at, OL_VAL_STR) || at->str.len == 0)
        return tmpl_unsupported(r->err, c->node->line, "'split' without a separator");
    while ((hit = memmem(p, (size_t)(end - p), at->str.data, at->str.len))) {
        ol_val_append(r->arena, list, ol_val_new_strn(r->arena, p, (size_t)(hit - p)));
        p = hit + at->str.len;
    }
    ol_val_append(r->arena, list, ol_val_new_strn(r->arena, p, (size_t)(end - p)));
    ret->v = list;
    return 0;
}

static int method_starts(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    const struct ol_val *with = c->args[0].v, *text = c->of.v;
    bool is_true;

    if (!ol_val_is(with, OL_VAL_STR))
        return tmpl_unsupported(r->err, c->node->line, "'%s' of this argument", c->node->name);
    is_true = with->str.len <= text->str.len
              && !memcmp(c->node->name[0] == 's' ? text->str.data
                                                 : text->str.data + text->str.len - with->str.len,
                         with->str.data, with->str.len);
    ret->v = ol_val_new_bool(r->arena, is_true);
    return 0;
}

int tmpl_method(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret)
{
    static const struct function of_map[] = {
        {"items", call_items, 0, 0},
        {"keys", method_keys, 0, 0},
        {"values", method_keys, 0, 0},
        {"get", method_get, 1, 2},
    };
    static const struct function of_str[] = {
        {"lower", call_lower, 0, 0},         {"upper", call_upper, 0, 0},
        {"strip", call_trim, 0, 0},          {"split", method_split, 1, 1},
        {"startswith", method_starts, 1, 1}, {"endswith", method_starts, 1, 1},
    };
    const char *name = c->node->name;
    int at = -1;

    if (!c->of.v)
        return tmpl_fail_undefined(r, &c->of);
    if (ol_val_is(c->of.v, OL_VAL_MAP)) {
        at = find_function(of_map, ol_count(of_map), name);
        if (at >= 0)
            return run_function(r, &of_map[at], c, ret);
    }
    if (ol_val_is(c->of.v, OL_VAL_STR)) {
        at = find_function(of_str, ol_count(of_str), name);
        if (at >= 0)
            return run_function(r, &of_str[at], c, ret);
    }
    return tmpl_unsupported(r->err, c->node->line, "the call of '%s' of a %s", name,
                            ol_val_type_name(c->of.v));
}
