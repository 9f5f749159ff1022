/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* Jinja2's grammar of expressions, weakest binding first. */

static struct tmpl_node *parse_unary(struct tmpl *t, bool with_filter);

const struct tmpl_token *tmpl_peek(const struct tmpl *t)
{
    return &t->tokens[t->at];
}

static bool is_token(const struct tmpl *t, enum tmpl_token_type type, const char *text)
{
    return tmpl_peek(t)->type == type && !strcmp(tmpl_peek(t)->text, text);
}

bool tmpl_is_op(const struct tmpl *t, const char *op)
{
    return is_token(t, TMPL_OP, op);
}

bool tmpl_is_name(const struct tmpl *t, const char *name)
{
    return is_token(t, TMPL_NAME, name);
}

bool tmpl_skip_op(struct tmpl *t, const char *op)
{
    bool is_there = tmpl_is_op(t, op);

    t->at += is_there;
    return is_there;
}

bool tmpl_skip_name(struct tmpl *t, const char *name)
{
    bool is_there = tmpl_is_name(t, name);

    t->at += is_there;
    return is_there;
}

/* How Jinja2 names a token in its errors. */
static const char *describe(const struct tmpl_token *token)
{
    switch (token->type) {
    case TMPL_VAR_BEGIN: return "begin of print statement";
    case TMPL_VAR_END: return "end of print statement";
    case TMPL_BLOCK_BEGIN: return "begin of statement block";
    case TMPL_BLOCK_END: return "end of statement block";
    case TMPL_DATA: return "template data / text";
    case TMPL_STRING: return "string";
    case TMPL_INT: return "integer";
    case TMPL_FLOAT: return "float";
    default: return token->text;
    }
}

void tmpl_expected(struct tmpl *t, const char *what)
{
    const struct tmpl_token *token = tmpl_peek(t);

    if (token->type == TMPL_EOF)
        (void)tmpl_syntax(t, token->line, "unexpected end of template, expected '%s'.", what);
    else
        (void)tmpl_syntax(t, token->line, "expected token '%s', got '%s'", what, describe(token));
}

struct tmpl_node *tmpl_new_node(struct tmpl *t, enum tmpl_kind kind, struct tmpl_node *a,
                                struct tmpl_node *b)
{
    struct tmpl_node *n = ol_arena_alloc(t->arena, sizeof(*n));

    n->kind = kind;
    n->line = a ? a->line : tmpl_peek(t)->line;
    n->a = a;
    n->b = b;
    for (const struct tmpl_node *i = a; i; i = i->next)
        n->depth = i->depth >= n->depth ? i->depth + 1 : n->depth;
    for (const struct tmpl_node *i = b; i; i = i->next)
        n->depth = i->depth >= n->depth ? i->depth + 1 : n->depth;
    if (n->depth <= TMPL_MAX_DEPTH)
        return n;
    (void)tmpl_unsupported(t->err, n->line, "an expression this deep");
    return NULL;
}

static struct tmpl_node *new_const(struct tmpl *t, const struct ol_val *value)
{
    struct tmpl_node *n = tmpl_new_node(t, TMPL_CONST, NULL, NULL);

    if (n)
        n->value = value;
    return n;
}

static struct tmpl_node *named(struct tmpl_node *n, const char *name)
{
    if (n)
        n->name = name;
    return n;
}

/* Python's and Jinja2's own names that are no variables, or that we do not have. */
static struct tmpl_node *parse_name(struct tmpl *t)
{
    static const char *const reserved[] = {"self", "super",  "caller", "varargs",   "kwargs",
                                           "and",  "or",     "not",    "in",        "is",
                                           "if",   "else",   "elif",   "namespace", "range",
                                           "dict", "lipsum", "cycler", "joiner",    NULL};
    struct ol_arena *a = t->arena;
    const char *name = tmpl_peek(t)->text;
    struct tmpl_node *n;

    if (!strcmp(name, "true") || !strcmp(name, "True"))
        n = new_const(t, ol_val_new_bool(a, true));
    else if (!strcmp(name, "false") || !strcmp(name, "False"))
        n = new_const(t, ol_val_new_bool(a, false));
    else if (!strcmp(name, "none") || !strcmp(name, "None"))
        n = new_const(t, ol_val_new_null(a));
    else
        n = named(tmpl_new_node(t, TMPL_VAR, NULL, NULL), name);
    if (ol_str_in(name, reserved)) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "the name '%s' here", name);
        return NULL;
    }
    t->at++;
    return n;
}

/* Adjacent strings are one. */
static struct tmpl_node *parse_string(struct tmpl *t)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(t->len + 1);
    struct tmpl_node *n = new_const(t, NULL);

    for (; tmpl_peek(t)->type == TMPL_STRING; t->at++)
        ol_buf_add(&b, tmpl_peek(t)->text, tmpl_peek(t)->len);
    if (n)
        n->value = ol_val_new_strn(t->arena, b.data, b.len);
    return n;
}

static struct tmpl_node *parse_pair(struct tmpl *t)
{
    struct tmpl_node *key = tmpl_parse_expr(t), *value;

    if (!key)
        return NULL;
    if (!tmpl_skip_op(t, ":")) {
        tmpl_expected(t, ":");
        return NULL;
    }
    value = tmpl_parse_expr(t);
    return value ? tmpl_new_node(t, TMPL_PAIR, key, value) : NULL;
}

static struct tmpl_node *parse_argument(struct tmpl *t)
{
    const struct tmpl_token *token = tmpl_peek(t);
    struct tmpl_node *value;

    if (tmpl_is_op(t, "*") || tmpl_is_op(t, "**")) {
        (void)tmpl_unsupported(t->err, token->line, "'%s' in a call", token->text);
        return NULL;
    }
    if (token->type != TMPL_NAME || token[1].type != TMPL_OP || strcmp(token[1].text, "="))
        return tmpl_parse_expr(t);
    t->at += 2;
    value = tmpl_parse_expr(t);
    return value ? named(tmpl_new_node(t, TMPL_KWARG, value, NULL), token->text) : NULL;
}

/* Items up to the closing bracket, which is eaten. 'of' = their parent, filled here. */
static struct tmpl_node *parse_items(struct tmpl *t, enum tmpl_kind kind, const char *close,
                                     struct tmpl_node *(*parse_item)(struct tmpl *t))
{
    struct tmpl_node *first = NULL, **tail = &first;

    while (!tmpl_skip_op(t, close)) {
        if (first && !tmpl_skip_op(t, ",")) {
            tmpl_expected(t, ",");
            return NULL;
        }
        if (first && tmpl_skip_op(t, close))
            break;
        *tail = parse_item(t);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return tmpl_new_node(t, kind, first, NULL);
}

static struct tmpl_node *parse_primary(struct tmpl *t)
{
    const struct tmpl_token *token = tmpl_peek(t);
    struct tmpl_node *n;

    switch (token->type) {
    case TMPL_NAME: return parse_name(t);
    case TMPL_STRING: return parse_string(t);
    case TMPL_INT:
    case TMPL_FLOAT:
        n = new_const(t, token->type == TMPL_INT
                             ? ol_val_new_int_text(t->arena, token->text)
                             : ol_val_new_float(t->arena, strtod(token->text, NULL)));
        t->at++;
        return n;
    default: break;
    }
    if (tmpl_skip_op(t, "["))
        return parse_items(t, TMPL_LIST, "]", tmpl_parse_expr);
    if (tmpl_skip_op(t, "{"))
        return parse_items(t, TMPL_MAP, "}", parse_pair);
    if (tmpl_skip_op(t, "(")) {
        if (tmpl_skip_op(t, ")"))
            return tmpl_new_node(t, TMPL_TUPLE, NULL, NULL);
        n = tmpl_parse_tuple(t, true);
        if (n && !tmpl_skip_op(t, ")")) {
            tmpl_expected(t, ")");
            return NULL;
        }
        return n;
    }
    if (token->type == TMPL_EOF)
        (void)tmpl_syntax(t, token->line, "unexpected end of template");
    else
        (void)tmpl_syntax(t, token->line, "unexpected '%s'", describe(token));
    return NULL;
}

/* a.name, a.0 */
static struct tmpl_node *parse_attr(struct tmpl *t, struct tmpl_node *of)
{
    const struct tmpl_token *token = tmpl_peek(t);

    if (token->type == TMPL_NAME) {
        t->at++;
        return named(tmpl_new_node(t, TMPL_ATTR, of, NULL), token->text);
    }
    if (token->type == TMPL_INT) {
        struct tmpl_node *index = parse_primary(t);

        return index ? tmpl_new_node(t, TMPL_ITEM, of, index) : NULL;
    }
    (void)tmpl_syntax(t, token->line, "expected name or number");
    return NULL;
}

static struct tmpl_node *parse_index(struct tmpl *t, struct tmpl_node *of)
{
    struct tmpl_node *index;

    if (tmpl_is_op(t, ":")) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "a slice");
        return NULL;
    }
    index = tmpl_parse_expr(t);
    if (!index)
        return NULL;
    if (tmpl_is_op(t, ":") || tmpl_is_op(t, ",")) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "a slice");
        return NULL;
    }
    if (!tmpl_skip_op(t, "]")) {
        tmpl_expected(t, "]");
        return NULL;
    }
    return tmpl_new_node(t, TMPL_ITEM, of, index);
}

/* Arguments after "(" as a list of nodes; *ret is NULL for none. */
static bool parse_arguments(struct tmpl *t, struct tmpl_node **ret)
{
    struct tmpl_node *list = parse_items(t, TMPL_TUPLE, ")", parse_argument);

    if (!list)
        return false;
    *ret = list->a;
    return true;
}

static struct tmpl_node *parse_call(struct tmpl *t, struct tmpl_node *callee)
{
    struct tmpl_node *arguments;

    if (callee->kind != TMPL_ATTR) {
        (void)tmpl_unsupported(t->err, callee->line, "the call of a function");
        return NULL;
    }
    return parse_arguments(t, &arguments) ? tmpl_new_node(t, TMPL_CALL, callee, arguments) : NULL;
}

static struct tmpl_node *parse_postfix(struct tmpl *t, struct tmpl_node *n)
{
    while (n) {
        if (tmpl_skip_op(t, "."))
            n = parse_attr(t, n);
        else if (tmpl_skip_op(t, "["))
            n = parse_index(t, n);
        else if (tmpl_skip_op(t, "("))
            n = parse_call(t, n);
        else
            break;
    }
    return n;
}

static bool check_known(struct tmpl *t, const struct tmpl_token *name, int known, const char *what)
{
    if (known == 0)
        return true;
    if (known == -ENOSYS)
        (void)tmpl_unsupported(t->err, name->line, "the %s '%s'", what, name->text);
    else
        (void)tmpl_syntax(t, name->line, "No %s named '%s'.", what, name->text);
    return false;
}

static struct tmpl_node *parse_filter(struct tmpl *t, struct tmpl_node *of)
{
    const struct tmpl_token *name = tmpl_peek(t);
    struct tmpl_node *arguments = NULL;

    if (name->type != TMPL_NAME) {
        tmpl_expected(t, "name");
        return NULL;
    }
    if (!check_known(t, name, tmpl_knows_filter(name->text), "filter"))
        return NULL;
    t->at++;
    if (tmpl_skip_op(t, "(") && !parse_arguments(t, &arguments))
        return NULL;
    return named(tmpl_new_node(t, TMPL_FILTER, of, arguments), name->text);
}

/* What may follow a test's name as its only argument without brackets. */
static bool has_bare_argument(const struct tmpl *t)
{
    const struct tmpl_token *token = tmpl_peek(t);

    if (token->type == TMPL_NAME)
        return strcmp(token->text, "else") && strcmp(token->text, "or")
               && strcmp(token->text, "and");
    return token->type == TMPL_STRING || token->type == TMPL_INT || token->type == TMPL_FLOAT
           || tmpl_is_op(t, "[") || tmpl_is_op(t, "{");
}

static struct tmpl_node *parse_test(struct tmpl *t, struct tmpl_node *of)
{
    bool is_negated = tmpl_skip_name(t, "not");
    const struct tmpl_token *name = tmpl_peek(t);
    struct tmpl_node *arguments = NULL, *test;

    if (name->type != TMPL_NAME) {
        tmpl_expected(t, "name");
        return NULL;
    }
    if (!check_known(t, name, tmpl_knows_test(name->text), "test"))
        return NULL;
    t->at++;
    if (tmpl_skip_op(t, "(")) {
        if (!parse_arguments(t, &arguments))
            return NULL;
    } else if (has_bare_argument(t)) {
        arguments = parse_postfix(t, parse_primary(t));
        if (!arguments)
            return NULL;
    }
    test = named(tmpl_new_node(t, TMPL_TEST, of, arguments), name->text);
    return test && is_negated ? tmpl_new_node(t, TMPL_NOT, test, NULL) : test;
}

static struct tmpl_node *parse_filters(struct tmpl *t, struct tmpl_node *n)
{
    while (n) {
        if (tmpl_skip_op(t, "|"))
            n = parse_filter(t, n);
        else if (tmpl_skip_name(t, "is"))
            n = parse_test(t, n);
        else if (tmpl_skip_op(t, "("))
            n = parse_call(t, n);
        else
            break;
    }
    return n;
}

static struct tmpl_node *parse_unary(struct tmpl *t, bool with_filter)
{
    struct tmpl_node *n = NULL;

    if (++t->nesting > TMPL_MAX_DEPTH) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "nesting this deep");
        return NULL;
    }
    if (tmpl_is_op(t, "+")) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "a sign '+'");
    } else if (tmpl_skip_op(t, "-")) {
        n = parse_unary(t, false);
        n = n ? tmpl_new_node(t, TMPL_NEG, n, NULL) : NULL;
    } else {
        n = parse_primary(t);
    }
    n = parse_postfix(t, n);
    if (with_filter)
        n = parse_filters(t, n);
    t->nesting--;
    if (n && tmpl_is_op(t, "**")) {
        (void)tmpl_unsupported(t->err, n->line, "'**'");
        return NULL;
    }
    return n;
}

static struct tmpl_node *parse_binary(struct tmpl *t, int level)
{
    static const char *const levels[][5] = {
        {"+", "-", NULL},
        {"~", NULL},
        {"*", "/", "//", "%", NULL},
    };
    struct tmpl_node *left, *right;

    if (level == (int)ol_count(levels))
        return parse_unary(t, true);
    left = parse_binary(t, level + 1);
    while (left && tmpl_peek(t)->type == TMPL_OP && ol_str_in(tmpl_peek(t)->text, levels[level])) {
        const char *op = tmpl_peek(t)->text;

        t->at++;
        right = parse_binary(t, level + 1);
        left = right ? named(tmpl_new_node(t, TMPL_BINARY, left, right), op) : NULL;
    }
    return left;
}

/* "==", "in", "not in" … at the place, which is stepped over; NULL = none. */
static const char *skip_comparison(struct tmpl *t)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    const struct tmpl_token *token = tmpl_peek(t);

    if (token->type == TMPL_OP && ol_str_in(token->text, operators)) {
        t->at++;
        return token->text;
    }
    if (tmpl_skip_name(t, "in"))
        return "in";
    if (!tmpl_is_name(t, "not") || token[1].type != TMPL_NAME || strcmp(token[1].text, "in"))
        return NULL;
    t->at += 2;
    return "not in";
}

static struct tmpl_node *parse_compare(struct tmpl *t)
{
    struct tmpl_node *left = parse_binary(t, 0), *operands = NULL, **tail = &operands;
    const char *op;

    if (!left)
        return NULL;
    while ((op = skip_comparison(t))) {
        struct tmpl_node *right = parse_binary(t, 0);

        *tail = right ? named(tmpl_new_node(t, TMPL_OPERAND, right, NULL), op) : NULL;
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return operands ? tmpl_new_node(t, TMPL_COMPARE, left, operands) : left;
}

static struct tmpl_node *parse_not(struct tmpl *t)
{
    struct tmpl_node *n;

    if (!tmpl_is_name(t, "not"))
        return parse_compare(t);
    if (++t->nesting > TMPL_MAX_DEPTH) {
        (void)tmpl_unsupported(t->err, tmpl_peek(t)->line, "nesting this deep");
        return NULL;
    }
    t->at++;
    n = parse_not(t);
    t->nesting--;
    return n ? tmpl_new_node(t, TMPL_NOT, n, NULL) : NULL;
}

static struct tmpl_node *parse_and(struct tmpl *t)
{
    struct tmpl_node *left = parse_not(t);

    while (left && tmpl_skip_name(t, "and")) {
        struct tmpl_node *right = parse_not(t);

        left = right ? tmpl_new_node(t, TMPL_AND, left, right) : NULL;
    }
    return left;
}

static struct tmpl_node *parse_or(struct tmpl *t)
{
    struct tmpl_node *left = parse_and(t);

    while (left && tmpl_skip_name(t, "or")) {
        struct tmpl_node *right = parse_and(t);

        left = right ? tmpl_new_node(t, TMPL_OR, left, right) : NULL;
    }
    return left;
}

struct tmpl_node *tmpl_parse_expr(struct tmpl *t)
{
    struct tmpl_node *then = parse_or(t), *condition, *cond;

    while (then && tmpl_skip_name(t, "if")) {
        struct tmpl_node *otherwise = NULL;

        condition = parse_or(t);
        if (!condition)
            return NULL;
        if (tmpl_skip_name(t, "else")) {
            if (++t->nesting > TMPL_MAX_DEPTH) {
                (void)tmpl_unsupported(t->err, then->line, "nesting this deep");
                return NULL;
            }
            otherwise = tmpl_parse_expr(t);
            t->nesting--;
            if (!otherwise)
                return NULL;
        }
        cond = tmpl_new_node(t, TMPL_COND, condition, then);
        if (cond && otherwise) {
            cond->c = otherwise;
            cond->depth = otherwise->depth >= cond->depth ? otherwise->depth + 1 : cond->depth;
        }
        then = cond;
    }
    return then;
}

struct tmpl_node *tmpl_parse_tuple(struct tmpl *t, bool with_if)
{
    const struct tmpl_token *token = tmpl_peek(t);
    struct tmpl_node *first, **tail;

    if (token->type == TMPL_VAR_END || token->type == TMPL_BLOCK_END) {
        (void)tmpl_syntax(t, token->line, "Expected an expression, got '%s'", describe(token));
        return NULL;
    }
    first = with_if ? tmpl_parse_expr(t) : parse_or(t);
    if (!first || !tmpl_is_op(t, ","))
        return first;
    tail = &first->next;
    while (tmpl_skip_op(t, ",")) {
        token = tmpl_peek(t);
        if (token->type == TMPL_VAR_END || token->type == TMPL_BLOCK_END || tmpl_is_op(t, ")")
            || tmpl_is_name(t, "in"))
            break;
        *tail = with_if ? tmpl_parse_expr(t) : parse_or(t);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return tmpl_new_node(t, TMPL_TUPLE, first, NULL);
}
