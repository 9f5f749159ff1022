/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

static bool parse_body(struct tmpl *t, const char *const *ends, struct tmpl_node **ret);

static bool end_block(struct tmpl *t)
{
    if (tmpl_peek(t)->type != TMPL_BLOCK_END) {
        tmpl_expected(t, "end of statement block");
        return false;
    }
    t->at++;
    return true;
}

/* Makes 'n' as deep as the lists in it ask for. */
static bool check_depth(struct tmpl *t, struct tmpl_node *n)
{
    const struct tmpl_node *lists[] = {n->a, n->b, n->c, n->d, n->e};

    for (size_t i = 0; i < ol_count(lists); i++)
        for (const struct tmpl_node *in = lists[i]; in; in = in->next)
            n->depth = in->depth >= n->depth ? in->depth + 1 : n->depth;
    if (n->depth <= TMPL_MAX_DEPTH)
        return true;
    (void)tmpl_unsupported(t->err, n->line, "nesting this deep");
    return false;
}

static struct tmpl_node *parse_if(struct tmpl *t)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    struct tmpl_node *condition = tmpl_parse_tuple(t, false), *n;

    if (!condition || !end_block(t))
        return NULL;
    n = tmpl_new_node(t, TMPL_IF, condition, NULL);
    if (!n || !parse_body(t, ends, &n->b))
        return NULL;
    if (tmpl_skip_name(t, "elif")) {
        if (++t->nesting > TMPL_MAX_DEPTH) {
            (void)tmpl_unsupported(t->err, n->line, "nesting this deep");
            return NULL;
        }
        n->c = parse_if(t);
        t->nesting--;
        return n->c && check_depth(t, n) ? n : NULL;
    }
    if (tmpl_skip_name(t, "else") && (!end_block(t) || !parse_body(t, last, &n->c)))
        return NULL;
    t->at++;
    return check_depth(t, n) ? n : NULL;
}

/* "a" or "a, b" before "in". */
static struct tmpl_node *parse_targets(struct tmpl *t)
{
    struct tmpl_node *first = NULL, **tail = &first;

    do {
        const struct tmpl_token *token = tmpl_peek(t);

        if (first && tmpl_is_name(t, "in"))
            break;
        if (token->type != TMPL_NAME || !strcmp(token->text, "loop")) {
            (void)tmpl_unsupported(t->err, token->line, "'%s' as a loop's variable", token->text);
            return NULL;
        }
        *tail = tmpl_new_node(t, TMPL_VAR, NULL, NULL);
        if (!*tail)
            return NULL;
        (*tail)->name = token->text;
        tail = &(*tail)->next;
        t->at++;
    } while (tmpl_skip_op(t, ","));
    return first;
}

static struct tmpl_node *parse_for(struct tmpl *t)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    static const char *const last[] = {"endfor", NULL};
    struct tmpl_node *targets = parse_targets(t), *iterable, *n;

    if (!targets)
        return NULL;
    if (!tmpl_skip_name(t, "in")) {
        tmpl_expected(t, "in");
        return NULL;
    }
    iterable = tmpl_parse_tuple(t, false);
    n = iterable ? tmpl_new_node(t, TMPL_FOR, targets, iterable) : NULL;
    if (!n)
        return NULL;
    if (tmpl_skip_name(t, "if")) {
        n->e = tmpl_parse_expr(t);
        if (!n->e)
            return NULL;
    }
    if (tmpl_is_name(t, "recursive")) {
        (void)tmpl_unsupported(t->err, n->line, "'recursive'");
        return NULL;
    }
    if (!end_block(t) || !parse_body(t, ends, &n->c))
        return NULL;
    if (tmpl_skip_name(t, "else") && (!end_block(t) || !parse_body(t, last, &n->d)))
        return NULL;
    t->at++;
    return check_depth(t, n) ? n : NULL;
}

static struct tmpl_node *parse_set(struct tmpl *t)
{
    const struct tmpl_token *name = tmpl_peek(t);
    struct tmpl_node *value, *n;

    if (name->type != TMPL_NAME || name[1].type != TMPL_OP || strcmp(name[1].text, "=")) {
        (void)tmpl_unsupported(t->err, name->line, "'set' without 'name = value'");
        return NULL;
    }
    t->at += 2;
    value = tmpl_parse_tuple(t, true);
    n = value ? tmpl_new_node(t, TMPL_SET, value, NULL) : NULL;
    if (n)
        n->name = name->text;
    return n;
}

static struct tmpl_node *parse_statement(struct tmpl *t)
{
    static const char *const known[] = {"do",         "macro",   "call",   "filter", "block",
                                        "extends",    "include", "import", "from",   "with",
                                        "autoescape", "print",   NULL};
    const struct tmpl_token *name = tmpl_peek(t);

    if (name->type != TMPL_NAME) {
        (void)tmpl_syntax(t, name->line, "tag name expected");
        return NULL;
    }
    t->at++;
    if (!strcmp(name->text, "if"))
        return parse_if(t);
    if (!strcmp(name->text, "for"))
        return parse_for(t);
    if (!strcmp(name->text, "set"))
        return parse_set(t);
    if (ol_str_in(name->text, known))
        (void)tmpl_unsupported(t->err, name->line, "the statement '%s'", name->text);
    else
        (void)tmpl_syntax(t, name->line, "Encountered unknown tag '%s'.", name->text);
    return NULL;
}

/* One piece: text, {{ … }} or {% … %}. */
static struct tmpl_node *parse_piece(struct tmpl *t)
{
    const struct tmpl_token *token = tmpl_peek(t);
    struct tmpl_node *n;

    t->at++;
    if (token->type == TMPL_DATA) {
        n = tmpl_new_node(t, TMPL_TEXT, NULL, NULL);
        if (n)
            n->value = ol_val_new_strn(t->arena, token->text, token->len);
        return n;
    }
    if (token->type == TMPL_VAR_BEGIN) {
        n = tmpl_parse_tuple(t, true);
        if (n && tmpl_peek(t)->type != TMPL_VAR_END) {
            tmpl_expected(t, "end of print statement");
            return NULL;
        }
        t->at++;
        return n ? tmpl_new_node(t, TMPL_OUTPUT, n, NULL) : NULL;
    }
    n = parse_statement(t);
    return n && end_block(t) ? n : NULL;
}

static void fail_end(struct tmpl *t, const char *const *ends)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(100);
    const char *last = NULL;

    for (size_t i = 0; ends[i]; i++) {
        last = ends[i];
        ol_buf_printf(&b, "%s'%s'", i ? " or " : "", last);
    }
    (void)tmpl_syntax(t, tmpl_peek(t)->line,
                      "Unexpected end of template. Jinja was looking for the following tags: %s. "
                      "The innermost block that needs to be closed is '%s'.",
                      b.data, last + strlen("end"));
}

/* Up to the name of one of 'ends', which is left; without ends up to the end of the text. */
static bool parse_body(struct tmpl *t, const char *const *ends, struct tmpl_node **ret)
{
    struct tmpl_node **tail = ret;

    if (++t->nesting > TMPL_MAX_DEPTH)
        return tmpl_unsupported(t->err, tmpl_peek(t)->line, "nesting this deep") >= 0;
    while (tmpl_peek(t)->type != TMPL_EOF) {
        const struct tmpl_token *token = tmpl_peek(t);

        if (ends && token->type == TMPL_BLOCK_BEGIN && token[1].type == TMPL_NAME
            && ol_str_in(token[1].text, ends)) {
            t->at++;
            t->nesting--;
            return true;
        }
        *tail = parse_piece(t);
        if (!*tail)
            return false;
        tail = &(*tail)->next;
    }
    t->nesting--;
    if (ends)
        fail_end(t, ends);
    return !ends;
}

int tmpl_parse(struct tmpl *t, struct tmpl_node **ret)
{
    struct tmpl_node *list = NULL;

    if (!parse_body(t, NULL, &list))
        return t->err ? -t->err->code : -EINVAL;
    *ret = list;
    return 0;
}
