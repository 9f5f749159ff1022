/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ini.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"

struct reader {
    struct ol_arena *arena;
    struct ol_val *sections;
    struct ol_val *section;   /* NULL before the first */
    const struct ol_val *key; /* whose value is being read; NULL = none */
    struct ol_buf value;
    size_t indent; /* of the line that the key or the section stood on */
    int line;
    struct ol_err *err;
};

struct line {
    const char *text; /* without surrounding blanks */
    size_t len;
    size_t indent;
};

static void finish_value(struct reader *r)
{
    size_t len = r->value.len;
    struct ol_val *v;

    if (!r->key)
        return;
    while (len > 0 && ol_is_space(r->value.data[len - 1]))
        len--;
    v = ol_val_new_strn(r->arena, r->value.data, len);
    v->line = r->key->line;
    ol_val_set_key(r->arena, r->section, r->key, v);
    r->key = NULL;
}

static void start_section(struct reader *r, const char *name, size_t len)
{
    struct ol_val *key = ol_val_new_strn(r->arena, name, len);

    finish_value(r);
    /* The map is ours, only its reading functions speak of const. */
    r->section = (struct ol_val *)ol_val_get_key(r->sections, key);
    if (r->section)
        return;
    r->section = ol_val_new_map(r->arena);
    r->section->line = (uint32_t)r->line;
    ol_val_set_key(r->arena, r->sections, key, r->section);
}

/* Python's "\[(.+)\]": the name ends at the last bracket, what follows is ignored. */
static bool read_section(struct reader *r, const struct line *l)
{
    const char *end = memrchr(l->text, ']', l->len);

    if (*l->text != '[' || !end || end - l->text < 2)
        return false;
    start_section(r, l->text + 1, (size_t)(end - l->text) - 1);
    return true;
}

static int read_option(struct reader *r, const struct line *l)
{
    size_t name_len = 0, value_len;
    const char *name, *value;
    struct ol_val *key;

    while (name_len < l->len && l->text[name_len] != '=' && l->text[name_len] != ':')
        name_len++;
    if (name_len == 0 || name_len == l->len)
        return ol_err_set_at(r->err, EINVAL, r->line, 1, "line %d is not 'key = value': '%.*s'",
                             r->line, l->len > 80 ? 80 : (int)l->len, l->text);
    finish_value(r);
    value = ol_str_strip(l->text + name_len + 1, l->len - name_len - 1, &value_len);
    ol_buf_clear(&r->value);
    ol_buf_add(&r->value, value, value_len);
    name = ol_str_strip(l->text, name_len, &name_len);
    key = ol_val_new_strn(r->arena, name, name_len);
    key->str.data = ol_str_lower(ol_arena_memdup(r->arena, name, name_len));
    key->line = (uint32_t)r->line;
    r->key = key;
    return 0;
}

static int read_line(struct reader *r, const struct line *l)
{
    if (l->len == 0) {
        if (r->key)
            ol_buf_addc(&r->value, '\n');
        return 0;
    }
    if (*l->text == '#' || *l->text == ';')
        return 0;
    if (r->key && l->indent > r->indent) {
        ol_buf_addc(&r->value, '\n');
        ol_buf_add(&r->value, l->text, l->len);
        return 0;
    }
    r->indent = l->indent;
    if (read_section(r, l))
        return 0;
    if (!r->section)
        return ol_err_set_at(r->err, EINVAL, r->line, 1, "line %d stands before any [section]",
                             r->line);
    return read_option(r, l);
}

static int check_limits(struct reader *r)
{
    if (ol_arena_is_over(r->arena) || ol_buf_status(&r->value) < 0)
        return ol_err_set(r->err, EFBIG, "INI text needs more than %zu bytes", r->arena->max);
    return 0;
}

static void reader_done(struct reader *r)
{
    ol_buf_done(&r->value);
}

int ol_ini_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                struct ol_err *err)
{
    ol_auto(reader_done) struct reader r = {
        .arena = a, .sections = ol_val_new_map(a), .value = OL_BUF_INIT(a->max), .err = err};
    const char *end = text + len, *next;

    if (!ol_utf8_is_valid(text, len))
        return ol_err_set(err, EINVAL, "INI text is not UTF-8");
    for (const char *p = text; p < end; p = next) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct line l;
        int e;

        next = newline ? newline + 1 : end;
        l.text = ol_str_strip(p, (size_t)(next - p), &l.len);
        l.indent = l.len > 0 ? (size_t)(l.text - p) : 0;
        r.line++;
        e = read_line(&r, &l);
        if (e == 0)
            e = check_limits(&r);
        if (e < 0)
            return e;
    }
    finish_value(&r);
    *ret = r.sections;
    return 0;
}
