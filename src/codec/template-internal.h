/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/* The Jinja2 subset of codec/template: text -> tokens -> nodes -> output. Everything is made
 * in one arena that ends with the rendering. */

#define TMPL_MISSING "CI_MISSING_JINJA_VAR/"

enum {
    TMPL_MAX_DEPTH = 200, /* of nodes: the evaluation recurses as deep */
    TMPL_MAX_STEPS = 10 * 1000 * 1000,
};

enum tmpl_token_type {
    TMPL_EOF,
    TMPL_DATA,
    TMPL_VAR_BEGIN,
    TMPL_VAR_END,
    TMPL_BLOCK_BEGIN,
    TMPL_BLOCK_END,
    TMPL_NAME,
    TMPL_STRING,
    TMPL_INT,
    TMPL_FLOAT,
    TMPL_OP,
};

struct tmpl_token {
    enum tmpl_token_type type;
    int line;
    const char *text; /* NUL-terminated */
    size_t len;
};

/* One template on its way. */
struct tmpl {
    struct ol_arena *arena;
    const char *source; /* newlines are \n, the last one is gone */
    size_t len;
    struct tmpl_token *tokens;
    size_t n_tokens, cap_tokens, at;
    int nesting;
    struct ol_err *err;
};

enum tmpl_kind {
    /* statements; lists of them are linked by 'next' */
    TMPL_TEXT,   /* value */
    TMPL_OUTPUT, /* a */
    TMPL_IF,     /* a condition, b body, c else */
    TMPL_FOR,    /* a targets, b iterable, c body, d else, e condition */
    TMPL_SET,    /* name, a */
    /* expressions */
    TMPL_CONST,   /* value */
    TMPL_VAR,     /* name */
    TMPL_LIST,    /* a items */
    TMPL_TUPLE,   /* a items */
    TMPL_MAP,     /* a items: PAIRs */
    TMPL_PAIR,    /* a key, b value */
    TMPL_ATTR,    /* a, name */
    TMPL_ITEM,    /* a, b index */
    TMPL_CALL,    /* a ATTR, b arguments */
    TMPL_KWARG,   /* name, a */
    TMPL_FILTER,  /* a, name, b arguments */
    TMPL_TEST,    /* a, name, b arguments */
    TMPL_NOT,     /* a */
    TMPL_NEG,     /* a */
    TMPL_AND,     /* a, b */
    TMPL_OR,      /* a, b */
    TMPL_COND,    /* a condition, b then, c else or NULL */
    TMPL_COMPARE, /* a, b OPERANDs */
    TMPL_OPERAND, /* name operator, a */
    TMPL_BINARY,  /* name operator, a, b */
};

struct tmpl_node {
    enum tmpl_kind kind;
    int line, depth;
    const char *name;
    const struct ol_val *value;
    struct tmpl_node *a, *b, *c, *d, *e, *next;
};

/* What an expression gives. */
struct tmpl_value {
    const struct ol_val *v; /* NULL = undefined */
    const char *name;       /* of what is undefined */
    const char *why;        /* Jinja2's sentence about it */
};

struct tmpl_binding {
    struct tmpl_binding *next;
    const char *name;
    struct tmpl_value value;
};

struct tmpl_loop {
    size_t index, n;
};

struct tmpl_frame {
    struct tmpl_frame *up;
    struct tmpl_binding *bindings;
    const struct tmpl_loop *loop; /* NULL = not the frame of a loop's body */
    bool is_filter;               /* the condition of a for: 'loop' has no meaning */
};

struct tmpl_run {
    struct ol_arena *arena;
    const struct ol_val *vars;
    struct tmpl_frame *frame;
    struct ol_buf *out;
    unsigned long n_steps;
    struct ol_err *err;
};

/* template-lex.c: fills t->tokens; the last one is TMPL_EOF. */
int tmpl_lex(struct tmpl *t);
/* The sentences of a failure while reading the template; both return -errno. */
int tmpl_syntax(struct tmpl *t, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int tmpl_unsupported(struct ol_err *err, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* template-parse.c: statements; template-expr.c: expressions. NULL = failed, t->err says why. */
int tmpl_parse(struct tmpl *t, struct tmpl_node **ret);
struct tmpl_node *tmpl_parse_expr(struct tmpl *t);
/* An expression, or several with commas between: a tuple. 'with_if' = "a if b" may be in it. */
struct tmpl_node *tmpl_parse_tuple(struct tmpl *t, bool with_if);
struct tmpl_node *tmpl_new_node(struct tmpl *t, enum tmpl_kind kind, struct tmpl_node *a,
                                struct tmpl_node *b);
const struct tmpl_token *tmpl_peek(const struct tmpl *t);
bool tmpl_is_op(const struct tmpl *t, const char *op);
bool tmpl_is_name(const struct tmpl *t, const char *name);
/* Steps over the operator or name when it is there. */
bool tmpl_skip_op(struct tmpl *t, const char *op);
bool tmpl_skip_name(struct tmpl *t, const char *name);
/* "expected token 'x', got 'y'". */
void tmpl_expected(struct tmpl *t, const char *what);

/* template-eval.c */
int tmpl_eval(struct tmpl_run *r, const struct tmpl_node *n, struct tmpl_value *ret);
bool tmpl_truth(const struct tmpl_value *v);
int tmpl_step(struct tmpl_run *r);
/* template-value.c: what Python does with values. 'line' is for the refusal. */
int tmpl_text(struct tmpl_run *r, int line, const struct tmpl_value *v, const struct ol_val **ret);
int tmpl_iterate(struct tmpl_run *r, int line, const struct tmpl_value *v, struct ol_val **ret);
int tmpl_equal(struct tmpl_run *r, int line, const struct tmpl_value *a,
               const struct tmpl_value *b);
int tmpl_contains(struct tmpl_run *r, int line, const struct tmpl_value *item,
                  const struct tmpl_value *in);
int tmpl_compare(struct tmpl_run *r, const struct tmpl_node *op, const struct tmpl_value *a,
                 const struct tmpl_value *b);
int tmpl_attr(struct tmpl_run *r, const struct tmpl_node *n, const struct tmpl_value *of,
              struct tmpl_value *ret);
int tmpl_item(struct tmpl_run *r, const struct tmpl_node *n, const struct tmpl_value *of,
              const struct tmpl_value *key, struct tmpl_value *ret);
int tmpl_fail_undefined(struct tmpl_run *r, const struct tmpl_value *v);
int tmpl_fail_type(struct tmpl_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A list that Python would show as something else than a list (tuple, dict view). */
struct ol_val *tmpl_new_tuple(struct tmpl_run *r);
bool tmpl_is_tuple(const struct ol_val *v);
size_t tmpl_count_chars(const struct ol_val *text);

/* template-filter.c: filters, tests and methods. */
struct tmpl_call {
    const struct tmpl_node *node;
    struct tmpl_value of;
    struct tmpl_value args[4];
    int n_args;
};
/* EINVAL when Jinja2 has no such filter or test, ENOSYS when we have not, else 0. */
int tmpl_knows_filter(const char *name);
int tmpl_knows_test(const char *name);
int tmpl_filter(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret);
int tmpl_test(struct tmpl_run *r, struct tmpl_call *c, bool *ret);
int tmpl_method(struct tmpl_run *r, struct tmpl_call *c, struct tmpl_value *ret);

/* template-run.c: runs a list of statements. */
int tmpl_run_all(struct tmpl_run *r, const struct tmpl_node *list);
