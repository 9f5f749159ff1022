/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

int tmpl_step(struct tmpl_run *r)
{
    if (++r->n_steps > TMPL_MAX_STEPS)
        return ol_err_set(r->err, EFBIG, "template does more than %d steps", TMPL_MAX_STEPS);
    if (ol_arena_is_over(r->arena))
        return ol_err_set(r->err, EFBIG, "template needs more than %zu bytes", r->arena->max);
    return 0;
}

bool tmpl_truth(const struct tmpl_value *v)
{
    return ol_val_is_truthy(v->v);
}

static int eval_var(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    for (const struct tmpl_frame *f = r->frame; f; f = f->up) {
        for (const struct tmpl_binding *b = f->bindings; b; b = b->next)
            if (!strcmp(b->name, n->name)) {
                *ret = b->value;
                return 0;
            }
        if ((f->loop || f->is_filter) && !strcmp(n->name, "loop"))
            return tmpl_unsupported(r->err, n->line, "'loop' by itself");
    }
    *ret = (struct tmpl_value){.v = ol_val_get(r->vars, n->name), .name = n->name};
    if (!ret->v)
        ret->why = ol_arena_printf(r->arena, "'%s' is undefined", n->name);
    return 0;
}

/* loop.index and its like; -ENOENT when "loop" is an ordinary variable here. */
static int eval_loop(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    const struct tmpl_frame *f = r->frame;
    const struct tmpl_loop *loop;

    while (f && !f->loop && !f->is_filter)
        f = f->up;
    if (!f)
        return -ENOENT;
    loop = f->loop;
    if (!loop)
        return tmpl_unsupported(r->err, n->line, "'loop' in the condition of a loop");
    if (!strcmp(n->name, "index"))
        ret->v = ol_val_new_int(r->arena, (int64_t)loop->index + 1);
    else if (!strcmp(n->name, "index0"))
        ret->v = ol_val_new_int(r->arena, (int64_t)loop->index);
    else if (!strcmp(n->name, "revindex"))
        ret->v = ol_val_new_int(r->arena, (int64_t)(loop->n - loop->index));
    else if (!strcmp(n->name, "revindex0"))
        ret->v = ol_val_new_int(r->arena, (int64_t)(loop->n - loop->index) - 1);
    else if (!strcmp(n->name, "first"))
        ret->v = ol_val_new_bool(r->arena, loop->index == 0);
    else if (!strcmp(n->name, "last"))
        ret->v = ol_val_new_bool(r->arena, loop->index + 1 == loop->n);
    else if (!strcmp(n->name, "length"))
        ret->v = ol_val_new_int(r->arena, (int64_t)loop->n);
    else
        return tmpl_unsupported(r->err, n->line, "'loop.%s'", n->name);
    return 0;
}

static int eval_attr(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value of = {0};
    int e;

    if (n->a->kind == TMPL_VAR && !strcmp(n->a->name, "loop")) {
        e = eval_loop(r, n, ret);
        if (e != -ENOENT)
            return e;
    }
    e = tmpl_eval(r, n->a, &of);
    return e < 0 ? e : tmpl_attr(r, n, &of, ret);
}

static int eval_item(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value of = {0}, key = {0};
    int e = tmpl_eval(r, n->a, &of);

    if (e == 0)
        e = tmpl_eval(r, n->b, &key);
    return e < 0 ? e : tmpl_item(r, n, &of, &key, ret);
}

/* A value that goes into a list or map: what is undefined cannot. */
static int eval_defined(struct tmpl_run *r, const struct tmpl_node *n, struct ol_val **ret)
{
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n, &v);

    if (e < 0)
        return e;
    if (!v.v)
        return tmpl_unsupported(r->err, n->line, "an undefined value in a list");
    *ret = (struct ol_val *)v.v;
    return 0;
}

static int eval_list(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct ol_val *list = n->kind == TMPL_LIST ? ol_val_new_list(r->arena) : tmpl_new_tuple(r);
    struct ol_val *item = NULL;

    for (const struct tmpl_node *i = n->a; i; i = i->next) {
        int e = eval_defined(r, i, &item);

        if (e < 0)
            return e;
        ol_val_append(r->arena, list, item);
    }
    ret->v = list;
    return 0;
}

static int eval_map(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct ol_val *map = ol_val_new_map(r->arena), *key = NULL, *value = NULL;

    for (const struct tmpl_node *i = n->a; i; i = i->next) {
        int e = eval_defined(r, i->a, &key);

        if (e == 0 && ol_val_is(key, OL_VAL_LIST))
            e = tmpl_unsupported(r->err, i->line, "a list as a key");
        if (e == 0 && ol_val_is(key, OL_VAL_MAP))
            e = tmpl_fail_type(r, "unhashable type: 'dict'");
        if (e == 0)
            e = eval_defined(r, i->b, &value);
        if (e < 0)
            return e;
        ol_val_set_key(r->arena, map, key, value);
    }
    ret->v = map;
    return 0;
}

static int eval_arguments(struct tmpl_run *r, const struct tmpl_node *list, struct tmpl_call *c)
{
    for (const struct tmpl_node *i = list; i; i = i->next) {
        const struct tmpl_node *value = i;
        int at = c->n_args, e;

        if (i->kind == TMPL_KWARG) {
            bool is_default = !strcmp(c->node->name, "default") || !strcmp(c->node->name, "d");

            if (!is_default || strcmp(i->name, "boolean") || at != 1)
                return tmpl_unsupported(r->err, i->line, "the argument '%s='", i->name);
            value = i->a;
        }
        if (at == (int)ol_count(c->args))
            return tmpl_unsupported(r->err, i->line, "that many arguments");
        e = tmpl_eval(r, value, &c->args[at]);
        if (e < 0)
            return e;
        c->n_args++;
    }
    return 0;
}

/* Filter, test or method: the value, then the arguments, then the function. */
static int eval_call(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_call c = {.node = n->kind == TMPL_CALL ? n->a : n};
    bool is_true = false;
    int e = tmpl_eval(r, c.node->a, &c.of);

    if (e == 0)
        e = eval_arguments(r, n->b, &c);
    if (e < 0)
        return e;
    if (n->kind == TMPL_CALL)
        return tmpl_method(r, &c, ret);
    if (n->kind == TMPL_FILTER)
        return tmpl_filter(r, &c, ret);
    e = tmpl_test(r, &c, &is_true);
    if (e == 0)
        ret->v = ol_val_new_bool(r->arena, is_true);
    return e;
}

static int eval_logic(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n->a, &v);

    if (e < 0)
        return e;
    if (n->kind == TMPL_NOT) {
        ret->v = ol_val_new_bool(r->arena, !tmpl_truth(&v));
        return 0;
    }
    if (n->kind == TMPL_COND) {
        if (tmpl_truth(&v))
            return tmpl_eval(r, n->b, ret);
        if (n->c)
            return tmpl_eval(r, n->c, ret);
        *ret = (struct tmpl_value){.why = "the inline if-expression evaluated to false and no "
                                          "else section was defined."};
        return 0;
    }
    if (tmpl_truth(&v) == (n->kind == TMPL_AND))
        return tmpl_eval(r, n->b, ret);
    *ret = v;
    return 0;
}

/* 1 true, 0 false, -errno */
static int compare_two(struct tmpl_run *r, const struct tmpl_node *op, const struct tmpl_value *a,
                       const struct tmpl_value *b)
{
    int e;

    if (!strcmp(op->name, "in") || !strcmp(op->name, "not in")) {
        e = tmpl_contains(r, op->line, a, b);
        return e < 0 ? e : e == (op->name[0] == 'i');
    }
    if (!strcmp(op->name, "==") || !strcmp(op->name, "!=")) {
        e = tmpl_equal(r, op->line, a, b);
        return e < 0 ? e : e == (op->name[0] == '=');
    }
    return tmpl_compare(r, op, a, b);
}

static int eval_compare(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value left = {0}, right = {0};
    int e = tmpl_eval(r, n->a, &left), is_true = 1;

    for (const struct tmpl_node *i = n->b; i && is_true && e == 0; i = i->next) {
        right = (struct tmpl_value){0};
        e = tmpl_eval(r, i->a, &right);
        if (e < 0)
            return e;
        is_true = compare_two(r, i, &left, &right);
        if (is_true < 0)
            return is_true;
        left = right;
    }
    if (e < 0)
        return e;
    ret->v = ol_val_new_bool(r->arena, is_true);
    return 0;
}

static int join_text(struct tmpl_run *r, const struct ol_val *a, const struct ol_val *b,
                     struct tmpl_value *ret)
{
    size_t len = a->str.len + b->str.len;
    char *text = ol_arena_alloc(r->arena, len + 1);

    memcpy(text, a->str.data, a->str.len);
    memcpy(text + a->str.len, b->str.data, b->str.len);
    ret->v = ol_val_new_strn(r->arena, text, len);
    return 0;
}

/* Python's whole numbers: "//" and "%" round down. */
static int calculate(struct tmpl_run *r, const struct tmpl_node *n, int64_t a, int64_t b,
                     struct tmpl_value *ret)
{
    bool is_over = false;
    int64_t v = 0;

    if (!strcmp(n->name, "+")) {
        is_over = __builtin_add_overflow(a, b, &v);
    } else if (!strcmp(n->name, "-")) {
        is_over = __builtin_sub_overflow(a, b, &v);
    } else if (!strcmp(n->name, "*")) {
        is_over = __builtin_mul_overflow(a, b, &v);
    } else if (!strcmp(n->name, "/") || b == 0 || b == -1) {
        is_over = true;
    } else {
        int64_t quotient = a / b - (a % b != 0 && (a < 0) != (b < 0));

        v = !strcmp(n->name, "//") ? quotient : a - quotient * b;
    }
    if (is_over)
        return tmpl_unsupported(r->err, n->line, "this use of '%s'", n->name);
    ret->v = ol_val_new_int(r->arena, v);
    return 0;
}

/* UndefinedJinjaVariable.__sub__(): "a-b" is a name that was meant otherwise. */
static int fail_subtraction(struct tmpl_run *r, const struct tmpl_node *n,
                            const struct tmpl_value *a, const struct tmpl_value *b)
{
    const struct ol_val *text = NULL;
    const char *other;
    int e = tmpl_text(r, n->line, b, &text);

    if (e < 0)
        return e;
    other = text->str.data;
    if (ol_str_starts(other, TMPL_MISSING))
        other += strlen(TMPL_MISSING);
    return tmpl_fail_type(r,
                          "Undefined jinja variable: \"%s-%s\". Jinja tried subtraction. Perhaps "
                          "you meant \"%s_%s\"?",
                          a->name, other, a->name, other);
}

static bool is_small_int(const struct ol_val *v)
{
    return ol_val_is(v, OL_VAL_INT) && !v->integer.text;
}

/* "~" puts the texts of any two values together. */
static int concat(struct tmpl_run *r, const struct tmpl_node *n, const struct tmpl_value *a,
                  const struct tmpl_value *b, struct tmpl_value *ret)
{
    const struct ol_val *left = NULL, *right = NULL;
    int e = tmpl_text(r, n->line, a, &left);

    if (e == 0)
        e = tmpl_text(r, n->line, b, &right);
    return e < 0 ? e : join_text(r, left, right, ret);
}

/* "+" of text and of lists. */
static int add(struct tmpl_run *r, const struct tmpl_node *n, const struct ol_val *a,
               const struct ol_val *b, struct tmpl_value *ret)
{
    struct ol_val *list;

    if (ol_val_is(a, OL_VAL_STR) && ol_val_is(b, OL_VAL_STR))
        return join_text(r, a, b, ret);
    if (!ol_val_is(a, OL_VAL_LIST) || !ol_val_is(b, OL_VAL_LIST) || tmpl_is_tuple(a)
        || tmpl_is_tuple(b))
        return tmpl_unsupported(r->err, n->line, "'+' of %s and %s", ol_val_type_name(a),
                                ol_val_type_name(b));
    list = ol_val_copy_top(r->arena, a);
    for (size_t i = 0; i < b->list.n; i++)
        ol_val_append(r->arena, list, b->list.items[i]);
    ret->v = list;
    return 0;
}

static int eval_binary(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value a = {0}, b = {0};
    int e = tmpl_eval(r, n->a, &a);

    if (e == 0)
        e = tmpl_eval(r, n->b, &b);
    if (e < 0)
        return e;
    if (!strcmp(n->name, "~"))
        return concat(r, n, &a, &b, ret);
    if (!a.v && a.name && !strcmp(n->name, "-"))
        return fail_subtraction(r, n, &a, &b);
    if (ol_val_is(a.v, OL_VAL_STR) && !strcmp(n->name, "%"))
        return tmpl_unsupported(r->err, n->line, "'%%' of text");
    if (!a.v || !b.v)
        return tmpl_fail_undefined(r, a.v ? &b : &a);
    if (is_small_int(a.v) && is_small_int(b.v))
        return calculate(r, n, a.v->integer.value, b.v->integer.value, ret);
    if (!strcmp(n->name, "+"))
        return add(r, n, a.v, b.v, ret);
    return tmpl_unsupported(r->err, n->line, "'%s' of %s and %s", n->name, ol_val_type_name(a.v),
                            ol_val_type_name(b.v));
}

static int eval_neg(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    struct tmpl_value v = {0};
    int e = tmpl_eval(r, n->a, &v);

    if (e < 0)
        return e;
    if (!v.v)
        return tmpl_fail_undefined(r, &v);
    if (ol_val_is(v.v, OL_VAL_FLOAT)) {
        ret->v = ol_val_new_float(r->arena, -v.v->number);
        return 0;
    }
    if (!is_small_int(v.v) || v.v->integer.value == INT64_MIN)
        return tmpl_unsupported(r->err, n->line, "the sign of a %s", ol_val_type_name(v.v));
    ret->v = ol_val_new_int(r->arena, -v.v->integer.value);
    return 0;
}

int tmpl_eval(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret)
{
    int e = tmpl_step(r);

    if (e < 0)
        return e;
    switch (n->kind) {
    case TMPL_CONST: ret->v = n->value; return 0;
    case TMPL_VAR: return eval_var(r, n, ret);
    case TMPL_LIST:
    case TMPL_TUPLE: return eval_list(r, n, ret);
    case TMPL_MAP: return eval_map(r, n, ret);
    case TMPL_ATTR: return eval_attr(r, n, ret);
    case TMPL_ITEM: return eval_item(r, n, ret);
    case TMPL_CALL:
    case TMPL_FILTER:
    case TMPL_TEST: return eval_call(r, n, ret);
    case TMPL_NEG: return eval_neg(r, n, ret);
    case TMPL_COMPARE: return eval_compare(r, n, ret);
    case TMPL_BINARY: return eval_binary(r, n, ret);
    default: return eval_logic(r, n, ret);
    }
}
