/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

struct lexer {
    struct tmpl *t;
    const char *p, *end;
    int line;
    char open[TMPL_MAX_DEPTH]; /* brackets that wait for their end */
    int n_open;
};

/* The line of the body that is numbered from 1, without blanks around it. */
static const char *line_of(const struct tmpl *t, int line, size_t *ret_len)
{
    const char *p = t->source, *end = t->source + t->len;

    for (; line > 1 && p < end; p++)
        line -= *p == '\n';
    return ol_str_strip(p, strcspn(p, "\n"), ret_len);
}

/* JinjaSyntaxParsingException.format_error_message(); the header is line 1. */
int tmpl_syntax(struct tmpl *t, int line, const char *fmt, ...)
{
    char what[300];
    size_t len;
    const char *content = line_of(t, line, &len);
    int r;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    r = ol_err_set_domain(t->err, EINVAL, "TemplateSyntaxError", 0,
                          "Unable to parse Jinja template due to syntax error: %s on line %d%s%.*s",
                          what, line + 1, len ? ": " : "", len > 120 ? 120 : (int)len, content);
    if (t->err)
        t->err->line = line + 1;
    return r;
}

int tmpl_unsupported(struct ol_err *err, int line, const char *fmt, ...)
{
    char what[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return ol_err_set_at(err, ENOSYS, line + 1, 0, "line %d of the template: %s is not supported",
                         line + 1, what);
}

static void emit(struct lexer *l, enum tmpl_token_type type, const char *text, size_t len)
{
    struct tmpl *t = l->t;

    if (t->n_tokens == t->cap_tokens) {
        size_t cap = t->cap_tokens ? t->cap_tokens * 2 : 64;

        t->tokens = ol_arena_grow(t->arena, t->tokens, t->cap_tokens * sizeof(*t->tokens),
                                  cap * sizeof(*t->tokens));
        t->cap_tokens = cap;
    }
    t->tokens[t->n_tokens++] = (struct tmpl_token){
        .type = type, .line = l->line, .text = ol_arena_memdup(t->arena, text, len), .len = len};
}

static void advance(struct lexer *l, size_t n)
{
    for (; n > 0; n--)
        l->line += *l->p++ == '\n';
}

static void skip_space(struct lexer *l)
{
    while (l->p < l->end && ol_is_space(*l->p))
        advance(l, 1);
}

static bool starts(const struct lexer *l, const char *p, const char *with)
{
    size_t n = strlen(with);

    return (size_t)(l->end - p) >= n && !memcmp(p, with, n);
}

/* Length of the tag's end at p, 0 = not there: "-%}" eats blanks after it, "%}" one newline. */
static size_t span_end(const struct lexer *l, const char *p, const char *mark)
{
    bool is_variable = *mark == '}';
    const char *q = p;

    if (starts(l, p, "-") && starts(l, p + 1, mark)) {
        for (q = p + 3; q < l->end && ol_is_space(*q);)
            q++;
    } else if (!is_variable && starts(l, p, "+") && starts(l, p + 1, mark)) {
        q = p + 3;
    } else if (starts(l, p, mark)) {
        q = p + 2;
        q += !is_variable && q < l->end && *q == '\n';
    }
    return (size_t)(q - p);
}

static int lex_comment(struct lexer *l)
{
    for (const char *p = l->p; p < l->end; p++) {
        size_t n = span_end(l, p, "#}");

        if (n) {
            advance(l, (size_t)(p - l->p) + n);
            return 0;
        }
    }
    return l->p < l->end ? tmpl_syntax(l->t, l->line, "Missing end of comment tag") : 0;
}

static const char *after_space(const struct lexer *l, const char *p)
{
    while (p < l->end && ol_is_space(*p))
        p++;
    return p;
}

/* Length of the rest of a "{% raw %}" whose "{%-" was read, 0 = it is another tag. */
static size_t span_raw(const struct lexer *l)
{
    const char *p = after_space(l, l->p);

    if (!starts(l, p, "raw"))
        return 0;
    p = after_space(l, p + 3);
    if (starts(l, p, "-%}"))
        return (size_t)(after_space(l, p + 3) - l->p);
    return starts(l, p, "%}") ? (size_t)(p + 2 - l->p) : 0;
}

static void emit_data(struct lexer *l, const char *text, size_t len, char sign)
{
    while (sign == '-' && len > 0 && ol_is_space(text[len - 1]))
        len--;
    if (len > 0)
        emit(l, TMPL_DATA, text, len);
}

static int lex_raw(struct lexer *l)
{
    for (const char *p = l->p; p + 2 < l->end; p++) {
        char sign = starts(l, p, "{%") ? p[2] : '\0';
        const char *q;
        size_t n;

        if (!sign)
            continue;
        q = after_space(l, p + 2 + (sign == '-' || sign == '+'));
        if (!starts(l, q, "endraw"))
            continue;
        q = after_space(l, q + strlen("endraw"));
        n = span_end(l, q, "%}");
        if (n == 0)
            continue;
        emit_data(l, l->p, (size_t)(p - l->p), sign);
        advance(l, (size_t)(q - l->p) + n);
        return 0;
    }
    return l->p < l->end ? tmpl_syntax(l->t, l->line, "Missing end of raw directive") : 0;
}

static const char *after_digits(const struct lexer *l, const char *p)
{
    while (p < l->end && isdigit((unsigned char)*p))
        p++;
    return p;
}

static bool is_name_char(const struct lexer *l, const char *p)
{
    return p < l->end && (isalnum((unsigned char)*p) || *p == '_');
}

/* Decimal numbers; "a.0.1" has no float in it. */
static int lex_number(struct lexer *l)
{
    const struct tmpl *t = l->t;
    const struct tmpl_token *last = t->n_tokens ? &t->tokens[t->n_tokens - 1] : NULL;
    bool after_dot = last && last->type == TMPL_OP && !strcmp(last->text, ".");
    const char *p = after_digits(l, l->p);
    bool is_float = !after_dot && starts(l, p, ".") && after_digits(l, p + 1) > p + 1;

    if (is_float)
        p = after_digits(l, p + 1);
    if ((!is_float && *l->p == '0' && p > l->p + 1) || is_name_char(l, p))
        return tmpl_unsupported(l->t->err, l->line, "a number that is not plainly decimal");
    emit(l, is_float ? TMPL_FLOAT : TMPL_INT, l->p, (size_t)(p - l->p));
    l->p = p;
    return 0;
}

static void lex_name(struct lexer *l)
{
    const char *p = l->p;

    while (is_name_char(l, p))
        p++;
    emit(l, TMPL_NAME, l->p, (size_t)(p - l->p));
    l->p = p;
}

static int lex_string(struct lexer *l)
{
    static const char escapes[] = "\\'\"nrt", meaning[] = "\\'\"\n\r\t";
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(l->t->len + 1);
    const char *p = l->p + 1;

    for (; p < l->end && *p != *l->p; p++) {
        const char *escape = *p == '\\' && p + 1 < l->end ? strchr(escapes, p[1]) : NULL;

        if (*p == '\\' && p + 1 < l->end && (!escape || !p[1]))
            return tmpl_unsupported(l->t->err, l->line, "the escape '\\%c'", p[1]);
        if (escape)
            p++;
        ol_buf_addc(&b, escape ? meaning[escape - escapes] : *p);
    }
    if (p >= l->end)
        return tmpl_syntax(l->t, l->line, "unexpected char %s at %zu",
                           *l->p == '"' ? "'\"'" : "\"'\"", (size_t)(l->p - l->t->source));
    emit(l, TMPL_STRING, b.data, b.len);
    advance(l, (size_t)(p + 1 - l->p));
    return ol_buf_status(&b);
}

static int balance(struct lexer *l, char c)
{
    static const char opening[] = "{([", closing[] = "})]";
    const char *open = strchr(opening, c), *close = strchr(closing, c);

    if (open && l->n_open == (int)sizeof(l->open))
        return tmpl_unsupported(l->t->err, l->line, "nesting this deep");
    if (open)
        l->open[l->n_open++] = closing[open - opening];
    if (!close)
        return 0;
    if (l->n_open == 0)
        return tmpl_syntax(l->t, l->line, "unexpected '%c'", c);
    if (l->open[--l->n_open] != c)
        return tmpl_syntax(l->t, l->line, "unexpected '%c', expected '%c'", c, l->open[l->n_open]);
    return 0;
}

static int lex_operator(struct lexer *l)
{
    static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                            "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                            ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

    for (size_t i = 0; i < ol_count(operators); i++) {
        size_t n = strlen(operators[i]);
        int r;

        if (!starts(l, l->p, operators[i]))
            continue;
        r = n == 1 ? balance(l, *l->p) : 0;
        if (r < 0)
            return r;
        emit(l, TMPL_OP, operators[i], n);
        l->p += n;
        return 0;
    }
    if ((unsigned char)*l->p >= 0x80)
        return tmpl_unsupported(l->t->err, l->line, "a name that is not ASCII");
    return tmpl_syntax(l->t, l->line, "unexpected char '%c' at %zu", *l->p,
                       (size_t)(l->p - l->t->source));
}

/* Inside of {{ }} or {% %}. */
static int lex_tag(struct lexer *l, bool is_block)
{
    emit(l, is_block ? TMPL_BLOCK_BEGIN : TMPL_VAR_BEGIN, "", 0);
    l->n_open = 0;
    while (l->p < l->end) {
        const char *p = l->p;
        size_t n = l->n_open ? 0 : span_end(l, p, is_block ? "%}" : "}}");
        int r = 0;

        if (n) {
            emit(l, is_block ? TMPL_BLOCK_END : TMPL_VAR_END, "", 0);
            advance(l, n);
            return 0;
        }
        if (ol_is_space(*p)) {
            skip_space(l);
        } else if (isdigit((unsigned char)*p)) {
            r = lex_number(l);
        } else if (is_name_char(l, p)) {
            lex_name(l);
        } else {
            r = *p == '"' || *p == '\'' ? lex_string(l) : lex_operator(l);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* The next "{{", "{%" or "{#", or the end. */
static const char *find_tag(const struct lexer *l)
{
    for (const char *p = l->p; p + 1 < l->end; p++)
        if (*p == '{' && (p[1] == '{' || p[1] == '%' || p[1] == '#'))
            return p;
    return l->end;
}

int tmpl_lex(struct tmpl *t)
{
    struct lexer l = {.t = t, .p = t->source, .end = t->source + t->len, .line = 1};
    int r = 0;

    while (l.p < l.end && r == 0) {
        const char *tag = find_tag(&l);
        char kind = tag < l.end ? tag[1] : '\0', sign = tag + 2 < l.end ? tag[2] : '\0';

        emit_data(&l, l.p, (size_t)(tag - l.p), kind ? sign : '\0');
        advance(&l, (size_t)(tag - l.p));
        if (!kind)
            break;
        l.p += sign == '-' || sign == '+' ? 3 : 2;
        if (kind == '#') {
            r = lex_comment(&l);
        } else if (kind == '%' && span_raw(&l)) {
            advance(&l, span_raw(&l));
            r = lex_raw(&l);
        } else {
            r = lex_tag(&l, kind == '%');
        }
        if (r == 0 && ol_arena_is_over(t->arena))
            r = ol_err_set(t->err, EFBIG, "template needs more than %zu bytes", t->arena->max);
    }
    emit(&l, TMPL_EOF, "", 0);
    return r;
}
