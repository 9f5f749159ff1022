/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-emit.h"

#include <string.h>

#include "codec/yaml-internal.h"

static void put(struct yaml_emit *e, const char *s, size_t len)
{
    ol_buf_add(e->to, s, len);
    e->column += len;
}

static void line_break(struct yaml_emit *e)
{
    ol_buf_addc(e->to, '\n');
    e->is_whitespace = true;
    e->is_indention = true;
    e->column = 0;
}

static void indicator(struct yaml_emit *e, const char *s, bool needs_whitespace, bool is_indention)
{
    if (needs_whitespace && !e->is_whitespace)
        put(e, " ", 1);
    put(e, s, strlen(s));
    e->is_whitespace = false;
    e->is_indention = e->is_indention && is_indention;
    e->is_open_ended = false;
}

void yaml_emit_indicator(struct yaml_emit *e, const char *s, bool needs_whitespace)
{
    indicator(e, s, needs_whitespace, false);
}

void yaml_emit_line_indicator(struct yaml_emit *e, const char *s)
{
    indicator(e, s, true, true);
}

void yaml_emit_indent(struct yaml_emit *e)
{
    size_t indent = e->indent > 0 ? (size_t)e->indent : 0;

    if (!e->is_indention || e->column > indent || (e->column == indent && !e->is_whitespace))
        line_break(e);
    if (e->column < indent) {
        e->is_whitespace = true;
        ol_buf_addn(e->to, ' ', indent - e->column);
        e->column = indent;
    }
}

/* --- analysis --- */

/* NUL, blank, tab and the line breaks of YAML 1.1 */
static bool is_white(uint32_t c)
{
    return c == 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0x85 || c == 0x2028
           || c == 0x2029;
}

static bool is_break(uint32_t c)
{
    return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static size_t next_char(const char *s, size_t len, uint32_t *ret)
{
    size_t n = yaml_utf8_next(s, len, ret);

    if (n > 0)
        return n;
    *ret = 0xfffd;
    return 1;
}

/* Whether this character would be read as an indicator in a plain scalar outside of [] and {}. */
static bool is_block_indicator(uint32_t c, bool is_first, bool is_after_white, bool is_before_white)
{
    if (is_first && c < 0x80 && strchr("#,[]{}&*!|>'\"%@`", (int)c) && c)
        return true;
    if (is_first && (c == '?' || c == '-') && is_before_white)
        return true;
    if (c == ':' && is_before_white)
        return true;
    return !is_first && c == '#' && is_after_white;
}

struct yaml_analysis yaml_analyze(const char *s, size_t len)
{
    struct yaml_analysis r = {0};
    bool has_indicator = len >= 3 && (!memcmp(s, "---", 3) || !memcmp(s, "...", 3));
    bool is_special = false, has_break_space = false, has_space_break = false;
    bool starts_or_ends_white = false;
    uint32_t c = 0, previous = 0, next = 0;
    size_t next_size = len ? next_char(s, len, &next) : 0;

    for (size_t i = 0; i < len; r.n_chars++, previous = c) {
        bool is_first = i == 0;

        c = next;
        i += next_size;
        next = ' ';
        next_size = i < len ? next_char(s + i, len - i, &next) : 0;
        has_indicator |=
            is_block_indicator(c, is_first, is_first || is_white(previous), is_white(next));
        r.is_multiline |= is_break(c);
        is_special |= c != '\n' && (c < 0x20 || c > 0x7e);
        has_break_space |= c == ' ' && !is_first && is_break(previous);
        has_space_break |= is_break(c) && previous == ' ';
        if (is_first || i >= len)
            starts_or_ends_white |= c == ' ' || is_break(c);
    }
    r.can_single = !is_special && !has_space_break && !has_break_space;
    r.can_plain = r.can_single && !r.is_multiline && !starts_or_ends_white && !has_indicator;
    return r;
}

/* --- scalars --- */

void yaml_emit_plain(struct yaml_emit *e, const char *s, size_t len, bool can_split)
{
    size_t start = 0, end;

    if (len == 0)
        return;
    if (!e->is_whitespace)
        put(e, " ", 1);
    e->is_whitespace = false;
    e->is_indention = false;
    while (start < len) {
        for (end = start; end < len && s[end] != ' ';)
            end++;
        put(e, s + start, end - start);
        for (start = end; end < len && s[end] == ' ';)
            end++;
        if (end == start + 1 && e->column > (size_t)e->best_width && can_split) {
            yaml_emit_indent(e);
            e->is_whitespace = false;
            e->is_indention = false;
        } else {
            put(e, s + start, end - start);
        }
        start = end;
    }
}

/* One run of blanks or of line breaks or of anything else; returns where it ends. */
static size_t run_end(const char *s, size_t at, size_t len)
{
    size_t end = at;

    if (s[at] == ' ' || s[at] == '\n') {
        while (end < len && s[end] == s[at])
            end++;
        return end;
    }
    while (end < len && s[end] != ' ' && s[end] != '\n' && s[end] != '\'')
        end++;
    return end;
}

void yaml_emit_single(struct yaml_emit *e, const char *s, size_t len, bool can_split)
{
    yaml_emit_indicator(e, "'", true);
    for (size_t at = 0, end; at < len; at = end) {
        if (s[at] == '\'') {
            put(e, "''", 2);
            end = at + 1;
            continue;
        }
        end = run_end(s, at, len);
        if (s[at] == '\n') {
            line_break(e);
            for (size_t i = at; i < end; i++)
                line_break(e);
            yaml_emit_indent(e);
        } else if (s[at] == ' ' && end == at + 1 && e->column > (size_t)e->best_width && can_split
                   && at != 0 && end != len) {
            yaml_emit_indent(e);
        } else {
            put(e, s + at, end - at);
        }
    }
    yaml_emit_indicator(e, "'", false);
}

static void put_escape(struct yaml_emit *e, uint32_t c)
{
    static const struct {
        uint32_t c;
        char letter;
    } letters[] = {
        {0, '0'},     {7, 'a'},    {8, 'b'},    {9, 't'},      {10, 'n'},
        {11, 'v'},    {12, 'f'},   {13, 'r'},   {27, 'e'},     {'"', '"'},
        {'\\', '\\'}, {0x85, 'N'}, {0xa0, '_'}, {0x2028, 'L'}, {0x2029, 'P'},
    };
    size_t before = e->to->len;

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (letters[i].c == c) {
            put(e, (const char[]){'\\', letters[i].letter}, 2);
            return;
        }
    ol_buf_printf(e->to, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", c);
    e->column += e->to->len - before;
}

static bool needs_escape(uint32_t c)
{
    return c == '"' || c == '\\' || c < 0x20 || c > 0x7e;
}

/* A backslash, a new line, and another backslash when that starts with a blank. */
static void fold_double(struct yaml_emit *e, bool is_before_blank)
{
    put(e, "\\", 1);
    yaml_emit_indent(e);
    e->is_whitespace = false;
    e->is_indention = false;
    if (is_before_blank)
        put(e, "\\", 1);
}

/* Text waits in start..at until it has to be written, as in PyYAML, since its rule for
 * folding looks at the column without it. */
void yaml_emit_double(struct yaml_emit *e, const char *s, size_t len, bool can_split)
{
    size_t start = 0, size;

    yaml_emit_indicator(e, "\"", true);
    for (size_t at = 0; at < len; at += size) {
        bool is_escaped;
        uint32_t c;

        size = next_char(s + at, len - at, &c);
        is_escaped = needs_escape(c);
        if (is_escaped) {
            put(e, s + start, at - start);
            put_escape(e, c);
            start = at + size;
        }
        if (at == 0 || at + size >= len || !can_split || (c != ' ' && start < at))
            continue;
        if (e->column + (is_escaped ? 0 : at - start) - is_escaped <= (size_t)e->best_width)
            continue;
        if (!is_escaped)
            put(e, s + start, at - start);
        if (!is_escaped)
            start = at;
        fold_double(e, s[start] == ' ');
    }
    put(e, s + start, len - start);
    yaml_emit_indicator(e, "\"", false);
}

void yaml_emit_literal(struct yaml_emit *e, const char *s, size_t len)
{
    yaml_emit_indicator(e, "|", true);
    line_break(e);
    for (const char *p = s, *end = s + len; p < end;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);

        yaml_emit_indent(e);
        put(e, p, n);
        line_break(e);
        p += n + 1;
    }
}
