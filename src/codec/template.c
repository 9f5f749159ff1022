/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "codec/template-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

enum { MAX_ARENA = 64 << 20 };

/* What follows "## template:" in the first line, NULL = nothing such. */
static const char *header_type(const char *text, size_t len, size_t *ret_len)
{
    static const char word[] = "template:";
    const char *newline = memchr(text, '\n', len), *end = newline ? newline : text + len;
    const char *p = text;

    if (len < 2 || memcmp(p, "##", 2))
        return NULL;
    for (p += 2; p < end && ol_is_space(*p);)
        p++;
    if ((size_t)(end - p) < strlen(word) || strncasecmp(p, word, strlen(word)))
        return NULL;
    p += strlen(word);
    return ol_str_strip(p, (size_t)(end - p), ret_len);
}

int ol_template_detect(const char *text, size_t len, enum ol_template_kind *ret_kind,
                       size_t *ret_body, struct ol_err *err)
{
    const char *newline = memchr(text, '\n', len);
    size_t body = newline ? (size_t)(newline + 1 - text) : len, type_len;
    const char *type = header_type(text, len, &type_len);
    bool is_jinja = type && type_len == 5 && !strncasecmp(type, "jinja", 5);
    bool is_basic = type && type_len == 5 && !strncasecmp(type, "basic", 5);

    if (type && !is_jinja && !is_basic)
        return ol_err_set(err, EINVAL, "Unknown template rendering type '%.*s' requested",
                          type_len > 80 ? 80 : (int)type_len, type);
    *ret_kind = is_jinja ? OL_TEMPLATE_JINJA : OL_TEMPLATE_BASIC;
    *ret_body = type ? body : 0;
    return 0;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* The value of "a.b" below vars. */
static int find_basic(const struct ol_val *vars, const char *name, const struct ol_val **ret,
                      struct ol_err *err)
{
    for (;;) {
        size_t len = strcspn(name, ".");
        const struct ol_val key = {.type = OL_VAL_STR, .str = {.data = name, .len = len}};

        if (!ol_val_is(vars, OL_VAL_MAP))
            return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                     "Can not extract key '%.*s' from non-dictionary of type %s",
                                     (int)len, name, ol_val_type_name(vars));
        vars = ol_val_get_key(vars, &key);
        if (!vars)
            return ol_err_set_domain(err, EINVAL, "KeyError", 0, "'%.*s'", (int)len, name);
        if (!name[len]) {
            *ret = vars;
            return 0;
        }
        name += len + 1;
    }
}

/* Length of "$name" or "${name}" at p, 0 = neither; the name is found in *ret_name. */
static size_t span_variable(const char *p, const char *end, const char **ret_name, size_t *ret_len)
{
    bool is_braced = p + 1 < end && p[1] == '{';
    const char *name = p + 1 + is_braced, *q = name;

    while (q < end && is_name_char(*q))
        q++;
    if (*p != '$' || q == name || (is_braced && (q == end || *q != '}')))
        return 0;
    *ret_name = name;
    *ret_len = (size_t)(q - name);
    return (size_t)(q - p) + is_braced;
}

static int render_basic(struct tmpl *t, const struct ol_val *vars, struct ol_buf *to)
{
    const char *end = t->source + t->len, *name;
    const struct ol_val *none = ol_val_new_map(t->arena);
    size_t n, len;

    for (const char *p = t->source; p < end; p += n) {
        const struct ol_val *value = NULL;
        int e;

        n = span_variable(p, end, &name, &len);
        if (n == 0) {
            n = 1;
            ol_buf_addc(to, *p);
            continue;
        }
        e = find_basic(vars ? vars : none, ol_arena_memdup(t->arena, name, len), &value, t->err);
        if (e < 0)
            return e;
        if (value->type == OL_VAL_STR)
            ol_buf_add(to, value->str.data, value->str.len);
        else
            ol_buf_adds(to, ol_val_to_text(t->arena, value));
        if (ol_arena_is_over(t->arena) || ol_buf_status(to) < 0)
            break;
    }
    return 0;
}

/* "\r\n" and "\r" become "\n"; the last newline is taken off, as Jinja2 does by default. */
static void normalize(struct tmpl *t, const char *text, size_t len)
{
    char *to = ol_arena_alloc(t->arena, len + 1);

    t->len = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n')
            continue;
        to[t->len++] = text[i] == '\r' ? '\n' : text[i];
    }
    if (t->len > 0 && to[t->len - 1] == '\n')
        t->len--;
    to[t->len] = '\0';
    t->source = to;
}

static int render_jinja(struct tmpl *t, const struct ol_val *vars, struct ol_buf *to)
{
    bool has_newline = t->len > 0 && t->source[t->len - 1] == '\n';
    struct tmpl_frame frame = {0};
    struct tmpl_run run = {
        .arena = t->arena, .vars = vars, .frame = &frame, .out = to, .err = t->err};
    struct tmpl_node *list = NULL;
    int r;

    normalize(t, t->source, t->len);
    r = tmpl_lex(t);
    if (r == 0)
        r = tmpl_parse(t, &list);
    if (r == 0)
        r = tmpl_run_all(&run, list);
    if (r == 0 && has_newline)
        ol_buf_addc(to, '\n');
    return r;
}

int ol_template_render(const char *text, size_t len, const struct ol_val *vars, struct ol_buf *to,
                       struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(MAX_ARENA);
    struct ol_err own = OL_ERR_INIT;
    struct tmpl t = {.arena = &arena, .err = err ? err : &own};
    size_t start = to->len, body = 0;
    enum ol_template_kind kind = OL_TEMPLATE_BASIC;
    int r = ol_template_detect(text, len, &kind, &body, t.err);

    if (r < 0)
        return r;
    if (len > MAX_ARENA / 4)
        return ol_err_set(t.err, EFBIG, "template has more than %d bytes", MAX_ARENA / 4);
    t.source = text + body;
    t.len = len - body;
    r = kind == OL_TEMPLATE_JINJA ? render_jinja(&t, vars, to) : render_basic(&t, vars, to);
    if (r == 0 && (ol_buf_status(to) < 0 || ol_arena_is_over(&arena)))
        r = ol_err_set(t.err, EFBIG, "template makes more than %zu bytes", to->max);
    if (r < 0)
        ol_buf_truncate(to, start);
    return r;
}

void ol_template_missing(const char *rendered, struct ol_strv *ret_names)
{
    for (const char *p = strstr(rendered, TMPL_MISSING); p; p = strstr(p, TMPL_MISSING)) {
        size_t len = 0;

        p += strlen(TMPL_MISSING);
        while (p[len] && !ol_is_space(p[len]))
            len++;
        if (len > 0)
            ol_strv_addn(ret_names, p, len);
        p += len;
    }
}
